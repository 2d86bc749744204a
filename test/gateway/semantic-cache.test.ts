import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { GatewayConfig, ModelConfig } from '../../lambdas/contract/config.ts';
import { type FaultUpstream, startUpstream, type UpstreamRequest } from '../support/fault-upstream.ts';
import { admitted, holdUpstream } from '../support/hold-upstream.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

let running: TestGateway | undefined;
let embeddings: FaultUpstream | undefined;
afterEach(async () => {
  await running?.stop();
  await embeddings?.stop();
  running = undefined;
  embeddings = undefined;
});

/** Directions that texts are given: those of one direction mean the same to this embedder. */
const DIRECTIONS: Record<string, number> = {
  'How do I reset my password?': 0,
  'How can I reset my password?': 0,
  'How do I reset my password in 2 steps?': 0,
  'When does the office open?': 1,
};
const vectorOf = (text: string): number[] => {
  const at = DIRECTIONS[text] ?? 3;
  return Array.from({ length: 4 }, (_, i) => (i === at ? 1 : 0.01));
};

const TOKENS = 8;
const embed = ({ body }: UpstreamRequest, response: ServerResponse): void => {
  const input = ([] as string[]).concat(body['input'] as string | string[]);
  response.writeHead(200, { 'content-type': 'application/json' }).end(
    JSON.stringify({
      object: 'list',
      model: 'm',
      data: input.map((text, index) => ({ object: 'embedding', index, embedding: vectorOf(text) })),
      usage: { prompt_tokens: TOKENS, total_tokens: TOKENS },
    }),
  );
};

const start = async (
  cache: ModelConfig['cache'] = {},
  {
    behave = embed,
    timeoutMs = 2_000,
    ...config
  }: { behave?: Parameters<typeof startUpstream>[0]; timeoutMs?: number } & Partial<GatewayConfig> = {},
  model = 'echo',
): Promise<TestGateway> => {
  embeddings = await startUpstream(behave);
  running = await startGateway(
    {
      providers: {
        demo: { kind: 'simulator' },
        vectors: { kind: 'openai-compatible', baseUrl: embeddings.baseUrl },
      },
      models: {
        assistant: {
          targets: [{ provider: 'demo', model, price: { inputPerMTok: '10', outputPerMTok: '100' } }],
          cache: { semantic: { ttl: '1h', threshold: 0.9, auditShare: 0 }, ...cache },
        },
      },
      semanticCache: {
        embedder: {
          provider: 'vectors',
          model: 'm',
          dimensions: 4,
          contextTokens: 1_000,
          price: { inputPerMTok: '1', outputPerMTok: '0' },
        },
        timeoutMs,
      },
      ...config,
    },
    { env: {} },
  );
  return running;
};

const ask = async (
  { url, key }: TestGateway,
  words: string,
  { body, headers }: { body?: object; headers?: Record<string, string> } = {},
) => {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ model: 'assistant', messages: [{ role: 'user', content: words }], ...body }),
  });
  const answer = (await response.json()) as { choices?: { message: { content: string } }[] };
  return {
    status: response.status,
    cache: response.headers.get('x-tollgate-cache'),
    text: answer.choices?.[0]?.message?.content,
    cost: response.headers.get('x-tollgate-cost-usd'),
  };
};

const calls = ({ gateway }: TestGateway): number => gateway.meter.totals().calls;
const lastEntry = async ({ gateway }: TestGateway) => {
  await gateway.whenIdle();
  const [entry] = await gateway.ports.ledger.tail({ limit: 1 });
  return entry;
};

const ASKED = 'How do I reset my password?';
const PARAPHRASE = 'How can I reset my password?';
const NEAR_MISS = 'How do I reset my password in 2 steps?';

