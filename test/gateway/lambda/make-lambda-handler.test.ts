import { once } from 'node:events';
import { PassThrough, type Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type FrontDoor, makeLambdaHandler } from '../../../lambdas/gateway/lambda/make-lambda-handler.ts';
import type { LambdaContext, Prelude, RestEvent, RestResult } from '../../../lambdas/gateway/lambda/runtime.ts';

/** AWS's own runtime runs the same in test/real/lambda-runtime.test.ts; here is what it can't be made to do. */

const EVENT: RestEvent = {
  httpMethod: 'GET',
  path: '/health',
  headers: null,
  multiValueHeaders: null,
  multiValueQueryStringParameters: null,
  body: null,
  isBase64Encoded: false,
};

const context = (remainingMs = 900_000): LambdaContext => ({
  awsRequestId: 'r',
  getRemainingTimeInMillis: () => remainingMs,
});

const door = (more: Partial<FrontDoor>): FrontDoor => ({
  answer: async () => new Response('ok'),
  answerFailure: async (error) => Response.json({ told: (error as Error).message }, { status: 500 }),
  beforeFreeze: async () => {},
  ...more,
});

type Buffered = (event: RestEvent, context: LambdaContext) => Promise<RestResult>;
type Streamed = (event: RestEvent, stream: Writable, context: LambdaContext) => Promise<void>;

const GLOBAL = globalThis as unknown as { awslambda?: unknown };
const before = GLOBAL.awslambda;
afterEach(() => {
  GLOBAL.awslambda = before;
});

const buffered = (more: Partial<FrontDoor>): Buffered => {
  // As the AWS SDK leaves it where there is no Lambda.
  GLOBAL.awslambda = {};
  return makeLambdaHandler(door(more)) as Buffered;
};

const streamed = (more: Partial<FrontDoor>): { handle: Streamed; preludes: Prelude[] } => {
  const preludes: Prelude[] = [];
  GLOBAL.awslambda = {
    streamifyResponse: (handler: Streamed) => handler,
    HttpResponseStream: {
      from: (stream: Writable, prelude: Prelude) => {
        preludes.push(prelude);
        return stream;
      },
    },
  };
  return { handle: makeLambdaHandler(door(more)) as Streamed, preludes };
};

describe('where the runtime can not stream', () => {
  test.each([
    ['application/json', '{"a":"é"}', false],
    ['text/event-stream; charset=utf-8', 'data: é\n\n', false],
    ['application/problem+json', '{}', false],
    ['image/png', 'é', true],
  ])('%s goes out as text or as base64', async (type, text, isBase64Encoded) => {
    const handle = buffered({ answer: async () => new Response(text, { headers: { 'content-type': type } }) });
    expect(await handle(EVENT, context())).toEqual({
      statusCode: 200,
      multiValueHeaders: { 'content-type': [type] },
      body: isBase64Encoded ? Buffer.from(text).toString('base64') : text,
      isBase64Encoded,
    });
  });

  test('every cookie keeps its own header', async () => {
    const headers = new Headers([
      ['set-cookie', 'a=1'],
      ['set-cookie', 'b=2'],
    ]);
    const handle = buffered({ answer: async () => new Response(null, { status: 204, headers }) });
    expect(await handle(EVENT, context())).toMatchObject({
      statusCode: 204,
      multiValueHeaders: { 'set-cookie': ['a=1', 'b=2'] },
      body: '',
    });
  });

  test('a body that breaks is an error with a status', async () => {
    const body = new ReadableStream({
      pull() {
        throw new Error('broken');
      },
    });
    const handle = buffered({ answer: async () => new Response(body) });
    expect(await handle(EVENT, context())).toMatchObject({ statusCode: 500, body: '{"told":"broken"}' });
  });
});

