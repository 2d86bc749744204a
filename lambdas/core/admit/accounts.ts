import type { NanoUsd } from '../../contract/money.ts';
import type { Caller } from '../authenticate/authenticate.ts';
import type { Budget, BudgetPeriod, Budgets, RunBudget, ScopeKind } from '../budget/budgets.ts';
import type { AccountRef } from '../ledger.ts';
import { accountKey, runKey } from './account-keys.ts';
import { PERIODS, periodOf } from './periods.ts';

/** The scopes that one request belongs to, widest first. */
export interface Scope {
  kind: ScopeKind;
  id: string;
  /** Of a run: the team it belongs to. Another team's run of the same id is another run. */
  team?: string;
}

/** What decides, beside the caller, which scopes a request belongs to. */
export interface ScopeLabels {
  user: string;
  tags: Readonly<Record<string, string>>;
  aliases: readonly string[];
  /** The agent run and what started it, nearest first. */
  runs: readonly string[];
}

export const scopesOf = (caller: Caller, { user, tags, aliases, runs }: ScopeLabels): Scope[] => [
  { kind: 'org', id: caller.org },
  { kind: 'team', id: caller.team },
  { kind: 'user', id: user },
  { kind: 'key', id: caller.keyId },
  ...Object.entries(tags)
    .map(([name, value]): Scope => ({ kind: 'tag', id: `${name}=${value}` }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
  ...aliases.map((id): Scope => ({ kind: 'alias', id })),
  ...runs.map((id): Scope => ({ kind: 'run', id, team: caller.team })),
];

const WARN_AT = 0.8;

/** A scope's id as the stores know it. */
const storedId = ({ id, team }: Scope): string => (team === undefined ? id : runKey(team, id));

/**
 * The accounts that must admit a request at `nowMs`: each scope's capped periods, and always the key's month, which counts
 * what `GET /v1/usage` shows. The list is fixed here: a call admitted in October settles in October.
 */
export const accountsOf = (scopes: Scope[], budgets: Budgets, nowMs: number): AccountRef[] =>
  scopes.flatMap((scope) => {
    const { kind, id } = scope;
    const budget = budgetOf(scope, budgets);
    return PERIODS.flatMap((length) => {
      const cap = capOf(scope, length, budget, budgets, nowMs);
      if (cap === undefined && !(kind === 'key' && length === 'monthly')) return [];
      const period = periodOf(length, nowMs, budgets.timeZone);
      return [
        {
          key: accountKey(kind, storedId(scope), period),
          scope: kind,
          id,
          period,
          cap: cap ?? null,
          warnAt: budget?.warnAt ?? WARN_AT,
          ...(budget?.backPressure && { backPressure: budget.backPressure }),
          ...(budget?.downgradeAt !== undefined && { downgradeAt: budget.downgradeAt }),
          ...(budget?.withoutStandIn && { withoutStandIn: budget.withoutStandIn }),
          ...(budgets.timeZone !== 'UTC' && { timeZone: budgets.timeZone }),
        },
      ];
    });
  });

/** A cap set by hand wins while it lasts. */
const capOf = (
  scope: Scope,
  length: BudgetPeriod,
  budget: Budget | undefined,
  { overrides }: Budgets,
  nowMs: number,
): NanoUsd | undefined => {
  // Asked of each scope and length in every request, and mostly there are none.
  const override = overrides?.size ? overrides.get(accountKey(scope.kind, storedId(scope), length)) : undefined;
  return override !== undefined && (override.until === null || nowMs < override.until)
    ? override.cap
    : budget?.[length];
};

const budgetOf = (scope: Scope, budgets: Budgets): Budget | undefined => {
  const { kind, id } = scope;
  switch (kind) {
    case 'org':
      return budgets.org;
    case 'team':
      return budgets.teams.get(id) ?? budgets.perTeam;
    case 'user':
      return budgets.users.get(id) ?? budgets.perUser;
    case 'key':
      return budgets.keys.get(id) ?? budgets.perKey;
    case 'tag':
      return budgets.tags.get(id) ?? budgets.perTag.get(id.slice(0, id.indexOf('=')));
    case 'alias':
      return budgets.aliases.get(id);
    case 'run':
      return runBudgetOf(storedId(scope), budgets);
  }
};

/** @param run `team/run` */
export const runBudgetOf = (run: string, budgets: Budgets): RunBudget | undefined =>
  budgets.runs.get(run) ?? budgets.perRun;
