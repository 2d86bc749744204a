import type { Clock } from '../ports.ts';
import { CIRCUIT } from './call-policy.ts';

/** How one call waits for a plain answer. */
export interface Wait {
  /** From then on it is late. */
  patienceMs: number;
  /** Told once where the target lets too many wait: whoever has somebody else to ask does so now. */
  leave: () => void;
}

interface Waiter extends Wait {
  isLate: boolean;
}

/** The plain calls of one process that wait for their answers. A target that hangs is known by them long before the first has failed. */
export interface OverdueWatch {
  /** @returns to be called when the call has ended, however */
  startWaiting(target: string, wait: Wait): () => void;
  /** The target has said something to somebody: whoever waited by then says nothing of it any more. */
  heard(target: string): void;
}

/**
 * Finds targets that accept requests and say nothing: as many calls as open a circuit are late, and nobody has heard a word
 * since the oldest of them began. One that is only slow answers now and then.
 *
 * @param found told of such a target before those that wait for it are
 */
export const watchOverdue = (clock: Clock, found: (target: string) => void): OverdueWatch => {
  const all = new Map<string, Set<Waiter>>();

  const checkLate = (target: string): void => {
    const waiters = [...(all.get(target) ?? [])];
    if (waiters.filter(({ isLate }) => isLate).length < CIRCUIT.failuresToOpen) return;
    all.delete(target);
    found(target);
    for (const { leave } of waiters) leave();
  };

  return {
    startWaiting(target, wait) {
      const waiter: Waiter = { ...wait, isLate: false };
      const waiters = all.get(target) ?? new Set();
      all.set(target, waiters.add(waiter));
      const clear = clock.after(wait.patienceMs, () => {
        waiter.isLate = true;
        checkLate(target);
      });
      return () => {
        clear();
        waiters.delete(waiter);
        if (waiters.size === 0 && all.get(target) === waiters) all.delete(target);
      };
    },
    heard: (target) => void all.delete(target),
  };
};
