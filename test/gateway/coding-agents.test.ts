/** What coding agents expect of a gateway on /v1/messages (code.claude.com/docs/en/llm-gateway-protocol). */
import Anthropic from '@anthropic-ai/sdk';
import { afterEach, describe, expect, test } from '@jest/globals';
import { answering, anthropicVendor, bedrockVendor, openaiVendor, startVendorGateway } from '../support/vendors.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const open = async (vendor: typeof anthropicVendor, behave = answering(vendor, { pieces: ['Hi'] })) => {
  const opened = await startVendorGateway(vendor, behave);
  cleanups.push(opened.stop);
  const { url, key } = opened.gateway;
  return { ...opened, url, key, client: new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 }) };
};

const hello = { model: 'assistant', max_tokens: 100, messages: [{ role: 'user' as const, content: 'Hello' }] };
const BETAS = ['claude-code-20250219', 'interleaved-thinking-2025-05-14', 'fine-grained-tool-streaming-2025-05-14'];

/** As Claude Code asks: bearer token, ?beta=true, its features and its own headers. */
const askAsAgent = ({ url, key }: { url: string; key: string }, body: object, headers: Record<string, string> = {}) =>
  fetch(`${url}/v1/messages?beta=true`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'anthropic-version': '2023-06-01',
      'anthropic-beta': BETAS.join(','),
      'x-claude-code-session-id': '6f1d',
      ...headers,
    },
    body: JSON.stringify({ ...hello, metadata: { user_id: '{"device_id":"d","session_id":"s"}' }, ...body }),
  });

describe('features asked for by header', () => {
  test('reach Anthropic as they came, with the beta fields of the body', async () => {
    const opened = await open(anthropicVendor);
    const context = { edits: [{ type: 'clear_tool_uses_20250919' }] };
    const response = await askAsAgent(opened, { context_management: context });
    expect(response.status).toBe(200);
    expect(response.headers.get('request-id')).toMatch(/^req_/);
    expect(response.headers.get('x-tollgate-dropped')).toBeNull();
    const [request] = opened.upstream.requests;
    expect(request?.headers['anthropic-beta']).toBe(BETAS.join(','));
    expect(request?.headers['anthropic-version']).toBe('2023-06-01');
    expect(request?.headers['x-claude-code-session-id']).toBeUndefined();
    expect(request?.body).toMatchObject({ context_management: context, metadata: { user_id: expect.any(String) } });
  });

  test('reach Claude on Bedrock inside the body, those that Bedrock takes; the others are told', async () => {
    const opened = await open({ ...bedrockVendor, model: 'us.anthropic.claude-sonnet-4-5-20250929-v1:0' });
    const response = await askAsAgent(opened, {});
    expect(response.status).toBe(200);
    expect(opened.upstream.requests[0]?.body).toMatchObject({
      additionalModelRequestFields: {
        anthropic_beta: ['interleaved-thinking-2025-05-14', 'fine-grained-tool-streaming-2025-05-14'],
      },
    });
    expect(response.headers.get('x-tollgate-dropped')).toContain('anthropic-beta: claude-code-20250219');
    expect(response.headers.get('x-tollgate-dropped')).not.toContain('interleaved');
  });

  test('are dropped where nobody knows them, and told', async () => {
    const opened = await open(openaiVendor);
    const response = await askAsAgent(opened, {});
    expect(response.status).toBe(200);
    expect(opened.upstream.requests[0]?.headers['anthropic-beta']).toBeUndefined();
    for (const beta of BETAS) expect(response.headers.get('x-tollgate-dropped')).toContain(`anthropic-beta: ${beta}`);
  });

  test('a longer context is not asked for where nothing says what it costs', async () => {
    const opened = await open(anthropicVendor);
    const response = await askAsAgent(opened, {}, { 'anthropic-beta': 'context-1m-2025-08-07, claude-code-20250219' });
    expect(opened.upstream.requests[0]?.headers['anthropic-beta']).toBe('claude-code-20250219');
    expect(response.headers.get('x-tollgate-dropped')).toBe('anthropic-beta: context-1m-2025-08-07');
  });

  test.each([
    ['fast mode', { speed: 'fast' }],
    ['tools that Anthropic runs', { tools: [{ type: 'code_execution_20250825', name: 'code_execution' }] }],
    ['servers of tools', { mcp_servers: [{ type: 'url', url: 'https://x', name: 'x' }] }],
    ['compaction', { context_management: { edits: [{ type: 'compact_20260112' }] } }],
    ['an adviser', { tools: [{ type: 'advisor_20260301', name: 'advisor' }] }],
  ])('%s, which costs more than the answer’s tokens, is refused where it has no price', async (_, body) => {
    const opened = await open(anthropicVendor);
    const response = await askAsAgent(opened, body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ type: 'error', error: { type: 'invalid_request_error' } });
    expect(opened.upstream.requests).toEqual([]);
  });

  test('what is no name of a feature can get into no header', async () => {
    const opened = await open(anthropicVendor);
    const response = await askAsAgent(opened, {}, { 'anthropic-beta': 'good-2025-01-01,bad name; x=1' });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining('anthropic-beta') } });
    expect(opened.upstream.requests).toEqual([]);
  });

  test('the SDK’s beta client works as it is', async () => {
    const { client, upstream } = await open(anthropicVendor);
    const answer = await client.beta.messages.create({ ...hello, betas: ['context-management-2025-06-27'] });
    expect(answer.content).toMatchObject([{ type: 'text', text: 'Hi' }]);
    expect(answer._request_id).toMatch(/^req_/);
    expect(upstream.requests[0]?.headers['anthropic-beta']).toBe('context-management-2025-06-27');
  });
});

