import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type BudgetState,
  isBeyond,
  stateAt,
  statesBetween,
  thresholdsOf,
} from '../../../lambdas/core/budget/budget-state.ts';
import type { BudgetAccount } from '../../../lambdas/core/budget/budget-store.ts';
import { decideEscalation, executionName, standingTier } from '../../../lambdas/core/budget/decide-escalation.ts';

const THRESHOLDS = { warnPerMille: 800, downgradePerMille: 900, timeZone: 'UTC' };

const account = (spent: bigint, more: Partial<BudgetAccount> = {}): BudgetAccount => ({
  key: 'team#search#2026-11',
  cap: 1000n,
  capVersion: 1,
  committed: spent,
  spent,
  held: 0n,
  requests: 1,
  inputTokens: 0,
  outputTokens: 0,
  thresholds: THRESHOLDS,
  ...more,
});

const tier = (state: BudgetState, cap = 1000n, round = 1) => ({ state, cap, round, at: 1, mover: 'x' });

describe('which state an account should be in', () => {
  test.each([
    [799n, undefined],
    [800n, 'warn'],
    [899n, 'warn'],
    [900n, 'downgrade'],
    [999n, 'downgrade'],
    [1000n, 'reject'],
    [1200n, 'reject'],
  ] as const)('%d of 1,000 spent: %s', (spent, to) => {
    expect(decideEscalation(account(spent), 0n)?.to).toBe(to);
  });

  test('past the warning, an account with no room for a request such as the last is at reject', () => {
    expect(decideEscalation(account(850n), 150n)?.to).toBe('warn');
    expect(decideEscalation(account(850n), 151n)?.to).toBe('reject');
  });

  test('one request too large for a budget that is hardly touched is no reason to call anybody', () => {
    expect(decideEscalation(account(100n), 950n)).toBeUndefined();
  });

  test('what is only held crosses nothing', () => {
    expect(decideEscalation(account(100n, { committed: 1000n, held: 900n }), 1n)).toBeUndefined();
  });

  test('without downgradeAt it goes from warn to reject', () => {
    const thresholds = { warnPerMille: 800, timeZone: 'UTC' };
    expect(decideEscalation(account(950n, { thresholds }), 0n)?.to).toBe('warn');
    expect(decideEscalation(account(1000n, { thresholds }), 0n)?.crossed).toEqual(['warn', 'reject']);
  });

  test('an account without a cap, or of which nobody has said its thresholds, crosses nothing', () => {
    expect(decideEscalation(account(1000n, { cap: null }), 0n)).toBeUndefined();
    const { thresholds: _, ...unsaid } = account(1000n);
    expect(decideEscalation(unsaid, 0n)).toBeUndefined();
  });

  test('shares written with a decimal point are exact thousandths', () => {
    expect(thresholdsOf({ warnAt: 0.29, downgradeAt: 0.57 })).toEqual({ warnPerMille: 290, downgradePerMille: 570 });
    expect(stateAt(29n, 100n, thresholdsOf({ warnAt: 0.29 }))).toBe('warn');
  });
});

describe('what is new', () => {
  test('a threshold that has been told of is not told of again, one above it is', () => {
    expect(decideEscalation(account(850n, { tier: tier('warn') }), 0n)).toBeUndefined();
    expect(decideEscalation(account(900n, { tier: tier('warn') }), 0n)).toMatchObject({
      from: 'warn',
      to: 'downgrade',
      crossed: ['downgrade'],
      tier: { state: 'downgrade', cap: 1000n, round: 1 },
    });
  });

  test('all that is crossed at once is one escalation', () => {
    expect(decideEscalation(account(1000n), 0n)?.crossed).toEqual(['warn', 'downgrade', 'reject']);
  });

  test('under another cap an account begins anew, in another round', () => {
    const raised = account(1000n, { cap: 2000n, tier: tier('reject') });
    expect(standingTier(raised)).toEqual({ state: 'ok', round: 2 });
    expect(decideEscalation(raised, 0n)).toBeUndefined();
    expect(decideEscalation({ ...raised, spent: 1600n }, 0n)).toMatchObject({
      to: 'warn',
      tier: { cap: 2000n, round: 2 },
    });
  });

  test('a cap that comes back to what it was is another round as well', () => {
    const first = decideEscalation(account(1000n), 0n);
    const back = decideEscalation(account(1000n, { tier: tier('warn', 2000n, 2) }), 0n);
    expect([first?.tier.round, back?.tier.round]).toEqual([1, 3]);
    expect(first && executionName(first)).not.toBe(back && executionName(back));
  });

  test('the name is the same for whoever sees a crossing, and one that Step Functions takes', () => {
    const one = decideEscalation(account(900n), 0n);
    const later = decideEscalation(account(950n, { capVersion: 9 }), 0n);
    if (one === undefined || later === undefined) throw new Error('nothing crossed');
    expect(executionName(later)).toBe(executionName(one));
    expect(executionName(one)).toMatch(/^[A-Za-z0-9-]{1,80}$/);
    const others = [
      decideEscalation(account(850n), 0n),
      decideEscalation(account(1000n), 0n),
      decideEscalation(account(900n, { key: 'team#ads#2026-11' }), 0n),
      decideEscalation(account(900n, { key: 'team#search#2026-12' }), 0n),
      decideEscalation(account(1800n, { cap: 2000n }), 0n),
    ].map((escalation) => escalation && executionName(escalation));
    expect(new Set([executionName(one), ...others]).size).toBe(6);
  });

  test('any spending, cap by cap, tells of each threshold once a round and never goes back under the same cap', () => {
    const step = fc.record({ spend: fc.bigInt(0n, 400n), raise: fc.option(fc.bigInt(1n, 800n), { freq: 6 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let now = account(0n);
        const names = new Set<string>();
        for (const { spend, raise } of steps) {
          now = { ...now, spent: now.spent + spend, cap: (now.cap ?? 0n) + (raise ?? 0n) };
          const before = standingTier(now);
          const found = decideEscalation(now, 1n);
          const should = stateAt(now.spent, now.cap ?? 0n, THRESHOLDS);
          if (found === undefined) {
            expect(isBeyond(should, before.state)).toBe(false);
            continue;
          }
          expect(isBeyond(found.to, before.state)).toBe(true);
          expect(found.crossed).toEqual(statesBetween(before.state, found.to, THRESHOLDS));
          expect(names.has(executionName(found))).toBe(false);
          names.add(executionName(found));
          now = { ...now, tier: { ...found.tier, at: 1, mover: 'x' } };
          expect(decideEscalation(now, 1n)).toBeUndefined();
        }
      }),
    );
  });

  test('the state at admission is never below what people have been told, whatever is held', () => {
    fc.assert(
      fc.property(fc.bigInt(0n, 1500n), fc.bigInt(0n, 500n), fc.bigInt(0n, 500n), (spent, held, more) => {
        const told = stateAt(spent, 1000n, THRESHOLDS);
        expect(isBeyond(told, stateAt(spent + more + held, 1000n, THRESHOLDS))).toBe(false);
      }),
    );
  });
});
