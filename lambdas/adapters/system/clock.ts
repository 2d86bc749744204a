import type { Clock } from '../../core/ports.ts';

/** Node's timers fire at once when told to wait longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const after = (ms: number, callback: () => void): (() => void) => {
  let timer: NodeJS.Timeout;
  const wait = (restMs: number): void => {
    const nextMs = Math.min(restMs, LONGEST_TIMER_MS);
    timer = setTimeout(() => (restMs > nextMs ? wait(restMs - nextMs) : callback()), nextMs);
  };
  wait(Math.max(0, ms));
  return () => clearTimeout(timer);
};

/** The machine's clock and timers. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after,
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const wake = (): void => {
        clear();
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const clear = after(ms, wake);
      signal?.addEventListener('abort', wake, { once: true });
    }),
};