describe('a conversation that is too long is told in the words by which agents know to shorten it,', () => {
  test('where no target could take it', async () => {
    const opened = await open(anthropicVendor);
    const response = await askAsAgent(opened, { messages: [{ role: 'user', content: 'word '.repeat(200_000) }] });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { type: 'invalid_request_error', message: expect.stringMatching(/^prompt is too long: .*context/) },
    });
    expect(opened.upstream.requests).toEqual([]);
  });

  test.each([
    ['Anthropic', anthropicVendor, 'prompt is too long: 208310 tokens > 200000 maximum'],
    ['OpenAI', openaiVendor, "This model's maximum context length is 128000 tokens."],
  ])('where %s says so', async (_, vendor, words) => {
    const { headers, body } = vendor.error(400, words);
    const opened = await open(vendor, (_, response) => {
      response.writeHead(400, { 'content-type': 'application/json', ...headers });
      response.end(body);
    });
    const response = await askAsAgent(opened, {});
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { message: string } };
    expect(error.message).toContain(words);
    expect(error.message.match(/prompt is too long/g)).toHaveLength(1);
  });
});

describe('before the first request', () => {
  test.each(['HEAD', 'GET'])(
    'a knock at the door (%s /) is told that nothing is there, and does no harm',
    async (method) => {
      const { url, upstream } = await open(anthropicVendor);
      const response = await fetch(url, { method, headers: { 'anthropic-version': '2023-06-01' } });
      expect(response.status).toBe(404);
      expect(response.headers.get('x-should-retry')).toBe('false');
      expect(upstream.requests).toEqual([]);
    },
  );

  test('the model list has Anthropic’s shape, and its pages', async () => {
    const { client, url, key } = await open(anthropicVendor);
    const all: string[] = [];
    for await (const model of client.models.list({ limit: 1 })) all.push(model.id);
    expect(all).toEqual(['assistant', 'other']);
    const get = async (query: string) => {
      const response = await fetch(`${url}/v1/models${query}`, {
        headers: { 'x-api-key': key, 'anthropic-version': '2023-06-01' },
      });
      return { status: response.status, body: await response.json() };
    };
    expect(await get('?limit=1')).toMatchObject({
      status: 200,
      body: { has_more: true, first_id: 'assistant', last_id: 'assistant', data: [{ type: 'model', id: 'assistant' }] },
    });
    expect((await get('?after_id=assistant')).body).toMatchObject({ has_more: false, data: [{ id: 'other' }] });
    expect((await get('?before_id=other&limit=5')).body).toMatchObject({
      has_more: false,
      data: [{ id: 'assistant' }],
    });
    expect((await get('?after_id=other')).body).toEqual({ has_more: false, first_id: null, last_id: null, data: [] });
    for (const query of ['?limit=0', '?limit=1001', '?limit=x', '?after_id=nobody', '?after_id=other&before_id=other'])
      expect(await get(query)).toMatchObject({
        status: 400,
        body: { type: 'error', error: { type: 'invalid_request_error' } },
      });
  });
});
