import { describe, expect, test } from '@jest/globals';
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import { handleRequest } from '../../../lambdas/core/handle-request.ts';
import { loadSurface } from '../../../lambdas/wiring/codecs.ts';
import type { Script } from '../call/scripted-upstream.ts';
import { makeStory, type Story } from '../story/story-fixture.ts';

const surface = await loadSurface('openai-embeddings');

const target = (provider: string, more: object = {}) => ({
  provider,
  model: 'bge-m3',
  price: { inputPerMTok: '100', outputPerMTok: '0' },
  contextTokens: 8_000,
  embedding: { dimensions: [2] },
  ...more,
});

/** Two servers of the same model at $100 a million: an embedding costs what can be seen. */
const CONFIG: GatewayConfig = {
  providers: {
    a: { kind: 'openai-compatible', baseUrl: 'https://a/v1' },
    b: { kind: 'openai-compatible', baseUrl: 'https://b/v1' },
    demo: { kind: 'simulator' },
  },
  models: {
    vectors: { targets: [target('a'), target('b')] },
    long: { targets: [target('a', { provider: 'demo', model: 'embed-4096', embedding: {} })] },
    words: {
      targets: [{ provider: 'a', model: 'm', price: { inputPerMTok: '1', outputPerMTok: '1' }, contextTokens: 8_000 }],
    },
  },
  budgets: { org: { monthly: '$10' } },
  limits: { perKey: { requestsPerMinute: 600, tokensPerMinute: 1_000_000, concurrent: 8 } },
};

const vectors = (list: unknown[], usage: unknown = { prompt_tokens: 7, total_tokens: 7 }): Script => ({
  status: 200,
  body: JSON.stringify({
    object: 'list',
    data: list.map((embedding, index) => ({ object: 'embedding', index, embedding })),
    model: 'bge-m3',
    usage,
  }),
});

const embed = (story: Story, body: object = {}, headers: Record<string, string> = {}): Promise<Response> =>
  story.clock.settle(
    handleRequest(
      new Request('http://gateway/v1/embeddings', {
        method: 'POST',
        headers: { authorization: `Bearer ${story.key}`, ...headers },
        body: JSON.stringify({ model: 'vectors', input: 'hello', ...body }),
      }),
      surface,
      story.ports,
    ),
  );

