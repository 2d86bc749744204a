import type {
  AccessStore,
  AnswerStore,
  BudgetStore,
  Cancellations,
  CircuitStore,
  Ledger,
  LimitStore,
  RunStore,
} from '../../core/ports.ts';
import { makeDynamoAccessStore } from './access-store.ts';
import { makeDynamoAnswerStore } from './answer-store.ts';
import { makeDynamoBudgetStore } from './budget-store.ts';
import { makeDynamoCancellations } from './cancellations.ts';
import { makeDynamoCircuitStore } from './circuit-store.ts';
import { type Dynamo, type DynamoOptions, openDynamo } from './dynamo.ts';
import { makeDynamoLedger } from './ledger.ts';
import { makeDynamoLimitStore } from './limit-store.ts';
import { numberPolicy } from './policy-version.ts';
import { type Projected, projectBatch, type StreamBatch } from './project-batch.ts';
import { makeDynamoRunStore } from './run-store.ts';

export interface DynamoStores {
  access: AccessStore;
  limits: LimitStore;
  circuits: CircuitStore;
  ledger: Ledger;
  cancellations: Cancellations;
  answers: AnswerStore;
  budgets: BudgetStore;
  runs: RunStore;
  /** Number of the policy with these caps: grows whenever they differ from those numbered last. */
  policyVersion(fingerprint: string): Promise<number>;
  /** The projector's work. Never rejects for what the batch holds. */
  projectBatch(batch: StreamBatch): Promise<Projected>;
  /** Nothing may be asked afterwards. */
  close(): void;
}

/**
 * Opens every store on the deployed tables. No request is sent before the first is asked for. Every port rejects with
 * StoreUnavailable where DynamoDB can't be reached, refuses the caller, or does not answer.
 */
export const openDynamoStores = (options: DynamoOptions): DynamoStores => makeDynamoStores(openDynamo(options));

export const makeDynamoStores = (dynamo: Dynamo): DynamoStores => {
  const cancellations = makeDynamoCancellations(dynamo, dynamo.clock);
  return {
    access: makeDynamoAccessStore(dynamo),
    limits: makeDynamoLimitStore(dynamo),
    circuits: makeDynamoCircuitStore(dynamo),
    ledger: makeDynamoLedger(dynamo),
    cancellations,
    answers: makeDynamoAnswerStore(dynamo),
    budgets: makeDynamoBudgetStore(dynamo),
    runs: makeDynamoRunStore(dynamo),
    policyVersion: (fingerprint) => numberPolicy(dynamo, fingerprint),
    projectBatch: (batch) => projectBatch(dynamo, batch),
    close() {
      cancellations.close();
      dynamo.close();
    },
  };
};
