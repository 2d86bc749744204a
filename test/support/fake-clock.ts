import type { Clock } from '../../lambdas/core/ports.ts';

export interface FakeClock extends Clock {
  /** Lets pending work run, then moves the time on, timer by timer, letting the work of each run before the next. */
  advance(ms: number): Promise<void>;
  /** Lets pending work run without moving the time. */
  flush(): Promise<void>;
  /** Moves the time on, from timer to timer, until the promise has settled. @throws when no timer is left and it has not. */
  settle<T>(promise: Promise<T>): Promise<T>;
  /** Timers that are still set. */
  timers(): number;
}

interface Timer {
  at: number;
  order: number;
  callback: () => void;
}

/** Microtasks, and what they start, run dry before a macrotask comes; several, for work that hops through streams and stores. */
const drain = async (): Promise<void> => {
  for (let i = 0; i < 16; i++) await new Promise<void>((resolve) => setImmediate(resolve));
};

/** A clock that stands still until a test moves it. Starts at 2026-11-22T12:00:00Z unless told otherwise. */
export const makeFakeClock = (startMs = Date.UTC(2026, 10, 22, 12)): FakeClock => {
  let now = startMs;
  let orders = 0;
  const timers = new Set<Timer>();

  const after = (ms: number, callback: () => void): (() => void) => {
    const timer = { at: now + Math.max(0, ms), order: orders++, callback };
    timers.add(timer);
    return () => void timers.delete(timer);
  };

  const nextTimer = (): Timer | undefined => [...timers].sort((a, b) => a.at - b.at || a.order - b.order)[0];

  const fire = async (timer: Timer): Promise<void> => {
    timers.delete(timer);
    now = Math.max(now, timer.at);
    timer.callback();
    await drain();
  };

  return {
    now: () => now,
    after,
    sleep: (ms, signal) =>
      new Promise<void>((resolve) => {
        if (signal?.aborted) return resolve();
        const end = () => {
          clear();
          signal?.removeEventListener('abort', end);
          resolve();
        };
        const clear = after(ms, end);
        signal?.addEventListener('abort', end, { once: true });
      }),
    flush: drain,
    async advance(ms) {
      const until = now + ms;
      await drain();
      for (let timer = nextTimer(); timer && timer.at <= until; timer = nextTimer()) await fire(timer);
      now = until;
    },
    async settle<T>(promise: Promise<T>): Promise<T> {
      let isSettled = false;
      const mark = () => {
        isSettled = true;
      };
      promise.then(mark, mark);
      await drain();
      while (!isSettled) {
        const timer = nextTimer();
        if (timer === undefined) throw new Error('nothing is left to wait for, and the promise has not settled');
        await fire(timer);
      }
      return promise;
    },
    timers: () => timers.size,
  };
};
