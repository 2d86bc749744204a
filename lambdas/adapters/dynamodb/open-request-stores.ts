import type { LimitStore } from '../../core/admit/limit-store.ts';
import type { RunStore } from '../../core/admit/run-store.ts';
import type { AccessStore } from '../../core/authenticate/access-store.ts';
import type { BudgetPolicy } from '../../core/budget/budget-store.ts';
import type { ResponseCache, WrongHitStore } from '../../core/cache/cache-stores.ts';
import type { CircuitStore } from '../../core/call/circuit-store.ts';
import type { FeedbackStore } from '../../core/feedback/feedback-store.ts';
import type { AnswerStore } from '../../core/idempotency/answer-store.ts';
import type { RequestLedger } from '../../core/ledger.ts';
import type { PinStore } from '../../core/pins/pin-store.ts';
import type { Cancellations } from '../../core/ports.ts';
import type { StatisticsStore } from '../../core/route/statistics-store.ts';
import { makeDynamoAccessStore } from './access-store.ts';
import { makeDynamoAnswerStore } from './answer-store.ts';
import { makeDynamoCancellations } from './cancellations.ts';
import { makeDynamoCircuitStore } from './circuit-store.ts';
import { makeCloser } from './closer-item.ts';
import { type Dynamo, type DynamoOptions, openDynamo } from './dynamo.ts';
import { makeDynamoLimitStore } from './limit-store.ts';
import { numberPolicy, readPolicy } from './policy.ts';
import { makeDynamoRequestLedger } from './request-ledger.ts';
import { makeDynamoRunStore } from './run-store.ts';
import { makeDynamoStatisticsStore } from './statistics-store.ts';

export interface CacheStores {
  responses: ResponseCache;
  wrongHits: WrongHitStore;
}

/** What requests need. */
export interface RequestStores {
  access: AccessStore;
  limits: LimitStore;
  circuits: CircuitStore;
  statistics: StatisticsStore;
  ledger: RequestLedger;
  cancellations: Cancellations;
  answers: AnswerStore;
  feedback: FeedbackStore;
  runs: RunStore;
  budgets: { readPolicy(): Promise<BudgetPolicy> };
  pins: Pick<PinStore, 'readOverrides'>;
  /** Their code is read where an alias keeps answers. */
  loadCacheStores(): Promise<CacheStores>;
  /** Number of the policy with these caps: grows whenever they differ from those numbered last. */
  policyVersion(fingerprint: string): Promise<number>;
  /** Nothing may be asked afterwards. */
  close(): void;
}

/**
 * Opens the stores on the deployed tables that answer requests, and brings no code along for anything else. Nothing is sent
 * before the first is asked for. Every port rejects with StoreUnavailable where DynamoDB can't be reached, refuses the
 * caller, or does not answer.
 */
export const openRequestStores = (options: DynamoOptions): RequestStores => makeRequestStores(openDynamo(options));

export const makeRequestStores = (dynamo: Dynamo): RequestStores => {
  const cancellations = makeDynamoCancellations(dynamo, dynamo.clock);
  return {
    access: makeDynamoAccessStore(dynamo),
    limits: makeDynamoLimitStore(dynamo),
    circuits: makeDynamoCircuitStore(dynamo),
    statistics: makeDynamoStatisticsStore(dynamo),
    ledger: makeDynamoRequestLedger(dynamo, makeCloser(dynamo)),
    cancellations,
    answers: makeDynamoAnswerStore(dynamo),
    feedback: loadFeedbackStore(dynamo),
    runs: makeDynamoRunStore(dynamo),
    budgets: { readPolicy: () => readPolicy(dynamo) },
    // Its code is read where a target has a canary.
    pins: { readOverrides: async () => (await import('./pin-store.ts')).readPinOverrides(dynamo) },
    loadCacheStores: async () => (await import('./open-cache-stores.ts')).makeCacheStores(dynamo),
    policyVersion: (fingerprint) => numberPolicy(dynamo, fingerprint),
    close() {
      cancellations.close();
      dynamo.close();
    },
  };
};

/** Its code is read when somebody gives feedback or asks for a receipt: most requests do neither (docs/decisions/008). */
const loadFeedbackStore = (dynamo: Dynamo): FeedbackStore => {
  const load = async (): Promise<FeedbackStore> =>
    (await import('./feedback-store.ts')).makeDynamoFeedbackStore(dynamo);
  return {
    give: async (feedback, expiresAtMs) => (await load()).give(feedback, expiresAtMs),
    read: async (requestId) => (await load()).read(requestId),
  };
};
