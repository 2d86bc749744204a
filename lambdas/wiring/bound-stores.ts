import type { LimitStore } from '../core/admit/limit-store.ts';
import { keepLimitsWhenDown } from '../core/admit/limits-when-down.ts';
import type { RunStore } from '../core/admit/run-store.ts';
import type { AnswerStore } from '../core/idempotency/answer-store.ts';
import type { RequestLedger } from '../core/ledger.ts';
import type { Clock, Gateway, Log } from '../core/ports.ts';
import { withDeadlines, withinDeadline } from '../core/store-deadline.ts';
import { type StoreHealth, watchStoreHealth } from '../core/store-health.ts';

interface RequestStores {
  ledger: RequestLedger;
  limits: LimitStore;
  answers: AnswerStore;
  runs: RunStore;
}

/**
 * The stores with a deadline on every call that a request waits for, and rate limits that hold without theirs where the
 * configuration lets them; and whether they take writes. Keys and circuits keep time themselves (cached-access.ts, circuit-board.ts).
 */
export const boundStores = <Stores extends RequestStores>(
  stores: Stores,
  { limitsWhenStoreIsDown = 'local' }: Pick<Gateway, 'limitsWhenStoreIsDown'>,
  { clock, log }: { clock: Clock; log: Log },
): Stores & { storeHealth: StoreHealth } => {
  const limits = withDeadlines(stores.limits, ['take', 'giveBack', 'settle', 'read'], clock);
  const ledger = withDeadlines(
    stores.ledger,
    ['giveBack', 'open', 'refuse', 'topUp', 'settle', 'read', 'figures'],
    clock,
  );
  const answers = withDeadlines(stores.answers, ['keep', 'release'], clock);
  const runs = withDeadlines(stores.runs, ['leave', 'read', 'kill'], clock);
  const bounded = {
    ...ledger,
    // What comes through too late is taken back: a slow store would fill its budgets with holds that nobody has.
    hold: (request: Parameters<RequestLedger['hold']>[0]) =>
      withinDeadline('hold', () => stores.ledger.hold(request), clock, {
        undo: ({ kind }) => (kind === 'held' ? stores.ledger.giveBack(request) : undefined),
      }),
  };
  return {
    ...stores,
    ...watchStoreHealth(bounded, stores.limits, clock),
    limits: limitsWhenStoreIsDown === 'local' ? keepLimitsWhenDown(limits, { clock, log }) : limits,
    answers: {
      ...answers,
      claim: (claim: Parameters<AnswerStore['claim']>[0], nowMs: number) =>
        withinDeadline('claim', () => stores.answers.claim(claim, nowMs), clock, {
          undo: ({ kind }) => (kind === 'claimed' ? stores.answers.release(claim) : undefined),
        }),
    },
    runs: {
      ...runs,
      enter: (entry: Parameters<RunStore['enter']>[0]) =>
        withinDeadline('enter', () => stores.runs.enter(entry), clock, {
          undo: ({ kind }) => (kind === 'entered' ? stores.runs.leave(entry) : undefined),
        }),
    },
  };
};
