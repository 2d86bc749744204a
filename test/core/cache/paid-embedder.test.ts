import { afterEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../lambdas/adapters/system/clock.ts';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';
import { checkConfig } from '../../../lambdas/contract/check-config.ts';
import { problemText } from '../../../lambdas/contract/config-problem.ts';
import { type Embedder, EmbedderUnavailable } from '../../../lambdas/core/cache/embedder.ts';
import { embeddingCeiling, embeddingCost, embeddingTokensHigh } from '../../../lambdas/core/cache/embedding-cost.ts';
import { makePaidEmbedder } from '../../../lambdas/core/cache/paid-embedder.ts';
import type { Log, SecretStore } from '../../../lambdas/core/ports.ts';
import type { Target } from '../../../lambdas/core/target.ts';
import { loadCodecs, loadSurface, withLateDialects } from '../../../lambdas/wiring/codecs.ts';
import { openEmbedder } from '../../../lambdas/wiring/open-embedder.ts';
import { openLocalUpstream } from '../../../lambdas/wiring/open-local-upstream.ts';
import { type Behaviour, type FaultUpstream, failWith, startUpstream } from '../../support/fault-upstream.ts';

const KEY = 'key-4711';
const TEXT = 'How do I reset my password?';
const log = { debug() {}, info() {}, warn() {}, error() {} };

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Vendor = 'own' | 'titan' | 'gemini';
const VENDORS: Record<
  Vendor,
  { provider: (baseUrl: string) => object; embedder: object; answer: (vector: unknown, tokens?: number) => object }
> = {
  own: {
    provider: (baseUrl) => ({ kind: 'openai-compatible', baseUrl, apiKey: 'env:KEY' }),
    embedder: { model: 'bge', dimensions: 3, contextTokens: 512, price: { inputPerMTok: '0.02', outputPerMTok: 0 } },
    answer: (embedding, tokens) => ({
      object: 'list',
      data: [{ object: 'embedding', index: 0, embedding }],
      model: 'bge',
      ...(tokens !== undefined && { usage: { prompt_tokens: tokens, total_tokens: tokens } }),
    }),
  },
  titan: {
    provider: (baseUrl) => ({
      kind: 'bedrock',
      regions: ['us-east-1', 'us-west-2'],
      apiKey: 'env:KEY',
      baseUrl: new URL(baseUrl).origin,
    }),
    embedder: { model: 'amazon.titan-embed-text-v2:0', dimensions: 256 },
    answer: (embedding, inputTextTokenCount) => ({ embedding, inputTextTokenCount }),
  },
  gemini: {
    provider: (baseUrl) => ({ kind: 'gemini', apiKey: 'env:KEY', baseUrl: new URL(baseUrl).origin }),
    embedder: { model: 'gemini-embedding-001', dimensions: 128 },
    answer: (values) => ({ embeddings: [{ values }] }),
  },
};

const open = async (
  vendor: Vendor,
  behave: Behaviour,
  more: object = {},
  heard: Log = log,
): Promise<{ embedder: Embedder; target: Target; upstream: FaultUpstream }> => {
  const upstream = await startUpstream(behave);
  closers.push(() => upstream.stop());
  const { provider, embedder } = VENDORS[vendor];
  const checked = checkConfig({
    providers: { vendor: provider(upstream.baseUrl), demo: { kind: 'simulator' } },
    models: { demo: { targets: [{ provider: 'demo', model: 'echo' }] } },
    semanticCache: { embedder: { provider: 'vendor', ...embedder, ...more } },
  });
  if (!checked.ok) throw new Error(checked.problems.map(problemText).join());
  const opened = await openEmbedder(checked.config, { env: { KEY }, log: heard });
  if (!opened.ok) throw new Error(JSON.stringify(opened));
  closers.push(opened.close);
  const { target } = opened.embedder;
  if (target === undefined) throw new Error('it costs nothing');
  return { embedder: opened.embedder, target, upstream };
};

const reply =
  (body: unknown, type = 'application/json'): Behaviour =>
  (_request, response) => {
    response.writeHead(200, { 'content-type': type }).end(typeof body === 'string' ? body : JSON.stringify(body));
  };
const answering = (vendor: Vendor, vector: unknown, tokens?: number): Behaviour =>
  reply(VENDORS[vendor].answer(vector, tokens));

const failureOf = async (embedding: Promise<unknown>): Promise<EmbedderUnavailable> => {
  const error = await embedding.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof EmbedderUnavailable)) throw new Error(`expected EmbedderUnavailable, got ${String(error)}`);
  return error;
};

