import type { LedgerAudit } from '../../core/audit/ledger-audit.ts';
import { makeDynamoAudit } from './audit.ts';
import { type DynamoOptions, openDynamo } from './dynamo.ts';
import { type DynamoStores, makeDynamoStores } from './open-dynamo-stores.ts';

export interface AuditedDynamoStores extends DynamoStores {
  audit: LedgerAudit;
}

/** As `openDynamoStores`, with what an auditor asks beside them: code that no request needs. */
export const openAuditedStores = (options: DynamoOptions): AuditedDynamoStores => {
  const dynamo = openDynamo(options);
  return { ...makeDynamoStores(dynamo), audit: makeDynamoAudit(dynamo) };
};
