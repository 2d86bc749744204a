import { makeDynamoBudgetStore } from '../adapters/dynamodb/budget-store.ts';
import { closeDueEpochs } from '../adapters/dynamodb/close-epochs.ts';
import { makeCloser } from '../adapters/dynamodb/closer-item.ts';
import { renumberPolicy } from '../adapters/dynamodb/policy.ts';
import type { PowertoolsLog } from '../adapters/powertools-log/make-powertools-log.ts';
import { type EmitMetrics, makePowertoolsMetrics } from '../adapters/powertools-metrics/make-powertools-metrics.ts';
import { endOverrides } from '../core/budget/end-overrides.ts';
import type { Ledger } from '../core/ledger.ts';
import type { Clock } from '../core/ports.ts';
import { openDeployedDynamo } from './open-deployed-dynamo.ts';
import { openDeployedEscalations } from './open-deployed-escalations.ts';

export interface DeployedCloser extends Pick<Ledger, 'closeDueEpochs'> {
  /** The last epoch that is closed; undefined before any gateway began. */
  closedThrough(): Promise<number | undefined>;
  /** Puts accounts whose cap by hand has ended back under the file's, and starts what that crosses. Rejects where the store does not answer. */
  endOverrides(): Promise<void>;
  clock: Clock;
  log: PowertoolsLog;
  emitMetrics: EmitMetrics;
}

/** The ledger for its closer. @throws {Error} when the environment names no tables, or no machine */
export const openDeployedCloser = (env: Readonly<Record<string, string | undefined>>): DeployedCloser => {
  const { dynamo, clock, log } = openDeployedDynamo('ledger-closer', env);
  const closer = makeCloser(dynamo);
  const budgets = makeDynamoBudgetStore(dynamo);
  const startEscalations = openDeployedEscalations(env, log);
  return {
    closeDueEpochs: () => closeDueEpochs(dynamo, closer),
    closedThrough: async () => (await closer.read())?.closedThrough,
    endOverrides: async () => {
      const applied = await endOverrides({ budgets, clock, renumber: (seen) => renumberPolicy(dynamo, seen) });
      await startEscalations({ applied, ended: [] });
    },
    clock,
    log,
    emitMetrics: makePowertoolsMetrics(),
  };
};