describe('an embeddings request', () => {
  test('is answered, billed by its input alone, and leaves a receipt', async () => {
    const story = await makeStory({ a: [vectors([[1, 2, 3]])] }, CONFIG);
    const response = await embed(story);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      object: 'list',
      data: [{ object: 'embedding', index: 0, embedding: [1, 2, 3] }],
      model: 'vectors',
      usage: { prompt_tokens: 7, total_tokens: 7 },
    });
    expect(story.upstream.calls[0]?.body).toEqual({ model: 'bge-m3', input: 'hello' });
    // 7 tokens at $100 a million.
    expect(response.headers.get('x-tollgate-cost-usd')).toBe('0.0007');
    const [entry] = await story.entries();
    expect(entry).toMatchObject({
      state: 'settled',
      cost: 700_000n,
      inputTokens: 7,
      outputTokens: 0,
      receipt: { surface: 'openai-embeddings', stream: false, outcome: 'answered', answeredBy: 'a/bge-m3' },
    });
    expect(await story.org()).toMatchObject({ spent: 700_000n, held: 0n });
    expect(await story.underWay()).toBe(0);
  });

  test('falls over to another server of the same model', async () => {
    const story = await makeStory({ a: [{ status: 500, body: '' }], b: [vectors([[1, 2]])] }, CONFIG);
    const response = await embed(story);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-tollgate-model')).toBe('b/bge-m3');
    expect(response.headers.get('x-tollgate-attempts')).toBe('2');
  });

  test.each([
    ['fewer vectors than texts', ['one', 'two'], vectors([[1, 2]]), {}],
    ['vectors of two lengths', ['one', 'two'], vectors([[1, 2], [1]]), {}],
    ['another length than was asked for', 'one', vectors([[1, 2, 3]]), { dimensions: 2 }],
    ['a number that is none', 'one', vectors([[1, null]]), {}],
    [
      'two for the same text',
      ['one', 'two'],
      {
        status: 200,
        body: JSON.stringify({
          data: [
            { index: 0, embedding: [1] },
            { index: 0, embedding: [1] },
          ],
        }),
      },
      {},
    ],
  ] as const)('%s is no answer: the next server is asked, and both are billed', async (_, input, script, more) => {
    const texts = typeof input === 'string' ? 1 : input.length;
    const good = vectors(Array.from({ length: texts }, () => [1, 2]));
    const story = await makeStory({ a: [script as Script], b: [good] }, CONFIG);
    const response = await embed(story, { input, ...more });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-tollgate-model')).toBe('b/bge-m3');
    const [entry] = await story.entries();
    expect(entry?.receipt.attempts.map(({ failure }) => failure)).toEqual(['malformed_answer', undefined]);
    expect(BigInt(entry?.receipt.attempts[0]?.cost ?? 0)).toBeGreaterThan(0n);
  });

  test('whose vendor counts nothing is charged by the high estimate, within its hold', async () => {
    const story = await makeStory({ a: [vectors([[1]], { prompt_tokens: 0, total_tokens: 0 })] }, CONFIG);
    const response = await embed(story, { input: 'a text of some words' });
    expect(response.status).toBe(200);
    const [entry] = await story.entries();
    expect(entry?.receipt.usageEstimated).toBe(true);
    expect(entry?.cost).toBeGreaterThan(0n);
    expect(entry?.cost).toBeLessThanOrEqual(entry?.hold ?? 0n);
  });

  test('gives vectors as numbers or base64 as it asked, whichever the server sends', async () => {
    const story = await makeStory({ a: [vectors([[1]]), vectors(['AACAPw=='])] }, CONFIG);
    const first = (await (await embed(story, { encoding_format: 'base64' })).json()) as { data: object[] };
    expect(first.data).toEqual([{ object: 'embedding', index: 0, embedding: 'AACAPw==' }]);
    const second = (await (await embed(story)).json()) as { data: object[] };
    expect(second.data).toEqual([{ object: 'embedding', index: 0, embedding: [1] }]);
  });

  test('is held by its tokens where it comes as tokens', async () => {
    const story = await makeStory({ a: [vectors([[1], [2]])] }, CONFIG);
    await embed(story, { input: [Array.from({ length: 5_000 }, (_, i) => i), [1, 2]] });
    const [entry] = await story.entries();
    expect(entry?.receipt.estimate.inputTokensLow).toBe(5_002);
    expect(entry?.receipt.estimate.inputTokensHigh).toBeGreaterThanOrEqual(5_002);
    expect(entry?.receipt.estimate.inputTokensHigh).toBeLessThan(5_100);
  });

  test('is charged to the tokens limit by its estimate, and put right by the count', async () => {
    const config = { ...CONFIG, limits: { perKey: { tokensPerMinute: 10_000 } } };
    const story = await makeStory({ a: [vectors([[1]], { prompt_tokens: 9_000, total_tokens: 9_000 })] }, config);
    expect((await embed(story)).status).toBe(200);
    const refused = await embed(story, { input: 'word '.repeat(2_000) });
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ error: { code: 'rate_limit_exceeded' } });
  });

  test('is refused over its budget, with no other model’s vectors offered', async () => {
    const config: GatewayConfig = {
      ...CONFIG,
      models: {
        ...CONFIG.models,
        cheap: { targets: [target('b', { model: 'other', price: { inputPerMTok: '0.01', outputPerMTok: '0' } })] },
        same: { targets: [target('b', { price: { inputPerMTok: '100', outputPerMTok: '0' } })] },
      },
      budgets: { org: { monthly: '$0.001' } },
    };
    const story = await makeStory({ a: [vectors([[1]])] }, config);
    const refused = await embed(story, { input: 'word '.repeat(1_000) });
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({
      error: { type: 'insufficient_quota', code: 'budget_exceeded', tollgate: { offers: [] } },
    });
    expect(story.upstream.calls).toEqual([]);
  });

  test('under one idempotency key has one bill and one answer', async () => {
    const story = await makeStory({ a: [vectors([[1]])] }, CONFIG);
    const headers = { 'idempotency-key': 'once' };
    const first = await (await embed(story, {}, headers)).text();
    const second = await (await embed(story, {}, headers)).text();
    expect(second).toBe(first);
    expect(story.upstream.calls).toHaveLength(1);
    expect(await story.entries()).toHaveLength(1);
  });

  test('of many at once, a budget admits as many as it has room for', async () => {
    // 5 tokens at $100 a million and the estimate's margin: some five of twenty have room.
    const config: GatewayConfig = { ...CONFIG, budgets: { org: { monthly: '$0.02' } }, limits: {} };
    const story = await makeStory({ a: [vectors([[1]], { prompt_tokens: 20, total_tokens: 20 })] }, config);
    const answers = await Promise.all(Array.from({ length: 20 }, () => embed(story)));
    const statuses = answers.map(({ status }) => status);
    const admitted = statuses.filter((status) => status === 200).length;
    expect(admitted).toBeGreaterThan(0);
    expect(statuses.filter((status) => status === 429)).toHaveLength(20 - admitted);
    expect(story.upstream.calls).toHaveLength(admitted);
    const { spent, held } = await story.org();
    expect(held).toBe(0n);
    expect(spent).toBe(BigInt(admitted) * 2_000_000n);
    expect(spent).toBeLessThanOrEqual(20_000_000n);
  });
});