describe('where it streams', () => {
  test('writes no faster than the reader takes it', async () => {
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled += 1;
          if (pulled > 20) controller.close();
          else controller.enqueue(new Uint8Array(1_000));
        },
      },
      { highWaterMark: 0 },
    );
    const { handle } = streamed({ answer: async () => new Response(body) });
    const stream = new PassThrough({ highWaterMark: 2_000 });
    const done = handle(EVENT, stream, context());
    for (let i = 0; i < 50; i++) await setImmediate();
    // Two fit on either side of the pass-through; nothing has been read yet.
    expect(pulled).toBeLessThanOrEqual(5);
    let bytes = 0;
    for await (const chunk of stream) bytes += (chunk as Buffer).length;
    await done;
    expect(bytes).toBe(20_000);
  });

  test('a body that breaks before its first bytes has a status, one that breaks later rejects and destroys nothing', async () => {
    const bodyThatBreaksAfter = (pieces: number) =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          pieces -= 1;
          if (pieces < 0) throw new Error('broken');
          controller.enqueue(new Uint8Array(1));
        },
      });
    const early = streamed({ answer: async () => new Response(bodyThatBreaksAfter(0)) });
    await early.handle(EVENT, new PassThrough(), context());
    expect(early.preludes).toMatchObject([{ statusCode: 500 }]);

    const late = streamed({ answer: async () => new Response(bodyThatBreaksAfter(1)) });
    const stream = new PassThrough();
    await expect(late.handle(EVENT, stream, context())).rejects.toThrow('broken');
    expect([late.preludes[0]?.statusCode, stream.destroyed]).toEqual([200, false]);
  });

  test("a broken connection to the runtime stops the answer's making", async () => {
    const cancelled = Promise.withResolvers<void>();
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(100_000)),
      cancel: () => cancelled.resolve(),
    });
    const { handle } = streamed({ answer: async () => new Response(body) });
    const stream = new PassThrough();
    const done = handle(EVENT, stream, context());
    await setImmediate();
    stream.destroy(new Error('gone'));
    await cancelled.promise;
    await done;
  });
});

describe('the end of an invocation', () => {
  test('ten seconds before its time is up the request is told, with the deadline as reason', async () => {
    let reason: unknown;
    const handle = buffered({
      answer: async ({ signal }) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        reason = signal.reason;
        return new Response('late');
      },
    });
    await handle(EVENT, context(10_000));
    expect(reason).toBe('deadline');
  });

  test('what has to be done before a freeze is waited for, after an answer and after an error', async () => {
    const order: string[] = [];
    const beforeFreeze = async (): Promise<void> => {
      await setImmediate();
      order.push('frozen');
    };
    await buffered({ beforeFreeze })(EVENT, context());
    order.push('answered');
    const rejecting = async (): Promise<Response> => {
      throw new Error('no');
    };
    await buffered({ answer: rejecting, beforeFreeze })(EVENT, context());
    expect(order).toEqual(['frozen', 'answered', 'frozen']);
  });

  test('where nothing streams the client waits for it, so that time is up at once for what goes on behind an answer', async () => {
    const told: unknown[] = [];
    const beforeFreeze: FrontDoor['beforeFreeze'] = async (freeze, deadline) => {
      told.push(deadline.aborted, deadline.reason, freeze.aborted);
    };
    await buffered({ beforeFreeze })(EVENT, context());
    await streamed({ beforeFreeze }).handle(EVENT, new PassThrough().resume(), context());
    expect(told).toEqual([true, 'deadline', false, false, undefined, false]);
  });

  test("what goes on behind an answer is told that the function's time is nearly up, before it is frozen", async () => {
    const told: string[] = [];
    const beforeFreeze: FrontDoor['beforeFreeze'] = async (freeze, deadline) => {
      expect(deadline.aborted).toBe(false);
      await once(deadline, 'abort');
      told.push(String(deadline.reason), String(freeze.aborted));
    };
    // The reserve and a moment.
    await streamed({ beforeFreeze }).handle(EVENT, new PassThrough().resume(), context(10_040));
    expect(told).toEqual(['deadline', 'false']);
  });
});
