import { describe, expect, test } from '@jest/globals';
import { closeDueAt, epochStart } from '../../lambdas/contract/timing.ts';
import { account, entryOf, ledgerAt, receipt, settlementOf, standing } from './ledger-requests.ts';
import { inWorld, type MakeStores } from './store-world.ts';

const MONTH = 'team#search#2026-11';
const ACCOUNTS = [account('org#acme#2026-11', 10_000n), account(MONTH, 1_000n)];

export const describeLedgerClose = (makeStores: MakeStores): void => {
  describe('close', () => {
    test(
      'an epoch is closed when it is due and not a millisecond earlier',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const { epoch } = await ledgerAt(ledger, clock).admit('req_a', 100n, ACCOUNTS);
        clock.jump(closeDueAt(epoch) - 1 - clock.now());
        expect(await ledger.closeDueEpochs()).toEqual([]);
        expect((await ledger.read('req_a'))?.state).toBe('open');
        clock.jump(1);
        expect(await ledger.closeDueEpochs()).toEqual([epoch]);
        expect(await ledger.closeDueEpochs()).toEqual([]);
      }),
    );

    test(
      'a call that never settled is charged its whole hold, raises included',
      inWorld(makeStores, async ({ world, clock, stores: { ledger } }) => {
        const { admit, holdOf, standing: read } = ledgerAt(ledger, clock);
        const { epoch } = await admit('req_a', 100n, ACCOUNTS);
        await ledger.topUp('req_a', holdOf(20n, ACCOUNTS), { from: 100n, to: 120n });
        clock.jump(closeDueAt(epoch) - clock.now());
        await ledger.closeDueEpochs();
        await world.catchUp();
        expect(await ledger.read('req_a')).toMatchObject({ state: 'lost', cost: 120n, settledAt: clock.now() });
        for (const { key } of ACCOUNTS) expect(await read(key)).toEqual(standing(120n, 0n));
        expect((await ledger.figures([MONTH]))[0]).toMatchObject({ requests: 1, inputTokens: 0 });
      }),
    );

    test(
      'settled entries keep their cost, refused ones count nothing',
      inWorld(makeStores, async ({ world, clock, stores: { ledger } }) => {
        const { admit, standing: read } = ledgerAt(ledger, clock);
        const { epoch } = await admit('req_a', 100n, ACCOUNTS);
        await admit('req_b', 100n, ACCOUNTS);
        await ledger.settle(settlementOf('req_a', 60n));
        await ledger.refuse('req_b', epoch);
        clock.jump(closeDueAt(epoch) - clock.now());
        await ledger.closeDueEpochs();
        await world.catchUp();
        expect(await read(MONTH)).toEqual(standing(60n, 0n));
        expect((await ledger.figures([MONTH]))[0]).toMatchObject({ requests: 1, inputTokens: 30, outputTokens: 7 });
      }),
    );

    test(
      'a hold without an entry is gone with its epoch, and only with its own',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const { hold, holdOf, standing: read } = ledgerAt(ledger, clock);
        const leaked = holdOf(100n, ACCOUNTS);
        await ledger.hold(leaked);
        clock.jump(closeDueAt(leaked.epoch) - clock.now());
        await hold(30n, ACCOUNTS);
        await ledger.closeDueEpochs();
        for (const { key } of ACCOUNTS) expect(await read(key)).toEqual(standing(0n, 30n));
        await ledger.giveBack(leaked);
        expect(await read(MONTH)).toEqual(standing(0n, 30n));
      }),
    );

    test(
      'a closed epoch takes no hold, no entry and no give-back, even for a clock set back into it',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const { admit, standing: read } = ledgerAt(ledger, clock);
        const request = await admit('req_a', 100n, ACCOUNTS);
        const startedAt = clock.now();
        clock.jump(closeDueAt(request.epoch) - clock.now());
        await ledger.closeDueEpochs();
        clock.jump(startedAt - clock.now());
        expect((await ledger.hold(request)).kind).toBe('wrong-epoch');
        expect(await ledger.open(entryOf('req_b', request))).toBe(false);
        await ledger.giveBack(request);
        expect(await read(MONTH)).toEqual(standing(100n, 0n));
      }),
    );

    test(
      'a settlement after the close becomes a correction: made once, read as the truth',
      inWorld(makeStores, async ({ world, clock, stores: { ledger } }) => {
        const { admit, standing: read } = ledgerAt(ledger, clock);
        const { epoch } = await admit('req_a', 100n, ACCOUNTS);
        await admit('req_b', 1n, ACCOUNTS);
        clock.jump(closeDueAt(epoch) - clock.now());
        await ledger.closeDueEpochs();
        for (let i = 0; i < 2; i++) await ledger.settle(settlementOf('req_a', 60n));
        await world.catchUp();
        expect(await read(MONTH)).toEqual(standing(61n, 0n));
        expect((await ledger.figures([MONTH]))[0]).toMatchObject({ requests: 2, inputTokens: 30, outputTokens: 7 });
        expect(await ledger.read('req_a')).toMatchObject({
          state: 'settled',
          hold: 100n,
          cost: 60n,
          inputTokens: 30,
          receipt: receipt('settled'),
        });
        expect((await ledger.tail({ limit: 9 })).map(({ requestId, cost }) => [requestId, cost])).toEqual([
          ['req_b', 1n],
          ['req_a', 60n],
        ]);
        await expect(ledger.settle(settlementOf('req_a', 70n, { nonce: 'other' }))).rejects.toThrow('req_a');
      }),
    );

    test(
      "a correction belongs to the epoch it is made in and survives that epoch's close",
      inWorld(makeStores, async ({ world, clock, stores: { ledger } }) => {
        const { admit, standing: read } = ledgerAt(ledger, clock);
        const { epoch } = await admit('req_a', 100n, ACCOUNTS);
        clock.jump(closeDueAt(epoch) - clock.now());
        await ledger.closeDueEpochs();
        await ledger.settle(settlementOf('req_a', 130n));
        clock.jump(60 * 60_000);
        expect(await ledger.closeDueEpochs()).toHaveLength(1);
        await world.catchUp();
        expect(await read(MONTH)).toEqual(standing(130n, 0n));
        expect((await ledger.figures([MONTH]))[0]).toMatchObject({ requests: 1, inputTokens: 30, outputTokens: 7 });
      }),
    );

    test(
      'two closers at once close each account once',
      inWorld(makeStores, async ({ world, clock, stores: { ledger } }) => {
        const other = (await world.open()).ledger;
        const { admit, hold, standing: read } = ledgerAt(ledger, clock);
        for (const [epochs, base] of [
          [0, 'a'],
          [1, 'b'],
          [2, 'c'],
        ] as const) {
          clock.jump(epochs === 0 ? 0 : 5 * 60_000);
          await admit(`req_${base}1`, 10n, ACCOUNTS);
          await admit(`req_${base}2`, 10n, ACCOUNTS);
          await hold(5n, ACCOUNTS);
          await ledger.settle(settlementOf(`req_${base}1`, 4n));
        }
        clock.jump(60 * 60_000);
        await Promise.all([ledger.closeDueEpochs(), other.closeDueEpochs(), ledger.closeDueEpochs()]);
        await world.catchUp();
        expect(await read(MONTH)).toEqual(standing(3n * 14n, 0n));
        expect((await ledger.figures([MONTH]))[0]).toMatchObject({ requests: 6 });
      }),
    );

    test(
      'epochs close in order, however long nobody came to close them',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const { admit } = ledgerAt(ledger, clock);
        const epochs: number[] = [];
        for (let i = 0; i < 4; i++) {
          epochs.push((await admit(`req_${i}`, 10n, ACCOUNTS)).epoch);
          clock.jump(9 * 60 * 60_000);
        }
        expect(await ledger.closeDueEpochs()).toEqual(epochs);
        expect(await ledger.closeDueEpochs()).toEqual([]);
      }),
    );

    test(
      'an entry lost by the close can no longer be refused, so that nobody gives its hold back',
      inWorld(makeStores, async ({ clock, stores: { ledger } }) => {
        const request = await ledgerAt(ledger, clock).admit('req_a', 100n, ACCOUNTS);
        clock.jump(closeDueAt(request.epoch) - epochStart(request.epoch));
        await ledger.closeDueEpochs();
        await expect(ledger.refuse('req_a', request.epoch)).rejects.toThrow('req_a');
      }),
    );
  });
};
