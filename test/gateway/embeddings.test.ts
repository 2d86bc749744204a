/** `POST /v1/embeddings` by the official `openai` package, against the whole gateway. */
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { afterEach, describe, expect, test } from '@jest/globals';
import { OpenAIEmbeddings } from '@langchain/openai';
import { embedMany } from 'ai';
import OpenAI from 'openai';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { type Behaviour, startUpstream } from '../support/fault-upstream.ts';
import {
  describeRecordings,
  recordedBody,
  recordedRequest,
  recordedResponse,
  recordingOf,
} from '../support/recordings.ts';
import { startGateway } from '../support/start-gateway.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const open = async (config: GatewayConfig, env: Record<string, string> = {}) => {
  const gateway = await startGateway(config, { env });
  cleanups.push(gateway.stop);
  const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
  return { gateway, client };
};

const SIMULATED: GatewayConfig = {
  providers: { demo: { kind: 'simulator' } },
  models: {
    vectors: {
      targets: [
        { provider: 'demo', model: 'fail-503+embed-64' },
        { provider: 'demo', model: 'embed-64' },
      ],
    },
    words: { targets: [{ provider: 'demo', model: 'echo' }] },
  },
};

const openVendor = async (behave: Behaviour) => {
  const upstream = await startUpstream(behave);
  cleanups.push(upstream.stop);
  const config: GatewayConfig = {
    providers: { openai: { kind: 'openai', apiKey: 'env:KEY', baseUrl: upstream.baseUrl } },
    models: { vectors: { targets: [{ provider: 'openai', model: 'text-embedding-3-small' }] } },
  };
  return { upstream, ...(await open(config, { KEY: 'sk-vendor' })) };
};

