import { describe, expect, test } from '@jest/globals';
import { END, expectKind, later, makeScene, readAll, START, streams, text, USAGE } from './call-fixture.ts';

/** The client reads until it has these words, and goes. */
const leaveAfter = async (
  scene: ReturnType<typeof makeScene>,
  words: string,
  more: Parameters<typeof scene.call>[0] = {},
) => {
  const result = expectKind(await scene.call({ stream: true, ...more }), 'streaming');
  const iterator = result.chunks[Symbol.asyncIterator]();
  let said = '';
  while (!said.includes(words)) said += (await scene.clock.settle(iterator.next())).value ?? '';
  const leftAt = scene.clock.now();
  await iterator.return?.();
  const end = await scene.clock.settle(result.ended);
  return { end, afterMs: scene.clock.now() - leftAt, call: scene.upstream.calls[0] };
};

const [partEnd, stop, usage, answerEnd] = END;
if (partEnd === undefined || stop === undefined || usage === undefined || answerEnd === undefined)
  throw new Error('END');

describe('a client that leaves', () => {
  test('in the middle stops the vendor at once', async () => {
    const scene = makeScene({ a: [streams([...START, text('Hi'), later(400, text(' there')), ...END])] });
    const { end, afterMs, call } = await leaveAfter(scene, 'Hi');
    expect(end).toMatchObject({ outcome: 'client-gone', attempts: [{ failure: { reason: 'cancelled' } }] });
    expect([afterMs, call?.isOpen]).toEqual([0, false]);
  });

  test('when only the usage is missing is billed by it: it is waited for', async () => {
    const scene = makeScene({
      a: [streams([...START, text('Hi'), partEnd, stop, later(400, usage), answerEnd])],
    });
    const { end, afterMs } = await leaveAfter(scene, 'stop');
    expect(end).toMatchObject({ outcome: 'client-gone', stop: { reason: 'end' }, attempts: [{ usage: USAGE }] });
    expect(end.attempts[0]?.failure).toBeUndefined();
    expect(afterMs).toBe(400);
  });

  test('when only the usage is missing, and does not come: the vendor is stopped within half a second', async () => {
    const scene = makeScene({ a: [streams([...START, text('Hi'), partEnd, stop, later(60_000, usage), answerEnd])] });
    const { end, afterMs, call } = await leaveAfter(scene, 'stop');
    expect(end).toMatchObject({ outcome: 'client-gone', attempts: [{ failure: { reason: 'cancelled' } }] });
    expect([afterMs, call?.isOpen]).toEqual([500, false]);
    expect(scene.clock.timers()).toBe(0);
  });

  test('with a few tokens left of the output limit has them read for their usage', async () => {
    const scene = makeScene({
      a: [streams([...START, text('word '.repeat(30)), later(100, text('end')), partEnd, stop, usage, answerEnd])],
    });
    const { end } = await leaveAfter(scene, 'word', { outputLimit: () => 40 });
    expect(end).toMatchObject({ outcome: 'client-gone', attempts: [{ usage: USAGE }] });
  });

  test('by its signal, with a chunk awaited, is drained as well', async () => {
    const scene = makeScene({ a: [streams([...START, text('Hi'), partEnd, stop, later(400, usage), answerEnd])] });
    const client = new AbortController();
    const result = expectKind(await scene.call({ stream: true, signal: client.signal }), 'streaming');
    const iterator = result.chunks[Symbol.asyncIterator]();
    let said = '';
    while (!said.includes('stop')) said += (await scene.clock.settle(iterator.next())).value ?? '';
    const pending = iterator.next();
    client.abort('client-gone');
    expect(await scene.clock.settle(result.ended)).toMatchObject({
      outcome: 'client-gone',
      attempts: [{ usage: USAGE }],
    });
    await pending;
  });

  test('because it was cancelled stops the vendor at once, whatever is missing', async () => {
    const scene = makeScene({ a: [streams([...START, text('Hi'), partEnd, stop, later(400, usage), answerEnd])] });
    const client = new AbortController();
    const result = expectKind(await scene.call({ stream: true, signal: client.signal }), 'streaming');
    const iterator = result.chunks[Symbol.asyncIterator]();
    let said = '';
    while (!said.includes('stop')) said += (await scene.clock.settle(iterator.next())).value ?? '';
    client.abort('cancelled');
    expect((await result.ended).outcome).toBe('cancelled');
    expect(scene.upstream.calls[0]?.isOpen).toBe(false);
    expect((await scene.clock.settle(iterator.next())).value).toContain('"fail":"cancelled"');
  });
});

describe('a throughput floor', () => {
  /** A word a second. */
  const drip = (words: number, everyMs: number) =>
    streams([...START, ...Array(words).fill(later(everyMs, text('word '))), ...END]);
  const floor = (minTokensPerSecond: number) => ({ stream: true, timeouts: { minTokensPerSecond } });

  test('ends a stream below it with an error event, and counts against the target', async () => {
    const scene = makeScene({ a: [drip(60, 1_000)] });
    const result = expectKind(await scene.call(floor(5)), 'streaming');
    const { lines, end } = await readAll(result, scene.clock);
    expect(lines.at(-1)).toMatchObject({ fail: 'all_targets_failed' });
    expect(end).toMatchObject({
      outcome: 'cut',
      attempts: [{ failure: { reason: 'too_slow', countsAgainstCircuit: true } }],
    });
    expect(scene.clock.now() - scene.startedAt).toBeLessThanOrEqual(12_000);
    expect(scene.upstream.calls[0]?.isOpen).toBe(false);
  });

  test('lets a stream above it go on', async () => {
    const scene = makeScene({ a: [drip(300, 100)] });
    const { end } = await readAll(expectKind(await scene.call(floor(5)), 'streaming'), scene.clock);
    expect(end.outcome).toBe('answered');
  });

  test('does not hold a client’s own slowness against the vendor', async () => {
    const scene = makeScene({ a: [drip(60, 100)] });
    const result = expectKind(await scene.call(floor(5)), 'streaming');
    const iterator = result.chunks[Symbol.asyncIterator]();
    while ((await scene.clock.settle(iterator.next())).done !== true) await scene.clock.advance(2_000);
    expect((await result.ended).outcome).toBe('answered');
  });

  test('is none unless one is asked for', async () => {
    const scene = makeScene({ a: [drip(60, 1_000)] });
    const { end } = await readAll(expectKind(await scene.call({ stream: true }), 'streaming'), scene.clock);
    expect(end.outcome).toBe('answered');
  });
});
