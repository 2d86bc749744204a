import Anthropic from '@anthropic-ai/sdk';
import { afterEach, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import type { GatewayConfig, ModelConfig } from '../../lambdas/contract/config.ts';
import { makeAnswerCache } from '../../lambdas/core/cache/make-answer-cache.ts';
import { StoreUnavailable } from '../../lambdas/core/ports.ts';
import { admitted, holdUpstream } from '../support/hold-upstream.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';
import { type Asking, ask, entries, PRICE, said } from './ask-cached.ts';

let running: TestGateway | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

const configOf = (
  cache: ModelConfig['cache'],
  { behaviour = 'echo', ...more }: { behaviour?: string } & Partial<ModelConfig> = {},
  config: Partial<GatewayConfig> = {},
): GatewayConfig => ({
  providers: { demo: { kind: 'simulator' } },
  models: {
    assistant: { targets: [{ provider: 'demo', model: behaviour, price: PRICE }], ...(cache && { cache }), ...more },
  },
  ...config,
});

const start = async (...config: Parameters<typeof configOf>): Promise<TestGateway> => {
  running = await startGateway(configOf(...config));
  return running;
};

const calls = ({ gateway }: TestGateway): number => gateway.meter.totals().calls;

describe('the very same request again', () => {
  test('is answered without a call and entered at zero, with what it saved and whose answer it was', async () => {
    const gateway = await start({ exact: '1h' });
    const first = await said(ask(gateway));
    const again = await said(ask(gateway));
    expect(first).toMatchObject({ status: 200, cache: 'miss', text: 'Where is Rome?' });
    expect(again).toMatchObject({ status: 200, cache: 'hit-exact', text: 'Where is Rome?' });
    expect(again.headers.get('x-tollgate-cost-usd')).toBe('0');
    expect(again.headers.get('x-tollgate-attempts')).toBe('0');
    expect(again.headers.get('x-tollgate-model')).toBe('demo/echo');
    expect(again.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'));
    expect(calls(gateway)).toBe(1);

    await gateway.gateway.whenIdle();
    const [hit, miss] = await entries(gateway);
    expect(miss?.receipt.cache).toEqual({ result: 'miss' });
    expect(miss?.cost).toBeGreaterThan(0n);
    expect(hit).toMatchObject({ state: 'settled', cost: 0n, inputTokens: 0, outputTokens: 0 });
    expect(hit?.receipt).toMatchObject({
      outcome: 'answered',
      answeredBy: 'demo/echo',
      attempts: [],
      cache: { result: 'hit-exact', requestId: miss?.requestId, saved: miss?.cost.toString() },
    });
    const receipt = await fetch(`${gateway.url}/v1/receipts/${hit?.requestId}`, {
      headers: { authorization: `Bearer ${gateway.key}` },
    });
    expect(await receipt.json()).toMatchObject({
      cost_usd: '0',
      cache: { result: 'hit-exact', request_id: miss?.requestId, saved_usd: first.headers.get('x-tollgate-cost-usd') },
    });
    const accounts = await gateway.gateway.ports.ledger.figures(hit?.accounts ?? []);
    for (const account of accounts) expect(account).toMatchObject({ spent: miss?.cost, held: 0n, requests: 2 });
  });

  test('has the tokens of the kept answer in its body, as the first had', async () => {
    const gateway = await start({ exact: '1h' });
    const usages = [];
    for (let i = 0; i < 2; i++) usages.push(JSON.parse((await said(ask(gateway))).body).usage);
    expect(usages[1]).toEqual(usages[0]);
    expect(usages[0].completion_tokens).toBeGreaterThan(0);
  });

  test.each([
    ['a stream', 'a whole answer', true, false],
    ['a whole answer', 'a stream', false, true],
    ['a stream', 'a stream', true, true],
  ])('%s serves %s', async (_, __, first, second) => {
    const gateway = await start({ exact: '1h' });
    expect(await said(ask(gateway, 'Say it.', { body: { stream: first } }))).toMatchObject({ text: 'Say it.' });
    const again = await said(ask(gateway, 'Say it.', { body: { stream: second } }));
    expect(again).toMatchObject({ status: 200, cache: 'hit-exact', text: 'Say it.' });
    expect(calls(gateway)).toBe(1);
  });

  test('is answered in whichever language it is asked, to the vendors’ own SDKs', async () => {
    const gateway = await start({ exact: '1h' });
    const { url, key } = gateway;
    const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
    const anthropic = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 });
    const message = await anthropic.messages.create({
      model: 'assistant',
      max_tokens: 50,
      messages: [{ role: 'user', content: 'Hello there' }],
    });
    const completion = await openai.chat.completions.create({
      model: 'assistant',
      max_tokens: 50,
      messages: [{ role: 'user', content: 'Hello there' }],
    });
    const response = await openai.responses.create({ model: 'assistant', input: 'Hello there', max_output_tokens: 50 });
    const stream = await anthropic.messages
      .stream({ model: 'assistant', max_tokens: 50, messages: [{ role: 'user', content: 'Hello there' }] })
      .finalText();
    expect(message.content).toEqual([{ type: 'text', text: 'Hello there' }]);
    expect(completion.choices[0]?.message.content).toBe('Hello there');
    expect(response.output_text).toBe('Hello there');
    expect(stream).toBe('Hello there');
    expect(calls(gateway)).toBe(1);
  });

  test('is a tool call again, with its arguments', async () => {
    const gateway = await start({ exact: '1h' });
    const body = {
      tools: [{ type: 'function', function: { name: 'weather', parameters: { type: 'object', properties: {} } } }],
      tool_choice: 'required',
    };
    const [first, again] = [await said(ask(gateway, 'Go.', { body })), await said(ask(gateway, 'Go.', { body }))];
    expect(again.cache).toBe('hit-exact');
    expect(JSON.parse(again.body).choices).toEqual(JSON.parse(first.body).choices);
    expect(JSON.parse(first.body).choices[0].message.tool_calls).toHaveLength(1);
  });

  test('costs none of a spent budget’s last cent, and none of the tokens of a limit', async () => {
    const gateway = await start({ exact: '1h' }, {}, { limits: { perKey: { tokensPerMinute: 10_000 } } });
    const remaining = (reply: { headers: Headers }) => Number(reply.headers.get('x-ratelimit-remaining-tokens'));
    await said(ask(gateway));
    const hits = [];
    for (let i = 0; i < 5; i++) hits.push(await said(ask(gateway)));
    expect(hits.every(({ cache }) => cache === 'hit-exact')).toBe(true);
    await gateway.gateway.whenIdle();
    // Each is charged at the door and paid back: five of them together leave no less than one.
    expect(remaining(hits[4] as { headers: Headers })).toBeGreaterThanOrEqual(
      remaining(hits[0] as { headers: Headers }),
    );
  });

  test('under an idempotency key is the kept answer, kept for that key too', async () => {
    const gateway = await start({ exact: '1h' });
    await said(ask(gateway));
    const headers = { 'idempotency-key': 'once' };
    const [hit, replayed] = [
      await said(ask(gateway, undefined, { headers })),
      await said(ask(gateway, undefined, { headers })),
    ];
    expect(hit).toMatchObject({ status: 200, cache: 'hit-exact' });
    expect(replayed.headers.get('idempotent-replayed')).toBe('true');
    expect(replayed.body).toBe(hit.body);
  });

  test('is answered while its provider is shut', async () => {
    const gateway = await start({ exact: '1h' });
    await said(ask(gateway));
    const { circuits, circuitBoard, clock } = gateway.gateway.ports;
    const [record] = await circuits.read(['demo/echo']);
    await circuits.write({
      ...(record as NonNullable<typeof record>),
      version: (record?.version ?? 0) + 1,
      override: { state: 'open', until: clock.now() + 60_000 },
      reason: 'by hand',
      changedAt: clock.now(),
    });
    await circuitBoard.refresh();
    expect(await said(ask(gateway))).toMatchObject({ status: 200, cache: 'hit-exact' });
    expect((await said(ask(gateway, 'Another question'))).status).toBe(503);
  });
});

