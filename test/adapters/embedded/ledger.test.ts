import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from '@jest/globals';
import { openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { markThisProcess } from '../../../lambdas/adapters/embedded/process-mark.ts';
import { closeDueAt, EPOCH_MS, epochOf } from '../../../lambdas/contract/timing.ts';
import { cachedOf } from '../../port-suites/cached-answers.ts';
import { account, entryOf, ledgerAt, settlementOf, standing } from '../../port-suites/ledger-requests.ts';
import { inWorld, makeWorldClock, type WorldClock } from '../../port-suites/store-world.ts';
import { entryOf as vectorEntryOf } from '../../port-suites/vectors.ts';
import { makeFolder, makeMemoryStores, seededRandom } from './embedded-worlds.ts';

const MONTH = 'team#search#2026-11';
const ACCOUNTS = [account('org#acme#2026-11', 10_000n), account(MONTH, 1_000n)];
const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * 60 * 60_000;
const LARGEST = 2n ** 63n - 1n;

describe('what one transaction a call adds to the ledger', () => {
  test(
    'a hold that an open entry stands on is not given back',
    inWorld(makeMemoryStores, async ({ clock, stores: { ledger } }) => {
      const { admit, standing: read } = ledgerAt(ledger, clock);
      const request = await admit('req_a', 100n, ACCOUNTS);
      await ledger.giveBack(request);
      expect(await read(MONTH)).toEqual(standing(0n, 100n));
      await ledger.hold(request);
      await ledger.giveBack(request);
      await ledger.giveBack(request);
      expect(await read(MONTH)).toEqual(standing(0n, 100n));
    }),
  );

  test(
    'a newer policy is stamped even as it refuses, so an older one admits no more',
    inWorld(makeMemoryStores, async ({ clock, stores: { ledger } }) => {
      const { hold } = ledgerAt(ledger, clock);
      await hold(50n, [account(MONTH, 1_000n)], 1);
      expect((await hold(50n, [account(MONTH, 60n)], 2)).kind).toBe('refused');
      expect(await hold(50n, [account(MONTH, 1_000n)], 1)).toMatchObject({
        kind: 'refused',
        figures: { cap: 60n, capVersion: 2 },
      });
    }),
  );

  test(
    'a fenced epoch takes no hold even on an account that it never had',
    inWorld(makeMemoryStores, async ({ clock, stores: { ledger } }) => {
      const { admit } = ledgerAt(ledger, clock);
      const request = await admit('req_a', 100n, ACCOUNTS);
      clock.jump(HOUR_MS);
      await ledger.closeDueEpochs();
      clock.jump(-HOUR_MS);
      const fresh = [account('user#new#2026-11', 100n)];
      expect((await ledger.hold({ ...request, accounts: fresh, amount: 1n })).kind).toBe('wrong-epoch');
    }),
  );

  test(
    'an account named twice is a bug',
    inWorld(makeMemoryStores, async ({ clock, stores: { ledger } }) => {
      await expect(ledgerAt(ledger, clock).hold(1n, [...ACCOUNTS, account(MONTH, 5n)])).rejects.toThrow(MONTH);
    }),
  );

  test.each([
    ['of another amount', { amount: 49n }],
    ['of another epoch', { epoch: 1 }],
    ['on other accounts', { accounts: ACCOUNTS.slice(0, 1) }],
  ])('a top-up %s than its entry is a bug and leaves no trace', async (_name, fields) =>
    inWorld(makeMemoryStores, async ({ clock, stores: { ledger } }) => {
      const { admit, holdOf, standing: read } = ledgerAt(ledger, clock);
      await admit('req_a', 100n, ACCOUNTS);
      const request = { ...holdOf(50n, ACCOUNTS), ...fields };
      await expect(ledger.topUp('req_a', request, { from: 100n, to: 150n })).rejects.toThrow(RangeError);
      await expect(ledger.topUp('req_a', holdOf(50n, ACCOUNTS), { from: 90n, to: 140n })).rejects.toThrow('req_a');
      expect(await read(MONTH)).toEqual(standing(0n, 100n));
    })(),
  );
});

describe('the largest amounts', () => {
  test(
    'can be held, and one nano-dollar more is an error that leaves no trace',
    inWorld(makeMemoryStores, async ({ clock, stores: { ledger } }) => {
      const { admit, hold, standing: read } = ledgerAt(ledger, clock);
      await admit('req_a', LARGEST, [account(MONTH, null)]);
      await expect(hold(1n, [account(MONTH, null)])).rejects.toThrow('9223372036.854775807');
      await expect(hold(LARGEST + 1n, [account('key#k#2026-11', null)])).rejects.toThrow(RangeError);
      await expect(hold(1n, [account('key#k#2026-11', LARGEST + 1n)])).rejects.toThrow('cap of key#k#2026-11');
      await expect(ledger.settle(settlementOf('req_a', LARGEST + 1n))).rejects.toThrow(RangeError);
      expect(await read(MONTH)).toEqual(standing(0n, LARGEST));
      await ledger.settle(settlementOf('req_a', LARGEST));
      expect(await read(MONTH)).toEqual(standing(LARGEST, 0n));
    }),
  );

  test.each([
    ['cost', { cost: -1n }],
    ['inputTokens', { inputTokens: -1 }],
    ['outputTokens', { outputTokens: 0.5 }],
    ['inputTokens', { inputTokens: Number.NaN }],
  ])('a settlement with a wrong %s is an error', async (name, fields) =>
    inWorld(makeMemoryStores, async ({ clock, stores: { ledger } }) => {
      await ledgerAt(ledger, clock).admit('req_a', 10n, ACCOUNTS);
      await expect(ledger.settle(settlementOf('req_a', 5n, fields))).rejects.toThrow(name);
      expect((await ledger.read('req_a'))?.state).toBe('open');
    })(),
  );
});

describe('a busy epoch', () => {
  test(
    'is closed exactly, in slices, while requests go on',
    inWorld(makeMemoryStores, async ({ clock, stores: { ledger } }) => {
      const { admit, hold } = ledgerAt(ledger, clock);
      const accountsFor = (i: number) => [account('org#acme#2026-11', null), account(`user#u${i % 450}#2026-11`, null)];
      for (let i = 0; i < 4_100; i++) {
        await admit(`req_${i}`, 10n, accountsFor(i));
        if (i % 5 !== 0) await ledger.settle(settlementOf(`req_${i}`, 3n));
        if (i % 7 === 0) await hold(100n, accountsFor(i));
      }
      clock.jump(60 * 60_000);
      let isClosing = true;
      const closing = ledger.closeDueEpochs().finally(() => {
        isClosing = false;
      });
      let others = 0;
      while (isClosing) {
        await new Promise((resolve) => setImmediate(resolve));
        if ((await hold(1n, accountsFor(0))).kind === 'held') others += 1;
      }
      expect(await closing).toHaveLength(1);
      expect(others).toBeGreaterThanOrEqual(4);
      const figures = await ledger.figures(Array.from({ length: 450 }, (_, i) => `user#u${i}#2026-11`));
      const sum = 820n * 10n + 3_280n * 3n;
      expect(figures.reduce((total, { spent }) => total + spent, 0n)).toBe(sum);
      expect(figures.reduce((total, { held }) => total + held, 0n)).toBe(BigInt(others));
      expect((await ledger.figures(['org#acme#2026-11']))[0]).toMatchObject({
        ...standing(sum, BigInt(others)),
        requests: 4_100,
        inputTokens: 3_280 * 30,
      });
    }),
  );
});

describe('retention', () => {
  test(
    'entries, accounts and everything else that has expired is deleted in time, and what is younger stays',
    inWorld(makeMemoryStores, async ({ clock, stores: { ledger } }) => {
      const { admit } = ledgerAt(ledger, clock);
      await admit('req_old', 10n, [account('team#search#2026-11', null)]);
      await ledger.settle(settlementOf('req_old', 5n));
      clock.jump(DAY_MS);
      await ledger.closeDueEpochs();
      clock.jump(299 * DAY_MS);
      await admit('req_young', 10n, [account('team#search#2027-09', null)]);
      await ledger.closeDueEpochs();
      expect((await ledger.read('req_old'))?.cost).toBe(5n);
      clock.jump(101 * DAY_MS);
      await ledger.closeDueEpochs();
      expect(await ledger.read('req_old')).toBeUndefined();
      expect(await ledger.figures(['team#search#2026-11'])).toHaveLength(1);
      clock.jump(50 * DAY_MS);
      await ledger.closeDueEpochs();
      expect(await ledger.figures(['team#search#2026-11'])).toEqual([]);
      expect((await ledger.read('req_young'))?.state).toBe('lost');
    }),
  );
});

test('kept answers that have expired are deleted in time with their questions, also where none is kept any more', async () => {
  const clock = makeWorldClock();
  const stores = openEmbeddedStores({ file: ':memory:', clock, random: seededRandom(1) });
  const { ledger, responses, vectors } = stores;
  await ledgerAt(ledger, clock).admit('req_1', 10n, [account('team#search#all', null)]);
  const then = clock.now();
  for (const [key, lifeMs] of [
    ['short', DAY_MS],
    ['long', 30 * DAY_MS],
  ] as const) {
    await responses.keep(cachedOf(key, then, { expiresAt: then + lifeMs }), then);
    await vectors.put(vectorEntryOf(key, then, { expiresAt: then + lifeMs }), then);
  }
  clock.jump(2 * DAY_MS);
  await ledger.closeDueEpochs();
  // By a clock of then they would be found.
  const { tenant } = cachedOf('short', then);
  expect(await responses.find(tenant, 'short', then)).toBeUndefined();
  expect(await responses.find(tenant, 'long', then)).toBeDefined();
  const found = await vectors.find({ ...vectorEntryOf('', then), count: 5 }, then);
  expect(found.map(({ id }) => id)).toEqual(['long']);
  stores.close();
});

describe('a lifetime', () => {
  test(
    'that nobody has touched for years is used up all the same; a run that long ago is forgotten',
    inWorld(makeMemoryStores, async ({ clock, stores: { ledger, runs } }) => {
      const { admit } = ledgerAt(ledger, clock);
      await admit('req_old', 10n, [account('team#search#all', 100n), account('run#search/job#all', 100n)]);
      await ledger.settle(settlementOf('req_old', 5n));
      await runs.enter({ team: 'search', runs: [{ id: 'job', calls: 1 }] });
      clock.jump(DAY_MS);
      await ledger.closeDueEpochs();
      expect(await ledger.figures(['run#search/job#all'])).toHaveLength(1);
      clock.jump(3_000 * DAY_MS);
      await ledger.closeDueEpochs();
      await ledger.closeDueEpochs();
      expect(await ledger.figures(['team#search#all', 'run#search/job#all'])).toMatchObject([
        { key: 'team#search#all', spent: 5n },
      ]);
      expect(await runs.read('search', ['job'])).toEqual([]);
    }),
  );
});

describe('a process of which only its last sign is known', () => {
  /** Opens a file, holds and opens an entry there, and makes its process look like one on another machine. */
  const leaveBehind = async (file: string, clock: WorldClock) => {
    const stores = openEmbeddedStores({ file, clock, random: seededRandom(1), owner: 'far away' });
    const { admit, hold } = ledgerAt(stores.ledger, clock);
    const request = await admit('req_a', 100n, ACCOUNTS);
    await hold(50n, ACCOUNTS);
    const other = new DatabaseSync(file);
    other
      .prepare(`UPDATE owners SET process = ? WHERE id = 'far away'`)
      .run(JSON.stringify({ ...markThisProcess(), host: 'elsewhere', pid: 1 }));
    other.close();
    return { stores, request };
  };

  const inFolder = (run: (file: string, clock: WorldClock) => Promise<void>) => async (): Promise<void> => {
    const folder = makeFolder();
    try {
      await run(join(folder.path, 'tollgate.db'), makeWorldClock());
    } finally {
      folder.remove();
    }
  };

  test(
    'keeps what it has for as long as what it holds may still become an entry',
    inFolder(async (file, clock) => {
      const { stores: far } = await leaveBehind(file, clock);
      clock.jump(EPOCH_MS);
      const stores = openEmbeddedStores({ file, clock, random: seededRandom(2) });
      expect((await stores.ledger.read('req_a'))?.state).toBe('open');
      expect(await ledgerAt(stores.ledger, clock).standing(MONTH)).toEqual(standing(0n, 150n));
      stores.close();
      far.close();
    }),
  );

  test(
    'counts as dead after that; should it live, its settlement is a correction and its give-back is nothing',
    inFolder(async (file, clock) => {
      const { stores: far, request } = await leaveBehind(file, clock);
      clock.jump(4 * EPOCH_MS);
      const stores = openEmbeddedStores({ file, clock, random: seededRandom(2) });
      const { standing: read } = ledgerAt(stores.ledger, clock);
      expect((await stores.ledger.read('req_a'))?.state).toBe('lost');
      expect(await read(MONTH)).toEqual(standing(100n, 0n));
      await far.ledger.giveBack({ ...request, amount: 50n });
      expect(await far.ledger.open(entryOf('req_b', request))).toBe(false);
      expect(await read(MONTH)).toEqual(standing(100n, 0n));
      await far.ledger.settle(settlementOf('req_a', 60n));
      expect(await read(MONTH)).toEqual(standing(60n, 0n));
      stores.close();
      far.close();
    }),
  );

  test(
    'is put right in an epoch before that of its entry, where the clock has gone back, and both close',
    inFolder(async (file, clock) => {
      const { stores: far, request } = await leaveBehind(file, clock);
      clock.jump(4 * EPOCH_MS);
      const stores = openEmbeddedStores({ file, clock, random: seededRandom(2) });
      clock.jump(-5 * EPOCH_MS);
      await far.ledger.settle(settlementOf('req_a', 60n));
      const { standing: read } = ledgerAt(stores.ledger, clock);
      expect(await read(MONTH)).toEqual(standing(60n, 0n));
      clock.jump(closeDueAt(request.epoch - 1) - clock.now());
      expect(await stores.ledger.closeDueEpochs()).toEqual([request.epoch - 1]);
      expect(await read(MONTH)).toEqual(standing(60n, 0n));
      clock.jump(closeDueAt(request.epoch) - clock.now());
      expect(await stores.ledger.closeDueEpochs()).toEqual([request.epoch]);
      expect(await read(MONTH)).toEqual(standing(60n, 0n));
      stores.close();
      far.close();
    }),
  );

  test(
    'that goes on holding is not taken for dead',
    inFolder(async (file, clock) => {
      const { stores: far } = await leaveBehind(file, clock);
      for (let i = 0; i < 4; i++) {
        clock.jump(EPOCH_MS);
        await ledgerAt(far.ledger, clock).hold(1n, ACCOUNTS);
      }
      const stores = openEmbeddedStores({ file, clock, random: seededRandom(2) });
      expect((await stores.ledger.read('req_a'))?.state).toBe('open');
      stores.close();
      far.close();
    }),
  );

  test(
    'that closed the file in order leaves nothing held',
    inFolder(async (file, clock) => {
      const { stores: far } = await leaveBehind(file, clock);
      far.close();
      const stores = openEmbeddedStores({ file, clock, random: seededRandom(2) });
      expect(await ledgerAt(stores.ledger, clock).standing(MONTH)).toEqual(standing(100n, 0n));
      expect(epochOf(clock.now())).toBe((await stores.ledger.read('req_a'))?.epoch);
      stores.close();
    }),
  );
});
