import { getEventListeners, once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  type BedrockUpstream,
  type BedrockUpstreamOptions,
  makeBedrockUpstream,
} from '../../../lambdas/adapters/bedrock/make-bedrock-upstream.ts';
import type { UpstreamReply } from '../../../lambdas/core/call/upstream.ts';
import type { WireEvent } from '../../../lambdas/core/dialect.ts';
import { eventFrame, exceptionFrame, frameOf } from '../../dialects/bedrock-converse/converse-frames.ts';
import {
  type Answering,
  type BedrockServer,
  CREDENTIALS,
  callTo,
  EVENT_STREAM,
  JSON_TYPE,
  startBedrockServer,
} from './bedrock-server.ts';

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const start = async (
  answer: Answering,
  options: BedrockUpstreamOptions = {},
): Promise<{ server: BedrockServer; upstream: BedrockUpstream }> => {
  const server = await startBedrockServer(answer);
  const upstream = makeBedrockUpstream({ credentials: CREDENTIALS, ...options });
  open.push(upstream, server);
  return { server, upstream };
};

const never = new AbortController().signal;

const readAll = async (reply: UpstreamReply): Promise<WireEvent[]> => {
  const events: WireEvent[] = [];
  for await (const event of reply.events()) events.push(event);
  return events;
};

