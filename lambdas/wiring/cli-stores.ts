import type { RunStore } from '../core/admit/run-store.ts';
import type { LedgerAudit } from '../core/audit/ledger-audit.ts';
import type { AccessStore } from '../core/authenticate/access-store.ts';
import type { BudgetStore } from '../core/budget/budget-store.ts';
import type { DueEscalation } from '../core/budget/find-escalations.ts';
import type { ResponseCache, WrongHitStore } from '../core/cache/cache-stores.ts';
import type { VectorIndex } from '../core/cache/vector-index.ts';
import type { CircuitStore } from '../core/call/circuit-store.ts';
import type { FeedbackStore } from '../core/feedback/feedback-store.ts';
import type { Ledger } from '../core/ledger.ts';
import type { PinStore } from '../core/pins/pin-store.ts';
import type { Cancellations, Clock, Random } from '../core/ports.ts';

/** The stores as the command line uses them, wherever they are. */
export interface CliStores {
  access: AccessStore;
  circuits: CircuitStore;
  ledger: Ledger;
  audit: LedgerAudit;
  budgets: BudgetStore;
  /** Answers a workflow that waits; false = it waits no more. Only a deployed gateway has any. */
  answerWaiting?: (token: string, answer: object) => Promise<boolean>;
  /** Starts the workflow that tells people of a crossing. Only a deployed gateway has it. */
  startEscalation?: (due: DueEscalation) => Promise<void>;
  runs: RunStore;
  pins: PinStore;
  feedback: FeedbackStore;
  /** What the answer caches keep. Opened by those commands that ask for it, closed with the rest. */
  openCache(): Promise<CliCache>;
  cancellations: Cancellations;
  clock: Clock;
  random: Random;
  place: Place;
  close(): void;
}

export interface CliCache {
  responses: ResponseCache;
  wrongHits: WrongHitStore;
  /** Absent where the gateway has no index of questions. */
  vectors?: Pick<VectorIndex, 'purge' | 'stats'>;
  /** Overwrites what was purged, as far as that can be done from here (docs/operating.md). @throws {StoreUnavailable} where others were at work; it may be tried again */
  wipe(): Promise<void>;
}

export type Place =
  | { kind: 'local'; dataDir: string }
  | {
      kind: 'deployed';
      stack: string;
      region: string;
      /** The construct's id in that stack, as the stack's outputs spell it. */
      gateway: string;
      /** That gateway's outputs, by their names without the gateway's: `LedgerTable`. */
      outputs: Readonly<Record<string, string>>;
    };