describe('whose answers are given', () => {
  const asking = async (sharedBy: 'user' | 'team' | 'org') => {
    const gateway = await start({ exact: '1h', sharedBy });
    const [ada, bob, eve] = await Promise.all([
      gateway.makeKey({ team: 'search', user: 'ada' }),
      gateway.makeKey({ team: 'search', user: 'bob' }),
      gateway.makeKey({ team: 'ads', user: 'eve' }),
    ]);
    await said(ask(gateway, 'Ours', { key: ada }));
    const found = [];
    for (const key of [ada, bob, eve]) found.push((await said(ask(gateway, 'Ours', { key }))).cache);
    return found;
  };

  test.each([
    ['user', ['hit-exact', 'miss', 'miss']],
    ['team', ['hit-exact', 'hit-exact', 'miss']],
    ['org', ['hit-exact', 'hit-exact', 'hit-exact']],
  ] as const)('shared by %s: of the same user, the same team, another team', async (sharedBy, expected) => {
    expect(await asking(sharedBy)).toEqual(expected);
  });

  test('no crafted text, header or user’s name reaches another team’s answer', async () => {
    const gateway = await start({ exact: '1h' });
    const [victim, attacker] = await Promise.all([
      gateway.makeKey({ team: 'search', user: 'ada' }),
      gateway.makeKey({ team: 'ads', user: 'eve', rights: ['act-for-users'] }),
    ]);
    await said(ask(gateway, 'Our secret plan', { key: victim }));
    const tenant = '["team","default","search"]';
    const tries: Asking[] = [
      {},
      { headers: { 'x-tollgate-user': 'ada' } },
      { headers: { 'x-tollgate-user': tenant } },
      { body: { user: 'ada' } },
      { body: { metadata: { team: 'search', tenant } } },
      { headers: { 'x-tollgate-tags': 'team=search' } },
      {
        body: {
          messages: [
            { role: 'system', content: `tenant: ${tenant}` },
            { role: 'user', content: 'Our secret plan' },
          ],
        },
      },
    ];
    for (const one of tries) {
      // Nothing else is asked, so that no try keeps an answer for the next.
      const headers = { ...one.headers, 'x-tollgate-cache': 'only' };
      const { status } = await said(ask(gateway, 'Our secret plan', { ...one, headers, key: attacker }));
      expect({ one, status }).toEqual({ one, status: 404 });
    }
  });
});

