import { describe, expect, test } from '@jest/globals';
import type { AccountTier } from '../../lambdas/core/budget/budget-store.ts';
import type { CapOverride } from '../../lambdas/core/budget/budgets.ts';
import { account, ledgerAt } from './ledger-requests.ts';
import { inWorld, type MakeStores } from './store-world.ts';

const TEAM = 'team#search#2026-11';
const SCOPE = { scope: 'team#search', length: 'monthly' } as const;
const AT = Date.UTC(2026, 10, 22, 12);

const override = (cap: bigint, more: Partial<CapOverride> = {}): CapOverride => ({
  ...SCOPE,
  cap,
  by: 'grace',
  at: AT,
  until: null,
  ...more,
});
const tier = (state: AccountTier['state'], more: Partial<AccountTier> = {}): AccountTier => ({
  state,
  cap: 100n,
  round: 1,
  at: AT,
  mover: 'warn-x',
  ...more,
});

export const describeBudgetsSuite = (name: string, makeStores: MakeStores): void => {
  describe(`budget store: ${name}`, () => {
    test(
      'a cap set by hand takes the next number of the policy, and every process reads both together',
      inWorld(makeStores, async ({ world, stores: { budgets } }) => {
        expect(await budgets.readPolicy()).toEqual({ version: 0, fingerprint: undefined, overrides: [] });
        const huge = 900_000_000_000_000_001n;
        expect(await budgets.override(SCOPE, override(huge, { until: AT + 5 }), AT)).toBe(1);
        const other = await world.open();
        expect(await other.budgets.readPolicy()).toEqual({
          version: 1,
          fingerprint: undefined,
          overrides: [override(huge, { until: AT + 5 })],
        });
      }),
    );

    test(
      'another cap of the same scope and period replaces it, null takes it away, and what ended an hour ago goes',
      inWorld(makeStores, async ({ stores: { budgets } }) => {
        const daily = { scope: 'team#search', length: 'daily' } as const;
        await budgets.override(SCOPE, override(1n, { until: AT + 5 }), AT);
        await budgets.override(daily, override(2n, { ...daily, until: AT + 10 }), AT);
        await budgets.override(SCOPE, override(3n), AT);
        expect((await budgets.readPolicy()).overrides.map(({ cap }) => cap)).toEqual([2n, 3n]);
        const hourMs = 60 * 60_000;
        expect(await budgets.override(SCOPE, null, AT + 9 + hourMs)).toBe(4);
        expect((await budgets.readPolicy()).overrides.map(({ cap }) => cap)).toEqual([2n]);
        expect(await budgets.override(SCOPE, null, AT + 10 + hourMs)).toBe(5);
        expect(await budgets.readPolicy()).toMatchObject({ version: 5, overrides: [] });
      }),
    );

    test(
      'many at once each take a number of their own, and none is lost',
      inWorld(makeStores, async ({ world }) => {
        const stores = await Promise.all(Array.from({ length: 4 }, () => world.open()));
        const scopes = Array.from({ length: 12 }, (_, i) => ({ scope: `team#t${i}`, length: 'daily' }) as const);
        const numbers = await Promise.all(
          scopes.map((scope, i) => stores[i % 4]?.budgets.override(scope, override(BigInt(i), scope), AT)),
        );
        expect(numbers.toSorted((a = 0, b = 0) => a - b)).toEqual(scopes.map((_, i) => i + 1));
        expect((await stores[0]?.budgets.readPolicy())?.overrides).toHaveLength(12);
      }),
    );

    test(
      'the policy goes on from there when the file’s caps change, and keeps what was set by hand',
      inWorld(makeStores, async ({ stores }) => {
        await stores.budgets.override(SCOPE, override(5n), AT);
        expect(await stores.policyVersion('caps of a file')).toBe(2);
        expect(await stores.policyVersion('caps of a file')).toBe(2);
        expect(await stores.budgets.readPolicy()).toEqual({
          version: 2,
          fingerprint: 'caps of a file',
          overrides: [override(5n)],
        });
      }),
    );

    test(
      'a cap is set on the account at once: older writers are held to it, and its tier begins a new round',
      inWorld(makeStores, async ({ world, clock, stores: { ledger, budgets } }) => {
        const { hold } = ledgerAt(ledger, clock);
        expect(await hold(100n, [account(TEAM, 100n)], 1)).toMatchObject({ kind: 'held' });
        expect(await hold(1n, [account(TEAM, 100n)], 1)).toMatchObject({ kind: 'refused' });
        await budgets.moveTier(TEAM, undefined, tier('reject'));
        await budgets.setCap(TEAM, 150n, 2, AT);
        expect(await budgets.readAccounts([TEAM])).toMatchObject([
          { cap: 150n, capVersion: 2, tier: { state: 'ok', cap: 150n, round: 2 } },
        ]);
        const other = await world.open();
        expect(await ledgerAt(other.ledger, clock).hold(50n, [account(TEAM, 100n)], 1)).toMatchObject({
          kind: 'held',
          figures: [{ cap: 150n, committed: 150n }],
        });
        // What comes late is no news.
        await budgets.setCap(TEAM, 999n, 2, AT);
        expect(await budgets.readAccounts([TEAM])).toMatchObject([{ cap: 150n }]);
        await budgets.setCap('team#none#2026-11', 1n, 3, AT);
        expect(await budgets.readAccounts(['team#none#2026-11'])).toEqual([]);
      }),
    );

    test(
      'a refusal under the cap that holds again, one set by hand having ended, stands on the account at once',
      inWorld(makeStores, async ({ clock, stores: { ledger, budgets } }) => {
        const { hold } = ledgerAt(ledger, clock);
        expect(await hold(150n, [account(TEAM, 200n)], 3)).toMatchObject({ kind: 'held' });
        // The same number: nobody has changed anything.
        expect(await hold(1n, [account(TEAM, 100n)], 3)).toMatchObject({
          kind: 'refused',
          figures: { cap: 100n, capVersion: 3, committed: 150n },
        });
        expect(await budgets.readAccounts([TEAM])).toMatchObject([{ cap: 100n, capVersion: 3 }]);
        // One over the whole cap as well, and an older number changes nothing.
        expect(await hold(120n, [account(TEAM, 90n)], 3)).toMatchObject({ kind: 'refused', figures: { cap: 90n } });
        expect(await hold(1n, [account(TEAM, 500n)], 2)).toMatchObject({ kind: 'refused', figures: { cap: 90n } });
        expect(await budgets.readAccounts([TEAM])).toMatchObject([{ cap: 90n, capVersion: 3 }]);
      }),
    );

    test(
      'of many that move a tier from the same state one does, and its repeat is told so again',
      inWorld(makeStores, async ({ world, clock, stores: { ledger, budgets } }) => {
        await ledgerAt(ledger, clock).hold(1n, [account(TEAM, 100n)], 1);
        const stores = await Promise.all(Array.from({ length: 4 }, () => world.open()));
        const moved = await Promise.all(
          stores.map(({ budgets: own }, i) => own.moveTier(TEAM, undefined, tier('warn', { mover: `m${i}` }))),
        );
        expect(moved.filter(Boolean)).toHaveLength(1);
        const [now] = await budgets.readAccounts([TEAM]);
        if (now?.tier === undefined) throw new Error('no tier');
        expect(await budgets.moveTier(TEAM, undefined, now.tier)).toBe(true);
        expect(await budgets.moveTier(TEAM, now.tier, tier('reject', { mover: '' }))).toBe(true);
        expect((await budgets.readAccounts([TEAM]))[0]?.tier).toEqual(tier('reject', { mover: '' }));
      }),
    );

    test(
      'what waits for an approval is found by its account, and ended by its own round only',
      inWorld(makeStores, async ({ world, stores: { budgets } }) => {
        const approval = { account: TEAM, cap: 100n, round: 2, token: 'a token', since: AT };
        expect(await budgets.readApproval(TEAM)).toBeUndefined();
        await budgets.putApproval(approval, AT + 1_000_000);
        const other = await world.open();
        expect(await other.budgets.readApproval(TEAM)).toEqual(approval);
        await other.budgets.endApproval(TEAM, 1);
        expect(await budgets.readApproval(TEAM)).toEqual(approval);
        await budgets.endApproval(TEAM, 2);
        await budgets.endApproval(TEAM, 2);
        expect(await other.budgets.readApproval(TEAM)).toBeUndefined();
        await budgets.putApproval({ ...approval, round: 3, token: null }, AT + 1_000_000);
        expect(await other.budgets.readApproval(TEAM)).toEqual({ ...approval, round: 3, token: null });
      }),
    );
  });
};
