import { makeDynamoAudit } from '../adapters/dynamodb/audit.ts';
import type { PowertoolsLog } from '../adapters/powertools-log/make-powertools-log.ts';
import { type EmitMetrics, makePowertoolsMetrics } from '../adapters/powertools-metrics/make-powertools-metrics.ts';
import type { LedgerAudit } from '../core/audit/ledger-audit.ts';
import type { Clock } from '../core/ports.ts';
import { openDeployedDynamo } from './open-deployed-dynamo.ts';

export interface DeployedAuditor {
  audit: LedgerAudit;
  clock: Clock;
  log: PowertoolsLog;
  emitMetrics: EmitMetrics;
}

/** The ledger as its auditor sees it. @throws {Error} when the environment names no tables */
export const openDeployedAuditor = (env: Readonly<Record<string, string | undefined>>): DeployedAuditor => {
  const { dynamo, clock, log } = openDeployedDynamo('ledger-auditor', env);
  return { audit: makeDynamoAudit(dynamo), clock, log, emitMetrics: makePowertoolsMetrics() };
};
