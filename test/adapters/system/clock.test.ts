import { describe, expect, jest, test } from '@jest/globals';
import { systemClock } from '../../../lambdas/adapters/system/clock.ts';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';

describe('the system clock', () => {
  test('wakes a sleeper at once when its signal aborts, and takes the timer away', async () => {
    jest.useFakeTimers();
    try {
      const stop = new AbortController();
      const slept = systemClock.sleep(60_000, stop.signal);
      expect(jest.getTimerCount()).toBe(1);
      stop.abort();
      await slept;
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  test('does not sleep at all on a signal that has aborted', async () => {
    await systemClock.sleep(60_000, AbortSignal.abort());
  });

  test('leaves no listener on a signal that outlives the sleep', async () => {
    const { signal } = new AbortController();
    const remove = jest.spyOn(signal, 'removeEventListener');
    await systemClock.sleep(0, signal);
    expect(remove).toHaveBeenCalledWith('abort', expect.any(Function));
  });

  test('calls back once after the time, longer than a timer of Node can be, and not when taken away', () => {
    jest.useFakeTimers();
    try {
      const calls: string[] = [];
      const days = 30 * 24 * 3_600_000;
      systemClock.after(days, () => calls.push('kept'));
      systemClock.after(days, () => calls.push('taken away'))();
      const late = systemClock.after(days, () => calls.push('taken away late'));
      jest.advanceTimersByTime(days - 1);
      late();
      expect(calls).toEqual([]);
      jest.advanceTimersByTime(1);
      expect(calls).toEqual(['kept']);
      jest.advanceTimersByTime(days);
      expect(calls).toEqual(['kept']);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('the system random', () => {
  test('gives as many bytes as asked for, other ones each time, and fractions below one', () => {
    expect(systemRandom.bytes(32)).toHaveLength(32);
    expect(Buffer.from(systemRandom.bytes(16)).equals(Buffer.from(systemRandom.bytes(16)))).toBe(false);
    for (let i = 0; i < 100; i++) {
      const fraction = systemRandom.fraction();
      expect(fraction >= 0 && fraction < 1).toBe(true);
    }
  });
});
