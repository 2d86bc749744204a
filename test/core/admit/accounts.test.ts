import { describe, expect, test } from '@jest/globals';
import { accountsOf, type ScopeLabels, scopesOf } from '../../../lambdas/core/admit/accounts.ts';
import type { Limits } from '../../../lambdas/core/admit/limit-store.ts';
import { takesOf } from '../../../lambdas/core/admit/limit-takes.ts';
import type { Caller } from '../../../lambdas/core/authenticate/authenticate.ts';
import type { Budgets, RunBudget } from '../../../lambdas/core/budget/budgets.ts';

const caller: Caller = {
  keyId: 'k1',
  org: 'acme',
  team: 'search',
  user: 'ada',
  tags: {},
  aliases: null,
  rights: new Set(),
};
const at = Date.UTC(2026, 9, 31, 23, 59);
const none: Budgets = {
  timeZone: 'UTC',
  teams: new Map(),
  users: new Map(),
  keys: new Map(),
  tags: new Map(),
  aliases: new Map(),
  runs: new Map(),
  perTag: new Map(),
};
const scopes = (more: Partial<ScopeLabels> = {}) =>
  scopesOf(caller, { user: 'ada', tags: {}, aliases: ['assistant'], runs: [], ...more });
const keysOf = (budgets: Budgets, more: Partial<ScopeLabels> = {}, nowMs = at) =>
  accountsOf(scopes(more), budgets, nowMs).map(({ key, cap }) => [key, cap]);
const cap = (amounts: Omit<RunBudget, 'warnAt'>): RunBudget => ({ ...amounts, warnAt: 0.8 });

describe('the accounts of a request', () => {
  test('without any budget: the key’s month alone, counted and never refused (docs/decisions/002)', () => {
    expect(keysOf(none)).toEqual([['key#k1#2026-10', null]]);
  });

  test('every capped period of every scope, widest first, in the period that now lies in', () => {
    const budgets: Budgets = {
      ...none,
      org: { monthly: 9n, warnAt: 0.8 },
      perTeam: { daily: 8n, monthly: 7n, warnAt: 0.8 },
      perKey: { daily: 6n, monthly: 5n, warnAt: 0.8 },
    };
    expect(keysOf(budgets)).toEqual([
      ['org#acme#2026-10', 9n],
      ['team#search#2026-10-31', 8n],
      ['team#search#2026-10', 7n],
      ['key#k1#2026-10-31', 6n],
      ['key#k1#2026-10', 5n],
    ]);
    expect(keysOf(budgets, {}, at + 60_000).map(([key]) => key)).toContain('team#search#2026-11-01');
  });

  test('a budget of its own wins over the default for all, whole', () => {
    const budgets: Budgets = {
      ...none,
      users: new Map([['bob', { monthly: 2n, warnAt: 0.8 }]]),
      perUser: { daily: 1n, warnAt: 0.8 },
    };
    expect(keysOf(budgets)).toContainEqual(['user#ada#2026-10-31', 1n]);
    expect(keysOf(budgets, { user: 'bob' })).toEqual([
      ['user#bob#2026-10', 2n],
      ['key#k1#2026-10', null],
    ]);
  });

  test('a request’s tags, its model and its run with all that started it', () => {
    const budgets: Budgets = {
      ...none,
      keys: new Map([['k1', cap({ lifetime: 1n })]]),
      tags: new Map([['feature=search', cap({ weekly: 2n })]]),
      perTag: new Map([['feature', cap({ daily: 3n })]]),
      aliases: new Map([['assistant', cap({ monthly: 4n })]]),
      runs: new Map([['search/job', cap({ daily: 5n, lifetime: 6n })]]),
      perRun: cap({ lifetime: 7n, calls: 1 }),
    };
    expect(keysOf(budgets, { tags: { feature: 'search', env: 'test' }, runs: ['plan', 'job'] })).toEqual([
      ['key#k1#2026-10', null],
      ['key#k1#all', 1n],
      ['tag#feature=search#2026-W44', 2n],
      ['alias#assistant#2026-10', 4n],
      ['run#search/plan#all', 7n],
      ['run#search/job#2026-10-31', 5n],
      ['run#search/job#all', 6n],
    ]);
    expect(keysOf(budgets, { tags: { feature: 'ads' } })).toContainEqual(['tag#feature=ads#2026-10-31', 3n]);
  });

  test('a run that only counts calls has no account: there is no money to hold it to', () => {
    expect(keysOf({ ...none, perRun: cap({ calls: 3, lastsMs: 60_000 }) }, { runs: ['job'] })).toEqual([
      ['key#k1#2026-10', null],
    ]);
  });

  test('periods are those of the configured time zone', () => {
    const budgets: Budgets = {
      ...none,
      timeZone: 'Europe/Berlin',
      perUser: cap({ daily: 1n, weekly: 2n, monthly: 3n }),
    };
    expect(keysOf(budgets)).toEqual([
      ['user#ada#2026-11-01', 1n],
      ['user#ada#2026-W44', 2n],
      ['user#ada#2026-11', 3n],
      ['key#k1#2026-11', null],
    ]);
  });

  test('limits are asked of scopes that have one', () => {
    const limits: Limits = {
      teams: new Map(),
      users: new Map(),
      keys: new Map(),
      aliases: new Map(),
      perTeam: { requestsPerMinute: 5 },
      perUser: { concurrent: 2 },
    };
    expect(takesOf(scopes({ user: 'bob' }), limits, { input: 12, expectedOutput: 0, mostOutput: 0 })).toEqual([
      { scope: 'team#search', limit: { requestsPerMinute: 5 }, tokens: 12 },
      { scope: 'user#bob', limit: { concurrent: 2 }, tokens: 12 },
    ]);
  });
});
