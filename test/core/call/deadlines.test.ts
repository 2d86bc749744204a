import { getEventListeners } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { Stopped, watchAttempt } from '../../../lambdas/core/call/deadlines.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

const setUp = (deadlineMs = 10_000) => {
  const clock = makeFakeClock();
  const caller = new AbortController();
  const watch = watchAttempt(caller.signal, clock.now() + deadlineMs, clock);
  return { clock, caller, watch };
};
const never = () => new Promise<never>(() => {});

describe('a watch over one attempt', () => {
  test('rejects what it guards as soon as it is stopped, even where the work ignores the signal', async () => {
    const { watch } = setUp();
    const guarded = watch.guard(never);
    watch.stop({ by: 'idle', afterMs: 1 });
    await expect(guarded).rejects.toMatchObject({ name: 'Stopped', stopCause: { by: 'idle' } });
    expect(watch.signal.aborted).toBe(true);
  });

  test('starts no work once it is stopped', async () => {
    const { watch } = setUp();
    watch.stop({ by: 'deadline' });
    let isStarted = false;
    const start = async () => {
      isStarted = true;
    };
    await expect(watch.guard(start)).rejects.toBeInstanceOf(Stopped);
    expect(isStarted).toBe(false);
  });

  test('keeps the first cause', () => {
    const { watch, caller } = setUp();
    caller.abort('cancelled');
    watch.stop({ by: 'deadline' });
    expect(watch.cause).toEqual({ by: 'caller', outcome: 'cancelled' });
  });

  test('is stopped from the start by a caller who has left or a deadline that has passed', () => {
    const clock = makeFakeClock();
    expect(watchAttempt(AbortSignal.abort('client-gone'), clock.now() + 1, clock).cause).toMatchObject({
      by: 'caller',
    });
    expect(watchAttempt(new AbortController().signal, clock.now(), clock).cause).toEqual({ by: 'deadline' });
  });

  test('tells its listener when it is stopped, also one that comes late', async () => {
    const { watch, clock } = setUp(500);
    const heard: unknown[] = [];
    watch.onStop((cause) => heard.push(cause));
    await clock.advance(500);
    watch.onStop((cause) => heard.push(cause));
    expect(heard).toEqual([{ by: 'deadline' }, { by: 'deadline' }]);
  });

  test.each(['release', 'close', 'stop'] as const)('leaves no timer and no listener after %s', (how) => {
    const { watch, caller, clock } = setUp();
    watch.stopAfter(50, { by: 'idle', afterMs: 50 });
    expect([clock.timers(), getEventListeners(caller.signal, 'abort').length]).toEqual([2, 1]);
    if (how === 'stop') watch.stop({ by: 'deadline' });
    else watch[how]();
    expect([clock.timers(), getEventListeners(caller.signal, 'abort').length]).toEqual([0, 0]);
    expect(watch.signal.aborted).toBe(how !== 'release');
  });

  test('hands through what the work gives or throws', async () => {
    const { watch } = setUp();
    const boom = new Error('boom');
    await expect(watch.guard(async () => 7)).resolves.toBe(7);
    await expect(watch.guard(async () => Promise.reject(boom))).rejects.toBe(boom);
  });
});
