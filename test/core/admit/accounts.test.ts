import { describe, expect, test } from '@jest/globals';
import { accountsOf, scopesOf, takesOf } from '../../../lambdas/core/admit/accounts.ts';
import type { Caller } from '../../../lambdas/core/authenticate/authenticate.ts';
import type { Budgets } from '../../../lambdas/core/ports.ts';

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
const none: Budgets = { teams: new Map(), users: new Map() };
const keysOf = (budgets: Budgets, user = 'ada', nowMs = at) =>
  accountsOf(scopesOf(caller, user), budgets, nowMs).map(({ key, cap }) => [key, cap]);

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
    expect(keysOf(budgets, 'ada', at + 60_000).map(([key]) => key)).toContain('team#search#2026-11-01');
  });

  test('a budget of its own wins over the default for all, whole', () => {
    const budgets: Budgets = {
      ...none,
      users: new Map([['bob', { monthly: 2n, warnAt: 0.8 }]]),
      perUser: { daily: 1n, warnAt: 0.8 },
    };
    expect(keysOf(budgets, 'ada')).toContainEqual(['user#ada#2026-10-31', 1n]);
    expect(keysOf(budgets, 'bob')).toEqual([
      ['user#bob#2026-10', 2n],
      ['key#k1#2026-10', null],
    ]);
  });

  test('limits are asked of scopes that have one', () => {
    const limits = { perTeam: { requestsPerMinute: 5 }, perUser: { concurrent: 2 } };
    expect(takesOf(scopesOf(caller, 'bob'), limits, 12)).toEqual([
      { scope: 'team#search', limit: { requestsPerMinute: 5 }, tokens: 12 },
      { scope: 'user#bob', limit: { concurrent: 2 }, tokens: 12 },
    ]);
  });
});