describe('a question that means the same', () => {
  test('is answered by the kept answer, with its score; its vector alone is paid for', async () => {
    const gateway = await start();
    expect(await ask(gateway, ASKED)).toMatchObject({ status: 200, cache: 'miss', text: ASKED });
    const hit = await ask(gateway, PARAPHRASE);
    expect(hit).toMatchObject({ status: 200, cache: 'hit-semantic; score=1', text: ASKED, cost: '0.000008' });
    expect(calls(gateway)).toBe(1);
    const entry = await lastEntry(gateway);
    expect(entry).toMatchObject({
      state: 'settled',
      cost: 8_000n,
      inputTokens: 0,
      receipt: {
        attempts: [],
        cache: {
          result: 'hit-semantic',
          score: 1,
          embedding: { target: 'vectors/m', inputTokens: TOKENS, cost: '8000' },
          semantic: { embedder: 'vectors/m@4/1', threshold: 0.9, candidates: [{ score: 1 }] },
        },
      },
    });
    expect(entry?.hold).toBeGreaterThan(8_000n);
    expect(BigInt(entry?.receipt.cache?.saved ?? 0)).toBeGreaterThan(0n);
    // No words of anybody's in the ledger.
    expect(JSON.stringify(entry?.receipt)).not.toContain('password');
  });

  test('is not what a guard sets apart: it is asked anew, and the receipt names the guard', async () => {
    const gateway = await start();
    await ask(gateway, ASKED);
    expect(await ask(gateway, NEAR_MISS)).toMatchObject({ cache: 'miss', text: NEAR_MISS });
    const entry = await lastEntry(gateway);
    expect(entry?.receipt.cache?.semantic?.candidates).toEqual([{ score: 1, refusedBy: 'numbers' }]);
    expect(calls(gateway)).toBe(2);
  });

  test('is not one that lies far off', async () => {
    const gateway = await start();
    await ask(gateway, ASKED);
    expect(await ask(gateway, 'When does the office open?')).toMatchObject({ cache: 'miss' });
  });

  test.each([
    [
      'another system prompt',
      {
        messages: [
          { role: 'system', content: 'x' },
          { role: 'user', content: PARAPHRASE },
        ],
      },
    ],
    [
      'an earlier turn',
      {
        messages: [
          { role: 'user', content: 'a' },
          { role: 'assistant', content: 'b' },
          { role: 'user', content: PARAPHRASE },
        ],
      },
    ],
    ['another temperature', { temperature: 0.3 }],
    ['another output limit', { max_tokens: 77 }],
    ['a seed', { seed: 1 }],
    ['a tool', { tools: [{ type: 'function', function: { name: 'f' } }] }],
    ['a format', { response_format: { type: 'json_object' } }],
    ['a field that nobody knows', { quite_new: 1 }],
  ])('is another request with %s', async (_, body) => {
    const gateway = await start();
    await ask(gateway, ASKED);
    expect(await ask(gateway, PARAPHRASE, { body })).toMatchObject({ status: 200, cache: 'miss' });
  });

  test('is answered exactly first, and then no vector is asked for', async () => {
    const gateway = await start({ exact: '1h' });
    await ask(gateway, ASKED);
    const asked = embeddings?.requests.length;
    expect(await ask(gateway, ASKED)).toMatchObject({ cache: 'hit-exact', cost: '0' });
    expect(embeddings?.requests.length).toBe(asked);
    expect(await ask(gateway, PARAPHRASE)).toMatchObject({ cache: 'hit-semantic; score=1' });
  });

  test('with refresh is asked anew and kept; with only it is given, at the price of its vector', async () => {
    const gateway = await start();
    await ask(gateway, ASKED);
    const refresh = { headers: { 'x-tollgate-cache': 'refresh' } };
    expect(await ask(gateway, PARAPHRASE, refresh)).toMatchObject({ cache: 'miss', text: PARAPHRASE });
    const only = { headers: { 'x-tollgate-cache': 'only' } };
    expect(await ask(gateway, PARAPHRASE, only)).toMatchObject({ cache: 'hit-semantic; score=1', text: PARAPHRASE });
    expect((await ask(gateway, 'When does the office open?', only)).status).toBe(404);
    expect(await lastEntry(gateway)).toMatchObject({ cost: 8_000n, receipt: { outcome: 'not-cached' } });
    expect(calls(gateway)).toBe(2);
  });

  test('of another team is nobody’s business', async () => {
    const gateway = await start();
    const [ada, eve] = await Promise.all([gateway.makeKey({ team: 'search' }), gateway.makeKey({ team: 'ads' })]);
    await ask({ ...gateway, key: ada }, ASKED);
    expect(await ask({ ...gateway, key: eve }, PARAPHRASE)).toMatchObject({ cache: 'miss' });
    expect(await ask({ ...gateway, key: ada }, PARAPHRASE)).toMatchObject({ cache: 'hit-semantic; score=1' });
  });

  test('with words of instruction in it is still only compared: no question reaches another team’s answer', async () => {
    const gateway = await start();
    const [ada, eve] = await Promise.all([gateway.makeKey({ team: 'search' }), gateway.makeKey({ team: 'ads' })]);
    // What the attacker keeps is never given to the other team, however it is worded.
    for (const words of [PARAPHRASE, `tenant: ["team","default","search"] ${ASKED}`, ASKED])
      await ask({ ...gateway, key: eve }, words);
    const only = { headers: { 'x-tollgate-cache': 'only' } };
    for (const words of [ASKED, PARAPHRASE])
      expect((await ask({ ...gateway, key: ada }, words, only)).status).toBe(404);
  });
});

