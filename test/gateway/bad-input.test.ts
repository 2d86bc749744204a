import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { KeyRecord } from '../../lambdas/core/authenticate/access-store.ts';
import { StoreUnavailable } from '../../lambdas/core/ports.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({
    providers: { demo: { kind: 'simulator' } },
    models: {
      demo: { targets: [{ provider: 'demo', model: 'echo' }] },
      other: { targets: [{ provider: 'demo', model: 'echo' }] },
    },
    budgets: { org: { monthly: '$1000' } },
  });
});
afterAll(() => gateway.stop());

const SECRET_WORDS = 'the merger with Initech';

type Surface = 'chat' | 'messages';
const send = (surface: Surface, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${gateway.url}${surface === 'chat' ? '/v1/chat/completions' : '/v1/messages'}`, {
    method: 'POST',
    headers: { 'x-api-key': gateway.key, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
  });

const errorOf = async (surface: Surface, reply: Response) => {
  const body = (await reply.json()) as {
    type?: string;
    request_id?: string;
    error: { type: string; message: string; tollgate: { code: string } };
  };
  // Each surface has its own shape, and both name the request.
  if (surface === 'messages')
    expect(body).toMatchObject({ type: 'error', request_id: reply.headers.get('request-id') });
  else expect(body.error).toHaveProperty('code');
  expect(reply.headers.get('x-request-id')).toMatch(/^req_/);
  return body.error;
};

const user = { role: 'user', content: SECRET_WORDS };
const tool = (i: number) => ({ type: 'function', function: { name: `f${i}`, parameters: { type: 'object' } } });
const claudeTool = (i: number) => ({ name: `f${i}`, input_schema: { type: 'object' } });

/** What is sent instead of a good body on each surface, and what the message must name. */
const CASES: [string, unknown, unknown, RegExp][] = [
  ['malformed JSON', '{"model": "demo", ', '{"model": "demo", ', /JSON/],
  ['an array for a body', [], [], /object/],
  ['null for a body', 'null', 'null', /object/],
  ['no model', { messages: [user] }, { max_tokens: 5, messages: [user] }, /model/],
  ['no messages', { model: 'demo' }, { model: 'demo', max_tokens: 5 }, /messages/],
  [
    'empty messages',
    { model: 'demo', messages: [] },
    { model: 'demo', max_tokens: 5, messages: [] },
    /messages.*at least 1/,
  ],
  [
    'a number for messages',
    { model: 'demo', messages: 7 },
    { model: 'demo', max_tokens: 5, messages: 7 },
    /messages.*array/,
  ],
  [
    'an unknown role',
    { model: 'demo', messages: [{ role: 'wizard', content: 'x' }] },
    { model: 'demo', max_tokens: 5, messages: [{ role: 'wizard', content: 'x' }] },
    /messages\[0\]\.role/,
  ],
  [
    'a negative max_tokens',
    { model: 'demo', max_tokens: -1, messages: [user] },
    { model: 'demo', max_tokens: -1, messages: [user] },
    /max_tokens.*-1/,
  ],
  [
    'a max_tokens of half a token',
    { model: 'demo', max_tokens: 0.5, messages: [user] },
    { model: 'demo', max_tokens: 0.5, messages: [user] },
    /max_tokens.*0\.5/,
  ],
  [
    'a temperature in words',
    { model: 'demo', temperature: 'hot', messages: [user] },
    { model: 'demo', max_tokens: 5, temperature: 'hot', messages: [user] },
    /temperature.*"hot"/,
  ],
  [
    'a tool result without its call',
    { model: 'demo', messages: [user, { role: 'tool', tool_call_id: 'call_x', content: SECRET_WORDS }] },
    {
      model: 'demo',
      max_tokens: 5,
      messages: [{ role: 'user', content: [{ type: 'tool_result', tool_use_id: 'call_x', content: SECRET_WORDS }] }],
    },
    /call_x|tool_call_id|tool_use_id/,
  ],
  [
    'ten thousand tools',
    { model: 'demo', messages: [user], tools: Array.from({ length: 10_000 }, (_, i) => tool(i)) },
    { model: 'demo', max_tokens: 5, messages: [user], tools: Array.from({ length: 10_000 }, (_, i) => claudeTool(i)) },
    /tools.*1024.*10000/,
  ],
  ['bad tags', undefined, undefined, /x-tollgate-tags/],
];

describe.each<Surface>(['chat', 'messages'])('bad input on %s', (surface) => {
  test.each(CASES)(
    '%s: a clear 400 in the dialect, nothing spent, nothing leaked',
    async (what, chat, messages, names) => {
      const good = { model: 'demo', max_tokens: 5, messages: [user] };
      const spentBefore = await spent();
      const body = what === 'bad tags' ? good : surface === 'chat' ? chat : messages;
      const reply = await send(surface, body, what === 'bad tags' ? { 'x-tollgate-tags': 'a b c' } : {});
      expect(reply.status).toBe(400);
      const error = await errorOf(surface, reply);
      expect(error.type).toBe('invalid_request_error');
      expect(error.tollgate.code).toBe('invalid_request');
      expect(error.message).toMatch(names);
      expect(error.message).not.toContain('Initech');
      expect(await spent()).toEqual(spentBefore);
    },
  );

  test('bytes that are not UTF-8', async () => {
    const reply = await send(surface, Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d));
    expect(reply.status).toBe(400);
    expect((await errorOf(surface, reply)).message).toContain('UTF-8');
  });

  test('7 MB: 413, also when the length is not declared', async () => {
    const big = JSON.stringify({
      model: 'demo',
      max_tokens: 5,
      messages: [{ role: 'user', content: 'x'.repeat(7_000_000) }],
    });
    for (const body of [big, new Blob([big]).stream()]) {
      const reply = await fetch(`${gateway.url}${surface === 'chat' ? '/v1/chat/completions' : '/v1/messages'}`, {
        method: 'POST',
        headers: { 'x-api-key': gateway.key },
        body,
        duplex: 'half',
      } as RequestInit);
      expect(reply.status).toBe(413);
      expect((await errorOf(surface, reply)).tollgate.code).toBe('request_too_large');
    }
  });

  test('an alias that does not exist: 404', async () => {
    const reply = await send(surface, { model: 'gpt-99', max_tokens: 5, messages: [user] });
    expect(reply.status).toBe(404);
    expect((await errorOf(surface, reply)).tollgate.code).toBe('model_not_found');
  });

  test('an alias that the key may not use: 403', async () => {
    const key = await gateway.makeKey({ aliases: ['other'] });
    const reply = await send(surface, { model: 'demo', max_tokens: 5, messages: [user] }, { 'x-api-key': key });
    expect(reply.status).toBe(403);
    expect(await errorOf(surface, reply)).toMatchObject({
      type: 'permission_error',
      tollgate: { code: 'model_not_allowed' },
    });
  });

  test.each<[string, string | Partial<KeyRecord>, number]>([
    ['no key', '', 401],
    ["another vendor's key", 'sk-proj-1234567890', 401],
    ['a revoked key', { revokedAt: 1 }, 401],
    ['an expired key', { expiresAt: 1 }, 403],
  ])('%s', async (_what, key, status) => {
    const presented = typeof key === 'string' ? key : await gateway.makeKey(key);
    const reply = await send(surface, { model: 'demo', max_tokens: 5, messages: [user] }, { 'x-api-key': presented });
    expect(reply.status).toBe(status);
    const error = await errorOf(surface, reply);
    expect(error.type).toBe(status === 401 ? 'authentication_error' : 'permission_error');
    expect(JSON.stringify(error)).not.toContain(presented === '' ? 'Initech' : presented);
  });
});

const spent = async () => {
  const reply = await fetch(`${gateway.url}/v1/usage`, { headers: { 'x-api-key': gateway.key } });
  return ((await reply.json()) as { totals: object }).totals;
};

test('a malformed key is refused before the store is asked', async () => {
  const { access } = gateway.gateway.ports;
  const original = access.findKey;
  let asked = 0;
  access.findKey = (id) => {
    asked++;
    return original(id);
  };
  await send('chat', {}, { 'x-api-key': `${gateway.key.slice(0, -1)}!` });
  access.findKey = original;
  expect(asked).toBe(0);
});

test("another tenant's receipt and cancel: 404, as if they were not there", async () => {
  const reply = await send('chat', { model: 'demo', messages: [{ role: 'user', content: 'hi' }] });
  const id = reply.headers.get('x-request-id');
  const other = await gateway.makeKey();
  const get = (path: string, method: string) =>
    fetch(`${gateway.url}${path}`, { method, headers: { 'x-api-key': other } });
  expect((await get(`/v1/receipts/${id}`, 'GET')).status).toBe(404);
  expect((await get(`/v1/requests/${id}/cancel`, 'POST')).status).toBe(404);
  expect((await get('/v1/receipts/..%2f..%2fetc', 'GET')).status).toBe(404);
  expect((await get(`/v1/receipts/${'x'.repeat(5000)}`, 'GET')).status).toBe(404);
});

test('header injection: line breaks in values reach no header, and the connection survives', async () => {
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  const body = JSON.stringify({ model: 'demo\r\nset-cookie: a=b', messages: [{ role: 'user', content: 'hi' }] });
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-api-key: ${gateway.key}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  );
  let text = '';
  for await (const chunk of socket) text += chunk;
  const [head = ''] = text.split('\r\n\r\n');
  expect(head).toContain(' 404 ');
  expect(head.toLowerCase()).not.toContain('set-cookie');
});

test('a client that breaks off in the middle of its body is no error of the gateway’s', async () => {
  const before = gateway.logged.length;
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  socket.write(
    `POST /v1/messages HTTP/1.1\r\nhost: x\r\nx-api-key: ${gateway.key}\r\ncontent-length: 5000\r\n\r\n{"model":`,
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.destroy();
  while (gateway.logged.length === before) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(gateway.logged.slice(before)).toMatchObject([{ level: 'info', message: 'refused' }]);
  expect((await send('chat', { model: 'demo', messages: [user] })).status).toBe(200);
});

test('nothing secret is logged: no key, no prompt', () => {
  const lines = JSON.stringify(gateway.logged);
  expect(gateway.logged.length).toBeGreaterThan(50);
  expect(lines).not.toContain('Initech');
  expect(lines).not.toContain(gateway.key);
  expect(lines).not.toMatch(/tg_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}/);
});

describe('a store that is down', () => {
  test('503 with retry-after in the dialect, and recovery by itself', async () => {
    const { ledger } = gateway.gateway.ports;
    const original = ledger.hold;
    ledger.hold = () => Promise.reject(new StoreUnavailable('down'));
    for (const surface of ['chat', 'messages'] as const) {
      const reply = await send(surface, { model: 'demo', max_tokens: 5, messages: [user] });
      expect(reply.status).toBe(503);
      expect(reply.headers.get('retry-after')).toBe('2');
      expect((await errorOf(surface, reply)).tollgate.code).toBe('store_unavailable');
    }
    ledger.hold = original;
    expect((await send('chat', { model: 'demo', messages: [user] })).status).toBe(200);
  });

  test('at settlement: the answer still arrives, and the settlement is entered once the store is back', async () => {
    const { ledger } = gateway.gateway.ports;
    const original = ledger.settle;
    ledger.settle = () => Promise.reject(new StoreUnavailable('down'));
    const reply = await send('chat', { model: 'demo', messages: [user] });
    expect(reply.status).toBe(200);
    const id = reply.headers.get('x-request-id') ?? '';
    expect((await ledger.read(id))?.state).toBe('open');
    ledger.settle = original;
    while ((await ledger.read(id))?.state === 'open') await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await ledger.read(id)).toMatchObject({ state: 'settled' });
  });
});
