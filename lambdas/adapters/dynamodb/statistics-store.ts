import type { StatisticsStore } from '../../core/route/statistics-store.ts';
import { readStatistics } from '../../core/route/statistics-text.ts';
import { type Item, textOf } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';

const PREFIX = 'statistics#';

/** An item of its own beside the target's circuit: the prober's event source need not look at every change of it. */
export const statisticsKey = (target: string): Item => ({ pk: { S: PREFIX + target } });

/** Written by the projector (note-statistics.ts). */
export const makeDynamoStatisticsStore = (dynamo: Dynamo): StatisticsStore => ({
  read: async (targets) => {
    const keys = [...new Set(targets)].map(statisticsKey);
    const items = await dynamo.getMany(dynamo.names.targets, keys, { isConsistent: false });
    const found = new Map(items.map((item) => [textOf(item, 'pk')?.slice(PREFIX.length), textOf(item, 'statistics')]));
    return targets.map((target) => {
      const text = found.get(target);
      return text === undefined ? undefined : readStatistics(text);
    });
  },
});
