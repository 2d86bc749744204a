import Anthropic from '@anthropic-ai/sdk';
import { afterEach, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import type { GatewayConfig, ModelConfig } from '../../lambdas/contract/config.ts';
import { makeAnswerCache } from '../../lambdas/core/cache/make-answer-cache.ts';
import { StoreUnavailable } from '../../lambdas/core/ports.ts';
import { type FaultUpstream, startUpstream } from '../support/fault-upstream.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

let running: TestGateway | undefined;
afterEach(async () => {
  await running?.stop();
  running = undefined;
});

const PRICE = { inputPerMTok: '10', outputPerMTok: '100' };
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

interface Asking {
  key?: string;
  body?: object;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

const ask = (
  { url, key: demo }: TestGateway,
  words = 'Where is Rome?',
  { key = demo, body, headers, signal }: Asking = {},
): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'assistant', messages: [{ role: 'user', content: words }], ...body }),
    ...(signal && { signal }),
  });

/** What became of a request: how the cache says it went, and what it said. */
const said = async (reply: Promise<Response> | Response) => {
  const response = await reply;
  const body = await response.text();
  return {
    status: response.status,
    cache: response.headers.get('x-tollgate-cache'),
    text: body.startsWith('{') ? JSON.parse(body).choices?.[0]?.message?.content : textOfStream(body),
    headers: response.headers,
    body,
  };
};

const textOfStream = (body: string): string =>
  body
    .split('\n')
    .filter((line) => line.startsWith('data: {'))
    .map((line) => JSON.parse(line.slice(6)).choices[0]?.delta?.content ?? '')
    .join('');

const calls = ({ gateway }: TestGateway): number => gateway.meter.totals().calls;
const entries = ({ gateway }: TestGateway) => gateway.ports.ledger.tail({ limit: 100 });

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
    const gateway = await start({ exact: '1h' }, { behaviour: 'tokens-20+slow-300' });
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, i) => said(ask(gateway, 'Same', { body: { stream: i % 2 === 1 } }))),
    );
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
    const gateway = await start({ exact: '1h' }, { behaviour: 'tokens-50+slow-800' });
    const first = said(ask(gateway, 'Same'));
    await gateway.gateway.ports.clock.sleep(100);
    const controller = new AbortController();
    const second = ask(gateway, 'Same', { signal: controller.signal });
    await gateway.gateway.ports.clock.sleep(100);
    controller.abort();
    await expect(second).rejects.toThrow();
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

