import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseAccountKey, periodSpan } from '../../../lambdas/core/budget/account-period.ts';
import type { BudgetAccount } from '../../../lambdas/core/budget/budget-store.ts';
import { burnRate } from '../../../lambdas/core/budget/burn-rate.ts';
import { makeNotice } from '../../../lambdas/core/budget/make-notice.ts';

const NANO = 1_000_000_000n;
const HOUR = 3_600_000;
const START = Date.UTC(2026, 10, 1);
const END = Date.UTC(2026, 11, 1);

describe('the burn rate', () => {
  test('is what has been spent by the part of the period that has passed, and says when the cap is reached', () => {
    const now = START + 100 * HOUR;
    expect(burnRate({ spent: 50n * NANO, cap: 100n * NANO }, { startsAt: START, endsAt: END }, now)).toEqual({
      perHour: NANO / 2n,
      capReachedAt: now + 100 * HOUR,
    });
  });

  test('a cap that is not reached within the period is not said to be', () => {
    const slow = { spent: NANO, cap: 100n * NANO };
    expect(burnRate(slow, { startsAt: START, endsAt: END }, START + 100 * HOUR).capReachedAt).toBeNull();
    expect(burnRate({ spent: 0n, cap: NANO }, { startsAt: START, endsAt: null }, START).capReachedAt).toBeNull();
  });

  test('a cap that is spent has been reached now', () => {
    expect(burnRate({ spent: NANO, cap: NANO }, { startsAt: START, endsAt: END }, START + 5).capReachedAt).toBe(
      START + 5,
    );
  });

  test('is exact for any amounts: at the rate of the time said the cap is reached, a millisecond before it is not', () => {
    const amount = fc.bigInt(1n, 10n ** 18n);
    fc.assert(
      fc.property(amount, amount, fc.integer({ min: 1, max: 40 * 24 * HOUR }), (spent, more, elapsed) => {
        const cap = spent + more;
        const { capReachedAt } = burnRate({ spent, cap }, { startsAt: START, endsAt: null }, START + elapsed);
        if (capReachedAt === null) return;
        const at = BigInt(capReachedAt - START);
        expect(spent * at >= cap * BigInt(elapsed)).toBe(true);
        expect(spent * (at - 1n) < cap * BigInt(elapsed)).toBe(true);
      }),
    );
  });
});

describe('an account’s period', () => {
  test.each([
    ['team#search#2026-11', 'monthly', '2026-11-01T00:00:00.000Z', '2026-12-01T00:00:00.000Z'],
    ['team#search#2024-02', 'monthly', '2024-02-01T00:00:00.000Z', '2024-03-01T00:00:00.000Z'],
    ['user#ada#2026-11-22', 'daily', '2026-11-22T00:00:00.000Z', '2026-11-23T00:00:00.000Z'],
    ['key#k#2026-W47', 'weekly', '2026-11-16T00:00:00.000Z', '2026-11-23T00:00:00.000Z'],
  ])('%s is %s, from %s to %s', (key, length, from, to) => {
    const name = parseAccountKey(key);
    const { startsAt, endsAt } = periodSpan(name, 'UTC');
    expect([name.length, new Date(startsAt ?? 0).toISOString(), new Date(endsAt ?? 0).toISOString()]).toEqual([
      length,
      from,
      to,
    ]);
  });

  test('a day of the summer time’s change has 23 hours', () => {
    const { startsAt, endsAt } = periodSpan(parseAccountKey('team#x#2026-03-29'), 'Europe/Berlin');
    expect((endsAt ?? 0) - (startsAt ?? 0)).toBe(23 * HOUR);
  });

  test('a lifetime has neither beginning nor end', () => {
    expect(periodSpan(parseAccountKey('run#search/r1#all'), 'UTC')).toEqual({ startsAt: null, endsAt: null });
  });

  test.each(['', 'team', 'team#search', '!policy', 'team#search#2026', 'team#search#2026-11#x', '#x#all'])(
    '%j is no account',
    (key) => expect(() => parseAccountKey(key)).toThrow(RangeError),
  );
});

describe('a notice', () => {
  const account = (more: Partial<BudgetAccount> = {}): BudgetAccount => ({
    key: 'team#search#2026-11',
    cap: 500n * NANO,
    capVersion: 1,
    committed: 401n * NANO,
    spent: 400n * NANO,
    held: NANO,
    requests: 9,
    inputTokens: 0,
    outputTokens: 0,
    thresholds: { warnPerMille: 800, timeZone: 'UTC' },
    ...more,
  });
  const by = [{ key: 'k1', user: 'ada', cost: NANO / 10n }];

  test('says what crossed, by whom, how fast the budget goes and when it will be gone', () => {
    const notice = makeNotice(account(), { to: 'warn', crossed: ['warn'] }, by, START + 400 * HOUR);
    expect(notice.subject).toBe('Tollgate budget warn: team search at 80 %');
    expect(notice.detail).toEqual({
      account: 'team#search#2026-11',
      scope: 'team',
      id: 'search',
      period: '2026-11',
      state: 'warn',
      crossed: ['warn'],
      cap_usd: '500',
      spent_usd: '400',
      held_usd: '1',
      spent_per_mille: 800,
      burn_usd_per_hour: '1',
      cap_reached_at: new Date(START + 500 * HOUR).toISOString(),
      period_ends_at: new Date(END).toISOString(),
      by: [{ key: 'k1', user: 'ada', cost_usd: '0.1' }],
    });
    expect(notice.message.split('\n')).toEqual([
      'The budget of team search (2026-11) is in state warn.',
      'Spent $400 of $500 (80 %), held by requests under way $1.',
      `Burning $1 an hour since the period began; at that rate the cap is reached ${new Date(START + 500 * HOUR).toISOString()}; the period ends ${new Date(END).toISOString()}.`,
      'Last by key k1 for ada ($0.1).',
      'Requests are answered as before; answers carry a warning.',
    ]);
  });

  test('at reject says how to raise it', () => {
    const { message } = makeNotice(
      account({ spent: 500n * NANO }),
      { to: 'reject', crossed: ['warn', 'reject'] },
      [],
      END - 1,
    );
    expect(message).toContain("tollgate budgets approve 'team#search#2026-11' --to '$AMOUNT'");
    expect(message).toContain('having crossed warn, reject at once');
  });

  test('a lifetime budget has no rate', () => {
    const { detail, message } = makeNotice(
      account({ key: 'team#search#all' }),
      { to: 'warn', crossed: ['warn'] },
      [],
      END,
    );
    expect([detail.burn_usd_per_hour, detail.cap_reached_at, detail.period_ends_at]).toEqual([null, null, null]);
    expect(message).not.toContain('Burning');
  });

  test('any name makes a subject that a mail can have', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (id) => {
        const key = `user#${id.replaceAll('#', '%23')}#all`;
        const { subject } = makeNotice(account({ key }), { to: 'warn', crossed: ['warn'] }, [], END);
        expect(subject).toMatch(/^[\x20-\x7e]{1,100}$/);
      }),
    );
  });
});
