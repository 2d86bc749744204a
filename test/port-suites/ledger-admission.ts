import { describe, expect, test } from '@jest/globals';
import { EPOCH_MS, epochOf, epochStart, GRACE_MS } from '../../lambdas/contract/timing.ts';
import { account, entryOf, ledgerAt, settlementOf, standing } from './ledger-requests.ts';
import { inWorld, type MakeStores } from './store-world.ts';

const MONTH = 'team#search#2026-11';

export const describeLedgerAdmission = (makeStores: MakeStores): void => {
  describe('hold', () => {
    test(
      'figures are those after the hold',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const { hold } = ledgerAt(ledger, clock);
        expect(await hold(40n, [account(MONTH, 100n)], 3)).toEqual({
          kind: 'held',
          figures: [
            {
              key: MONTH,
              cap: 100n,
              capVersion: 3,
              committed: 40n,
              spent: 0n,
              held: 40n,
              requests: 0,
              inputTokens: 0,
              outputTokens: 0,
            },
          ],
        });
      }),
    );

    test(
      'the cap is met exactly and never passed',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const { hold } = ledgerAt(ledger, clock);
        expect((await hold(60n, [account(MONTH, 100n)])).kind).toBe('held');
        expect(await hold(41n, [account(MONTH, 100n)])).toMatchObject({
          kind: 'refused',
          account: { key: MONTH },
          figures: { committed: 60n, held: 60n, cap: 100n },
        });
        expect((await hold(40n, [account(MONTH, 100n)])).kind).toBe('held');
        expect((await hold(1n, [account(MONTH, 100n)])).kind).toBe('refused');
        expect((await hold(0n, [account(MONTH, 100n)])).kind).toBe('held');
      }),
    );

    test(
      'a first hold over the cap is refused and makes no account',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const outcome = await ledgerAt(ledger, clock).hold(101n, [account(MONTH, 100n)]);
        expect(outcome).toMatchObject({ kind: 'refused', account: { key: MONTH } });
        expect(await ledger.figures([MONTH])).toEqual([]);
      }),
    );

    test(
      'of 96 writers at once, in two processes, as many are admitted as the cap has room for',
      inWorld(makeStores, async ({ world, clock, stores }) => {
        const ledgers = [stores.ledger, (await world.open()).ledger].map((ledger) => ledgerAt(ledger, clock));
        const cap = 1_000_000_000n;
        const outcomes = await Promise.all(
          Array.from({ length: 96 }, (_, i) => ledgers[i % 2]?.hold(cap / 10n, [account(MONTH, cap)])),
        );
        expect(outcomes.filter((outcome) => outcome?.kind === 'held')).toHaveLength(10);
        expect(outcomes.filter((outcome) => outcome?.kind === 'refused')).toHaveLength(86);
        expect(await ledgerAt(stores.ledger, clock).standing(MONTH)).toEqual(standing(0n, cap));
      }),
    );

    test(
      'of 96 writers over four accounts none passes any cap',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const { hold } = ledgerAt(ledger, clock);
        const accountsFor = (i: number) => [
          account('org#acme#2026-11', 2_500n),
          account(`team#t${i % 2}#2026-11`, 1_500n),
          account(`user#u${i % 6}#2026-11-22`, 450n),
          account(`key#k${i % 12}#2026-11`, null),
        ];
        let outcomes = await Promise.all(Array.from({ length: 96 }, (_, i) => hold(100n, accountsFor(i))));
        // Where a hold is several writes, two writers may have refused each other. Alone, nobody is refused who has room.
        for (let i = 0; i < 96; i++) outcomes = [...outcomes, await hold(100n, accountsFor(i))];
        const admitted = outcomes.filter((outcome) => outcome.kind === 'held').length;
        const keys = [...new Set(Array.from({ length: 12 }, (_, i) => accountsFor(i).map(({ key }) => key)).flat())];
        const figures = await ledger.figures(keys);
        for (const { cap, committed } of figures) expect(cap === null || committed <= cap).toBe(true);
        const sumOf = (scope: string) =>
          figures.filter(({ key }) => key.startsWith(scope)).reduce((sum, { held }) => sum + held, 0n);
        for (const scope of ['org', 'team', 'user', 'key']) expect(sumOf(scope)).toBe(BigInt(admitted) * 100n);
        // Users are the tightest: four holds each.
        expect(admitted).toBe(24);
      }),
    );

    test(
      'all accounts or none: one refusal leaves no trace in the others, and is named',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const { hold, standing: read } = ledgerAt(ledger, clock);
        const four = [
          account('org#acme#2026-11', 1_000n),
          account(MONTH, 1_000n),
          account('user#ada#2026-11-22', 50n),
          account('key#k1#2026-11', null),
        ];
        await hold(30n, four);
        expect(await hold(30n, four)).toMatchObject({
          kind: 'refused',
          account: { key: 'user#ada#2026-11-22', cap: 50n },
          figures: { key: 'user#ada#2026-11-22', committed: 30n },
        });
        for (const { key } of four) expect(await read(key)).toEqual(standing(0n, 30n));
      }),
    );

    test(
      'a refusal tells what every account has, without the hold that was refused',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const { hold } = ledgerAt(ledger, clock);
        const three = [account('org#acme#2026-11', 1_000n), account(MONTH, 100n), account('key#k1#2026-11', 90n)];
        await hold(30n, three.slice(0, 2));
        const refused = await hold(95n, three);
        if (refused.kind !== 'refused') throw new Error(refused.kind);
        const told = refused.standing.map(({ key, cap, committed, spent, held }) => [key, cap, committed, spent, held]);
        expect(told).toEqual([
          ['org#acme#2026-11', 1_000n, 30n, 0n, 30n],
          [MONTH, 100n, 30n, 0n, 30n],
        ]);
      }),
    );

    test(
      'an account without a cap counts and never refuses',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const { hold, standing: read } = ledgerAt(ledger, clock);
        for (let i = 0; i < 3; i++) expect((await hold(10n ** 15n, [account(MONTH, null)])).kind).toBe('held');
        expect(await read(MONTH)).toEqual(standing(0n, 3n * 10n ** 15n));
      }),
    );

    test(
      'a request without accounts is held and leaves nothing',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        expect(await ledgerAt(ledger, clock).hold(5n, [])).toEqual({ kind: 'held', figures: [] });
      }),
    );

    test(
      'amounts past 2^53 stay exact',
      inWorld(makeStores, async ({ world, clock, stores: { ledger } }) => {
        const { hold, admit, standing: read } = ledgerAt(ledger, clock);
        const large = 2n ** 60n + 1n;
        await admit('req_a', large, [account(MONTH, large + 1n)]);
        expect((await hold(2n, [account(MONTH, large + 1n)])).kind).toBe('refused');
        expect((await hold(1n, [account(MONTH, large + 1n)])).kind).toBe('held');
        await ledger.settle(settlementOf('req_a', large - 2n));
        await world.catchUp();
        expect(await read(MONTH)).toEqual(standing(large - 2n, 1n));
        expect((await ledger.read('req_a'))?.cost).toBe(large - 2n);
      }),
    );

    test(
      'a negative amount is an error and leaves no trace',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const { hold, standing: read } = ledgerAt(ledger, clock);
        await hold(5n, [account(MONTH, 100n)]);
        await expect(hold(-1n, [account(MONTH, 100n)])).rejects.toThrow(RangeError);
        expect(await read(MONTH)).toEqual(standing(0n, 5n));
      }),
    );
  });

  describe('cap versions', () => {
    test(
      'an older writer is held to the cap and version of a newer one',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const { hold } = ledgerAt(ledger, clock);
        await hold(50n, [account(MONTH, 100n)], 2);
        expect(await hold(60n, [account(MONTH, 1_000n)], 1)).toMatchObject({
          kind: 'refused',
          figures: { cap: 100n, capVersion: 2 },
        });
        expect(await hold(50n, [account(MONTH, 1_000n)], 1)).toMatchObject({
          kind: 'held',
          figures: [{ cap: 100n, capVersion: 2, committed: 100n }],
        });
      }),
    );

    test(
      'an older writer is also let up to a cap that a newer one has raised or lifted',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const { hold } = ledgerAt(ledger, clock);
        await hold(1n, [account(MONTH, 500n)], 2);
        expect((await hold(400n, [account(MONTH, 10n)], 1)).kind).toBe('held');
        await hold(1n, [account(MONTH, null)], 3);
        expect(await hold(10_000n, [account(MONTH, 10n)], 1)).toMatchObject({ kind: 'held', figures: [{ cap: null }] });
      }),
    );

    test(
      'a cap lowered below what is committed admits nothing until spending or a raise allows it',
      inWorld(makeStores, async ({ world, clock, stores: { ledger } }) => {
        const { hold, admit } = ledgerAt(ledger, clock);
        await admit('req_a', 80n, [account(MONTH, 100n)]);
        expect(await hold(0n, [account(MONTH, 50n)], 2)).toMatchObject({
          kind: 'refused',
          figures: { committed: 80n },
        });
        await ledger.settle(settlementOf('req_a', 20n));
        await world.catchUp();
        expect((await hold(31n, [account(MONTH, 50n)], 2)).kind).toBe('refused');
        expect((await hold(30n, [account(MONTH, 50n)], 2)).kind).toBe('held');
        expect((await hold(10n, [account(MONTH, 60n)], 3)).kind).toBe('held');
      }),
    );
  });

  describe('epochs', () => {
    test(
      'a hold is taken within a grace of its epoch and refused outside, with the time of the store',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const { holdOf } = ledgerAt(ledger, clock);
        const request = holdOf(1n, [account(MONTH, 100n)]);
        const start = epochStart(request.epoch);
        const tryAt = async (timeMs: number) => {
          clock.jump(timeMs - clock.now());
          return ledger.hold(request);
        };
        expect(await tryAt(start - GRACE_MS - 1)).toEqual({ kind: 'wrong-epoch', storeNow: start - GRACE_MS - 1 });
        expect((await tryAt(start - GRACE_MS)).kind).toBe('held');
        expect((await tryAt(start + EPOCH_MS + GRACE_MS)).kind).toBe('held');
        expect((await tryAt(start + EPOCH_MS + GRACE_MS + 1)).kind).toBe('wrong-epoch');
      }),
    );

    test(
      'an entry opens within a grace of its epoch and not outside',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const { holdOf } = ledgerAt(ledger, clock);
        const request = holdOf(1n, [account(MONTH, 100n)]);
        await ledger.hold(request);
        const start = epochStart(request.epoch);
        const openAt = async (timeMs: number) => {
          clock.jump(timeMs - clock.now());
          return ledger.open(entryOf(`req_${timeMs}`, request));
        };
        expect(await openAt(start - GRACE_MS - 1)).toBe(false);
        expect(await openAt(start + EPOCH_MS + GRACE_MS)).toBe(true);
        const late = start + EPOCH_MS + GRACE_MS + 1;
        expect(await openAt(late)).toBe(false);
        expect(await ledger.read(`req_${late}`)).toBeUndefined();
      }),
    );

    test(
      'a clock set back after a close does not stop holds: the store keeps its own time',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const { admit, holdOf } = ledgerAt(ledger, clock);
        const { epoch } = await admit('req_a', 10n, [account(MONTH, 100n)]);
        clock.jump(40 * 60_000);
        expect(await ledger.closeDueEpochs()).toEqual([epoch]);
        clock.jump(-60 * 60_000);
        const outcome = await ledger.hold(holdOf(10n, [account(MONTH, 100n)]));
        if (outcome.kind !== 'wrong-epoch') throw new Error(`expected wrong-epoch, got ${outcome.kind}`);
        expect(outcome.storeNow).toBeGreaterThanOrEqual(epochStart(epoch + 1));
        const again = { ...holdOf(10n, [account(MONTH, 100n)]), epoch: epochOf(outcome.storeNow) };
        expect((await ledger.hold(again)).kind).toBe('held');
        expect(await ledger.open(entryOf('req_b', again))).toBe(true);
      }),
    );
  });
};