/** Points into every direction a bit. */
const long = (dimensions: number): number[] => Array.from({ length: dimensions }, (_, index) => index + 1);
const lengthOf = (vector: Float32Array): number => Math.hypot(...vector);

describe('a vector', () => {
  test('of an OpenAI-compatible server is of length 1, with the tokens that it counted', async () => {
    const { embedder, upstream } = await open('own', answering('own', [3, 0, 4], 7));
    const embedded = await embedder.embed(TEXT);
    expect(embedded).toEqual({ kind: 'vector', vector: Float32Array.from([0.6, 0, 0.8]), inputTokens: 7 });
    expect(embedder).toMatchObject({ name: 'vendor/bge@3/1', dimensions: 3 });
    const [{ path, body, headers }] = upstream.requests as [FaultUpstream['requests'][number]];
    expect(path).toBe('/v1/embeddings');
    // Servers of one length refuse to be asked for one.
    expect(body).toEqual({ model: 'bge', input: [TEXT], encoding_format: 'float' });
    expect(headers.authorization).toBe(`Bearer ${KEY}`);
  });

  test('may come in base64', async () => {
    const base64 = Buffer.from(Float32Array.from([0, 2, 0]).buffer).toString('base64');
    const { embedder } = await open('own', answering('own', base64, 7));
    expect(await embedder.embed(TEXT)).toMatchObject({ vector: Float32Array.from([0, 1, 0]) });
  });

  test('of Titan is asked for in the length that is configured, in the first region', async () => {
    const { embedder, target, upstream } = await open('titan', answering('titan', long(256), 9));
    const embedded = await embedder.embed(TEXT);
    if (embedded.kind !== 'vector') throw new Error(embedded.kind);
    expect(lengthOf(embedded.vector)).toBeCloseTo(1, 6);
    expect(embedded.inputTokens).toBe(9);
    expect(embedder.name).toBe('vendor/amazon.titan-embed-text-v2:0@256/1');
    expect(target.region).toBe('us-east-1');
    expect(upstream.requests[0]).toMatchObject({
      path: '/model/amazon.titan-embed-text-v2%3A0/invoke',
      body: { inputText: TEXT, dimensions: 256, normalize: true },
    });
  });

  test('of Gemini, which counts nothing, is paid for as its text can count at most', async () => {
    const { embedder, target } = await open('gemini', answering('gemini', long(128)));
    const embedded = await embedder.embed(TEXT);
    if (embedded.kind !== 'vector') throw new Error(embedded.kind);
    expect(lengthOf(embedded.vector)).toBeCloseTo(1, 6);
    expect(embedded.inputTokens).toBe(embeddingTokensHigh(TEXT, target));
  });

  test.each([0, -3, 1.5, 2e9, 1e18, null])('a count of %s is none', async (tokens) => {
    const { embedder, target } = await open(
      'own',
      reply({ ...VENDORS.own.answer([1, 0, 0]), usage: { prompt_tokens: tokens } }),
    );
    expect(await embedder.embed(TEXT)).toMatchObject({ inputTokens: embeddingTokensHigh(TEXT, target) });
  });

  test('a count a few times the estimate is the vendor’s; one that no text of these words can have is none, and is told', async () => {
    const errors: object[] = [];
    const noting = { ...log, error: (_: string, fields?: object) => void errors.push(fields ?? {}) };
    const { target } = await open('own', answering('own', [1, 0, 0], 7));
    const most = embeddingTokensHigh(TEXT, target);
    const countOf = async (tokens: number) => {
      const { embedder } = await open('own', answering('own', [1, 0, 0], tokens), {}, noting);
      const embedded = await embedder.embed(TEXT);
      return embedded.kind === 'vector' ? embedded.inputTokens : undefined;
    };
    expect(await countOf(8 * most)).toBe(8 * most);
    expect(errors).toEqual([]);
    for (const counted of [8 * most + 1, 1_000_000_000]) {
      expect(await countOf(counted)).toBe(most);
      expect(errors.splice(0)).toEqual([{ target: 'vendor/bge', counted_tokens: counted, charged_tokens: most }]);
    }
    // Also where no vector came with it.
    const { embedder } = await open('own', answering('own', [1, 0], 1_000_000_000));
    expect((await failureOf(embedder.embed(TEXT))).inputTokens).toBe(most);
  });

  test('is not asked for where the text has nothing in it, or could be longer than the model reads', async () => {
    const { embedder, target, upstream } = await open('own', answering('own', [1, 0, 0], 7));
    expect(await embedder.embed(' \n')).toEqual({ kind: 'unreadable', why: 'empty' });
    let words = '';
    while (embeddingTokensHigh(words, target) <= 512) words += 'word ';
    expect(await embedder.embed(words)).toEqual({ kind: 'unreadable', why: 'too-long' });
    expect(upstream.requests).toEqual([]);
  });
});