describe('what is asked of the wrong kind of model', () => {
  test('vectors of one that answers in words', async () => {
    const story = await makeStory({ a: [vectors([[1]])] }, CONFIG);
    const response = await embed(story, { model: 'words' });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { code: 'unsupported_feature', message: expect.stringContaining('embeddings is not supported') },
    });
  });

  test('words of one that makes vectors', async () => {
    const story = await makeStory({ a: [vectors([[1]])] }, CONFIG);
    const response = await story.ask({ model: 'vectors' });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { code: 'unsupported_feature', message: expect.stringContaining('makes vectors') },
    });
    expect(story.upstream.calls).toEqual([]);
  });
});

describe('before any money is spent', () => {
  test.each([
    ['no input', { input: undefined }, 'input'],
    ['an empty text', { input: '' }, 'input'],
    ['an empty batch', { input: [] }, 'input'],
    ['an empty text in a batch', { input: ['a', ''] }, 'input[1]'],
    ['texts and tokens mixed', { input: ['a', [1]] }, 'input[1]'],
    ['tokens and texts mixed', { input: [[1], 'a'] }, 'input[1]'],
    ['a token that is none', { input: [[1, -1]] }, 'input[0][1]'],
    ['half a token', { input: [1, 2.5] }, 'input[1]'],
    ['too many texts', { input: Array.from({ length: 2_049 }, () => 'a') }, 'input'],
    ['an object', { input: { text: 'a' } }, 'input'],
    ['an unknown format', { encoding_format: 'int8' }, 'encoding_format'],
    ['no dimensions', { dimensions: 0 }, 'dimensions'],
    ['half a dimension', { dimensions: 1.5 }, 'dimensions'],
    ['a stream', { stream: true }, 'stream'],
  ])('%s is refused by its name', async (_, body, param) => {
    const story = await makeStory({ a: [vectors([[1]])] }, CONFIG);
    const response = await embed(story, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { type: 'invalid_request_error', code: 'invalid_request', param },
    });
    expect(await story.entries()).toEqual([]);
  });

  test.each([
    ['dimensions that the model has not', { dimensions: 3 }, 'unsupported_feature', 'dimensions of 3'],
    [
      'more numbers than an answer may have',
      { model: 'long', input: Array.from({ length: 500 }, () => 'a') },
      'unsupported_feature',
      'or for base64',
    ],
    ['a text beyond the model', { input: ['a', 'word '.repeat(40_000)] }, 'context_length_exceeded', 'input 1 has'],
    ['what another vendor bills apart', { provider: { order: ['x'] } }, 'unsupported_feature', 'provider'],
  ])('%s: no target can serve it', async (_, body, code, words) => {
    const story = await makeStory({ a: [vectors([[1]])] }, CONFIG);
    const response = await embed(story, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code, message: expect.stringContaining(words) } });
  });
});

