import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type HttpUpstream, makeHttpUpstream } from '../../../lambdas/adapters/http/make-http-upstream.ts';
import { makeNodeHttpUpstream } from '../../../lambdas/adapters/http/make-node-http-upstream.ts';
import type { UpstreamReply } from '../../../lambdas/core/call/upstream.ts';

const cleanups: (() => Promise<unknown> | unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const listen = async (handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> => {
  const server: Server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const call = (url: string, more: { headers?: Record<string, string>; body?: string; stream?: boolean } = {}) => ({
  transport: 'http' as const,
  url,
  headers: { 'content-type': 'application/json', ...more.headers },
  body: more.body ?? '{}',
  stream: more.stream ?? false,
});

const never = new AbortController().signal;

const all = async (reply: UpstreamReply): Promise<{ type: string; data: unknown }[]> => {
  const events = [];
  for await (const event of reply.events()) events.push(event);
  return events;
};

describe.each([
  ['undici', makeHttpUpstream],
  ['Node', makeNodeHttpUpstream],
])('%s', (_name, make) => {
  const upstreamFor = (options?: Parameters<typeof makeHttpUpstream>[0]): HttpUpstream => {
    const upstream = make(options);
    cleanups.push(() => upstream.close());
    return upstream;
  };

  describe('sending', () => {
    test('posts path, query, headers and body once and hands out status, headers and text', async () => {
      const seen: { method?: string; url?: string; body: string; headers: IncomingMessage['headers'] }[] = [];
      const origin = await listen(async (request, response) => {
        let body = '';
        for await (const chunk of request) body += chunk;
        seen.push({ method: request.method ?? '', url: request.url ?? '', body, headers: request.headers });
        response.writeHead(201, { 'X-One': 'a', 'Set-Cookie': ['a=1', 'b=2'] }).end('{"héllo":1}');
      });
      const reply = await upstreamFor().send(
        call(`${origin}/v1/x?api-version=2`, { headers: { authorization: 'Bearer k' }, body: '{"ü":1}' }),
        never,
      );
      expect(await reply.text()).toBe('{"héllo":1}');
      expect(reply.status).toBe(201);
      expect(reply.headers).toMatchObject({ 'x-one': 'a', 'set-cookie': 'a=1, b=2' });
      expect(seen).toHaveLength(1);
      expect(seen[0]).toMatchObject({
        method: 'POST',
        url: '/v1/x?api-version=2',
        body: '{"ü":1}',
        headers: { authorization: 'Bearer k', 'accept-encoding': 'identity', 'user-agent': 'tollgate' },
      });
    });

    test('keeps the connection for the next call', async () => {
      const ports = new Set<number | undefined>();
      const origin = await listen((request, response) => {
        ports.add(request.socket.remotePort);
        request.resume().on('end', () => response.end('ok'));
      });
      const upstream = upstreamFor();
      for (let i = 0; i < 3; i++) {
        await (await upstream.send(call(origin), never)).text();
        await setImmediate();
      }
      expect(ports.size).toBe(1);
    });

    test('does not follow a redirect', async () => {
      let reached = 0;
      const inner = await listen((_, response) => {
        reached += 1;
        response.end('secret');
      });
      const origin = await listen((_, response) => response.writeHead(307, { location: inner }).end());
      const reply = await upstreamFor().send(call(origin), never);
      expect([reply.status, reply.headers.location]).toEqual([307, inner]);
      expect(await reply.text()).toBe('');
      expect(reached).toBe(0);
    });

    test('does not send again when a kept connection breaks under a call', async () => {
      let calls = 0;
      const origin = await listen((request, response) => {
        calls += 1;
        if (calls === 1) request.resume().on('end', () => response.end('ok'));
        else request.socket.destroy();
      });
      const upstream = upstreamFor();
      await (await upstream.send(call(origin), never)).text();
      await expect(upstream.send(call(origin), never)).rejects.toMatchObject({ kind: 'reset' });
      expect(calls).toBe(2);
    });
  });

  describe('failures', () => {
    test('a refused connection is "connect" and names no address', async () => {
      const server = createTcpServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      await new Promise((resolve) => server.close(resolve));
      const failure = await upstreamFor()
        .send(call(`http://127.0.0.1:${port}/`, { headers: { authorization: 'Bearer sk-secret' } }), never)
        .catch((error: Error) => error);
      expect(failure).toMatchObject({ kind: 'connect', message: 'No connection to the provider (ECONNREFUSED)' });
    });

    test('an unknown host is "connect"', async () => {
      await expect(upstreamFor().send(call('http://nowhere.invalid/'), never)).rejects.toMatchObject({
        kind: 'connect',
      });
    });

    test('a server that does not speak TLS is "connect"', async () => {
      const origin = await listen((_, response) => response.end());
      await expect(upstreamFor().send(call(origin.replace('http:', 'https:')), never)).rejects.toMatchObject({
        kind: 'connect',
      });
    });

    test('a connection that is not made within the time that the call names is "connect"', async () => {
      // Takes the connection, and never answers the handshake.
      const server = createTcpServer((socket) => void socket.resume().on('error', () => {}));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      cleanups.push(() => new Promise((resolve) => server.close(resolve)));
      const { port } = server.address() as AddressInfo;
      const upstream = upstreamFor({ connectTimeoutMs: 60_000 });
      await expect(upstream.send(call(`https://127.0.0.1:${port}`), never, { connectMs: 100 })).rejects.toMatchObject({
        kind: 'connect',
      });
    });

    test('the time for a connection is not the time for an answer', async () => {
      const origin = await listen((_, response) => void setTimeout(() => response.end('{}'), 2_000));
      const reply = await upstreamFor().send(call(origin), never, { connectMs: 1_000 });
      expect(reply.status).toBe(200);
    });

    test('a server that does not speak HTTP is "malformed"', async () => {
      const server = createTcpServer((socket) => socket.resume().end('220 mail.example.com ESMTP\r\n\r\n'));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      cleanups.push(() => new Promise((resolve) => server.close(resolve)));
      const { port } = server.address() as AddressInfo;
      await expect(upstreamFor().send(call(`http://127.0.0.1:${port}`), never)).rejects.toMatchObject({
        kind: 'malformed',
      });
    });

    test.each([
      ['with a declared length', { 'content-length': '100' }],
      ['chunked', {}],
      ['chunked on a connection that ends', { connection: 'close' }],
    ])('a body that breaks off, %s, is "reset"', async (_, headers) => {
      const origin = await listen((_request, response) => {
        response.writeHead(200, headers);
        response.write('half', () => response.socket?.destroySoon());
      });
      const reply = await upstreamFor().send(call(origin), never);
      await expect(reply.text()).rejects.toMatchObject({ kind: 'reset' });
    });

    test('a call that is under way when the upstream is closed is "reset", for it may have been worked on', async () => {
      const upstream = make();
      const origin = await listen((request, response) => {
        if (request.url === '/stream') {
          response.writeHead(200, { 'content-type': 'text/event-stream' });
          response.write('data: 1\n\n');
        } else void upstream.close();
      });
      const reply = await upstream.send(call(`${origin}/stream`), never);
      const reading = all(reply).catch((error: unknown) => error);
      await expect(upstream.send(call(`${origin}/wait`), never)).rejects.toMatchObject({ kind: 'reset' });
      expect(await reading).toMatchObject({ kind: 'reset' });
    });

    test('an invalid header value fails without showing it', async () => {
      const failure = await upstreamFor()
        .send(call('http://127.0.0.1:1/', { headers: { authorization: 'Bearer sk-one\nx-two: 2' } }), never)
        .catch((error: Error) => error);
      expect(failure).toMatchObject({ name: 'UpstreamError', kind: 'connect' });
      expect(String((failure as Error).message)).not.toContain('sk-one');
    });
  });

  describe('stopping', () => {
    test.each([
      ['an error', new Error('gone')],
      ['a word', 'client-gone'],
      ['nothing', undefined],
    ])('an abort by %s before the head closes the socket at once', async (_, reason) => {
      const stop = new AbortController();
      const closed = Promise.withResolvers<void>();
      const origin = await listen((request) => {
        request.socket.once('close', closed.resolve);
        stop.abort(reason);
      });
      await expect(upstreamFor().send(call(origin), stop.signal)).rejects.toMatchObject({
        name: 'UpstreamError',
        kind: 'aborted',
      });
      await closed.promise;
    });

    test('an abort in the middle of a stream closes the socket and ends the reading with "aborted"', async () => {
      const stop = new AbortController();
      let serverSaw: Promise<unknown> = Promise.resolve();
      const origin = await listen((_, response) => {
        serverSaw = new Promise((resolve) => response.once('close', resolve));
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: 1\n\n');
      });
      const reply = await upstreamFor().send(call(origin, { stream: true }), stop.signal);
      const events = reply.events()[Symbol.asyncIterator]();
      expect(await events.next()).toEqual({ done: false, value: { type: '', data: '1' } });
      const next = events.next();
      stop.abort('cancelled');
      await expect(next).rejects.toMatchObject({ kind: 'aborted' });
      await serverSaw;
    });

    test('an abort while the whole text is read is "aborted"', async () => {
      const stop = new AbortController();
      const origin = await listen((_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"half":');
      });
      const reply = await upstreamFor().send(call(origin), stop.signal);
      const text = reply.text();
      stop.abort('deadline');
      await expect(text).rejects.toMatchObject({ kind: 'aborted' });
    });

    test('a call whose signal has already aborted is not sent', async () => {
      let calls = 0;
      const origin = await listen((_, response) => {
        calls += 1;
        response.end();
      });
      await expect(upstreamFor().send(call(origin), AbortSignal.abort(''))).rejects.toMatchObject({ kind: 'aborted' });
      expect(calls).toBe(0);
    });

    test('breaking out of the events closes the connection', async () => {
      let closed: Promise<unknown> = Promise.resolve();
      const origin = await listen((_, response) => {
        closed = new Promise((resolve) => response.once('close', resolve));
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write('data: 1\n\ndata: 2\n\n');
      });
      const reply = await upstreamFor().send(call(origin), never);
      for await (const event of reply.events()) {
        expect(event.data).toBe('1');
        break;
      }
      await closed;
    });

    test('returning while an event is awaited closes the connection as well', async () => {
      let closed: Promise<unknown> = Promise.resolve();
      const origin = await listen((_, response) => {
        closed = new Promise((resolve) => response.once('close', resolve));
        response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      });
      const reply = await upstreamFor().send(call(origin), never);
      const events = reply.events()[Symbol.asyncIterator]();
      const next = events.next().catch((error: Error) => error);
      await events.return?.();
      await closed;
      expect(await next).toMatchObject({ kind: 'aborted' });
    });

    test('a stream that was read to its end leaves its connection for the next call', async () => {
      const ports = new Set<number | undefined>();
      const origin = await listen((request, response) => {
        ports.add(request.socket.remotePort);
        request.resume().on('end', () => {
          response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: [DONE]\n\n');
        });
      });
      const upstream = upstreamFor();
      for (let i = 0; i < 3; i++) {
        expect(await all(await upstream.send(call(origin), never))).toHaveLength(1);
        await setImmediate();
      }
      expect(ports.size).toBe(1);
    });
  });

  describe('what comes back', () => {
    test('a JSON answer to a stream call is handed out as text, and refused as events', async () => {
      const origin = await listen((_, response) =>
        response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' }).end('{"error":1}'),
      );
      const upstream = upstreamFor();
      expect(await (await upstream.send(call(origin, { stream: true }), never)).text()).toBe('{"error":1}');
      await expect(all(await upstream.send(call(origin, { stream: true }), never))).rejects.toMatchObject({
        kind: 'malformed',
        message: expect.stringContaining('application/json'),
      });
    });

    test('an error page that was compressed all the same is read', async () => {
      const origin = await listen((_, response) =>
        response.writeHead(502, { 'content-encoding': 'gzip' }).end(gzipSync('<h1>Bad gateway</h1>')),
      );
      const reply = await upstreamFor().send(call(origin), never);
      expect([reply.status, await reply.text()]).toEqual([502, '<h1>Bad gateway</h1>']);
    });

    test('a slow reader holds the server back', async () => {
      const megabyte = `data: ${'x'.repeat(1024 * 1024 - 8)}\n\n`;
      const total = 50;
      let written = 0;
      const origin = await listen(async (_, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        for (; written < total; written++) {
          if (!response.write(megabyte)) await new Promise((resolve) => response.once('drain', resolve));
        }
        response.end();
      });
      const reply = await upstreamFor().send(call(origin), never);
      const events = reply.events()[Symbol.asyncIterator]();
      await events.next();
      // The server goes on until its writes stop moving.
      let before = -1;
      while (before !== written) {
        before = written;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(written).toBeLessThan(20);
      let read = 1;
      while (!(await events.next()).done) read += 1;
      expect(read).toBe(total);
    });
  });
});