describe('no vector', () => {
  const UNBILLED = 0;
  const MOST = 'all';
  test.each<[string, Behaviour, typeof UNBILLED | typeof MOST]>([
    ['429', failWith(429, { 'retry-after': '1' }), UNBILLED],
    ['500', failWith(500), UNBILLED],
    ['401', failWith(401), UNBILLED],
    ['a page', reply('<html>no</html>', 'text/html'), MOST],
    ['a vector of another length', answering('own', [1, 0], 7), 7 as never],
    ['NaN', reply('{"data":[{"index":0,"embedding":[1,NaN,0]}]}'), MOST],
    ['what no float can hold', answering('own', [1e300, 0, 0]), MOST],
    ['a vector that points nowhere', answering('own', [0, 0, 0], 7), 7 as never],
    [
      'two vectors',
      reply({
        data: [
          { index: 0, embedding: [1, 0, 0] },
          { index: 1, embedding: [0, 1, 0] },
        ],
      }),
      MOST,
    ],
    ['none', reply({ data: [] }), MOST],
    ['a connection that ends', (_request, response) => void response.destroy(), MOST],
    [
      'half an answer',
      (_request, response) =>
        void response.writeHead(200, { 'content-length': '999' }).write('{"data"', () => response.destroy()),
      MOST,
    ],
  ])('comes of %s', async (_what, behave, billed) => {
    const { embedder, target } = await open('own', behave);
    const error = await failureOf(embedder.embed(TEXT));
    expect(error.inputTokens).toBe(billed === MOST ? embeddingTokensHigh(TEXT, target) : billed);
    expect(error.message).not.toContain(KEY);
  });

  test.each([
    ['500', failWith(500), UNBILLED],
    ['a vector of another length', answering('titan', long(255), 9), 9],
  ])('comes of %s of Titan', async (_what, behave, billed) => {
    const { embedder } = await open('titan', behave);
    expect((await failureOf(embedder.embed(TEXT))).inputTokens).toBe(billed);
  });

  test('comes of a server that nobody listens at, and nothing is billed', async () => {
    const { embedder, upstream } = await open('own', answering('own', [1, 0, 0], 7));
    closers.splice(closers.length - 2, 1);
    await upstream.stop();
    expect((await failureOf(embedder.embed(TEXT))).inputTokens).toBe(0);
  });

  test('is waited for once whoever asks has given up, though the vendor may bill it', async () => {
    const gone = new AbortController();
    const { embedder, target, upstream } = await open('own', () => gone.abort());
    const error = await failureOf(embedder.embed(TEXT, gone.signal));
    expect(error.inputTokens).toBe(embeddingTokensHigh(TEXT, target));
    await upstream.requests[0]?.closed;
  });

  test('is asked for of a vendor by whoever has given up before', async () => {
    const { embedder, upstream } = await open('own', answering('own', [1, 0, 0], 7));
    expect((await failureOf(embedder.embed(TEXT, AbortSignal.abort()))).inputTokens).toBe(0);
    expect(upstream.requests).toEqual([]);
  });

  test('is too long where the vendor finds it so', async () => {
    const { embedder } = await open('own', (_request, response) => {
      const error = {
        message: 'maximum context length is 8',
        type: 'invalid_request_error',
        code: 'context_length_exceeded',
      };
      response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
    });
    expect(await embedder.embed(TEXT)).toEqual({ kind: 'unreadable', why: 'too-long' });
  });

  test('a vendor’s words about the text stay out of the message', async () => {
    const { embedder } = await open('own', (_request, response) => {
      response
        .writeHead(500, { 'content-type': 'application/json' })
        .end(JSON.stringify({ error: { message: `can't read "${TEXT}"` } }));
    });
    expect((await failureOf(embedder.embed(TEXT))).message).toBe('vendor/bge made no vector: server_error (500).');
  });
});

