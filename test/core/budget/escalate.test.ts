import { describe, expect, test } from '@jest/globals';
import { takeStep } from '../../../lambdas/budget-step/take-step.ts';
import type { BudgetStep, EscalateAnswer } from '../../../lambdas/contract/escalation.ts';
import type {
  AccountTier,
  BudgetAccount,
  BudgetStore,
  PendingApproval,
} from '../../../lambdas/core/budget/budget-store.ts';
import { carryOut, escalate } from '../../../lambdas/core/budget/escalate.ts';

const KEY = 'team#search#2026-11';
const NOW = Date.UTC(2026, 10, 22, 12);
const END = Date.UTC(2026, 11, 1);

/** One account, where others come between a read and its write. */
const makeStore = (
  spent: bigint,
  { between = (_: BudgetAccount) => {}, fails = 0, key = KEY, fingerprint = undefined as string | undefined } = {},
) => {
  const account: BudgetAccount = {
    key,
    cap: 1000n,
    capVersion: 1,
    committed: spent,
    spent,
    held: 0n,
    requests: 1,
    inputTokens: 0,
    outputTokens: 0,
    thresholds: { warnPerMille: 800, downgradePerMille: 900, timeZone: 'UTC' },
  };
  const state: { approval?: PendingApproval; overrides: unknown[]; moves: AccountTier[] } = {
    overrides: [],
    moves: [],
  };
  let left = fails;
  const budgets: BudgetStore = {
    readPolicy: async () => ({ version: 1, fingerprint, overrides: [] }),
    override: async (_, change) => state.overrides.push(change) + 1,
    setCap: async (_, cap, version) => {
      Object.assign(account, { cap, capVersion: version });
    },
    readAccounts: async () => [{ ...account }],
    moveTier: async (_, from, to) => {
      if (left-- > 0) between(account);
      if (JSON.stringify(from?.mover) !== JSON.stringify(account.tier?.mover)) return false;
      account.tier = to;
      state.moves.push(to);
      return true;
    },
    putApproval: async (approval) => {
      state.approval = approval;
    },
    readApproval: async () => state.approval,
    endApproval: async () => {
      delete state.approval;
    },
  };
  return { account, state, ports: { budgets, clock: { now: () => NOW } } };
};
const wish = { account: KEY, need: 1n, by: [], mover: 'execution-1' };

describe('an escalation', () => {
  test('of many at once is told by one', async () => {
    const { ports, state } = makeStore(900n);
    const all = await Promise.all(Array.from({ length: 9 }, (_, i) => escalate({ ...wish, mover: `m${i}` }, ports)));
    expect(all.filter((one) => one !== undefined)).toHaveLength(1);
    expect(state.moves).toHaveLength(1);
  });

  test('whose answer was lost is told the same again to the same execution, and to no other', async () => {
    const { ports } = makeStore(900n);
    const first = await escalate(wish, ports);
    const again = await escalate(wish, ports);
    expect(again?.notice.detail.state).toBe(first?.notice.detail.state);
    expect(again?.escalation.tier).toMatchObject({ state: 'downgrade', cap: 1000n, round: 1 });
    expect(await escalate({ ...wish, mover: 'execution-2' }, ports)).toBeUndefined();
  });

  test('looks again where somebody came between', async () => {
    const other = (account: BudgetAccount) => {
      account.tier = { state: 'warn', cap: 1000n, round: 1, at: NOW, mover: 'other' };
    };
    const { ports, state } = makeStore(900n, { between: other, fails: 1 });
    expect((await escalate(wish, ports))?.escalation).toMatchObject({
      from: 'warn',
      to: 'downgrade',
      crossed: ['downgrade'],
    });
    expect(state.moves).toHaveLength(1);
  });

  test('finds nothing to do where the cap was raised between', async () => {
    const raise = (account: BudgetAccount) => {
      Object.assign(account, { cap: 9000n, tier: { state: 'ok', cap: 9000n, round: 2, at: NOW, mover: 'hand' } });
    };
    const { ports, state } = makeStore(900n, { between: raise, fails: 1 });
    expect(await escalate(wish, ports)).toBeUndefined();
    expect(state.moves).toEqual([]);
  });
});