describe('a model that takes one text a call', () => {
  const TITAN = 'amazon.titan-embed-text-v2:0';
  const titan: GatewayConfig = {
    providers: { bedrock: { kind: 'bedrock', regions: ['us-east-1', 'us-west-2'] } },
    models: { vectors: { targets: [{ provider: 'bedrock', model: TITAN }] } },
    budgets: { org: { monthly: '$10' } },
  };
  const reply = (vector: number[], tokens: number) => ({ embedding: vector, inputTextTokenCount: tokens });
  const replies = (...list: object[]): Script => ({ status: 200, body: JSON.stringify({ replies: list }) });

  test('a batch is one request with one hold, billed by the counts of all its calls', async () => {
    const story = await makeStory({ [TITAN]: [replies(reply([1, 0], 3), reply([0, 1], 4))] }, titan);
    const response = await embed(story, { input: ['one', 'two'], dimensions: 256 });
    // 256 were asked for and two came: no answer.
    expect(response.status).toBe(502);
    const fine = await embed(story, { input: ['one', 'two'] });
    expect(await fine.json()).toMatchObject({
      data: [{ embedding: [1, 0] }, { embedding: [0, 1] }],
      usage: { prompt_tokens: 7 },
    });
    expect(story.upstream.calls.at(-1)?.body).toEqual({
      calls: [
        { inputText: 'one', normalize: true },
        { inputText: 'two', normalize: true },
      ],
    });
    const [entry] = await story.entries();
    expect(entry).toMatchObject({ cost: 140n, inputTokens: 7 });
  });

  test('what was answered of a batch that failed half-way is billed, and so is the next region that does all of it', async () => {
    const half: Script = {
      status: 429,
      headers: { 'x-amzn-errortype': 'ThrottlingException' },
      body: JSON.stringify({ replies: [reply([1, 0], 3), null], error: '{"message":"Too many requests"}' }),
    };
    const story = await makeStory({ [TITAN]: [half, replies(reply([1, 0], 3), reply([0, 1], 4))] }, titan);
    const response = await embed(story, { input: ['one', 'two'] });
    expect(response.status).toBe(200);
    expect(response.headers.get('x-tollgate-model')).toBe(`bedrock/${TITAN}@us-west-2`);
    const [entry] = await story.entries();
    expect(entry?.receipt.attempts.map(({ failure, cost }) => [failure, cost])).toEqual([
      ['rate_limited', '60'],
      [undefined, '140'],
    ]);
    expect(entry?.cost).toBe(200n);
    expect(entry?.hold).toBeGreaterThanOrEqual(200n);
  });

  test.each([
    ['tokens', { input: [[1, 2]] }, 'no arrays of tokens'],
    ['more texts than there is time for', { input: Array.from({ length: 257 }, () => 'a') }, 'a batch of 257'],
    ['a length that it has not', { dimensions: 300 }, 'expected 256 or 512 or 1024'],
  ])('%s can’t be sent there', async (_, body, words) => {
    const story = await makeStory({ [TITAN]: [replies(reply([1], 1))] }, titan);
    const response = await embed(story, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining(words) } });
    expect(story.upstream.calls).toEqual([]);
  });
});

test('a vendor that tells no count is charged by the high estimate, and the receipt says so', async () => {
  const story = await makeStory(
    {
      'generativelanguage.googleapis.com': [
        { status: 200, body: JSON.stringify({ embeddings: [{ values: [1, 2] }] }) },
      ],
    },
    {
      providers: { google: { kind: 'gemini', apiKey: 'env:KEY' } },
      models: { vectors: { targets: [{ provider: 'google', model: 'gemini-embedding-001' }] } },
    },
  );
  story.ports.secrets = { read: async () => 'key' };
  const response = await embed(story, { input: 'some text' });
  expect(response.status).toBe(200);
  expect(story.upstream.calls[0]?.body).toEqual({
    requests: [{ model: 'models/gemini-embedding-001', content: { parts: [{ text: 'some text' }] } }],
  });
  const [entry] = await story.entries();
  expect(entry?.receipt.usageEstimated).toBe(true);
  expect(entry?.inputTokens).toBe(entry?.receipt.estimate.inputTokensHigh);
});