describe('never a reason to fail', () => {
  const cases: [string, NonNullable<Parameters<typeof startUpstream>[0]>][] = [
    ['says 500', (_, response) => void response.writeHead(500).end('{}')],
    ['says 429', (_, response) => void response.writeHead(429, { 'retry-after': '60' }).end('{}')],
    ['is no JSON', (_, response) => void response.writeHead(200).end('<html>')],
    ['hangs', () => {}],
    ['hangs up', (_, response) => void response.destroy()],
  ];
  test.each(cases)('an embedder that %s is a miss, counted', async (_, behave) => {
    const gateway = await start({}, { behave, timeoutMs: 50 });
    expect(await ask(gateway, ASKED)).toMatchObject({ status: 200, cache: 'miss', text: ASKED });
    const entry = await lastEntry(gateway);
    expect(entry?.receipt.cache?.failures).toEqual(['embedder']);
    expect(entry?.state).toBe('settled');
    expect(entry?.cost).toBeLessThanOrEqual(entry?.hold ?? 0n);
  });

  test('after five failures in a row it is not asked any more, and nothing is paid', async () => {
    const gateway = await start({}, { behave: (_, response) => void response.writeHead(500).end('{}') });
    for (let i = 0; i < 7; i++) expect((await ask(gateway, `${ASKED} ${i}`)).status).toBe(200);
    expect(embeddings?.requests).toHaveLength(5);
    expect((await lastEntry(gateway))?.receipt.cache?.failures).toEqual(['shut']);
  });

  test('one that is slow is a miss; what it says late is kept and paid for all the same', async () => {
    const behave: typeof embed = (request, response) => void setTimeout(() => embed(request, response), 150);
    const gateway = await start({}, { behave, timeoutMs: 20 }, 'slow-2000');
    expect(await ask(gateway, ASKED)).toMatchObject({ cache: 'miss' });
    const entry = await lastEntry(gateway);
    expect(entry?.receipt.cache).toMatchObject({ failures: ['embedder'], embedding: { inputTokens: TOKENS } });
  });

  test('one that is slower than the model is given up with the answer, and charged what it may bill', async () => {
    const gateway = await start({}, { behave: () => {}, timeoutMs: 20 });
    expect(await ask(gateway, ASKED)).toMatchObject({ status: 200 });
    const { cache } = (await lastEntry(gateway))?.receipt ?? {};
    expect(cache?.failures).toEqual(['embedder']);
    expect(cache?.embedding?.inputTokens).toBeGreaterThanOrEqual(TOKENS);
  });
});

test('a quote counts what the vector of the question may cost, as the hold does', async () => {
  const gateway = await start();
  const body = JSON.stringify({ model: 'assistant', messages: [{ role: 'user', content: ASKED }] });
  const headers = { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' };
  const quoteOf = async (more: Record<string, string> = {}) =>
    (await (
      await fetch(`${gateway.url}/v1/quote`, { method: 'POST', headers: { ...headers, ...more }, body })
    ).json()) as { max_cost_usd: number };
  const [quote, withoutCache] = [await quoteOf(), await quoteOf({ 'x-tollgate-cache': 'off' })];
  expect(embeddings?.requests ?? []).toEqual([]);
  await ask(gateway, ASKED);
  const hold = Number((await lastEntry(gateway))?.hold) / 1e9;
  expect(quote.max_cost_usd).toBeCloseTo(hold, 9);
  expect(quote.max_cost_usd).toBeGreaterThan(withoutCache.max_cost_usd);
});

test.each([{ exact: '1h' }, {}])(
  'many who ask the same at once make one call, and pay for one vector (%j)',
  async (cache) => {
    const gateway = await start(cache);
    const release = holdUpstream(gateway);
    const asked = Promise.all(Array.from({ length: 20 }, () => ask(gateway, ASKED)));
    await admitted(gateway, 20);
    release();
    const replies = await asked;
    expect(replies.every(({ status, text }) => status === 200 && text === ASKED)).toBe(true);
    expect(calls(gateway)).toBe(1);
    expect(embeddings?.requests).toHaveLength(1);
  },
);

test('a budget that has no room for the call has none for its vector: nothing is asked of the embedder', async () => {
  const gateway = await start({}, { budgets: { org: { monthly: '$0.000001' } } });
  expect((await ask(gateway, ASKED)).status).toBe(429);
  expect(embeddings?.requests).toHaveLength(0);
});

test('many different questions at once leave a ledger that sums to what both vendors delivered', async () => {
  const gateway = await start({ exact: '1h' });
  await Promise.all(Array.from({ length: 40 }, (_, i) => ask(gateway, `Question ${i % 10}`)));
  await gateway.gateway.whenIdle();
  const entries = await gateway.gateway.ports.ledger.tail({ limit: 100 });
  const asked = gateway.gateway.meter
    .entries()
    .reduce(
      (sum, { inputTokens, outputTokens }) => sum + BigInt(inputTokens) * 10_000n + BigInt(outputTokens) * 100_000n,
      0n,
    );
  const embedded = BigInt(embeddings?.requests.length ?? 0) * BigInt(TOKENS) * 1_000n;
  expect(entries.reduce((sum, { cost }) => sum + cost, 0n)).toBe(asked + embedded);
});
