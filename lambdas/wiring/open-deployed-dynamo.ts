import { type Dynamo, openDynamo } from '../adapters/dynamodb/dynamo.ts';
import { makePowertoolsLog, type PowertoolsLog } from '../adapters/powertools-log/make-powertools-log.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { systemRandom } from '../adapters/system/random.ts';
import { redactKeys } from '../adapters/system/redact-keys.ts';
import { toLoggable } from '../adapters/system/to-loggable.ts';
import type { Clock } from '../core/ports.ts';
import { readTableNames } from './read-table-names.ts';

export interface DeployedDynamo {
  dynamo: Dynamo;
  clock: Clock;
  log: PowertoolsLog;
}

/** The tables for the functions behind the ledger; each makes of them what it needs. @throws {Error} when the environment names no tables */
export const openDeployedDynamo = (
  service: string,
  env: Readonly<Record<string, string | undefined>>,
): DeployedDynamo => {
  const log = makePowertoolsLog({ service, toLoggable, redactKeys });
  const dynamo = openDynamo({
    client: {},
    tables: readTableNames(env),
    clock: systemClock,
    random: systemRandom,
    log,
  });
  return { dynamo, clock: systemClock, log };
};