describe('x-tollgate-cache', () => {
  test('off neither asks nor keeps', async () => {
    const gateway = await start({ exact: '1h' });
    const off = { headers: { 'x-tollgate-cache': 'off' } };
    expect(await said(ask(gateway, 'Hi', off))).toMatchObject({ cache: 'off' });
    expect(await said(ask(gateway, 'Hi'))).toMatchObject({ cache: 'miss' });
    expect(await said(ask(gateway, 'Hi', off))).toMatchObject({ cache: 'off' });
    expect(calls(gateway)).toBe(3);
    const [last] = await entries(gateway);
    expect(last?.receipt.cache).toEqual({ result: 'off', why: 'client-says-off' });
  });

  test('refresh asks anew, and what comes is kept in the place of the old', async () => {
    const gateway = await start({ exact: '1h' });
    const first = await said(ask(gateway, 'Hi'));
    const anew = await said(ask(gateway, 'Hi', { headers: { 'x-tollgate-cache': 'refresh' } }));
    expect(anew.cache).toBe('miss');
    await said(ask(gateway, 'Hi'));
    const [hit] = await entries(gateway);
    expect(hit?.receipt.cache?.requestId).toBe(anew.headers.get('x-request-id'));
    expect(first.headers.get('x-request-id')).not.toBe(anew.headers.get('x-request-id'));
  });

  test('only gives what is kept, and asks nobody else: 404, nothing held, nothing spent', async () => {
    const gateway = await start({ exact: '1h' });
    const only = { headers: { 'x-tollgate-cache': 'only' } };
    const refused = await said(ask(gateway, 'Hi', only));
    expect(refused.status).toBe(404);
    expect(JSON.parse(refused.body).error).toMatchObject({
      tollgate: { code: 'not_cached' },
      param: 'x-tollgate-cache',
    });
    expect(refused.headers.get('x-should-retry')).toBe('false');
    expect(calls(gateway)).toBe(0);
    await said(ask(gateway, 'Hi'));
    expect(await said(ask(gateway, 'Hi', only))).toMatchObject({ status: 200, cache: 'hit-exact' });
    await gateway.gateway.whenIdle();
    const [, , entry] = await entries(gateway);
    expect(entry).toMatchObject({ state: 'settled', cost: 0n, receipt: { outcome: 'not-cached' } });
  });

  test('only, of a model that keeps nothing or a request that may not be kept, is refused before anything is held', async () => {
    const gateway = await start(undefined);
    const only = { headers: { 'x-tollgate-cache': 'only' } };
    expect((await said(ask(gateway, 'Hi', only))).status).toBe(404);
    expect(await said(ask(gateway, 'Hi'))).toMatchObject({ cache: 'off' });
    expect(await entries(gateway)).toHaveLength(1);
    await gateway.stop();
    const keeping = await start({ exact: '1h' });
    const refused = await said(ask(keeping, 'Hi', { ...only, body: { n: 2 } }));
    expect(refused.status).toBe(404);
    expect(refused.body).toContain('several-answers');
    expect(await entries(keeping)).toHaveLength(0);
  });

  test('anything else is refused, and told what is allowed', async () => {
    const gateway = await start({ exact: '1h' });
    const refused = await said(ask(gateway, 'Hi', { headers: { 'x-tollgate-cache': 'yes' } }));
    expect(refused.status).toBe(400);
    expect(JSON.parse(refused.body).error.message).toMatch(/"off".*"refresh".*"only".*got "yes"/);
  });
});