test('a key that was turned down is read anew for the next text', async () => {
  const { target } = await open('own', answering('own', [1, 0, 0], 7));
  let key = 'old';
  const upstream = await startUpstream((request, response) =>
    request.headers.authorization === 'Bearer new'
      ? answering('own', [1, 0, 0], 7)(request, response)
      : failWith(401)(request, response),
  );
  closers.push(() => upstream.stop());
  const secrets: SecretStore = {
    read: async (_reference, options) => {
      if (options?.refresh) key = 'new';
      return key;
    },
  };
  const codecs = await loadCodecs(['openai-compatible']);
  const local = openLocalUpstream();
  closers.push(() => local.closeUpstream());
  const moved: Target = { ...target, provider: { ...target.provider, baseUrl: upstream.baseUrl } };
  const embedder = makePaidEmbedder(moved, 3, await loadSurface('openai-embeddings'), {
    clock: systemClock,
    random: systemRandom,
    secrets,
    upstream: local.upstream,
    log,
    ...codecs,
    dialects: await withLateDialects(codecs.dialects, { aliases: new Map(), semanticCache: { embedder: moved } }),
  });
  await failureOf(embedder.embed(TEXT));
  expect(await embedder.embed(TEXT)).toMatchObject({ kind: 'vector' });
});

describe('what it costs', () => {
  test('is the tokens at their price, rounded up once, and each call’s fee', async () => {
    const { target } = await open('own', answering('own', [1, 0, 0]), {
      price: { inputPerMTok: '0.0000013', outputPerMTok: 0 },
    });
    expect(embeddingCost(target, 1)).toBe(1n);
    expect(embeddingCost(target, 2_000_000)).toBe(2_600n);
    expect(embeddingCost({ price: { ...target.price, fees: { ...target.price.fees, call: 5n } } }, 1)).toBe(6n);
    expect(embeddingCost({ price: { ...target.price, fees: { ...target.price.fees, call: 5n } } }, 0)).toBe(0n);
  });

  test('is never above what was held, for as many tokens as the text can count', async () => {
    const { target } = await open('own', answering('own', [1, 0, 0]));
    const held = embeddingCeiling(TEXT, target);
    expect(embeddingCost(target, embeddingTokensHigh(TEXT, target))).toBeLessThanOrEqual(held);
    expect(held).toBeGreaterThan(0n);
  });
});
