/** `POST /v1/messages/count_tokens` by the official `@anthropic-ai/sdk`, against the whole gateway. */
import Anthropic from '@anthropic-ai/sdk';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { type Behaviour, startUpstream } from '../support/fault-upstream.ts';
import { startGateway } from '../support/start-gateway.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const CLAUDE = 'claude-haiku-4-5-20251001';

const open = async (behave: Behaviour, more: Partial<GatewayConfig> = {}) => {
  const upstream = await startUpstream(behave);
  cleanups.push(upstream.stop);
  const origin = upstream.baseUrl.replace(/\/v1$/, '');
  const gateway = await startGateway(
    {
      providers: {
        anthropic: { kind: 'anthropic', apiKey: 'env:KEY', baseUrl: origin },
        bedrock: { kind: 'bedrock', regions: ['us-east-1'], apiKey: 'env:KEY', baseUrl: origin },
        demo: { kind: 'simulator' },
      },
      models: {
        assistant: {
          targets: [
            { provider: 'demo', model: 'echo' },
            { provider: 'anthropic', model: CLAUDE },
          ],
        },
        bedrock: { targets: [{ provider: 'bedrock', model: `us.anthropic.${CLAUDE}-v1:0` }] },
        demo: { targets: [{ provider: 'demo', model: 'echo' }] },
      },
      budgets: { org: { monthly: '$1' } },
      ...more,
    },
    { env: { KEY: 'provider-key' } },
  );
  cleanups.push(gateway.stop);
  const client = new Anthropic({ baseURL: gateway.url, apiKey: gateway.key, maxRetries: 0 });
  return { upstream, gateway, client };
};

const json =
  (status: number, body: object): Behaviour =>
  (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };

const hello = { messages: [{ role: 'user' as const, content: 'Hello, how are you?' }] };

describe('where the vendor counts', () => {
  test('its count is the answer, of the body as the client wrote it, with nothing that a count has not', async () => {
    const { client, upstream } = await open(
      json(200, { input_tokens: 42, context_management: { original_input_tokens: 50 } }),
    );
    const { data, response } = await client.messages
      .countTokens({
        ...hello,
        model: 'assistant',
        system: 'Be brief.',
        tools: [{ name: 'f', input_schema: { type: 'object' } }],
        thinking: { type: 'enabled', budget_tokens: 5_000 },
        betas: [],
        max_tokens: 10,
        metadata: { user_id: 'ada' },
      } as never)
      .withResponse();
    expect(data).toEqual({ input_tokens: 42, context_management: { original_input_tokens: 50 } });
    expect(response.headers.get('x-tollgate-token-count')).toBe('provider');
    expect(response.headers.get('x-tollgate-model')).toBe(`anthropic/${CLAUDE}`);
    expect(response.headers.get('request-id')).toMatch(/^req_/);
    expect(upstream.requests).toMatchObject([
      {
        path: '/v1/messages/count_tokens',
        headers: { 'x-api-key': 'provider-key', 'anthropic-version': '2023-06-01' },
      },
    ]);
    expect(upstream.requests[0]?.body).toEqual({
      ...hello,
      model: CLAUDE,
      system: 'Be brief.',
      tools: [{ name: 'f', input_schema: { type: 'object' } }],
      thinking: { type: 'enabled', budget_tokens: 5_000 },
    });
  });

  test('it costs nothing and leaves no entry', async () => {
    const { client, gateway } = await open(json(200, { input_tokens: 42 }), {
      budgets: { org: { monthly: '$0.000001' } },
    });
    await expect(client.messages.countTokens({ ...hello, model: 'assistant' })).resolves.toEqual({ input_tokens: 42 });
    expect(await gateway.gateway.ports.ledger.tail({ limit: 10 })).toEqual([]);
  });

  test('the beta client’s features go along', async () => {
    const { client, upstream } = await open(json(200, { input_tokens: 1 }));
    await client.beta.messages.countTokens({ ...hello, model: 'assistant', betas: ['context-management-2025-06-27'] });
    expect(upstream.requests[0]?.headers['anthropic-beta']).toContain('context-management-2025-06-27');
  });

  test('on Bedrock a Claude is asked by its own id, in Converse’s words', async () => {
    const { client, upstream } = await open(json(200, { inputTokens: 17 }));
    await expect(client.messages.countTokens({ ...hello, model: 'bedrock' })).resolves.toEqual({ input_tokens: 17 });
    expect(decodeURIComponent(upstream.requests[0]?.path ?? '')).toBe(`/model/anthropic.${CLAUDE}-v1:0/count-tokens`);
    expect(upstream.requests[0]?.body).toEqual({
      input: { converse: { messages: [{ role: 'user', content: [{ text: 'Hello, how are you?' }] }] } },
    });
  });

  test('what it refuses as the client’s mistake is told in its own words', async () => {
    const error = { type: 'error', error: { type: 'invalid_request_error', message: 'messages.0: nonsense' } };
    const { client } = await open(json(400, error));
    const failure = await client.messages
      .countTokens({ ...hello, model: 'assistant' })
      .catch((thrown: unknown) => thrown);
    expect(failure).toBeInstanceOf(Anthropic.BadRequestError);
    expect(String(failure)).toContain('messages.0: nonsense');
  });
});