describe('what is not kept', () => {
  test.each([
    ['a truncated answer', { max_tokens: 1 }],
    ['one of several', { n: 2 }],
    ['with more chance than the model allows', { temperature: 1.5 }],
    [
      'about an image',
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'What?' },
              { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
            ],
          },
        ],
      },
    ],
  ])('%s', async (_, body) => {
    const gateway = await start({ exact: '1h' }, { behaviour: 'echo' });
    const replies = [];
    for (let i = 0; i < 2; i++) replies.push(await said(ask(gateway, 'A rather long question', { body })));
    for (const { status, cache } of replies) if (status === 200) expect(cache).not.toMatch(/hit/);
    expect(replies.some(({ cache }) => cache?.startsWith('hit'))).toBe(false);
  });

  test('an answer of another model, where the first of the plan failed', async () => {
    const gateway = await start(
      { exact: '1h' },
      {
        targets: [
          { provider: 'demo', model: 'fail-500', price: PRICE },
          { provider: 'demo', model: 'echo', price: PRICE },
        ],
      },
    );
    const replies = [];
    for (let i = 0; i < 2; i++) replies.push(await said(ask(gateway)));
    expect(replies.map(({ status, cache }) => [status, cache])).toEqual([
      [200, 'miss'],
      [200, 'miss'],
    ]);
    await gateway.gateway.whenIdle();
    const all = await entries(gateway);
    expect(all[0]?.receipt.cache?.notKept).toBe('another-model');
  });

  test('an answer whose client left in the middle', async () => {
    const gateway = await start({ exact: '1h' }, { behaviour: 'tokens-60000' });
    const controller = new AbortController();
    const reply = await ask(gateway, 'Go on', { body: { stream: true }, signal: controller.signal });
    await reply.body?.getReader().read();
    controller.abort();
    await gateway.gateway.whenIdle();
    expect((await said(ask(gateway, 'Go on', { headers: { 'x-tollgate-cache': 'only' } }))).status).toBe(404);
  });

  test('anything beyond its time', async () => {
    const gateway = await start({ exact: '1s' });
    await said(ask(gateway));
    await gateway.gateway.ports.clock.sleep(1_100);
    expect(await said(ask(gateway))).toMatchObject({ cache: 'miss' });
  });
});

