import type { BudgetStore } from '../../core/budget/budget-store.ts';
import type { Ledger } from '../../core/ledger.ts';
import type { PinStore } from '../../core/pins/pin-store.ts';
import { makeDynamoBudgetStore } from './budget-store.ts';
import { type Dynamo, type DynamoOptions, openDynamo } from './dynamo.ts';
import { makeDynamoLedger } from './ledger.ts';
import { makeStatisticsNoter } from './note-statistics.ts';
import { makeCacheStores } from './open-cache-stores.ts';
import { type CacheStores, makeRequestStores, type RequestStores } from './open-request-stores.ts';
import { makeDynamoPinStore } from './pin-store.ts';
import { type Projected, projectBatch, type StreamBatch } from './project-batch.ts';

export interface DynamoStores extends RequestStores, CacheStores {
  ledger: Ledger;
  budgets: BudgetStore;
  pins: PinStore;
  /** The projector's work. Never rejects for what the batch holds. */
  projectBatch(batch: StreamBatch): Promise<Projected>;
  /** Its second work, with what the first came to. Never rejects. */
  noteStatistics(projected: Projected): Promise<void>;
}

/** Opens every store on the deployed tables, as `openRequestStores` does those of requests. */
export const openDynamoStores = (options: DynamoOptions): DynamoStores => makeDynamoStores(openDynamo(options));

export const makeDynamoStores = (dynamo: Dynamo): DynamoStores => ({
  ...makeRequestStores(dynamo),
  ...makeCacheStores(dynamo),
  ledger: makeDynamoLedger(dynamo),
  budgets: makeDynamoBudgetStore(dynamo),
  pins: makeDynamoPinStore(dynamo),
  projectBatch: (batch) => projectBatch(dynamo, batch),
  noteStatistics: makeStatisticsNoter(dynamo),
});
