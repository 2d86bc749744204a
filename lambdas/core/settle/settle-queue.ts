import type { Ledger, Settlement, SettleQueue } from '../ledger.ts';
import { type Clock, type Log, StoreUnavailable } from '../ports.ts';

/** First wait, milliseconds; it doubles up to the longest. */
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 15_000;

/** A queue in this process's memory: what it loses in a crash is charged whole at the epoch's close. */
export interface MemorySettleQueue extends SettleQueue {
  /** Settlements not yet entered. */
  readonly size: number;
  /** Tries everything once more and then no more by itself: the process is about to end. @returns how many are left. */
  flush(): Promise<number>;
}

/**
 * Enters settlements that the store did not take, again and again until it does: each recognises its own repeat. One that
 * the ledger itself refuses will never be taken, and must not hold up the others: its hold is charged at the close.
 */
export const makeSettleQueue = ({
  ledger,
  clock,
  log,
}: {
  ledger: Pick<Ledger, 'settle'>;
  clock: Pick<Clock, 'after'>;
  log: Log;
}): MemorySettleQueue => {
  const waiting = new Set<Settlement>();
  let waitMs = FIRST_WAIT_MS;
  let cancelTimer: (() => void) | undefined;
  let working: Promise<void> | undefined;

  /** @returns whether the store can be reached */
  const enter = async (settlement: Settlement): Promise<boolean> => {
    const fields = { request_id: settlement.requestId, waiting: waiting.size };
    try {
      await ledger.settle(settlement);
    } catch (error) {
      if (error instanceof StoreUnavailable) {
        log.error('queued settlement still not entered', { ...fields, error });
        return false;
      }
      log.error("queued settlement refused by the ledger: the epoch's close charges the hold", { ...fields, error });
    }
    waiting.delete(settlement);
    return true;
  };
  const enterAll = async (): Promise<void> => {
    for (const settlement of waiting) {
      if (!(await enter(settlement))) return;
      waitMs = FIRST_WAIT_MS;
    }
  };
  const work = (): Promise<void> => {
    working ??= enterAll().finally(() => {
      working = undefined;
    });
    return working;
  };
  const schedule = (): void => {
    if (cancelTimer !== undefined || waiting.size === 0) return;
    cancelTimer = clock.after(waitMs, async () => {
      cancelTimer = undefined;
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
      await work();
      schedule();
    });
  };

  return {
    get size() {
      return waiting.size;
    },
    add: (settlement) => {
      waiting.add(settlement);
      schedule();
    },
    flush: async () => {
      // A round under way may have begun before the last were added, or before the store came back.
      await working;
      await work();
      cancelTimer?.();
      cancelTimer = undefined;
      return waiting.size;
    },
  };
};