describe('a decision', () => {
  test('to raise holds until the period ends, in who’s name it was made', async () => {
    const { ports, state, account } = makeStore(1000n);
    state.approval = { account: KEY, cap: 1000n, round: 1, token: null, since: NOW };
    const notice = await carryOut({ account: KEY, round: 1, to: 2000n, by: 'grace' }, ports);
    expect(state.overrides).toEqual([
      { scope: 'team#search', length: 'monthly', cap: 2000n, by: 'grace', at: NOW, until: END },
    ]);
    expect([account.cap, account.capVersion, state.approval]).toEqual([2000n, 2, undefined]);
    expect(notice?.detail).toMatchObject({ state: 'ok', decision: { raised: true, by: 'grace' } });
    // Carried out twice, since its answer was lost: no other cap, nothing to tell.
    expect(await carryOut({ account: KEY, round: 1, to: 2000n, by: 'grace' }, ports)).toBeUndefined();
    expect(state.overrides).toHaveLength(1);
  });

  // Each period's end in its zone, as a calendar there shows it.
  const ENDS = [
    ['Pacific/Auckland', 'daily', '2026-11-23', '2026-11-23T11:00:00Z'],
    ['Pacific/Auckland', 'weekly', '2026-W48', '2026-11-29T11:00:00Z'],
    ['Pacific/Auckland', 'monthly', '2026-11', '2026-11-30T11:00:00Z'],
    ['America/Los_Angeles', 'daily', '2026-11-22', '2026-11-23T08:00:00Z'],
    ['America/Los_Angeles', 'weekly', '2026-W47', '2026-11-23T08:00:00Z'],
    ['America/Los_Angeles', 'monthly', '2026-11', '2026-12-01T08:00:00Z'],
  ] as const;

  describe.each(ENDS)('in %s, %s %s', (timeZone, length, period, end) => {
    const key = `team#search#${period}`;
    const fingerprint = JSON.stringify({ org: 'acme', budgets: { timeZone } });

    test.each(['stamped', 'not stamped'])('ends a raise at its end there; the account is %s', async (stamp) => {
      const { ports, state, account } = makeStore(1000n, { key, fingerprint });
      if (stamp === 'stamped') account.thresholds = { warnPerMille: 800, timeZone };
      else delete account.thresholds;
      const notice = await carryOut({ account: key, round: 1, to: 2000n, by: 'grace' }, ports);
      expect(state.overrides).toMatchObject([{ length, cap: 2000n, until: Date.parse(end) }]);
      expect(notice?.detail.period_ends_at).toBe(new Date(end).toISOString());
    });

    test('waits for a decision until then', async () => {
      const { ports, account } = makeStore(1000n, { key, fingerprint });
      delete account.thresholds;
      const step: BudgetStep = { action: 'escalate', account: key, need: '0', by: [], mover: 'x' };
      expect(await takeStep(step, ports)).toMatchObject({ moved: true, until: Date.parse(end) });
      const raise: BudgetStep = {
        action: 'decide',
        account: key,
        round: 1,
        decision: { decision: 'approve', to: '2000', by: 'grace' },
      };
      expect(await takeStep(raise, ports)).toMatchObject({ told: true });
    });
  });

  test('after the period’s end changes nothing', async () => {
    const { ports, state } = makeStore(1000n);
    const late = { ...ports, clock: { now: () => END } };
    expect(await carryOut({ account: KEY, round: 1, to: 2000n, by: 'grace' }, late)).toBeUndefined();
    expect(state.overrides).toEqual([]);
  });

  test('about an earlier round does not take away what waits in a later one', async () => {
    const { ports, state } = makeStore(1000n);
    state.approval = { account: KEY, cap: 1000n, round: 2, token: 't', since: NOW };
    await carryOut({ account: KEY, round: 1, to: null, by: 'grace' }, ports);
    expect(state.approval).toMatchObject({ round: 2 });
  });
});

test('the step says how long to wait: to the period’s end, to the second', async () => {
  const { ports } = makeStore(1000n);
  const step: BudgetStep = { action: 'escalate', account: KEY, need: '1', by: [], mover: 'x' };
  const answer = (await takeStep(step, ports)) as EscalateAnswer;
  expect(answer).toMatchObject({
    moved: true,
    state: 'reject',
    cap: '1000',
    round: 1,
    until: END,
    waitSeconds: (END - NOW) / 1000,
  });
  expect(() => JSON.stringify(answer)).not.toThrow();
});
