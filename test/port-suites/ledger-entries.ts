import { describe, expect, test } from '@jest/globals';
import { account, entryOf, ledgerAt, receipt, settlementOf, standing } from './ledger-requests.ts';
import { inWorld, type MakeStores } from './store-world.ts';

const MONTH = 'team#search#2026-11';
const ACCOUNTS = [account('org#acme#2026-11', 10_000n), account(MONTH, 1_000n)];

export const describeLedgerEntries = (makeStores: MakeStores): void => {
  describe('entries', () => {
    test(
      'an open entry reads as it was opened, in every process',
      inWorld(makeStores, async ({ world, clock, stores: { ledger } }) => {
        const request = await ledgerAt(ledger, clock).admit('req_a', 100n, ACCOUNTS);
        expect(await (await world.open()).ledger.read('req_a')).toEqual({
          ...entryOf('req_a', request),
          state: 'open',
          cost: 0n,
          inputTokens: 0,
          outputTokens: 0,
          openedAt: clock.now(),
          settledAt: null,
        });
        expect(await ledger.read('req_b')).toBeUndefined();
      }),
    );

    test(
      'settling turns the hold into the cost, counts the request and its tokens, and keeps the receipt',
      inWorld(makeStores, async ({ world, clock, stores: { ledger } }) => {
        await ledgerAt(ledger, clock).admit('req_a', 100n, ACCOUNTS);
        clock.jump(5_000);
        await ledger.settle(settlementOf('req_a', 60n));
        await world.catchUp();
        expect(await ledger.figures(ACCOUNTS.map(({ key }) => key))).toMatchObject(
          ACCOUNTS.map(({ key }) => ({ key, ...standing(60n, 0n), requests: 1, inputTokens: 30, outputTokens: 7 })),
        );
        expect(await ledger.read('req_a')).toMatchObject({
          state: 'settled',
          hold: 100n,
          cost: 60n,
          inputTokens: 30,
          outputTokens: 7,
          settledAt: clock.now(),
          receipt: receipt('settled'),
        });
      }),
    );

    test(
      'every write sent twice changes nothing the second time',
      inWorld(makeStores, async ({ world, clock, stores: { ledger } }) => {
        const { holdOf, standing: read } = ledgerAt(ledger, clock);
        const request = holdOf(100n, ACCOUNTS);
        const more = holdOf(50n, ACCOUNTS);
        const raise = { from: 100n, to: 150n };
        await ledger.hold(request);
        for (let i = 0; i < 2; i++) expect(await ledger.open(entryOf('req_a', request))).toBe(true);
        for (let i = 0; i < 2; i++) expect(await ledger.topUp('req_a', more, raise)).toMatchObject({ kind: 'held' });
        expect(await read(MONTH)).toEqual(standing(0n, 150n));
        for (let i = 0; i < 2; i++) await ledger.settle(settlementOf('req_a', 120n));
        await world.catchUp();
        expect(await read(MONTH)).toEqual(standing(120n, 0n));
        expect((await ledger.figures([MONTH]))[0]).toMatchObject({ requests: 1, inputTokens: 30 });
        for (let i = 0; i < 2; i++) await ledger.refuse('req_b', request.epoch);
        expect(await ledger.open(entryOf('req_b', request))).toBe(false);
        expect(await ledger.tail({ limit: 10 })).toHaveLength(1);
      }),
    );

    test(
      'another request under the same id is a bug, and changes nothing',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const request = await ledgerAt(ledger, clock).admit('req_a', 100n, ACCOUNTS);
        await expect(ledger.open(entryOf('req_a', request, { nonce: 'other' }))).rejects.toThrow('req_a');
        expect((await ledger.read('req_a'))?.nonce).toBe('nonce of req_a');
      }),
    );

    test(
      'a second settlement by somebody else is a bug, and changes nothing',
      inWorld(makeStores, async ({ world, clock, stores: { ledger } }) => {
        const { admit, standing: read } = ledgerAt(ledger, clock);
        await admit('req_a', 100n, ACCOUNTS);
        await ledger.settle(settlementOf('req_a', 60n));
        await expect(ledger.settle(settlementOf('req_a', 70n, { nonce: 'other' }))).rejects.toThrow('req_a');
        await world.catchUp();
        expect(await read(MONTH)).toEqual(standing(60n, 0n));
      }),
    );

    test(
      'settling what was never opened is a bug',
      inWorld(makeStores, async ({ stores: { ledger } }) => {
        await expect(ledger.settle(settlementOf('req_a', 60n))).rejects.toThrow('req_a');
      }),
    );

    test(
      'of settlements sent at once by two processes each counts once',
      inWorld(makeStores, async ({ world, clock, stores: { ledger } }) => {
        const other = (await world.open()).ledger;
        const { admit, standing: read } = ledgerAt(ledger, clock);
        const ids = Array.from({ length: 12 }, (_, i) => `req_${i}`);
        for (const id of ids) await admit(id, 10n, ACCOUNTS);
        await Promise.all(
          ids.flatMap((id) => [ledger.settle(settlementOf(id, 7n)), other.settle(settlementOf(id, 7n))]),
        );
        await world.catchUp();
        expect(await read(MONTH)).toEqual(standing(84n, 0n));
      }),
    );

    test(
      'a cost over the hold is entered in full',
      inWorld(makeStores, async ({ world, clock, stores: { ledger } }) => {
        const { admit, hold, standing: read } = ledgerAt(ledger, clock);
        await admit('req_a', 900n, ACCOUNTS);
        await ledger.settle(settlementOf('req_a', 1_100n));
        await world.catchUp();
        expect(await read(MONTH)).toEqual(standing(1_100n, 0n));
        expect((await hold(1n, ACCOUNTS)).kind).toBe('refused');
      }),
    );

    test(
      'a call admitted in one period settles there, whenever it ends',
      inWorld(makeStores, async ({ world, clock, stores: { ledger } }) => {
        const { admit, standing: read } = ledgerAt(ledger, clock);
        clock.jump(Date.UTC(2026, 11, 1) - 1_000 - clock.now());
        await admit('req_a', 100n, [account('team#search#2026-11', 1_000n)]);
        clock.jump(2_000);
        await admit('req_b', 100n, [account('team#search#2026-12', 1_000n)]);
        await ledger.settle(settlementOf('req_a', 60n));
        await world.catchUp();
        expect(await read('team#search#2026-11')).toEqual(standing(60n, 0n));
        expect(await read('team#search#2026-12')).toEqual(standing(0n, 100n));
      }),
    );
  });

  describe('give back and refuse', () => {
    test(
      'what is given back can be held again, on every account',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const { holdOf, standing: read } = ledgerAt(ledger, clock);
        const request = holdOf(1_000n, ACCOUNTS);
        await ledger.hold(request);
        await ledger.giveBack(request);
        for (const { key } of ACCOUNTS) expect(await read(key)).toEqual(standing(0n, 0n));
        expect((await ledger.hold(request)).kind).toBe('held');
      }),
    );

    test(
      'more than is held is never given back',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const { holdOf, standing: read } = ledgerAt(ledger, clock);
        await ledger.giveBack(holdOf(5n, ACCOUNTS));
        await ledger.hold(holdOf(10n, ACCOUNTS));
        await ledger.giveBack(holdOf(11n, ACCOUNTS));
        expect(await read(MONTH)).toEqual(standing(0n, 10n));
      }),
    );

    test(
      'a refused entry keeps its hold until it is given back, and can be neither opened nor settled',
      inWorld(makeStores, async ({ world, clock, stores: { ledger } }) => {
        const { admit, standing: read } = ledgerAt(ledger, clock);
        const request = await admit('req_a', 100n, ACCOUNTS);
        await ledger.refuse('req_a', request.epoch);
        await ledger.refuse('req_a', request.epoch);
        await world.catchUp();
        expect(await read(MONTH)).toEqual(standing(0n, 100n));
        await ledger.giveBack(request);
        expect(await read(MONTH)).toEqual(standing(0n, 0n));
        expect(await ledger.open(entryOf('req_a', request))).toBe(false);
        await expect(ledger.settle(settlementOf('req_a', 1n))).rejects.toThrow('req_a');
        expect(await ledger.read('req_a')).toMatchObject({ state: 'refused', cost: 0n });
      }),
    );

    test(
      'a settled entry can no longer be refused',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const { epoch } = await ledgerAt(ledger, clock).admit('req_a', 100n, ACCOUNTS);
        await ledger.settle(settlementOf('req_a', 60n));
        await expect(ledger.refuse('req_a', epoch)).rejects.toThrow('req_a');
        expect((await ledger.read('req_a'))?.cost).toBe(60n);
      }),
    );
  });

  describe('top up', () => {
    test(
      'holds more on every account and raises the entry',
      inWorld(makeStores, async ({ world, clock, stores: { ledger } }) => {
        const { admit, holdOf, standing: read } = ledgerAt(ledger, clock);
        await admit('req_a', 100n, ACCOUNTS);
        expect(await ledger.topUp('req_a', holdOf(50n, ACCOUNTS), { from: 100n, to: 150n })).toMatchObject({
          kind: 'held',
          figures: ACCOUNTS.map(({ key }) => ({ key, held: 150n })),
        });
        expect((await ledger.read('req_a'))?.hold).toBe(150n);
        await ledger.settle(settlementOf('req_a', 140n));
        await world.catchUp();
        expect(await read(MONTH)).toEqual(standing(140n, 0n));
      }),
    );

    test(
      'refused, it leaves accounts and entry as they were',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const { admit, holdOf, standing: read } = ledgerAt(ledger, clock);
        await admit('req_a', 100n, ACCOUNTS);
        expect(await ledger.topUp('req_a', holdOf(901n, ACCOUNTS), { from: 100n, to: 1_001n })).toMatchObject({
          kind: 'refused',
          account: { key: MONTH },
        });
        for (const { key } of ACCOUNTS) expect(await read(key)).toEqual(standing(0n, 100n));
        expect((await ledger.read('req_a'))?.hold).toBe(100n);
      }),
    );

    test(
      'an entry that has ended takes no more',
      inWorld(makeStores, async ({ world, clock, stores: { ledger } }) => {
        const { admit, holdOf, standing: read } = ledgerAt(ledger, clock);
        await admit('req_a', 100n, ACCOUNTS);
        await ledger.settle(settlementOf('req_a', 60n));
        const outcome = await ledger.topUp('req_a', holdOf(50n, ACCOUNTS), { from: 100n, to: 150n });
        expect(outcome.kind).toBe('wrong-epoch');
        await world.catchUp();
        expect(await read(MONTH)).toEqual(standing(60n, 0n));
      }),
    );

    test(
      "it belongs to the entry's epoch, though the clock has moved on",
      inWorld(makeStores, async ({ world, clock, stores: { ledger } }) => {
        const { admit, standing: read } = ledgerAt(ledger, clock);
        const request = await admit('req_a', 100n, ACCOUNTS);
        clock.jump(12 * 60_000);
        const more = { ...request, amount: 50n };
        expect((await ledger.topUp('req_a', more, { from: 100n, to: 150n })).kind).toBe('held');
        clock.jump(12 * 60_000);
        await ledger.closeDueEpochs();
        await world.catchUp();
        expect(await read(MONTH)).toEqual(standing(150n, 0n));
      }),
    );
  });

  describe('tail', () => {
    test(
      'newest first, page by page, of all keys or of one',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const { admit } = ledgerAt(ledger, clock);
        for (let i = 0; i < 7; i++) {
          await admit(`req_${i}`, 1n, [], { keyId: i % 3 === 0 ? 'k3' : 'k1' });
          clock.jump(1_000);
        }
        await ledger.refuse('req_never_opened', 1);
        const ids = async (options: Parameters<typeof ledger.tail>[0]) =>
          (await ledger.tail(options)).map(({ requestId }) => requestId);
        expect(await ids({ limit: 3 })).toEqual(['req_6', 'req_5', 'req_4']);
        expect(await ids({ limit: 3, before: 'req_4' })).toEqual(['req_3', 'req_2', 'req_1']);
        expect(await ids({ limit: 3, before: 'req_1' })).toEqual(['req_0']);
        expect(await ids({ limit: 9, keyId: 'k3' })).toEqual(['req_6', 'req_3', 'req_0']);
        expect(await ids({ limit: 1, keyId: 'k3', before: 'req_5' })).toEqual(['req_3']);
        expect(await ids({ limit: 9, before: 'req_unknown' })).toEqual([]);
        expect(await ids({ limit: 0 })).toEqual([]);
      }),
    );
  });
};
