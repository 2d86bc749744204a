import { openAuditedStores } from '../adapters/dynamodb/open-audited-stores.ts';
import { makePowertoolsLog, type PowertoolsLog } from '../adapters/powertools-log/make-powertools-log.ts';
import { type EmitMetrics, makePowertoolsMetrics } from '../adapters/powertools-metrics/make-powertools-metrics.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { systemRandom } from '../adapters/system/random.ts';
import { redactKeys } from '../adapters/system/redact-keys.ts';
import { toLoggable } from '../adapters/system/to-loggable.ts';
import type { LedgerAudit } from '../core/audit/ledger-audit.ts';
import type { Clock, Ledger } from '../core/ports.ts';
import { readTableNames } from './read-table-names.ts';

export interface DeployedAuditor {
  ledger: Ledger;
  audit: LedgerAudit;
  clock: Clock;
  log: PowertoolsLog;
  emitMetrics: EmitMetrics;
}

/** The ledger for the closer and the auditor. @throws {Error} when the environment names no tables */
export const openDeployedAuditor = (
  service: string,
  env: Readonly<Record<string, string | undefined>>,
): DeployedAuditor => {
  const log = makePowertoolsLog({ service, toLoggable, redactKeys });
  const { ledger, audit } = openAuditedStores({
    client: {},
    tables: readTableNames(env),
    clock: systemClock,
    random: systemRandom,
    log,
  });
  return { ledger, audit, clock: systemClock, log, emitMetrics: makePowertoolsMetrics() };
};
