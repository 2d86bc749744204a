import { describe, expect, test } from '@jest/globals';
import { callTargets } from '../../../lambdas/core/call/call-targets.ts';
import type { StreamEvent } from '../../../lambdas/core/conversation.ts';
import {
  END,
  expectKind,
  fails,
  HELLO,
  later,
  makeScene,
  makeTarget,
  readAll,
  START,
  streams,
  text,
  USAGE,
} from './call-fixture.ts';

const OVERLOADED: StreamEvent = { type: 'error', error: { status: 529, type: 'overloaded_error', message: 'busy' } };
const ERROR_LINE = { fail: 'all_targets_failed', message: expect.stringContaining('incomplete') };

describe('a stream', () => {
  test('comes through whole, ends as answered, and tells its usage, stop and first token', async () => {
    const { call, clock } = makeScene({
      a: [streams([later(200, START[0] as StreamEvent), later(50, text('Hi')), later(500, text('!')), ...END])],
    });
    const result = expectKind(await call({ stream: true }), 'streaming');
    const { said, end } = await readAll(result, clock);
    expect(said).toBe('Hi!');
    expect(end).toMatchObject({
      outcome: 'answered',
      stop: { reason: 'end', raw: 'stop' },
      attempts: [
        { status: 200, firstTokenMs: 250, durationMs: 750, usage: USAGE, seenOutputTokens: expect.any(Number) },
      ],
    });
    expect(end.attempts[0]).not.toHaveProperty('failure');
    expect(clock.timers()).toBe(0);
  });

  test('of another dialect is written in the client’s', async () => {
    const { call, clock } = makeScene(
      { a: [HELLO] },
      { targets: [makeTarget('a', { dialect: 'anthropic-messages' })] },
    );
    const result = expectKind(await call({ stream: true }), 'streaming');
    expect(result.dropped).toEqual(['seed']);
    const { lines } = await readAll(result, clock);
    expect(lines).toEqual([...START, text('Hel'), text('lo'), ...END]);
  });

  test('reaches the client only with its first content, and what came before comes with it', async () => {
    const { request, ports, clock } = makeScene({ a: [streams([...START, text(''), later(400, text('Hi')), ...END])] });
    let isCommitted = false;
    const call = callTargets(request({ stream: true }), ports).finally(() => {
      isCommitted = true;
    });
    await clock.advance(399);
    expect(isCommitted).toBe(false);
    await clock.advance(1);
    const result = expectKind(await call, 'streaming');
    const iterator = result.chunks[Symbol.asyncIterator]();
    const first = await iterator.next();
    expect(
      String(first.value)
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([...START, text(''), text('Hi')]);
  });

  test.each<[string, StreamEvent]>([
    ['text', text('x')],
    ['reasoning', { type: 'reasoning-delta', index: 0, text: 'x' }],
    ['a refusal', { type: 'refusal-delta', index: 0, text: 'x' }],
    ['a tool call', { type: 'tool-call-start', index: 0, id: 'c', name: 'f' }],
    ['encrypted reasoning', { type: 'redacted-reasoning', index: 0, data: '' }],
  ])('is committed by %s', async (_, event) => {
    const { call } = makeScene({ a: [streams([event], 'hang')] });
    expectKind(await call({ stream: true }), 'streaming');
  });

  test('pulls from the vendor only as the client reads', async () => {
    const { call, upstream, clock } = makeScene({ a: [streams([text('1'), text('2'), text('3'), text('4'), ...END])] });
    const result = expectKind(await call({ stream: true }), 'streaming');
    await clock.advance(10_000);
    expect(upstream.calls[0]?.pulled).toBe(1);
    const iterator = result.chunks[Symbol.asyncIterator]();
    await clock.settle(iterator.next());
    await clock.settle(iterator.next());
    expect(upstream.calls[0]?.pulled).toBe(2);
  });

  test('a reader that takes its time does not make the vendor idle', async () => {
    const { call, clock } = makeScene({ a: [HELLO] });
    const result = expectKind(await call({ stream: true, timeouts: { idleMs: 1_000 } }), 'streaming');
    const iterator = result.chunks[Symbol.asyncIterator]();
    for (let i = 0; i < 3; i++) {
      await clock.settle(iterator.next());
      await clock.advance(5_000);
    }
    const { end } = await readAll({ ...result, chunks: { [Symbol.asyncIterator]: () => iterator } }, clock);
    expect(end.outcome).toBe('answered');
  });

  test('read by two at once gives each chunk to one of them, in order', async () => {
    const { call, clock } = makeScene({ a: [streams([text('1'), later(5, text('2')), later(5, text('3')), ...END])] });
    const result = expectKind(await call({ stream: true }), 'streaming');
    const iterator = result.chunks[Symbol.asyncIterator]();
    const three = await clock.settle(Promise.all([iterator.next(), iterator.next(), iterator.next()]));
    expect(three.map(({ value }) => JSON.parse(String(value)).text)).toEqual(['1', '2', '3']);
  });
});

describe('before content', () => {
  test.each([
    ['an error status', fails(500), 'server_error', false],
    ['an error in the stream', streams([OVERLOADED]), 'overloaded', false],
    [
      'an error after the vendor began to count',
      streams([...START, { type: 'usage', usage: USAGE }, OVERLOADED]),
      'overloaded',
      true,
    ],
    [
      'an event that can’t be read',
      streams([{ type: 'error', error: { status: 200, type: 'malformed_stream', message: '?' } }]),
      'malformed_answer',
      true,
    ],
    ['a close without a stop', streams(START), 'cut_off', true],
    ['a reset', streams(START, { broken: 'reset' }), 'cut_off', true],
    ['an empty stream', streams([]), 'cut_off', true],
  ])('%s falls back, and nothing of it reaches the client', async (_, script, reason, mayBeBilled) => {
    const { call, clock, startedAt } = makeScene({ a: [script], b: [HELLO] });
    const result = expectKind(await call({ stream: true }), 'streaming');
    expect(clock.now()).toBe(startedAt);
    const { lines, end } = await readAll(result, clock);
    expect(lines).toEqual([...START, text('Hel'), text('lo'), ...END]);
    expect(end.attempts).toMatchObject([{ failure: { reason, mayBeBilled } }, { target: { id: 'b' } }]);
    expect(end.outcome).toBe('answered');
  });

  test('the connection of a stream that is given up is closed', async () => {
    const { call, upstream, startedAt } = makeScene({ a: [streams([OVERLOADED], 'hang')], b: [HELLO] });
    await call({ stream: true });
    expect(upstream.calls[0]?.abortedAt).toBe(startedAt);
    expect(upstream.calls[1]?.abortedAt).toBeUndefined();
  });

  test('usage that was told is kept for an attempt that is given up', async () => {
    const { call } = makeScene({ a: [streams([...START, { type: 'usage', usage: USAGE }])], b: [HELLO] });
    const { attempts } = expectKind(await call({ stream: true }), 'streaming');
    expect(attempts[0]?.usage).toEqual(USAGE);
  });

  test('an answer that ends without content is a valid, empty one', async () => {
    const { call, clock, upstream } = makeScene({ a: [streams([...START, ...END])], b: [HELLO] });
    const { lines, end } = await readAll(expectKind(await call({ stream: true }), 'streaming'), clock);
    expect(lines).toEqual([...START, ...END]);
    expect(end.outcome).toBe('answered');
    expect(upstream.calls).toHaveLength(1);
  });
});

describe('after content', () => {
  test.each([
    ['an error in the stream', streams([...START, text('Hel'), OVERLOADED, text('lo')]), 'overloaded'],
    ['a close without a stop', streams([...START, text('Hel')]), 'cut_off'],
    ['a reset', streams([...START, text('Hel')], { broken: 'reset' }), 'cut_off'],
    ['silence', streams([...START, text('Hel')], 'hang'), 'idle_timeout'],
  ])('%s ends with the error event as the last chunk, and no other target is asked', async (_, script, reason) => {
    const { call, clock, upstream } = makeScene({ a: [script], b: [HELLO] });
    const { lines, end } = await readAll(expectKind(await call({ stream: true }), 'streaming'), clock);
    expect(lines).toEqual([...START, text('Hel'), ERROR_LINE]);
    expect(end).toMatchObject({ outcome: 'cut', attempts: [{ failure: { reason, mayBeBilled: true } }] });
    expect(end.attempts[0]?.seenOutputTokens).toBeGreaterThan(0);
    expect(upstream.calls).toHaveLength(1);
    expect(upstream.calls[0]?.abortedAt).toBe(clock.now());
    expect(clock.timers()).toBe(0);
  });

  test('silence is cut after the idle time, counted between events', async () => {
    const { call, clock, startedAt } = makeScene({
      a: [streams([text('1'), later(900, text('2')), later(900, text('3'))], 'hang')],
    });
    const { end } = await readAll(
      expectKind(await call({ stream: true, timeouts: { idleMs: 1_000 } }), 'streaming'),
      clock,
    );
    expect(end.attempts[0]?.failure?.reason).toBe('idle_timeout');
    expect(clock.now() - startedAt).toBe(2_800);
  });

  test('pieces without content keep a stream alive no longer than the first content may take', async () => {
    const empty = (times: number) => Array.from({ length: times }, () => later(900, text('')));
    const { call, clock, startedAt } = makeScene({
      a: [streams([text('1'), ...empty(3), later(100, text('2')), ...empty(20), text('3'), ...END])],
    });
    const timeouts = { idleMs: 1_000, firstTokenMs: 3_000 };
    const { said, end } = await readAll(expectKind(await call({ stream: true, timeouts }), 'streaming'), clock);
    expect(said).toBe('12');
    expect(end.attempts[0]?.failure).toMatchObject({ reason: 'idle_timeout', message: 'nothing came for 3000 ms' });
    expect(clock.now() - startedAt).toBe(2_800 + 3_000);
  });

  test('a close after the stop is complete, and the client gets the end mark', async () => {
    const { call, clock } = makeScene({ a: [streams([...START, text('Hi'), ...END.slice(0, 3)])] });
    const { lines, end } = await readAll(expectKind(await call({ stream: true }), 'streaming'), clock);
    expect(end.outcome).toBe('answered');
    expect(lines.at(-1)).toEqual({ type: 'answer-end' });
  });

  test('a reset after the stop but before the end mark is not taken for complete', async () => {
    const { call, clock } = makeScene({ a: [streams([text('Hi'), END[1] as StreamEvent], { broken: 'reset' })] });
    const { lines, end } = await readAll(expectKind(await call({ stream: true }), 'streaming'), clock);
    expect(end.outcome).toBe('cut');
    expect(lines.at(-1)).toEqual(ERROR_LINE);
  });

  test('a vendor that keeps the connection open after its end mark is closed soon, without keeping the client', async () => {
    const { call, clock, upstream, startedAt } = makeScene({ a: [streams([...START, text('Hi'), ...END], 'hang')] });
    const { end } = await readAll(expectKind(await call({ stream: true }), 'streaming'), clock);
    expect(end.outcome).toBe('answered');
    expect(clock.now()).toBe(startedAt);
    expect(upstream.calls[0]?.abortedAt).toBeUndefined();
    await clock.advance(1_000);
    expect(upstream.calls[0]?.abortedAt).toBe(startedAt + 1_000);
  });

  test('a finished stream is read to its close, so that the connection can be used again', async () => {
    const { call, clock, upstream } = makeScene({ a: [HELLO] });
    await readAll(expectKind(await call({ stream: true }), 'streaming'), clock);
    await clock.advance(10_000);
    expect(upstream.calls[0]).toMatchObject({ pulled: START.length + 2 + END.length + 1 });
    expect(upstream.calls[0]?.abortedAt).toBeUndefined();
  });

  test('the deadline ends the stream with the error event', async () => {
    const { call, clock, startedAt } = makeScene({
      a: [streams([text('Hi'), later(4_000, text('.')), later(4_000, text('.'))], 'hang')],
    });
    const { lines, end } = await readAll(
      expectKind(await call({ stream: true, deadlineMs: 6_000 }), 'streaming'),
      clock,
    );
    expect(end).toMatchObject({
      outcome: 'deadline',
      attempts: [{ failure: { reason: 'deadline', mayBeBilled: true } }],
    });
    expect(lines.at(-1)).toMatchObject({ fail: 'deadline_exceeded' });
    expect(clock.now() - startedAt).toBe(6_000);
  });

  test('a reader that leaves stops the vendor at once, also while it waits for the next chunk', async () => {
    const { call, clock, upstream } = makeScene({ a: [streams([text('Hi')], 'hang')] });
    const result = expectKind(await call({ stream: true }), 'streaming');
    const iterator = result.chunks[Symbol.asyncIterator]();
    await clock.settle(iterator.next());
    const pending = iterator.next();
    await clock.advance(200);
    await iterator.return?.();
    expect(upstream.calls[0]?.abortedAt).toBe(clock.now());
    expect(await pending).toEqual({ done: true, value: undefined });
    expect(await result.ended).toMatchObject({
      outcome: 'client-gone',
      attempts: [{ failure: { reason: 'cancelled', mayBeBilled: true } }],
    });
    expect(clock.timers()).toBe(0);
  });

  test('a reader that leaves after the last chunk has had an answer', async () => {
    const { call, clock } = makeScene({ a: [streams([text('Hi'), ...END])] });
    const result = expectKind(await call({ stream: true }), 'streaming');
    let read = 0;
    const readPart = async () => {
      for await (const _ of result.chunks) if (++read === 5) break;
    };
    await clock.settle(readPart());
    expect((await result.ended).outcome).toBe('answered');
  });

  test('the end comes also when nobody ever reads: by the deadline', async () => {
    const { call, clock, upstream, startedAt } = makeScene({ a: [HELLO] });
    const result = expectKind(await call({ stream: true, deadlineMs: 7_000 }), 'streaming');
    expect(await clock.settle(result.ended)).toMatchObject({ outcome: 'deadline' });
    expect(upstream.calls[0]?.abortedAt).toBe(startedAt + 7_000);
  });

  test.each(['client-gone', 'cancelled'] as const)(
    'the caller’s signal (%s) ends it at once, also when nobody reads',
    async (outcome) => {
      const controller = new AbortController();
      const { call, clock, upstream } = makeScene({ a: [streams([text('Hi')], 'hang')] });
      const result = expectKind(await call({ stream: true, signal: controller.signal }), 'streaming');
      await clock.advance(100);
      controller.abort(outcome);
      expect(await result.ended).toMatchObject({ outcome });
      expect(upstream.calls[0]?.abortedAt).toBe(clock.now());
      const { lines } = await readAll(result, clock);
      expect(lines).toEqual([text('Hi'), expect.objectContaining({ fail: 'cancelled' })]);
    },
  );
});

describe('circuits and streams', () => {
  test('streams that always break off after content open the circuit', async () => {
    const scene = makeScene({ a: [streams([text('Hi')])] });
    for (let i = 0; i < 5; i++) await readAll(expectKind(await scene.call({ stream: true }), 'streaming'), scene.clock);
    expect(scene.ports.circuitBoard.peek('a')).toMatchObject({ kind: 'wait', because: 'circuit' });
    // Nor does one more of them close it, that was let in for want of another target.
    await readAll(expectKind(await scene.call({ stream: true }), 'streaming'), scene.clock);
    expect(scene.ports.circuitBoard.peek('a')).toMatchObject({ kind: 'wait', because: 'circuit' });
  });

  test('clients that hang up hold nothing against the target', async () => {
    const scene = makeScene({ a: [streams([text('Hi')], 'hang')] });
    for (let i = 0; i < 6; i++) {
      const result = expectKind(await scene.call({ stream: true }), 'streaming');
      await result.chunks[Symbol.asyncIterator]().return?.();
      await result.ended;
    }
    expect(scene.ports.circuitBoard.peek('a')).toEqual({ kind: 'go' });
  });

  test('a probe closes the circuit with its first content, long before its stream ends', async () => {
    const scene = makeScene({ a: [...Array(5).fill(fails(500)), streams([text('Hi')], 'hang')] }, { fraction: 0 });
    for (let i = 0; i < 5; i++) await scene.call({ stream: true, attempts: 1 });
    await scene.clock.advance(30_000);
    expectKind(await scene.call({ stream: true }), 'streaming');
    await scene.ports.circuitBoard.settled();
    expect(scene.circuits.records.get('a')?.circuit.state).toBe('closed');
  });
});
