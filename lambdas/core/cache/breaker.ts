import type { Clock } from '../ports.ts';

/** Failures in a row after which something is not asked any more, and for how long. */
const MOST_FAILURES = 5;
const OPEN_MS = 30_000;

/** Keeps one process from waiting for something that does not answer. */
export interface Breaker {
  /** Whether it may be asked; once in a while also while it is shut. */
  mayAsk(): boolean;
  /** For who does not tell what came of it: whether it is not to be asked now. Takes nobody's turn. */
  isShut(): boolean;
  note(isWell: boolean): void;
}

export const makeBreaker = (clock: Pick<Clock, 'now'>): Breaker => {
  let failures = 0;
  let openUntil = Number.NEGATIVE_INFINITY;
  const isShut = (): boolean => {
    const leftMs = openUntil - clock.now();
    // A clock that was set back must not keep it shut for longer.
    return failures >= MOST_FAILURES && leftMs > 0 && leftMs <= OPEN_MS;
  };
  return {
    isShut,
    mayAsk() {
      if (isShut()) return false;
      // Whoever asks now is the one who tries; the others wait for what comes of it.
      if (failures >= MOST_FAILURES) openUntil = clock.now() + OPEN_MS;
      return true;
    },
    note(isWell) {
      if (isWell) {
        failures = 0;
        return;
      }
      failures += 1;
      if (failures >= MOST_FAILURES) openUntil = clock.now() + OPEN_MS;
    },
  };
};