describe('Tollgate’s own estimate, and the reply says so,', () => {
  test.each([
    ['of a model that nobody counts for', 'demo', json(200, {})],
    ['where the vendor is down', 'assistant', json(500, {})],
    ['where its key is turned down', 'assistant', json(401, {})],
    ['where it says nonsense', 'assistant', json(200, { input_tokens: -1 })],
    ['where it says nothing', 'assistant', (_, response) => response.destroy()],
  ] as [string, string, Behaviour][])('%s', async (_, model, behave) => {
    const { client } = await open(behave);
    const { data, response } = await client.messages.countTokens({ ...hello, model }).withResponse();
    expect(response.headers.get('x-tollgate-token-count')).toBe('estimate');
    expect(response.headers.get('x-tollgate-model')).toBeNull();
    // "Hello, how are you?" is 6 tokens; with what stands around it, and high.
    expect(data.input_tokens).toBeGreaterThan(6);
    expect(data.input_tokens).toBeLessThan(200);
  });
});

describe('before anybody is asked', () => {
  test('the key, the model and the body are checked as for an answer, in Anthropic’s shapes', async () => {
    const { client, gateway, upstream } = await open(json(200, { input_tokens: 1 }));
    const wrongKey = new Anthropic({ baseURL: gateway.url, apiKey: 'nonsense', maxRetries: 0 });
    await expect(wrongKey.messages.countTokens({ ...hello, model: 'demo' })).rejects.toBeInstanceOf(
      Anthropic.AuthenticationError,
    );
    await expect(client.messages.countTokens({ ...hello, model: 'nothing' })).rejects.toBeInstanceOf(
      Anthropic.NotFoundError,
    );
    await expect(client.messages.countTokens({ messages: 5 as never, model: 'demo' })).rejects.toMatchObject({
      status: 400,
      error: { type: 'error', error: { type: 'invalid_request_error' } },
    });
    expect(upstream.requests).toEqual([]);
  });

  test('it counts as a request to the rate limits, and is under way no longer than it takes', async () => {
    const { client } = await open(json(200, { input_tokens: 1 }), {
      limits: { perKey: { requestsPerMinute: 3, tokensPerMinute: 10, concurrent: 1 } },
    });
    for (let turn = 0; turn < 3; turn++) await client.messages.countTokens({ ...hello, model: 'assistant' });
    await expect(client.messages.countTokens({ ...hello, model: 'assistant' })).rejects.toBeInstanceOf(
      Anthropic.RateLimitError,
    );
  });
});
