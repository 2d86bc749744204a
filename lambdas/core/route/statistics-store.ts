import type { TargetStatistics } from './target-statistics.ts';

/** How targets have been doing, made from the entries that ended. Approximate, and a few seconds late. */
export interface StatisticsStore {
  /** One a target, in the order asked; undefined for one that nobody has called of late. */
  read(targets: string[]): Promise<(TargetStatistics | undefined)[]>;
}
