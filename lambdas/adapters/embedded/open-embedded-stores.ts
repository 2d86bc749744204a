import { hostname } from 'node:os';
import { epochOf } from '../../contract/timing.ts';
import type { LimitStore } from '../../core/admit/limit-store.ts';
import type { RunStore } from '../../core/admit/run-store.ts';
import type { LedgerAudit } from '../../core/audit/ledger-audit.ts';
import type { AccessStore } from '../../core/authenticate/access-store.ts';
import type { BudgetStore } from '../../core/budget/budget-store.ts';
import type { ResponseCache, WrongHitStore } from '../../core/cache/cache-stores.ts';
import type { CircuitStore } from '../../core/call/circuit-store.ts';
import type { FeedbackStore } from '../../core/feedback/feedback-store.ts';
import type { AnswerStore } from '../../core/idempotency/answer-store.ts';
import type { Ledger } from '../../core/ledger.ts';
import type { PinStore } from '../../core/pins/pin-store.ts';
import type { Cancellations, Clock, Log, Random } from '../../core/ports.ts';
import type { StatisticsStore } from '../../core/route/statistics-store.ts';
import { makeEmbeddedAccessStore } from './access-store.ts';
import { makeEmbeddedAnswerStore } from './answer-store.ts';
import { makeEmbeddedAudit } from './audit.ts';
import { makeEmbeddedBudgetStore } from './budget-store.ts';
import { makeEmbeddedCancellations } from './cancellations.ts';
import { makeEmbeddedCircuitStore } from './circuit-store.ts';
import { openDatabase } from './database.ts';
import { makeEmbeddedFeedbackStore } from './feedback-store.ts';
import { makeEmbeddedLedger } from './ledger.ts';
import { makeEmbeddedLimitStore } from './limit-store.ts';
import { clearDeadOwners, forgetOwner, noteOwner } from './owners.ts';
import { makeEmbeddedPinStore } from './pin-store.ts';
import { numberPolicy } from './policy-version.ts';
import { markThisProcess } from './process-mark.ts';
import { makeEmbeddedResponseCache } from './response-cache.ts';
import { makeEmbeddedRunStore } from './run-store.ts';
import { SCHEMA } from './schema.ts';
import { makeEmbeddedStatisticsStore } from './statistics-store.ts';
import { readStoreTime } from './store-time.ts';
import { type EmbeddedVectorIndex, makeEmbeddedVectorIndex } from './vector-index.ts';
import { wipeTables } from './wipe-tables.ts';
import { makeEmbeddedWrongHitStore } from './wrong-hit-store.ts';

export interface EmbeddedStores {
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
  runs: RunStore;
  pins: PinStore;
  responses: ResponseCache;
  wrongHits: WrongHitStore;
  vectors: EmbeddedVectorIndex;
  /** Overwrites what was purged of answers and vectors, in the file and its log. @throws {StoreUnavailable} where others were at work */
  wipePurged(): Promise<void>;
  /** Number of the policy with these caps: grows whenever they differ from those of the last start. */
  policyVersion(fingerprint: string): Promise<number>;
  /** Nothing may be asked afterwards. Requests still under way are lost to whoever opens the file next. */
  close(): void;
}

/** Tells the openings of one process apart whatever its random source. */
let openings = 0;

/**
 * Opens every store on one SQLite file, which other processes may have open too, or in memory (`:memory:`).
 * The file is made where there is none; what dead processes left in it is cleared up (docs/ledger.md).
 *
 * @param owner name of this opening, unique among all that share the file; made up unless given.
 * @throws {StoreUnavailable} when the file can't be opened or is damaged.
 * @throws {Error} when a later version of Tollgate has written it.
 */
export const openEmbeddedStores = (options: {
  file: string;
  clock: Clock;
  random: Random;
  owner?: string;
  /** Told of kept answers that can't be read. */
  log?: Pick<Log, 'warn'>;
}): EmbeddedStores => {
  const { file, clock, random } = options;
  const nonce = Buffer.from(random.bytes(9)).toString('hex');
  openings += 1;
  const owner = {
    id: options.owner ?? `${hostname()}/${process.pid}/${openings}/${nonce}`,
    process: markThisProcess(),
  };
  const database = openDatabase({
    file,
    migrations: SCHEMA,
    onOpen(connection) {
      const storeNow = readStoreTime(connection, clock);
      noteOwner(connection, owner, epochOf(storeNow));
      clearDeadOwners(connection, owner, storeNow);
    },
    onClose: (connection) => forgetOwner(connection, owner),
  });
  const cancellations = makeEmbeddedCancellations(database, clock);
  return {
    access: makeEmbeddedAccessStore(database),
    limits: makeEmbeddedLimitStore(database, owner),
    circuits: makeEmbeddedCircuitStore(database),
    statistics: makeEmbeddedStatisticsStore(database),
    ledger: makeEmbeddedLedger(database, clock, owner),
    audit: makeEmbeddedAudit(database, clock),
    cancellations,
    answers: makeEmbeddedAnswerStore(database, owner),
    feedback: makeEmbeddedFeedbackStore(database),
    budgets: makeEmbeddedBudgetStore(database),
    runs: makeEmbeddedRunStore(database, clock),
    pins: makeEmbeddedPinStore(database),
    responses: makeEmbeddedResponseCache(database, options.log ?? { warn() {} }),
    wrongHits: makeEmbeddedWrongHitStore(database),
    vectors: makeEmbeddedVectorIndex(database),
    wipePurged: () => wipeTables(database, ['responses', 'vectors']),
    policyVersion: (fingerprint) => numberPolicy(database, fingerprint),
    close() {
      cancellations.close();
      database.close();
    },
  };
};