const START = eventFrame('messageStart', { role: 'assistant' });
const DELTA = eventFrame('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'Hé' } });
const SEEN = [
  { type: 'messageStart', data: { role: 'assistant' } },
  { type: 'contentBlockDelta', data: { contentBlockIndex: 0, delta: { text: 'Hé' } } },
];

/** Writes bytes and keeps the connection open. */
const hold =
  (...frames: Buffer[]): Answering =>
  (response) => {
    response.writeHead(200, EVENT_STREAM);
    response.write(Buffer.concat(frames));
  };

const finish =
  (...frames: Buffer[]): Answering =>
  (response) => {
    response.writeHead(200, EVENT_STREAM);
    response.end(Buffer.concat(frames));
  };

describe('authentication', () => {
  test("AWS credentials sign for Bedrock in the call's region", async () => {
    const { server, upstream } = await start((response) => response.writeHead(200, JSON_TYPE).end('{}') && undefined);
    await (await upstream.send(callTo(server, { region: 'eu-central-1' }), never)).text();
    expect(server.seen[0]?.headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/bedrock\/aws4_request/,
    );
  });

  test('a Bedrock API key goes as a bearer, also where AWS credentials are at hand', async () => {
    const { server, upstream } = await start((response) => response.writeHead(200, JSON_TYPE).end('{}') && undefined);
    await (await upstream.send(callTo(server, { apiKey: 'first' }), never)).text();
    await (await upstream.send(callTo(server, { apiKey: 'rotated' }), never)).text();
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer first', 'Bearer rotated']);
  });

  test("no credentials anywhere is a 401 of Bedrock's kind, and nothing is sent", async () => {
    const none = Object.assign(new Error('Could not load credentials from any providers'), {
      name: 'CredentialsProviderError',
    });
    const { server, upstream } = await start(() => undefined, { credentials: () => Promise.reject(none) });
    const reply = await upstream.send(callTo(server), never);
    expect([reply.status, reply.headers['x-amzn-errortype']]).toEqual([401, 'CredentialsProviderError']);
    expect(JSON.parse(await reply.text())).toEqual({ message: 'No AWS credentials were found for Bedrock' });
    expect(server.seen).toHaveLength(0);
  });

  test('a call that is stopped while credentials are looked for ends at once', async () => {
    const { server, upstream } = await start(() => undefined, { credentials: () => new Promise(() => undefined) });
    const controller = new AbortController();
    const sending = upstream.send(callTo(server), controller.signal);
    setImmediate(() => controller.abort());
    await expect(sending).rejects.toMatchObject({ kind: 'aborted' });
  });

  test('a clock that is off is set right by the first reply', async () => {
    const ahead = new Date(Date.now() + 3_600_000);
    const { server, upstream } = await start((response) => {
      response.writeHead(403, {
        ...JSON_TYPE,
        date: ahead.toUTCString(),
        'x-amzn-errortype': 'InvalidSignatureException',
      });
      response.end('{"message":"Signature expired"}');
    });
    await (await upstream.send(callTo(server), never)).text();
    await (await upstream.send(callTo(server), never)).text();
    const [before, after] = server.seen.map(({ headers }) => String(headers['x-amz-date']).slice(0, 11));
    expect(after).not.toBe(before);
    expect(after).toBe(ahead.toISOString().replace(/[-:]/g, '').slice(0, 11));
  });
});

describe('errors as replies', () => {
  test('throttling comes through as it was sent, and is not tried again', async () => {
    const { server, upstream } = await start((response) => {
      response.writeHead(429, { ...JSON_TYPE, 'x-amzn-errortype': 'ThrottlingException', 'retry-after': '7' });
      response.end('{"message":"Too many requests"}');
    });
    const reply = await upstream.send(callTo(server, { stream: true }), never);
    expect(reply).toMatchObject({
      status: 429,
      headers: { 'x-amzn-errortype': 'ThrottlingException', 'retry-after': '7' },
    });
    expect(await reply.text()).toBe('{"message":"Too many requests"}');
    expect(server.seen).toHaveLength(1);
  });

  test("a proxy's HTML page keeps its status and its text", async () => {
    const { server, upstream } = await start((response) => {
      response.writeHead(502, { 'content-type': 'text/html' }).end('<html>Bad gateway</html>');
    });
    const reply = await upstream.send(callTo(server), never);
    expect([reply.status, await reply.text()]).toEqual([502, '<html>Bad gateway</html>']);
  });
});

describe('streams', () => {
  test('the head comes before the first event', async () => {
    let respond: ServerResponse | undefined;
    const { server, upstream } = await start((response) => {
      respond = response;
      response.writeHead(200, EVENT_STREAM);
      response.flushHeaders();
    });
    const reply = await upstream.send(callTo(server, { stream: true }), never);
    respond?.end(Buffer.concat([START, DELTA]));
    expect(await readAll(reply)).toEqual(SEEN);
  });

  test('an event is handed on before the next one has come', async () => {
    let respond: ServerResponse | undefined;
    const { server, upstream } = await start((response) => {
      respond = response;
      response.writeHead(200, EVENT_STREAM);
      response.write(START);
    });
    const reply = await upstream.send(callTo(server, { stream: true }), never);
    const events = reply.events()[Symbol.asyncIterator]();
    expect((await events.next()).value).toEqual(SEEN[0]);
    respond?.end(DELTA);
    expect((await events.next()).value).toEqual(SEEN[1]);
    expect((await events.next()).done).toBe(true);
  });

  test('an exception inside the stream is its last event', async () => {
    const frames = [START, DELTA, exceptionFrame('throttlingException', { message: 'Slow down' }), DELTA];
    const { server, upstream } = await start(finish(...frames));
    const reply = await upstream.send(callTo(server, { stream: true }), never);
    expect(await readAll(reply)).toEqual([...SEEN, { type: 'throttlingException', data: { message: 'Slow down' } }]);
  });

  test('so is one that comes first, in place of an answer', async () => {
    const { server, upstream } = await start(
      finish(
        exceptionFrame('modelStreamErrorException', { message: 'm', originalStatusCode: 500, originalMessage: 'o' }),
      ),
    );
    const reply = await upstream.send(callTo(server, { stream: true }), never);
    expect(await readAll(reply)).toEqual([
      { type: 'modelStreamErrorException', data: { message: 'm', originalStatusCode: 500, originalMessage: 'o' } },
    ]);
  });

  test('an exception that the SDK has never heard of is not lost', async () => {
    const { server, upstream } = await start(finish(START, exceptionFrame('brandNewException', { message: 'New' })));
    const reply = await upstream.send(callTo(server, { stream: true }), never);
    expect((await readAll(reply)).at(-1)).toEqual({ type: 'brandNewException', data: { message: 'New' } });
  });

  test('nor is an error outside the model of the service', async () => {
    const frame = frameOf({ ':message-type': 'error', ':error-code': 'InternalFailure', ':error-message': 'Oops' }, '');
    const { server, upstream } = await start(finish(START, frame));
    const reply = await upstream.send(callTo(server, { stream: true }), never);
    expect((await readAll(reply)).at(-1)).toEqual({ type: 'InternalFailureError', data: { message: 'Oops' } });
  });

  test('events and fields that the SDK does not know come through', async () => {
    const { server, upstream } = await start(finish(eventFrame('tomorrow', { mood: { fine: [1, 'x'] } })));
    const reply = await upstream.send(callTo(server, { stream: true }), never);
    expect(await readAll(reply)).toEqual([{ type: 'tomorrow', data: { mood: { fine: [1, 'x'] } } }]);
  });

  test.each([1, 3, 4, 11, 12, 20, DELTA.length - 1])(
    'a cut %i bytes into a frame is a reset, after what was whole',
    async (bytes) => {
      const { server, upstream } = await start(finish(START, DELTA, DELTA.subarray(0, bytes)));
      const events = (await upstream.send(callTo(server, { stream: true }), never)).events()[Symbol.asyncIterator]();
      expect([(await events.next()).value, (await events.next()).value]).toEqual(SEEN);
      await expect(events.next()).rejects.toMatchObject({ kind: 'reset' });
    },
  );

  test('a connection that breaks within a frame is a reset', async () => {
    const { server, upstream } = await start((response) => {
      response.writeHead(200, EVENT_STREAM);
      response.write(Buffer.concat([START, DELTA.subarray(0, 30)]), () => response.socket?.resetAndDestroy());
    });
    const reply = await upstream.send(callTo(server, { stream: true }), never);
    await expect(readAll(reply)).rejects.toMatchObject({ kind: 'reset' });
  });

  test('a flipped bit does not pass the checksum', async () => {
    const damaged = Buffer.from(DELTA);
    damaged[damaged.length - 10] = (damaged.at(-10) ?? 0) ^ 1;
    const { server, upstream } = await start(finish(START, damaged));
    const reply = await upstream.send(callTo(server, { stream: true }), never);
    await expect(readAll(reply)).rejects.toMatchObject({ kind: 'malformed' });
  });

  test('bytes that are no event stream are malformed, whatever length they claim', async () => {
    const { server, upstream } = await start(finish(Buffer.from('<html>not an event stream</html>')));
    const reply = await upstream.send(callTo(server, { stream: true }), never);
    await expect(readAll(reply)).rejects.toMatchObject({ kind: 'too-large' });
  });

  test('an empty stream has no events', async () => {
    const { server, upstream } = await start(finish());
    expect(await readAll(await upstream.send(callTo(server, { stream: true }), never))).toEqual([]);
  });
});

describe('bounds', () => {
  test('a reply beyond the bound is not read on', async () => {
    const { server, upstream } = await start(
      (response) => response.writeHead(200, JSON_TYPE).end('x'.repeat(2_000)) && undefined,
      {
        maxReplyBytes: 1_999,
      },
    );
    const reply = await upstream.send(callTo(server), never);
    await expect(reply.text()).rejects.toMatchObject({ kind: 'too-large' });
  });

  test('an event beyond the bound is not waited for', async () => {
    const { server, upstream } = await start(hold(START, DELTA.subarray(0, 20)), { maxEventBytes: DELTA.length - 1 });
    const reply = await upstream.send(callTo(server, { stream: true }), never);
    await expect(readAll(reply)).rejects.toMatchObject({ kind: 'too-large' });
  });
});

describe('stopping', () => {
  const closedBy = (answer: Answering): { answer: Answering; closed: Promise<unknown> } => {
    let tell: (value: unknown) => void = () => undefined;
    const closed = new Promise((resolve) => {
      tell = resolve;
    });
    return {
      closed,
      answer: (response, request) => {
        response.socket?.once('close', tell);
        return answer(response, request);
      },
    };
  };

  test('a call that was stopped before is never sent', async () => {
    const { server, upstream } = await start(() => undefined);
    await expect(upstream.send(callTo(server), AbortSignal.abort())).rejects.toMatchObject({ kind: 'aborted' });
    expect(server.seen).toHaveLength(0);
  });

  test('stopped while it waits for the head, the connection closes', async () => {
    const controller = new AbortController();
    const { answer, closed } = closedBy(() => controller.abort());
    const { server, upstream } = await start(answer);
    await expect(upstream.send(callTo(server), controller.signal)).rejects.toMatchObject({ kind: 'aborted' });
    await closed;
  });

  test('stopped while an event is awaited, the connection closes', async () => {
    const controller = new AbortController();
    const { answer, closed } = closedBy(hold(START));
    const { server, upstream } = await start(answer);
    const events = (await upstream.send(callTo(server, { stream: true }), controller.signal))
      .events()
      [Symbol.asyncIterator]();
    await events.next();
    const waiting = events.next();
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ kind: 'aborted' });
    await closed;
  });

  test('stopped while a whole reply comes in, the connection closes', async () => {
    const controller = new AbortController();
    const { answer, closed } = closedBy((response) => {
      response.writeHead(200, JSON_TYPE);
      response.write('{"output":');
    });
    const { server, upstream } = await start(answer);
    const reading = (await upstream.send(callTo(server), controller.signal)).text();
    setImmediate(() => controller.abort());
    await expect(reading).rejects.toMatchObject({ kind: 'aborted' });
    await closed;
  });

  test('a reader who leaves early closes the connection', async () => {
    const { answer, closed } = closedBy(hold(START, DELTA));
    const { server, upstream } = await start(answer);
    for await (const event of (await upstream.send(callTo(server, { stream: true }), never)).events()) {
      expect(event).toEqual(SEEN[0]);
      break;
    }
    await closed;
  });

  test('also while an event is awaited', async () => {
    const { answer, closed } = closedBy(hold(START));
    const { server, upstream } = await start(answer);
    const events = (await upstream.send(callTo(server, { stream: true }), never)).events()[Symbol.asyncIterator]();
    await events.next();
    const waiting = events.next().catch(() => undefined);
    await events.return?.();
    await Promise.all([closed, waiting]);
  });

  test('a stream that was read to its end leaves its connection for the next call', async () => {
    const { server, upstream } = await start(finish(START, DELTA));
    for (let count = 0; count < 3; count += 1)
      await readAll(await upstream.send(callTo(server, { stream: true }), never));
    expect([server.seen.length, server.connections()]).toEqual([3, 1]);
  });

  test('calls leave no listeners behind on their signal', async () => {
    const { signal } = new AbortController();
    const { server, upstream } = await start(finish(START, DELTA));
    await readAll(await upstream.send(callTo(server, { stream: true }), signal));
    for (let turns = 0; turns < 100 && getEventListeners(signal, 'abort').length > 0; turns += 1)
      await new Promise((resolve) => setImmediate(resolve));
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});

describe('no connection', () => {
  test('nobody listens: connect', async () => {
    const idle = createTcpServer().listen(0, '127.0.0.1');
    await once(idle, 'listening');
    const { port } = idle.address() as AddressInfo;
    await new Promise((resolve) => idle.close(resolve));
    const upstream = makeBedrockUpstream({ credentials: CREDENTIALS });
    open.push(upstream);
    const call = callTo({ endpoint: `http://127.0.0.1:${port}` } as BedrockServer);
    await expect(upstream.send(call, never)).rejects.toMatchObject({
      kind: 'connect',
      message: 'No connection to Bedrock (ECONNREFUSED)',
    });
  });

  test('hung up on before the head: reset', async () => {
    const { server, upstream } = await start((response) => {
      response.socket?.destroy();
    });
    await expect(upstream.send(callTo(server), never)).rejects.toMatchObject({ kind: 'reset' });
  });

  test('what is no HTTP is malformed', async () => {
    const rude = createTcpServer((socket) => {
      socket.on('error', () => undefined).resume();
      socket.end('SSH-2.0-nope\r\n');
    }).listen(0, '127.0.0.1');
    await once(rude, 'listening');
    const upstream = makeBedrockUpstream({ credentials: CREDENTIALS });
    open.push(upstream, { close: () => new Promise((resolve) => rude.close(() => resolve())) });
    const call = callTo({ endpoint: `http://127.0.0.1:${(rude.address() as AddressInfo).port}` } as BedrockServer);
    await expect(upstream.send(call, never)).rejects.toMatchObject({ kind: 'malformed' });
  });
});
