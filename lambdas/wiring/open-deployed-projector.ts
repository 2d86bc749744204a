import { makeStatisticsNoter } from '../adapters/dynamodb/note-statistics.ts';
import { type Projected, projectBatch, type StreamBatch } from '../adapters/dynamodb/project-batch.ts';
import type { PowertoolsLog } from '../adapters/powertools-log/make-powertools-log.ts';
import { type EmitMetrics, makePowertoolsMetrics } from '../adapters/powertools-metrics/make-powertools-metrics.ts';
import type { Clock } from '../core/ports.ts';
import { openDeployedDynamo } from './open-deployed-dynamo.ts';
import { openDeployedEscalations } from './open-deployed-escalations.ts';

export interface DeployedProjector {
  /** Never rejects for what the batch holds. */
  projectBatch(batch: StreamBatch): Promise<Projected>;
  clock: Clock;
  log: PowertoolsLog;
  emitMetrics: EmitMetrics;
}

/** The accounts, and metrics and escalations beside them. @throws {Error} when the environment names no tables, or no machine */
export const openDeployedProjector = (env: Readonly<Record<string, string | undefined>>): DeployedProjector => {
  const { dynamo, clock, log } = openDeployedDynamo('ledger-projector', env);
  const startEscalations = openDeployedEscalations(env, log);
  const noteStatistics = makeStatisticsNoter(dynamo);
  return {
    projectBatch: async (batch) => {
      const projected = await projectBatch(dynamo, batch);
      await Promise.all([startEscalations(projected), noteStatistics(projected)]);
      return projected;
    },
    clock,
    log,
    emitMetrics: makePowertoolsMetrics(),
  };
};
