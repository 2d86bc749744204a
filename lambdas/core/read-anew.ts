import { withPatience } from './call/with-patience.ts';
import type { Clock } from './ports.ts';

/** What a process knows of a store: a few seconds old, read again beside whoever asks, once at a time. */
export interface ReadAnew {
  /** Begins a read where the last one began that long ago. Never waits. */
  whenOlder(ageMs: number): void;
  /** Reads, or joins the read under way. Never rejects: what is known holds on. */
  refresh(): Promise<void>;
  /** When the last read began that came through, in milliseconds since 1970; −∞ where none did. */
  heardAt(): number;
  /** Resolves when nothing is being read: for a process that is about to stop. */
  settled(): Promise<void>;
}

/**
 * @param take what was read; not called where the answer came too late
 * @param onDown told once an outage, not once a read
 */
export const makeReadAnew = <T>({
  read,
  take,
  onDown,
  patienceMs,
  clock,
}: {
  read: () => Promise<T>;
  take: (found: T) => void;
  onDown: (error: unknown) => void;
  patienceMs: number;
  clock: Clock;
}): ReadAnew => {
  let beganAt = Number.NEGATIVE_INFINITY;
  let heardAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  let isDown = false;

  const readOnce = async (): Promise<void> => {
    const now = clock.now();
    beganAt = now;
    try {
      take(await withPatience(read, patienceMs, clock));
      heardAt = now;
      isDown = false;
    } catch (error) {
      if (!isDown) onDown(error);
      isDown = true;
    }
  };

  const refresh = (): Promise<void> => {
    reading ??= readOnce().finally(() => {
      reading = undefined;
    });
    return reading;
  };

  return {
    whenOlder(ageMs) {
      const age = clock.now() - beganAt;
      // A clock that was put back says nothing of the age.
      if (age < 0 || age >= ageMs) void refresh();
    },
    refresh,
    heardAt: () => heardAt,
    settled: async () => reading,
  };
};
