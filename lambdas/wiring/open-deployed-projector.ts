import { type EmitMetrics, makePowertoolsMetrics } from '../adapters/powertools-metrics/make-powertools-metrics.ts';
import { systemClock } from '../adapters/system/clock.ts';
import type { Clock } from '../core/ports.ts';
import { openDeployedEscalations } from './open-deployed-escalations.ts';
import { type DeployedLedger, openDeployedLedger } from './open-deployed-ledger.ts';

export interface DeployedProjector extends DeployedLedger {
  clock: Clock;
  emitMetrics: EmitMetrics;
}

/** The ledger's stores, and metrics beside them. @throws {Error} when the environment names no tables */
export const openDeployedProjector = (env: Readonly<Record<string, string | undefined>>): DeployedProjector => {
  const ledger = openDeployedLedger('ledger-projector', env);
  const startEscalations = openDeployedEscalations(env, ledger.log);
  return {
    ...ledger,
    projectBatch: async (batch) => {
      const projected = await ledger.projectBatch(batch);
      await startEscalations(projected);
      return projected;
    },
    clock: systemClock,
    emitMetrics: makePowertoolsMetrics(),
  };
};