describe('with the simulator', () => {
  test('the SDK’s own way (base64 on the wire) and plain numbers give the same vectors, over a failed target', async () => {
    const { gateway, client } = await open(SIMULATED);
    const decoded = await client.embeddings.create({ model: 'vectors', input: ['Hello', 'world'] });
    const plain = await client.embeddings.create({
      model: 'vectors',
      input: ['Hello', 'world'],
      encoding_format: 'float',
    });
    expect(decoded.data.map(({ index, embedding }) => [index, [...embedding]])).toEqual(
      plain.data.map(({ index, embedding }) => [index, embedding]),
    );
    expect(plain.data.map(({ embedding }) => embedding.length)).toEqual([64, 64]);
    expect(plain).toMatchObject({ object: 'list', model: 'vectors', usage: { prompt_tokens: 2, total_tokens: 2 } });
    await gateway.gateway.whenIdle();
    const entries = await gateway.gateway.ports.ledger.tail({ limit: 10 });
    const billed = entries.reduce((sum, { inputTokens }) => sum + inputTokens, 0);
    expect(billed).toBe(gateway.gateway.meter.totals().inputTokens);
    expect(billed).toBe(4);
  });

  test('fewer dimensions, tokens, and a batch', async () => {
    const { client } = await open(SIMULATED);
    const short = await client.embeddings.create({ model: 'vectors', input: [[1, 2, 3], [4]], dimensions: 8 });
    expect(short.data.map(({ embedding }) => embedding.length)).toEqual([8, 8]);
    expect(short.usage.prompt_tokens).toBe(4);
    const batch = await client.embeddings.create({
      model: 'vectors',
      input: Array.from({ length: 2_048 }, (_, index) => `text ${index}`),
      dimensions: 4,
    });
    expect(batch.data).toHaveLength(2_048);
    expect(new Set(batch.data.map(({ embedding }) => embedding.join())).size).toBe(2_048);
  });

  test('a quote says what a batch would cost, and that no answer in words comes with it', async () => {
    const { gateway } = await open(SIMULATED);
    const ask = await fetch(`${gateway.url}/v1/quote`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'vectors', input: ['Hello', 'world'] }),
    });
    expect(await ask.json()).toMatchObject({
      object: 'quote',
      admitted: true,
      route: ['demo/fail-503+embed-64', 'demo/embed-64'],
      output_limit: { tokens: 0 },
    });
    expect(gateway.gateway.meter.totals().calls).toBe(0);
  });

  test('errors are the SDK’s own classes', async () => {
    const { gateway, client } = await open(SIMULATED);
    const wrongKey = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'nonsense', maxRetries: 0 });
    await expect(wrongKey.embeddings.create({ model: 'vectors', input: 'a' })).rejects.toBeInstanceOf(
      OpenAI.AuthenticationError,
    );
    await expect(client.embeddings.create({ model: 'nothing', input: 'a' })).rejects.toBeInstanceOf(
      OpenAI.NotFoundError,
    );
    await expect(client.embeddings.create({ model: 'words', input: 'a' })).rejects.toMatchObject({
      status: 400,
      code: 'unsupported_feature',
    });
    await expect(client.embeddings.create({ model: 'vectors', input: 'a', dimensions: 65 })).rejects.toMatchObject({
      status: 400,
      code: 'unsupported_feature',
    });
    await expect(client.embeddings.create({ model: 'vectors', input: '' })).rejects.toMatchObject({
      status: 400,
      param: 'input',
    });
  });

  test('a budget admits no more than it has room for, however many come at once, and is never overrun', async () => {
    const { gateway, client } = await open({
      ...SIMULATED,
      models: {
        vectors: {
          targets: [
            { provider: 'demo', model: 'slow-20+embed-8', price: { inputPerMTok: '1000', outputPerMTok: '0' } },
          ],
        },
      },
      budgets: { org: { monthly: '$0.5' } },
    });
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, () => client.embeddings.create({ model: 'vectors', input: 'ten words '.repeat(5) })),
    );
    const answered = results.filter(({ status }) => status === 'fulfilled').length;
    await gateway.gateway.whenIdle();
    const month = new Date(gateway.gateway.ports.clock.now()).toISOString().slice(0, 7);
    const [org] = await gateway.gateway.ports.ledger.figures([`org#default#${month}`]);
    expect(answered).toBeGreaterThan(0);
    expect(answered).toBeLessThan(40);
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ status: 429, code: 'budget_exceeded' });
    expect(org).toMatchObject({ held: 0n, spent: BigInt(answered) * 10_000_000n });
  });
});

describe('with a vendor', () => {
  test('its error keeps its status and words, and no key', async () => {
    const { client } = await openVendor((_, response) => {
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          error: { message: 'Bad input for sk-vendor', type: 'invalid_request_error', param: null, code: null },
        }),
      );
    });
    const failure = await client.embeddings.create({ model: 'vectors', input: 'a' }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ status: 400, message: expect.stringContaining('Bad input') });
    expect(String(failure)).not.toContain('sk-vendor');
  });

  test('a client that hangs up stops the call', async () => {
    const { client, upstream } = await openVendor(() => undefined);
    const stop = new AbortController();
    const asked = client.embeddings.create({ model: 'vectors', input: 'a' }, { signal: stop.signal });
    while (upstream.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort();
    await expect(asked).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
    await upstream.requests[0]?.closed;
  });
});

describe('by other clients', () => {
  test('LangChain’s embeddings', async () => {
    const { gateway } = await open(SIMULATED);
    const client = new OpenAIEmbeddings({
      model: 'vectors',
      apiKey: gateway.key,
      dimensions: 16,
      batchSize: 2,
      maxRetries: 0,
      configuration: { baseURL: `${gateway.url}/v1` },
    });
    const vectors = await client.embedDocuments(['one', 'two', 'three']);
    expect(vectors.map((vector) => vector.length)).toEqual([16, 16, 16]);
    expect(await client.embedQuery('two')).toEqual(vectors[1]);
  });

  test('the Vercel AI SDK’s embedMany', async () => {
    const { gateway } = await open(SIMULATED);
    const provider = createOpenAICompatible({ name: 'tollgate', baseURL: `${gateway.url}/v1`, apiKey: gateway.key });
    const { embeddings, usage } = await embedMany({
      model: provider.embeddingModel('vectors'),
      values: ['one', 'two words'],
      maxRetries: 0,
    });
    expect(embeddings.map((vector) => vector.length)).toEqual([64, 64]);
    expect(usage.tokens).toBe(3);
  });
});

