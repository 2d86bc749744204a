import { describe, expect, test } from '@jest/globals';
import { closeDueAt, EPOCH_MS, epochOf } from '../../lambdas/contract/timing.ts';
import { makeRequestId } from '../../lambdas/core/admit/request-id.ts';
import { formatHead } from '../../lambdas/core/audit/epoch-seal.ts';
import type { LedgerAudit } from '../../lambdas/core/audit/ledger-audit.ts';
import { type ProblemKind, verifyLedger } from '../../lambdas/core/audit/verify-ledger.ts';
import { account, ledgerAt, settlementOf, standing } from './ledger-requests.ts';
import { makeWorldClock, type Stores, type WorldClock } from './store-world.ts';
import type { MakeTamperedWorld, Tamper, TamperedWorld } from './tamper.ts';

const ORG = account('org#acme#2026-11', 100_000n);
const TEAM = account('team#search#2026-11', 10_000n);
const ACCOUNTS = [ORG, TEAM];
const DAY_MS = 24 * 60 * 60_000;

interface Context {
  world: TamperedWorld;
  clock: WorldClock;
  stores: Stores;
  audit: LedgerAudit;
  tamper: Tamper;
  /** Opens a request in the epoch that it is, and settles it unless told not to. @returns its id */
  spend(cost: bigint | 'never', options?: { hold?: bigint; epoch?: number }): Promise<string>;
  idOf(epoch: number): string;
  epoch(): number;
  /** Lets everything that is open by now come due, and closes it. */
  closeAll(): Promise<void>;
  problems(): Promise<{ kind: ProblemKind; epoch: number }[]>;
}

let ids = 0;

