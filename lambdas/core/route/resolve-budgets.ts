import type { BudgetConfig, GatewayConfig, RunBudgetConfig } from '../../contract/config.ts';
import { parseUsd } from '../../contract/money.ts';
import { runKey } from '../admit/account-keys.ts';
import { PERIODS } from '../admit/periods.ts';
import type { Budget, Budgets, RunBudget } from '../budget/budgets.ts';
import { present } from '../read-json.ts';

const WARN_AT = 0.8;
const MINUTE_MS = 60_000;

/** The configured budgets, amounts in nano-USD. One that caps nothing is left out. */
export const resolveBudgets = ({ budgets = {} }: Pick<GatewayConfig, 'budgets'>): Budgets => ({
  timeZone: budgets.timeZone ?? 'UTC',
  ...present('org', budgetOf(budgets.org)),
  teams: byName(budgets.teams),
  users: byName(budgets.users),
  keys: byName(budgets.keys),
  tags: byName(budgets.tags),
  aliases: byName(budgets.aliases),
  runs: new Map(
    Object.entries(budgets.runs ?? {}).flatMap(([team, runs]) =>
      Object.entries(runs).map(([run, budget]) => [runKey(team, run), runBudgetOf(budget)] as const),
    ),
  ),
  ...present('perTeam', budgetOf(budgets.perTeam)),
  ...present('perUser', budgetOf(budgets.perUser)),
  ...present('perKey', budgetOf(budgets.perKey)),
  perTag: byName(budgets.perTag),
  ...present('perRun', budgets.perRun && runBudgetOf(budgets.perRun)),
});

const byName = (list: Record<string, BudgetConfig> = {}): Map<string, Budget> =>
  new Map(
    Object.entries(list).flatMap(([name, config]) => {
      const budget = budgetOf(config);
      return budget === undefined ? [] : [[name, budget] as const];
    }),
  );

const budgetOf = (budget: BudgetConfig | undefined): Budget | undefined =>
  budget === undefined || PERIODS.every((length) => budget[length] === undefined) ? undefined : capsOf(budget);

const capsOf = (budget: BudgetConfig): Budget => ({
  ...Object.fromEntries(
    PERIODS.flatMap((length) => {
      const usd = budget[length];
      return usd === undefined ? [] : [[length, parseUsd(usd)]];
    }),
  ),
  warnAt: budget.warnAt ?? WARN_AT,
  ...present('downgradeAt', budget.downgradeAt),
  ...present('withoutStandIn', budget.downgradeAt === undefined ? undefined : (budget.withoutStandIn ?? 'allow')),
  ...(budget.backPressure === 'clamp' && { backPressure: budget.backPressure }),
});

const runBudgetOf = (budget: RunBudgetConfig): RunBudget => ({
  ...capsOf(budget),
  ...present('calls', budget.calls),
  ...present('lastsMs', budget.minutes === undefined ? undefined : budget.minutes * MINUTE_MS),
});
