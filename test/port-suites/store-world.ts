import type { LimitStore } from '../../lambdas/core/admit/limit-store.ts';
import type { RunStore } from '../../lambdas/core/admit/run-store.ts';
import type { LedgerAudit } from '../../lambdas/core/audit/ledger-audit.ts';
import type { AccessStore } from '../../lambdas/core/authenticate/access-store.ts';
import type { BudgetStore } from '../../lambdas/core/budget/budget-store.ts';
import type { ResponseCache, WrongHitStore } from '../../lambdas/core/cache/cache-stores.ts';
import type { CircuitStore } from '../../lambdas/core/call/circuit-store.ts';
import type { FeedbackStore } from '../../lambdas/core/feedback/feedback-store.ts';
import type { AnswerStore } from '../../lambdas/core/idempotency/answer-store.ts';
import type { Ledger } from '../../lambdas/core/ledger.ts';
import type { PinStore } from '../../lambdas/core/pins/pin-store.ts';
import type { Cancellations, Clock } from '../../lambdas/core/ports.ts';
import type { StatisticsStore } from '../../lambdas/core/route/statistics-store.ts';
import { makeFakeClock } from '../support/fake-clock.ts';

export interface Stores {
  access: AccessStore;
  limits: LimitStore;
  circuits: CircuitStore;
  statistics: StatisticsStore;
  ledger: Ledger;
  audit: LedgerAudit;
  cancellations: Cancellations;
  answers: AnswerStore;
  feedback: FeedbackStore;
  budgets: BudgetStore;
  policyVersion(fingerprint: string): Promise<number>;
  runs: RunStore;
  pins: PinStore;
  responses: ResponseCache;
  wrongHits: WrongHitStore;
}

/** One fresh state, as several gateway processes would see it. */
export interface StoreWorld {
  /** Another process's stores on the same state; an adapter that can't be shared gives the same ones again. */
  open(): Promise<Stores>;
  /** Lets accounts catch up with their entries, where an adapter applies settlements later. */
  catchUp(): Promise<void>;
  end(): Promise<void>;
}

/** Makes a world whose store time is the given clock's. */
export type MakeStores = (clock: Clock) => Promise<StoreWorld>;

export interface WorldClock extends Clock {
  /** Time goes on, timer by timer. */
  advance(ms: number): Promise<void>;
  /** The clock is set to another time, forward or back; no timer fires for it. */
  jump(ms: number): void;
  timers(): number;
}

/** Stands still until a test moves it. Starts at 2026-11-22T12:00:00Z, the beginning of an epoch. */
export const makeWorldClock = (): WorldClock => {
  const fake = makeFakeClock(Date.UTC(2026, 10, 22, 12));
  let offsetMs = 0;
  return {
    ...fake,
    now: () => fake.now() + offsetMs,
    jump(ms) {
      offsetMs += ms;
    },
  };
};

/** Runs a test in a world of its own. */
export const inWorld =
  (makeStores: MakeStores, run: (context: { world: StoreWorld; clock: WorldClock; stores: Stores }) => Promise<void>) =>
  async (): Promise<void> => {
    const clock = makeWorldClock();
    const world = await makeStores(clock);
    try {
      await run({ world, clock, stores: await world.open() });
    } finally {
      await world.end();
    }
  };
