import { type DynamoStores, openDynamoStores } from '../adapters/dynamodb/open-dynamo-stores.ts';
import { makePowertoolsLog, type PowertoolsLog } from '../adapters/powertools-log/make-powertools-log.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { systemRandom } from '../adapters/system/random.ts';
import { redactKeys } from '../adapters/system/redact-keys.ts';
import { toLoggable } from '../adapters/system/to-loggable.ts';
import type { Clock } from '../core/ports.ts';
import { readTableNames } from './read-table-names.ts';

export interface DeployedLedger extends Pick<DynamoStores, 'ledger' | 'budgets' | 'projectBatch'> {
  clock: Clock;
  log: PowertoolsLog;
}

/** The stores for the functions behind the ledger, without the gateway around them. @throws {Error} when the environment names no tables */
export const openDeployedLedger = (
  service: string,
  env: Readonly<Record<string, string | undefined>>,
): DeployedLedger => {
  const log = makePowertoolsLog({ service, toLoggable, redactKeys });
  const { ledger, budgets, projectBatch } = openDynamoStores({
    client: {},
    tables: readTableNames(env),
    clock: systemClock,
    random: systemRandom,
    log,
  });
  return { ledger, budgets, projectBatch, clock: systemClock, log };
};
