import { closeDueEpochs } from '../adapters/dynamodb/close-epochs.ts';
import { makeCloser } from '../adapters/dynamodb/closer-item.ts';
import type { PowertoolsLog } from '../adapters/powertools-log/make-powertools-log.ts';
import { type EmitMetrics, makePowertoolsMetrics } from '../adapters/powertools-metrics/make-powertools-metrics.ts';
import type { Clock, Ledger } from '../core/ports.ts';
import { openDeployedDynamo } from './open-deployed-dynamo.ts';

export interface DeployedCloser extends Pick<Ledger, 'closeDueEpochs'> {
  /** The last epoch that is closed; undefined before any gateway began. */
  closedThrough(): Promise<number | undefined>;
  clock: Clock;
  log: PowertoolsLog;
  emitMetrics: EmitMetrics;
}

/** The ledger for its closer. @throws {Error} when the environment names no tables */
export const openDeployedCloser = (env: Readonly<Record<string, string | undefined>>): DeployedCloser => {
  const { dynamo, clock, log } = openDeployedDynamo('ledger-closer', env);
  const closer = makeCloser(dynamo);
  return {
    closeDueEpochs: () => closeDueEpochs(dynamo, closer),
    closedThrough: async () => (await closer.read())?.closedThrough,
    clock,
    log,
    emitMetrics: makePowertoolsMetrics(),
  };
};