/** What an auditor asks of any adapter: seals that show what was changed, accounts that can be made anew, records. */
export const describeLedgerAudit = (name: string, makeWorld: MakeTamperedWorld): void => {
  const inAudit = (run: (context: Context) => Promise<void>) => async (): Promise<void> => {
    const clock = makeWorldClock();
    const world = await makeWorld(clock);
    const idOf = (epoch: number): string => {
      ids += 1;
      return makeRequestId({ epoch, lane: ids % 5, random: `r${String(ids).padStart(18, '0')}` });
    };
    try {
      const stores = await world.open();
      const { ledger, audit } = stores;
      await run({
        world,
        clock,
        stores,
        audit,
        tamper: world.tamper,
        idOf,
        epoch: () => epochOf(clock.now()),
        async spend(cost, { hold = 100n } = {}) {
          const id = idOf(epochOf(clock.now()));
          await ledgerAt(ledger, clock).admit(id, hold, ACCOUNTS);
          if (cost !== 'never') await ledger.settle(settlementOf(id, cost));
          await world.catchUp();
          return id;
        },
        async closeAll() {
          clock.jump(closeDueAt(epochOf(clock.now())) - clock.now());
          await ledger.closeDueEpochs();
          await world.catchUp();
        },
        problems: async () => (await verifyLedger(audit)).problems.map(({ kind, epoch }) => ({ kind, epoch })),
      });
    } finally {
      await world.end();
    }
  };

  /** Three closed epochs of two requests each. */
  const threeEpochs = async ({ spend, clock, closeAll, epoch }: Context) => {
    const epochs: number[] = [];
    const requests: string[] = [];
    for (let i = 0; i < 3; i++) {
      epochs.push(epoch());
      requests.push(await spend(10n), await spend(20n));
      clock.jump(EPOCH_MS);
    }
    await closeAll();
    return { epochs: epochs as [number, number, number], requests: requests as [string, string, string, string] };
  };

  describe(`ledger audit: ${name}`, () => {
    describe('verify', () => {
      test(
        'a ledger that nothing was ever held on is whole, and has no head',
        inAudit(async ({ audit }) => {
          expect(await verifyLedger(audit)).toMatchObject({ problems: [], seals: 0, head: null });
        }),
      );

      test(
        'what happens by itself is no problem: settled, lost, put right after the close, refused, open, not closed yet',
        inAudit(async ({ stores: { ledger }, audit, world, spend, clock, closeAll, epoch, idOf }) => {
          await spend(60n);
          const lost = await spend('never');
          const refused = await spend('never');
          await ledger.refuse(refused, epoch());
          await ledger.refuse(idOf(epoch()), epoch());
          await closeAll();
          await ledger.settle(settlementOf(lost, 35n));
          await spend(5n);
          await world.catchUp();
          await closeAll();
          await spend('never');
          await spend(7n);
          clock.jump(2 * EPOCH_MS);
          const report = await verifyLedger(audit);
          expect(report.problems).toEqual([]);
          // 60 + 100 lost − 65 put right + 5; those of the open epoch are not sealed.
          expect(report).toMatchObject({ seals: 2, entries: 4, cost: 100n, beforeChain: 0, leftOpen: 0 });
          expect(report.head?.epoch).toBe((await audit.standing())?.head?.epoch);
        }),
      );

      test.each<
        [string, ProblemKind, (tamper: Tamper, id: string, idOf: Context['idOf'], epoch: number) => Promise<void>]
      >([
        ['an entry is removed', 'entries-missing', (tamper, id) => tamper.removeEntry(id)],
        ['its cost is changed', 'entries-changed', (tamper, id) => tamper.changeEntry(id, { cost: 9n })],
        ['its hold is changed', 'entries-changed', (tamper, id) => tamper.changeEntry(id, { hold: 10n })],
        ['its user is changed', 'entries-changed', (tamper, id) => tamper.changeEntry(id, { user: 'bob' })],
        ['an account is dropped', 'entries-changed', (tamper, id) => tamper.changeEntry(id, { accounts: [ORG.key] })],
        ['it is made lost', 'entries-changed', (tamper, id) => tamper.changeEntry(id, { state: 'lost' })],
        ['it is made refused', 'entries-missing', (tamper, id) => tamper.changeEntry(id, { state: 'refused' })],
        ['one is added', 'entries-added', (tamper, id, idOf, epoch) => tamper.copyEntry(id, sameLane(id, idOf, epoch))],
      ])('after the close %s: shown, with its epoch', (_what, kind, change) =>
        inAudit(async (context) => {
          const { epochs, requests } = await threeEpochs(context);
          expect(await context.problems()).toEqual([]);
          await change(context.tamper, requests[2], context.idOf, epochs[1]);
          expect(await context.problems()).toEqual([{ kind, epoch: epochs[1] }]);
        })(),
      );

      test(
        'an entry is added in a closed epoch that had none: shown',
        inAudit(async (context) => {
          const { requests } = await threeEpochs(context);
          const free = context.epoch();
          context.clock.jump(EPOCH_MS);
          await context.spend(1n);
          await context.closeAll();
          await context.tamper.copyEntry(requests[0], context.idOf(free));
          expect(await context.problems()).toEqual([{ kind: 'unsealed', epoch: free }]);
        }),
      );

      test(
        'an entry is added in an epoch that is yet to be closed, and that no account knows of: shown after the close',
        inAudit(async ({ spend, clock, closeAll, epoch, tamper, idOf, problems }) => {
          const there = epoch();
          const id = await spend(10n);
          clock.jump(EPOCH_MS);
          await spend(1n);
          await tamper.copyEntry(id, idOf(there));
          await closeAll();
          const found = await problems();
          // The projector may yet have to come to it, for all that the deployed ledger knows: its seal has it, and the
          // failure queue or the stream's age would say so.
          expect([[], [there, there]]).toContainEqual(found.map((one) => one.epoch));
        }),
      );

      test.each<[string, ProblemKind[], (tamper: Tamper, epochs: [number, number, number]) => Promise<void>]>([
        ['one is removed', ['unsealed', 'seal-missing'], (tamper, [, middle]) => tamper.removeSeal(middle)],
        ['the first is removed', ['unsealed', 'seal-missing'], (tamper, [first]) => tamper.removeSeal(first)],
        ['the last is removed', ['unsealed', 'chain-broken'], (tamper, [, , last]) => tamper.removeSeal(last)],
        [
          'one has another digest',
          ['seal-changed', 'chain-broken'],
          (tamper, [, middle]) => tamper.changeSealDigest(middle, 'A'.repeat(43)),
        ],
        ['one says another cost', ['seal-changed'], (tamper, [, middle]) => tamper.changeSealCost(middle, 1n)],
      ])('of the seals %s: shown', (_what, kinds, change) =>
        inAudit(async (context) => {
          const { epochs } = await threeEpochs(context);
          await change(context.tamper, epochs);
          expect((await context.problems()).map(({ kind }) => kind)).toEqual(kinds);
        })(),
      );

      test(
        'an epoch is taken out whole, entries and seal: the chain shows it',
        inAudit(async (context) => {
          const { epochs, requests } = await threeEpochs(context);
          await context.tamper.removeEntry(requests[2]);
          await context.tamper.removeEntry(requests[3]);
          await context.tamper.removeSeal(epochs[1]);
          expect(await context.problems()).toEqual([{ kind: 'seal-missing', epoch: epochs[2] }]);
        }),
      );

      test.each<[string, (tamper: Tamper, id: string) => Promise<void>]>([
        ['removed', (tamper, id) => tamper.removeEntry(id)],
        ['made cheaper', (tamper, id) => tamper.changeEntry(id, { cost: 1n })],
      ])('settled, and %s before its epoch closes: the accounts knew it', (_what, change) =>
        inAudit(async ({ spend, tamper, closeAll, problems, epoch }) => {
          const there = epoch();
          await spend(10n);
          await change(tamper, await spend(20n));
          await closeAll();
          expect(await problems()).toEqual([
            { kind: 'disputed', epoch: there },
            { kind: 'disputed', epoch: there },
          ]);
        })(),
      );

      test(
        'the only entry of an account goes before its epoch closes: a later close shows it',
        inAudit(async ({ spend, tamper, closeAll, problems, epoch }) => {
          const there = epoch();
          await tamper.removeEntry(await spend(20n));
          await closeAll();
          await spend(1n);
          await closeAll();
          expect(await problems()).toContainEqual({ kind: 'disputed', epoch: there });
        }),
      );

      test(
        'what has expired is not missed',
        inAudit(async (context) => {
          const { audit, clock, tamper, spend, closeAll } = context;
          const { requests, epochs } = await threeEpochs(context);
          clock.jump(401 * DAY_MS);
          await tamper.closedThrough(context.epoch() - 6);
          await context.stores.ledger.closeDueEpochs();
          for (const id of requests) await tamper.removeEntry(id).catch(() => {});
          await spend(1n);
          await closeAll();
          const to = (await audit.standing())?.closedThrough ?? 0;
          expect(await verifyLedger(audit, { from: to - 3, to })).toMatchObject({ problems: [], entries: 1 });
          const [first] = epochs;
          expect(await verifyLedger(audit, { from: first, to: first + 10 })).toMatchObject({
            problems: [],
            expired: 3,
          });
        }),
      );

      test(
        'a head that was kept is still in the chain later, and one that never was is not',
        inAudit(async (context) => {
          await threeEpochs(context);
          const { head } = await verifyLedger(context.audit);
          if (head === null) throw new Error('nothing was sealed');
          await context.spend(3n);
          await context.closeAll();
          expect((await verifyLedger(context.audit, { expect: head })).problems).toEqual([]);
          const other = { ...head, digest: 'B'.repeat(43) };
          expect(await verifyLedger(context.audit, { expect: other })).toMatchObject({
            problems: [{ kind: 'not-as-expected', detail: expect.stringContaining(formatHead(other)) }],
          });
        }),
      );
    });

    describe('rebuild', () => {
      test(
        'accounts that are the sum of their entries stay as they are',
        inAudit(async (context) => {
          const { audit, stores, clock, spend } = context;
          await threeEpochs(context);
          await spend('never');
          const before = await stores.ledger.figures(ACCOUNTS.map(({ key }) => key));
          expect(await audit.rebuild()).toMatchObject({ accounts: 2, different: 0, skipped: 0 });
          expect(await stores.ledger.figures(ACCOUNTS.map(({ key }) => key))).toEqual(before);
          clock.jump(EPOCH_MS);
          expect(await audit.rebuild()).toMatchObject({ accounts: 2, different: 0, epochsRead: 0 });
        }),
      );

      test(
        'one that differs is told, put right, and then right; what is held and newly spent stays',
        inAudit(async (context) => {
          const { audit, tamper, stores, clock, spend } = context;
          await threeEpochs(context);
          await spend('never');
          await spend(7n);
          await tamper.addToAccount(TEAM.key, -25n);
          const { standing: read } = ledgerAt(stores.ledger, clock);
          expect(await audit.rebuild({ isDryRun: true })).toMatchObject({
            different: 1,
            differences: [
              { account: TEAM.key, found: { cost: 65n, requests: 6 }, entries: { cost: 90n }, isRepaired: false },
            ],
          });
          expect(await read(TEAM.key)).toEqual(standing(72n, 100n));
          expect(await audit.rebuild()).toMatchObject({
            different: 1,
            differences: [{ account: TEAM.key, isRepaired: true }],
          });
          expect(await read(TEAM.key)).toEqual(standing(97n, 100n));
          expect(await read(ORG.key)).toEqual(standing(97n, 100n));
          expect(await audit.rebuild()).toMatchObject({ different: 0 });
        }),
      );

      test(
        'what earlier audits had noted does not stand in for the entries: a lost note zeroes nothing',
        inAudit(async (context) => {
          const { audit, tamper, stores, clock } = context;
          await threeEpochs(context);
          await audit.rebuild({ isDryRun: true });
          await tamper.removeSum(TEAM.key);
          expect(await audit.recount()).toEqual({ records: 6, corrected: [TEAM.key], unknowable: 0 });
          expect(await audit.rebuild()).toMatchObject({ accounts: 2, different: 0 });
          expect(await ledgerAt(stores.ledger, clock).standing(TEAM.key)).toEqual(standing(90n, 0n));
          expect(await audit.recount()).toMatchObject({ corrected: [] });
        }),
      );

      test(
        'an entry that was changed or removed after an audit shows in the next count of all',
        inAudit(async (context) => {
          const { audit, tamper } = context;
          const { requests } = await threeEpochs(context);
          await audit.rebuild();
          await tamper.changeEntry(requests[0], { cost: 1n });
          await tamper.removeEntry(requests[3]);
          // The notes say otherwise.
          expect(await audit.rebuild({ isDryRun: true })).toMatchObject({ different: 0 });
          expect(await audit.recount()).toMatchObject({ records: 5, corrected: [ORG.key, TEAM.key] });
          expect(await audit.rebuild({ isDryRun: true })).toMatchObject({
            different: 2,
            differences: [
              { account: ORG.key, found: { cost: 90n }, entries: { cost: 61n, requests: 5 } },
              { account: TEAM.key, found: { cost: 90n }, entries: { cost: 61n, requests: 5 } },
            ],
          });
        }),
      );

      test(
        'only the account that is asked for',
        inAudit(async (context) => {
          const { audit, tamper } = context;
          await threeEpochs(context);
          for (const { key } of ACCOUNTS) await tamper.addToAccount(key, 3n);
          expect(await audit.rebuild({ account: TEAM.key })).toMatchObject({ accounts: 1, different: 1 });
          expect(await audit.rebuild({ isDryRun: true })).toMatchObject({
            different: 1,
            differences: [{ account: ORG.key }],
          });
          expect(await audit.rebuild({ account: 'team#nobody#2026-11' })).toMatchObject({ accounts: 0, different: 0 });
        }),
      );

      test(
        'an account that is gone comes back with what its entries say, and its cap holds',
        inAudit(async (context) => {
          const { audit, tamper, stores, clock } = context;
          await threeEpochs(context);
          await tamper.removeAccount(TEAM.key);
          expect(await audit.rebuild()).toMatchObject({
            different: 1,
            differences: [
              { account: TEAM.key, found: undefined, entries: { cost: 90n, requests: 6 }, isRepaired: true },
            ],
          });
          const { hold, standing: read } = ledgerAt(stores.ledger, clock);
          expect(await read(TEAM.key)).toEqual(standing(90n, 0n));
          expect((await hold(11n, [account(TEAM.key, 100n)])).kind).toBe('refused');
          expect((await hold(10n, [account(TEAM.key, 100n)])).kind).toBe('held');
        }),
      );

      test(
        'two at once come to one',
        inAudit(async (context) => {
          const { audit, tamper, world, stores, clock } = context;
          await threeEpochs(context);
          for (const { key } of ACCOUNTS) await tamper.addToAccount(key, 40n);
          const other = (await world.open()).audit;
          await Promise.all([audit.rebuild(), other.rebuild()]);
          for (const { key } of ACCOUNTS)
            expect(await ledgerAt(stores.ledger, clock).standing(key)).toEqual(standing(90n, 0n));
          expect(await audit.rebuild({ isDryRun: true })).toMatchObject({ different: 0 });
        }),
      );

      test(
        'corrections count with their own epoch, and what has expired still counts',
        inAudit(async (context) => {
          const { audit, stores, spend, closeAll, clock, tamper } = context;
          const lost = await spend('never');
          await closeAll();
          await stores.ledger.settle(settlementOf(lost, 30n));
          await closeAll();
          expect(await audit.rebuild()).toMatchObject({ different: 0 });
          expect(await ledgerAt(stores.ledger, clock).standing(TEAM.key)).toEqual(standing(30n, 0n));
          clock.jump(405 * DAY_MS);
          await tamper.closedThrough(context.epoch() - 6);
          await spend(5n);
          await closeAll();
          await tamper.removeEntry(lost).catch(() => {});
          expect(await audit.rebuild()).toMatchObject({ different: 0 });
        }),
      );
    });

    describe('records', () => {
      test(
        'every entry once and every correction once: they come to what the accounts say',
        inAudit(async ({ audit, stores: { ledger }, spend, closeAll, epoch, clock, idOf }) => {
          const first = epoch();
          const settled = await spend(60n);
          const lost = await spend('never');
          const refused = idOf(epoch());
          await ledger.refuse(refused, epoch());
          await closeAll();
          await ledger.settle(settlementOf(lost, 35n));
          const open = await spend('never');
          const records = [];
          for await (const record of audit.records(first, epoch())) records.push(record);
          expect(
            records
              .map(({ requestId, state, cost, isCorrection, inputTokens }) => [
                requestId,
                state,
                cost,
                isCorrection,
                inputTokens,
              ])
              .sort(),
          ).toEqual(
            [
              [settled, 'settled', 60n, false, 30],
              [lost, 'lost', 100n, false, 0],
              [lost, 'settled', -65n, true, 30],
              [open, 'open', 0n, false, 0],
            ].sort(),
          );
          for (const { team, user, accounts, receipt } of records) {
            expect({ team, user, accounts }).toEqual({
              team: 'search',
              user: 'ada',
              accounts: ACCOUNTS.map(({ key }) => key),
            });
            expect(receipt.surface).toBe('openai-chat');
          }
          expect((await ledgerAt(ledger, clock).standing(TEAM.key))?.held).toBe(100n);
          const none = [];
          for await (const record of audit.records(first + 1, first + 1)) none.push(record);
          expect(none).toEqual([]);
        }),
      );
    });
  });
};

/** An id in the lane of this one, so that only that lane differs. */
const sameLane = (id: string, idOf: Context['idOf'], epoch: number): string => {
  for (;;) {
    const other = idOf(epoch);
    if (other.split('_')[2] === id.split('_')[2]) return other;
  }
};
