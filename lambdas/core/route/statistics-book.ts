import type { Clock, Log } from '../ports.ts';
import { makeReadAnew } from '../read-anew.ts';
import type { StatisticsStore } from './statistics-store.ts';
import {
  type CallSample,
  joinStatistics,
  NO_STATISTICS,
  noteCall,
  type TargetStatistics,
} from './target-statistics.ts';

/** The targets' statistics as one gateway process knows them: everybody's, a few seconds old, and its own to the moment. */
export interface StatisticsBook {
  /** Never waits: what is stale is read anew beside the request. undefined = nothing is known of the target. */
  of(target: string): TargetStatistics | undefined;
  /** A call of this process has ended. */
  note(target: string, sample: CallSample): void;
  /** Reads all known targets anew; at start it spares the first requests their ignorance. Never rejects. */
  refresh(): Promise<void>;
  /** Resolves when nothing is being read: for a process that is about to stop. */
  settled(): Promise<void>;
}

/** Age from which what was read is read anew, once somebody asks. */
export const STATISTICS_REFRESH_MS = 1_500;
const PATIENCE_MS = 1_000;

/**
 * A store that is down leaves the process its own figures.
 *
 * @param targets ids to read; others are not looked up
 */
export const makeStatisticsBook = ({
  store,
  clock,
  log,
  targets,
}: {
  store: StatisticsStore;
  clock: Clock;
  log: Log;
  targets: readonly string[];
}): StatisticsBook => {
  const everybodys = new Map<string, TargetStatistics>();
  const own = new Map<string, TargetStatistics>();
  const { whenOlder, refresh, settled } = makeReadAnew({
    read: async () => (targets.length === 0 ? [] : store.read([...targets])),
    take: (found) => {
      found.forEach((stats, i) => {
        const target = targets[i];
        if (stats !== undefined && target !== undefined) everybodys.set(target, stats);
      });
    },
    onDown: (error) => log.warn('target statistics unreachable: this process goes by its own', { error }),
    patienceMs: PATIENCE_MS,
    clock,
  });

  return {
    of(target) {
      whenOlder(STATISTICS_REFRESH_MS);
      const [all, mine] = [everybodys.get(target), own.get(target)];
      return all !== undefined && mine !== undefined ? joinStatistics(all, mine) : (all ?? mine);
    },
    note(target, sample) {
      own.set(target, noteCall(own.get(target) ?? NO_STATISTICS, sample, clock.now()));
    },
    refresh,
    settled,
  };
};
