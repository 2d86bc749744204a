import type { MetricRecord } from '../contract/metrics.ts';
import { escapeId } from '../core/admit/account-keys.ts';
import { measureBudgets, measureEntries } from '../core/observe/measure-entries.ts';
import type { DeployedProjector } from '../wiring/open-deployed-projector.ts';

type Projected = Awaited<ReturnType<DeployedProjector['projectBatch']>>;

/** The metrics of what a batch has newly brought to the accounts. */
export const measureBatch = ({ ended, applied }: Projected, nowMs: number): MetricRecord[] => {
  const teams = new Map(ended.map(({ team }) => [`team#${escapeId(team)}#`, team]));
  const budgets = applied.flatMap(({ key, committed, cap }) => {
    const team = teams.get(key.slice(0, key.lastIndexOf('#') + 1));
    return team === undefined ? [] : [{ team, committed, cap }];
  });
  const entries = ended
    .filter(({ isRepeat }) => !isRepeat)
    .map((entry) => ({
      ...entry,
      cost: entry.use.cost,
      inputTokens: entry.use.inputTokens,
      outputTokens: entry.use.outputTokens,
      receipt: entry.readReceipt(),
    }));
  return [...measureEntries(entries, nowMs), ...measureBudgets(budgets)];
};
