import type { Caller } from '../authenticate/authenticate.ts';
import type { AccountRef, Budget, BudgetPeriod, Budgets, Limits, LimitTake, RateLimit, ScopeKind } from '../ports.ts';
import { accountKey, periodOf } from './account-keys.ts';

/** The scopes that one request belongs to, widest first. */
export interface Scope {
  kind: ScopeKind;
  id: string;
}

export const scopesOf = (caller: Caller, user: string): Scope[] => [
  { kind: 'org', id: caller.org },
  { kind: 'team', id: caller.team },
  { kind: 'user', id: user },
  { kind: 'key', id: caller.keyId },
];

const PERIODS: BudgetPeriod[] = ['daily', 'monthly'];
const WARN_AT = 0.8;

/**
 * The accounts that must admit a request at `nowMs`: each scope's capped periods, and always the key's month, which counts
 * what `GET /v1/usage` shows. The list is fixed here: a call admitted in October settles in October.
 */
export const accountsOf = (scopes: Scope[], budgets: Budgets, nowMs: number): AccountRef[] =>
  scopes.flatMap(({ kind, id }) => {
    const budget = budgetOf(kind, id, budgets);
    return PERIODS.flatMap((length) => {
      const cap = budget?.[length];
      if (cap === undefined && !(kind === 'key' && length === 'monthly')) return [];
      const period = periodOf(length, nowMs);
      return [
        {
          key: accountKey(kind, id, period),
          scope: kind,
          id,
          period,
          cap: cap ?? null,
          warnAt: budget?.warnAt ?? WARN_AT,
        },
      ];
    });
  });

/** Only scopes that have a limit are asked. */
export const takesOf = (scopes: Scope[], limits: Limits, tokens: number): LimitTake[] =>
  scopes.flatMap(({ kind, id }) => {
    const limit = limitOf(kind, limits);
    return limit === undefined ? [] : [{ scope: `${kind}#${id}`, limit, tokens }];
  });

const budgetOf = (kind: ScopeKind, id: string, budgets: Budgets): Budget | undefined => {
  switch (kind) {
    case 'org':
      return budgets.org;
    case 'team':
      return budgets.teams.get(id) ?? budgets.perTeam;
    case 'user':
      return budgets.users.get(id) ?? budgets.perUser;
    case 'key':
      return budgets.perKey;
  }
};

const limitOf = (kind: ScopeKind, limits: Limits): RateLimit | undefined => {
  switch (kind) {
    case 'org':
      return limits.org;
    case 'team':
      return limits.perTeam;
    case 'user':
      return limits.perUser;
    case 'key':
      return limits.perKey;
  }
};
