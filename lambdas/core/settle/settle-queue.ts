import type { Clock, Ledger, Log, Settlement, SettleQueue } from '../ports.ts';

/** First wait, milliseconds; it doubles up to the longest. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 15_000;

/** A queue in this process's memory: what it loses in a crash is charged whole at the epoch's close. */
export interface MemorySettleQueue extends SettleQueue {
  /** Settlements not yet entered. */
  readonly size: number;
  /** Tries everything once more, for a process that is about to end. @returns how many are left. */
  flush(): Promise<number>;
}

/** Enters settlements that the store did not take, in order, again and again until it does: each recognises its own repeat. */
export const makeSettleQueue = ({
  ledger,
  clock,
  log,
}: {
  ledger: Ledger;
  clock: Clock;
  log: Log;
}): MemorySettleQueue => {
  const waiting: Settlement[] = [];
  let waitMs = FIRST_WAIT_MS;
  let cancelTimer: (() => void) | undefined;
  let working: Promise<void> | undefined;

  const work = async () => {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      try {
        await ledger.settle(next);
      } catch (error) {
        log.error('queued settlement still not entered', {
          request_id: next.requestId,
          waiting: waiting.length,
          error,
        });
        return;
      }
      waiting.shift();
      waitMs = FIRST_WAIT_MS;
    }
  };
  const workOnce = () => {
    working ??= work().finally(() => {
      working = undefined;
    });
    return working;
  };
  const schedule = () => {
    if (cancelTimer !== undefined || waiting.length === 0) return;
    cancelTimer = clock.after(waitMs, async () => {
      cancelTimer = undefined;
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
      await workOnce();
      schedule();
    });
  };

  return {
    get size() {
      return waiting.length;
    },
    add: (settlement) => {
      waiting.push(settlement);
      schedule();
    },
    flush: async () => {
      cancelTimer?.();
      cancelTimer = undefined;
      await workOnce();
      schedule();
      return waiting.length;
    },
  };
};
