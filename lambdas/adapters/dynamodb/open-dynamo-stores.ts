import type { AccessStore, Cancellations, CircuitStore, Ledger, LimitStore } from '../../core/ports.ts';
import { makeDynamoAccessStore } from './access-store.ts';
import { makeDynamoCancellations } from './cancellations.ts';
import { makeDynamoCircuitStore } from './circuit-store.ts';
import { type DynamoOptions, openDynamo } from './dynamo.ts';
import { makeDynamoLedger } from './ledger.ts';
import { makeDynamoLimitStore } from './limit-store.ts';
import { numberPolicy } from './policy-version.ts';
import { projectBatch, type StreamBatch } from './project-batch.ts';

export interface DynamoStores {
  access: AccessStore;
  limits: LimitStore;
  circuits: CircuitStore;
  ledger: Ledger;
  cancellations: Cancellations;
  /** Number of the policy with these caps: grows whenever they differ from those numbered last. */
  policyVersion(fingerprint: string): Promise<number>;
  /** The projector's work. @returns the sequence number of the first record that was not taken in */
  projectBatch(batch: StreamBatch): Promise<string | undefined>;
  /** Nothing may be asked afterwards. */
  close(): void;
}

/**
 * Opens every store on the deployed tables. No request is sent before the first is asked for. Every port rejects with
 * StoreUnavailable where DynamoDB can't be reached, refuses the caller, or does not answer.
 */
export const openDynamoStores = (options: DynamoOptions): DynamoStores => {
  const dynamo = openDynamo(options);
  const cancellations = makeDynamoCancellations(dynamo, options.clock);
  return {
    access: makeDynamoAccessStore(dynamo),
    limits: makeDynamoLimitStore(dynamo),
    circuits: makeDynamoCircuitStore(dynamo),
    ledger: makeDynamoLedger(dynamo),
    cancellations,
    policyVersion: (fingerprint) => numberPolicy(dynamo, fingerprint),
    projectBatch: (batch) => projectBatch(dynamo, batch),
    close() {
      cancellations.close();
      dynamo.close();
    },
  };
};