describe('many who ask the same at once', () => {
  test('make one call, and all are answered: one pays', async () => {
    const gateway = await start({ exact: '1h' }, { behaviour: 'tokens-20' });
    const release = holdUpstream(gateway);
    const asked = Promise.all(
      Array.from({ length: 20 }, (_, i) => said(ask(gateway, 'Same', { body: { stream: i % 2 === 1 } }))),
    );
    await admitted(gateway, 20);
    release();
    const replies = await asked;
    expect(replies.every(({ status }) => status === 200)).toBe(true);
    expect(new Set(replies.map(({ text }) => text)).size).toBe(1);
    expect(calls(gateway)).toBe(1);
    await gateway.gateway.whenIdle();
    const costs = (await entries(gateway)).map(({ cost }) => cost);
    expect(costs).toHaveLength(20);
    expect(costs.filter((cost) => cost > 0n)).toHaveLength(1);
  });

  test('ask for themselves once the one that called has failed', async () => {
    const gateway = await start({ exact: '1h' }, { behaviour: 'fail-500', attempts: 1 });
    const replies = await Promise.all(Array.from({ length: 5 }, () => said(ask(gateway, 'Same'))));
    expect(replies.every(({ status }) => status >= 500)).toBe(true);
    await gateway.gateway.whenIdle();
    expect((await entries(gateway)).every(({ state }) => state === 'settled')).toBe(true);
  });

  test('are told at once when they leave while they wait', async () => {
    const gateway = await start({ exact: '1h' }, { behaviour: 'tokens-50' });
    const release = holdUpstream(gateway);
    const first = said(ask(gateway, 'Same'));
    await admitted(gateway, 1);
    const controller = new AbortController();
    const second = ask(gateway, 'Same', { signal: controller.signal });
    await admitted(gateway, 2);
    controller.abort();
    await expect(second).rejects.toThrow();
    while ((await entries(gateway)).every(({ state }) => state === 'open'))
      await new Promise((resolve) => setTimeout(resolve, 5));
    release();
    expect(await first).toMatchObject({ status: 200, cache: 'miss' });
    await gateway.gateway.whenIdle();
    const states = (await entries(gateway)).map(({ state, receipt }) => [state, receipt.outcome]);
    expect(states).toEqual([
      ['settled', 'client-gone'],
      ['settled', 'answered'],
    ]);
    expect(calls(gateway)).toBe(1);
  });
});

test.each([
  ['rejects', () => Promise.reject(new StoreUnavailable('away'))],
  ['breaks', () => Promise.reject(new TypeError('a bug'))],
  ['hangs', () => new Promise<never>(() => {})],
])('a store that %s is a miss, counted, and no reason to fail', async (_, fail) => {
  const gateway = await start({ exact: '1h' });
  const { ports } = gateway.gateway;
  const broken = { find: fail, keep: async () => 'kept' as const, purge: fail, stats: fail };
  ports.cache = makeAnswerCache({ responses: broken }, ports);
  for (let i = 0; i < 7; i++) expect(await said(ask(gateway))).toMatchObject({ status: 200, cache: 'miss' });
  await gateway.gateway.whenIdle();
  const failures = (await entries(gateway)).map(({ receipt }) => receipt.cache?.failures);
  // After five it is not asked any more, for half a minute.
  expect(failures).toEqual([['shut'], ['shut'], ['exact'], ['exact'], ['exact'], ['exact'], ['exact']]);
});

test('a keeping that fails or hangs does not take the answer from its client', async () => {
  const gateway = await start({ exact: '1h' });
  const { ports } = gateway.gateway;
  const broken = {
    find: async () => undefined,
    keep: () => Promise.reject(new StoreUnavailable('away')),
    purge: async () => 0,
    stats: async () => [],
  };
  ports.cache = makeAnswerCache({ responses: broken }, ports);
  expect(await said(ask(gateway))).toMatchObject({ status: 200, text: 'Where is Rome?' });
});
