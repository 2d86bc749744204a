import { type Clock, type Log, StoreUnavailable } from '../ports.ts';
import { withinDeadline } from '../store-deadline.ts';
import type { LimitOutcome, LimitStore, LimitTake } from './limit-store.ts';
import type { LocalLimits } from './local-limits.ts';

/** Nobody waits longer for a limit that can be kept here as well. */
const PATIENCE_MS = 2_000;
/** How soon a store that was down is asked again. */
const ASK_AGAIN_MS = 500;

/**
 * Rate limits that hold while their store does not: each process then keeps them by itself, so that all of them together may
 * let through as many times the limit as there are processes. What was taken here is ended here, whatever the store does
 * meanwhile; what the store may have taken without a word drains there by itself.
 *
 * The money is not kept this way: a hold that nobody has confirmed is a refusal (docs/decisions/033).
 */
export const keepLimitsWhenDown = (store: LimitStore, { clock, log }: { clock: Clock; log: Log }): LimitStore => {
  /** Made, and loaded, when the store falls for the first time. */
  let local: LocalLimits | undefined;
  const takenHere = new WeakSet<LimitTake>();
  let downSince: number | undefined;
  let askAgainAt = 0;

  /** @returns undefined where the store is known to be down, or does not answer */
  const takeThere = async (takes: LimitTake[], epoch: number, nowMs: number): Promise<LimitOutcome | undefined> => {
    const askedAt = clock.now();
    // A clock that was set back must not keep the store unasked.
    if (downSince !== undefined && askedAt < askAgainAt && askedAt >= downSince) return undefined;
    try {
      const outcome = await withinDeadline('take', () => store.take(takes, epoch, nowMs), clock, {
        deadlineMs: PATIENCE_MS,
        undo: ({ kind }) => (kind === 'taken' ? store.giveBack(takes, epoch, nowMs) : undefined),
      });
      if (downSince !== undefined) log.info('limit store is back', { down_ms: clock.now() - downSince });
      downSince = undefined;
      return outcome;
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      if (downSince === undefined)
        log.warn('limit store unreachable: this process keeps the limits by itself', { error });
      downSince ??= askedAt;
      askAgainAt = clock.now() + ASK_AGAIN_MS;
      return undefined;
    }
  };

  /** Which of them were taken here, and which in the store. */
  const part = (takes: LimitTake[]): [LimitTake[], LimitTake[]] => [
    takes.filter((take) => takenHere.has(take)),
    takes.filter((take) => !takenHere.has(take)),
  ];

  return {
    async take(takes, epoch, nowMs) {
      if (takes.length === 0) return { kind: 'taken', figures: [] };
      const there = await takeThere(takes, epoch, nowMs);
      if (there !== undefined) return there;
      const { makeLocalLimits } = await import('./local-limits.ts');
      local ??= makeLocalLimits();
      const here = local.take(takes, clock.now());
      if (here.kind === 'taken') for (const take of takes) takenHere.add(take);
      return here;
    },
    async giveBack(takes, epoch, nowMs) {
      const [here, there] = part(takes);
      local?.giveBack(here, clock.now());
      if (there.length > 0) await store.giveBack(there, epoch, nowMs);
    },
    async settle(takes, epoch, usedTokens, nowMs) {
      const [here, there] = part(takes);
      local?.settle(here, usedTokens, clock.now());
      if (there.length > 0) await store.settle(there, epoch, usedTokens, nowMs);
    },
    read: (takes, nowMs) => store.read(takes, nowMs),
  };
};