describe('a provider of OpenAI’s own language', () => {
  let upstream: FaultUpstream | undefined;
  afterEach(async () => {
    await upstream?.stop();
    upstream = undefined;
  });

  const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
  const response = (id: string, text: string) => ({
    id,
    object: 'response',
    created_at: 1,
    status: 'completed',
    model: 'm-1',
    output: [
      {
        type: 'message',
        id: `msg_${id}`,
        status: 'completed',
        role: 'assistant',
        content: [{ type: 'output_text', text, annotations: [] }],
      },
    ],
    usage: { input_tokens: 10, output_tokens: 5, total_tokens: 15 },
  });

  /** It knows the answers that it was to store, and no others; each of its answers is another. @param message what its chat says beside */
  const startStoring = async (api?: 'chat' | 'responses', message: object = {}): Promise<TestGateway> => {
    const stored = new Set<unknown>();
    upstream = await startUpstream(({ path, body }, reply) => {
      const number = upstream?.requests.length ?? 0;
      const json = (status: number, answer: object) =>
        void reply.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      const chunk = (delta: object, finish: string | null = null) =>
        `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm-1', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`;
      if (path.endsWith('/responses')) {
        const earlier = body['previous_response_id'];
        if (earlier !== undefined && !stored.has(earlier))
          return json(404, { error: { message: `Previous response with id '${earlier}' not found.`, code: 'x' } });
        if (body['store'] !== false) stored.add(`resp_${number}`);
        return json(200, response(`resp_${number}`, `Answer ${number}`));
      }
      const said = { role: 'assistant', content: `Answer ${number}`, ...message };
      if (body['stream'] === true) {
        reply.writeHead(200, { 'content-type': 'text/event-stream' });
        return void reply.end(`${chunk(said)}${chunk({}, 'stop')}data: [DONE]\n\n`);
      }
      const choices = [{ index: 0, message: said, finish_reason: 'stop' }];
      return json(200, { id: 'c', object: 'chat.completion', created: 1, model: 'm-1', choices, usage });
    });
    const capabilities = ['tools', 'streaming'] as const;
    const target = { provider: 'it', model: 'm-1', price: PRICE, contextTokens: 10_000, maxOutputTokens: 1_000 };
    running = await startGateway(
      {
        providers: { it: { kind: 'openai', baseUrl: upstream.baseUrl, apiKey: 'env:KEY', ...(api && { api }) } },
        models: {
          assistant: { targets: [{ ...target, capabilities: [...capabilities] }], cache: { exact: '1h' } },
        },
        pins: { floating: 'allow' },
      },
      { env: { KEY: 'sk-vendor' } },
    );
    return running;
  };

  const respond = (gateway: TestGateway, body: object) =>
    fetch(`${gateway.url}/v1/responses`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'assistant', input: 'Where is Rome?', ...body }),
    });
  const responded = async (gateway: TestGateway, body: object = {}) => {
    const reply = await respond(gateway, body);
    return {
      ...((await reply.json()) as { id: string }),
      cache: reply.headers.get('x-tollgate-cache'),
      status: reply.status,
    };
  };

  test.each([
    ['store left out', {}],
    ['store: null', { store: null }],
  ])('that stores its answers (%s) is asked each time, so that every answer can be gone on from', async (_, body) => {
    const gateway = await startStoring();
    for (let i = 0; i < 3; i++) {
      const first = await responded(gateway, body);
      expect(first).toMatchObject({ status: 200, cache: 'off' });
      expect(await responded(gateway, { input: 'And then?', previous_response_id: first.id })).toMatchObject({
        status: 200,
        cache: 'off',
      });
    }
    await gateway.gateway.whenIdle();
    expect((await entries(gateway)).at(-1)?.receipt.cache).toEqual({ result: 'off', why: 'stored-by-provider' });
    const only = await fetch(`${gateway.url}/v1/responses`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${gateway.key}`,
        'content-type': 'application/json',
        'x-tollgate-cache': 'only',
      },
      body: JSON.stringify({ model: 'assistant', input: 'Where is Rome?', ...body }),
    });
    expect([only.status, await only.text()]).toEqual([404, expect.stringContaining('stored-by-provider')]);
  });

  test('that is told to store nothing is asked once', async () => {
    const gateway = await startStoring();
    const [first, again] = [await responded(gateway, { store: false }), await responded(gateway, { store: false })];
    expect([first.cache, again.cache]).toEqual(['miss', 'hit-exact']);
    expect(again).toMatchObject({ store: false, output: [{ content: [{ text: 'Answer 1' }] }] });
  });

  test('that is asked in another language stores nothing anyway, and is asked once', async () => {
    const gateway = await startStoring('chat');
    const [first, again] = [await responded(gateway), await responded(gateway)];
    expect([first, again]).toMatchObject([
      { cache: 'miss', store: false },
      { cache: 'hit-exact', store: false },
    ]);
    // In that language it is asked to store by its client alone.
    const stores = [await said(ask(gateway, 'Keep it', { body: { store: true } }))];
    stores.push(await said(ask(gateway, 'Keep it', { body: { store: true } })));
    expect(stores).toMatchObject([{ cache: 'off' }, { cache: 'off' }]);
  });

  test.each([
    ['an image', { images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }] }],
    ['a voice', { audio: { id: 'a', data: 'AAAA', transcript: 'Hi', expires_at: 1 } }],
    ['a file', { annotations: [{ type: 'file', file: { hash: 'h' } }] }],
    ['what nobody knows yet', { quite_new: { a: [1] } }],
  ] as [string, object][])(
    'that answers with %s beside the text is asked each time, and heard whole',
    async (_, message) => {
      const gateway = await startStoring(undefined, message);
      for (const stream of [false, false, true, true]) {
        const answer = await said(ask(gateway, 'Draw', { body: { stream } }));
        expect(answer).toMatchObject({ status: 200, cache: 'miss' });
        for (const name of Object.keys(message)) expect(answer.body).toContain(`"${name}":`);
      }
      await gateway.gateway.whenIdle();
      for (const { receipt } of await entries(gateway)) {
        expect(receipt.cache).toMatchObject({ result: 'miss', notKept: 'unsaid' });
        // The client has got all of it.
        expect(receipt.dropped ?? []).toEqual([]);
      }
    },
  );

  test('is kept from a client of another language in what that can’t say: it is told so', async () => {
    const gateway = await startStoring(undefined, { images: [{ type: 'image_url', image_url: { url: 'data:,' } }] });
    const reply = await fetch(`${gateway.url}/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': gateway.key, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'assistant', max_tokens: 50, messages: [{ role: 'user', content: 'Draw' }] }),
    });
    expect(reply.headers.get('x-tollgate-dropped')).toBe('answer: images');
    expect(await reply.json()).toMatchObject({ content: [{ type: 'text', text: 'Answer 1' }] });
  });

  test('is shown the tools that may not be called: others make another request', async () => {
    const gateway = await startStoring();
    const tool = (name: string) => ({
      type: 'function',
      name,
      parameters: { type: 'object', properties: {} },
      strict: true,
    });
    const asking = (other: string) =>
      responded(gateway, {
        store: false,
        tools: [tool('f'), tool(other)],
        tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'f' }] },
      });
    const caches = [];
    for (const other of ['g', 'h', 'g']) caches.push((await asking(other)).cache);
    expect(caches).toEqual(['miss', 'miss', 'hit-exact']);
  });

  test('is told who says it: a developer’s words and the system’s make two requests', async () => {
    const gateway = await startStoring();
    const caches = [];
    for (const role of ['system', 'developer', 'system', 'developer']) {
      const messages = [
        { role, content: 'Be brief.' },
        { role: 'user', content: 'Where is Rome?' },
      ];
      caches.push((await said(ask(gateway, '', { body: { messages } }))).cache);
    }
    expect(caches).toEqual(['miss', 'miss', 'hit-exact', 'hit-exact']);
  });
});