describe('by Titan, through the real AWS SDK', () => {
  test('a batch comes back in its order, is billed once, and a text that fails fails the batch', async () => {
    const upstream = await startUpstream((request, response) => {
      const text = String(request.body['inputText']);
      const isWrong = text === 'wrong';
      response.writeHead(isWrong ? 400 : 200, {
        'content-type': 'application/json',
        ...(isWrong && { 'x-amzn-errortype': 'ValidationException' }),
      });
      response.end(
        JSON.stringify(
          isWrong ? { message: 'Malformed input' } : { embedding: [text.length, 1], inputTextTokenCount: text.length },
        ),
      );
    });
    cleanups.push(upstream.stop);
    const { gateway, client } = await open(
      {
        providers: {
          bedrock: {
            kind: 'bedrock',
            regions: ['us-east-1'],
            apiKey: 'env:KEY',
            baseUrl: upstream.baseUrl.replace(/\/v1$/, ''),
          },
        },
        models: { vectors: { targets: [{ provider: 'bedrock', model: 'amazon.titan-embed-text-v2:0' }] } },
      },
      { KEY: 'bedrock-key' },
    );
    const texts = Array.from({ length: 20 }, (_, index) => 'x'.repeat(index + 1));
    const answer = await client.embeddings.create({ model: 'vectors', input: texts });
    expect(answer.data.map(({ embedding }) => embedding[0])).toEqual(texts.map(({ length }) => length));
    expect(answer.usage.prompt_tokens).toBe(210);
    expect(upstream.requests).toHaveLength(20);
    expect(upstream.requests[0]?.headers.authorization).toBe('Bearer bedrock-key');
    await gateway.gateway.whenIdle();
    const [entry] = await gateway.gateway.ports.ledger.tail({ limit: 1 });
    // 210 tokens at $0.02 a million.
    expect(entry).toMatchObject({ cost: 4_200n, inputTokens: 210 });

    await expect(client.embeddings.create({ model: 'vectors', input: ['a', 'wrong'] })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('Malformed input'),
    });
    await gateway.gateway.whenIdle();
    const [failed] = await gateway.gateway.ports.ledger.tail({ limit: 1 });
    expect(failed?.cost).toBe(20n);
  });
});

describeRecordings('OpenAI’s recorded exchange, over HTTP', () => {
  test('what leaves is what was recorded, and what comes back loses nothing', async () => {
    const recording = recordingOf('oa-emb-b64');
    const { client, upstream, gateway } = await openVendor((_, response) => {
      response.writeHead(recording.response.status, recording.response.headers);
      response.end(recordedResponse(recording));
    });
    const answer = await client.embeddings.create({ model: 'vectors', input: ['Hello, world!'] });
    expect(upstream.requests[0]?.path).toBe('/v1/embeddings');
    expect(upstream.requests[0]?.headers.authorization).toBe('Bearer sk-vendor');
    expect(upstream.requests[0]?.body).toEqual(recordedRequest(recording));
    const { data, usage } = recordedBody(recording) as unknown as { data: { embedding: string }[]; usage: object };
    const bytes = Uint8Array.from(Buffer.from(data[0]?.embedding ?? '', 'base64'));
    expect([...(answer.data[0]?.embedding ?? [])]).toEqual([...new Float32Array(bytes.buffer)]);
    expect(answer.usage).toEqual(usage);
    await gateway.gateway.whenIdle();
    const [entry] = await gateway.gateway.ports.ledger.tail({ limit: 1 });
    // 4 tokens at $0.02 a million.
    expect(entry).toMatchObject({ cost: 80n, inputTokens: 4, outputTokens: 0 });
  });
});
