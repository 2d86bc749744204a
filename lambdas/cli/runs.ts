import { formatUsd } from '../contract/money.ts';
import { accountKey, runKey } from '../core/admit/account-keys.ts';
import { LIFETIME } from '../core/admit/periods.ts';
import { runCancellation } from '../core/admit/run-book.ts';
import type { RunRecord, RunStore } from '../core/admit/run-store.ts';
import type { BudgetStore } from '../core/budget/budget-store.ts';
import type { Budget } from '../core/budget/budgets.ts';
import { budgetOfScope, readFiledBudgets } from '../core/budget/filed-budgets.ts';
import { scopeKey } from '../core/budget/live-policy.ts';
import type { AccountFigures, Ledger } from '../core/ledger.ts';
import type { Cancellations } from '../core/ports.ts';
import { CommandFailed, fields, isoTime, type Output, printable, shortTime } from './output.ts';

interface RunPorts {
  runs: RunStore;
  ledger: Ledger;
  cancellations: Cancellations;
}

/** Who started the run, what it has made and spent, and whether it was stopped. */
export const showRun = async (
  team: string,
  id: string,
  { runs, ledger, budgets }: RunPorts & { budgets: Pick<BudgetStore, 'readPolicy'> },
): Promise<Output> => {
  const [[record], [money], policy] = await Promise.all([
    runs.read(team, [id]),
    ledger.figures([accountKey('run', runKey(team, id), LIFETIME)]),
    budgets.readPolicy(),
  ]);
  if (record === undefined)
    throw new CommandFailed(
      `The team ${JSON.stringify(team)} has had no run ${JSON.stringify(id)}. "ledger tail" shows the runs of the last requests.`,
    );
  const budget = budgetOfScope(scopeKey('run', runKey(team, id)), readFiledBudgets(policy).budgets);
  return { text: fields(rowsOf(record, money, budget)), data: runData(record, money) };
};

/**
 * Stops a run and all that it has started: nothing enters it from here on, and what is under way is cancelled. The record
 * comes first, so that no request slips in behind those that are cancelled.
 */
export const killRun = async (team: string, id: string, reason: string, ports: RunPorts): Promise<Output> => {
  const [known] = await ports.runs.read(team, [id]);
  const record = await ports.runs.kill(team, id, reason);
  await ports.cancellations.request(runCancellation(team, id));
  const text =
    known?.killed != null
      ? `The run ${id} of ${printable(team)} was stopped already, ${shortTime(known.killed.at)}: ${printable(known.killed.reason)}. What is under way is told once more.`
      : `Stopped the run ${id} of ${printable(team)}. It takes no more calls, nor does any run that it started; those under way end within seconds.`;
  const note = known?.startedAt == null ? '\nIt has made no call so far: check that team and run are spelt right.' : '';
  return { text: text + note, data: { ...runData(record, undefined), is_new: known === undefined } };
};

const rowsOf = (
  record: RunRecord,
  money: AccountFigures | undefined,
  budget: Budget | undefined,
): (readonly [string, string])[] => [
  ['run', record.id],
  ['team', record.team],
  ['started by', record.parent ?? '-'],
  ['began', record.startedAt === null ? 'not yet' : shortTime(record.startedAt)],
  ['calls', String(record.calls)],
  ['spent USD', money === undefined ? notCounted(budget) : formatUsd(money.spent)],
  ...(money === undefined
    ? []
    : ([
        ['held USD', formatUsd(money.held)],
        ['cap USD', money.cap === null ? 'none' : formatUsd(money.cap)],
      ] as const)),
  ['state', record.killed === null ? 'open' : `stopped ${shortTime(record.killed.at)}: ${record.killed.reason}`],
];

/** Only what a lifetime caps is counted over all periods. */
const notCounted = (budget: Budget | undefined): string => {
  if (budget === undefined) return '(not counted: the run has no budget)';
  if (budget.lifetime !== undefined)
    return `0 of $${formatUsd(budget.lifetime)}: nothing has passed so far under this budget`;
  return "(not counted in all: the run's budget has no lifetime cap)";
};

const runData = (record: RunRecord, money: AccountFigures | undefined) => ({
  id: record.id,
  team: record.team,
  parent_run: record.parent,
  started_at: record.startedAt === null ? null : isoTime(record.startedAt),
  calls: record.calls,
  ...(money && {
    spent_usd: formatUsd(money.spent),
    held_usd: formatUsd(money.held),
    cap_usd: money.cap === null ? null : formatUsd(money.cap),
  }),
  killed: record.killed === null ? null : { at: isoTime(record.killed.at), reason: record.killed.reason },
});
