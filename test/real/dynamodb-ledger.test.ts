import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { closeDueAt, EPOCH_MS, epochOf } from '../../lambdas/contract/timing.ts';
import { makeRequestId } from '../../lambdas/core/admit/request-id.ts';
import type { HoldRequest } from '../../lambdas/core/ledger.ts';
import { StoreUnavailable } from '../../lambdas/core/ports.ts';
import { account, entryOf, receipt, settlementOf, standing } from '../port-suites/ledger-requests.ts';
import { makeWorldClock, type WorldClock } from '../port-suites/store-world.ts';
import { type DynamoWorld, realSleep, withDynamoDb } from './support/dynamo-world.ts';
import type { Operation } from './support/table-proxy.ts';

const makeWorld = withDynamoDb({ beforeAll, afterAll });
const MONTH = 'team#search#2026-11';
const TEAM = [account(MONTH, 1_000n)];
const FOUR = [
  account('org#acme#2026-11', 10n ** 15n),
  account(MONTH, 10n ** 14n),
  account('user#ada@example.com#2026-11', 10n ** 13n),
  account('key#4fQx9Lm2#2026-11', null),
];

const inWorld =
  (run: (context: { world: DynamoWorld; clock: WorldClock }) => Promise<void>) => async (): Promise<void> => {
    const clock = makeWorldClock();
    const world = await makeWorld(clock);
    try {
      await run({ world, clock });
    } finally {
      await world.end();
    }
  };

let ids = 0;
const newId = (epoch: number): string => {
  ids += 1;
  return makeRequestId({ epoch, lane: ids % 16, random: String(ids).padStart(16, '0') });
};

const holdOf = (clock: WorldClock, amount: bigint, accounts = TEAM): HoldRequest => ({
  accounts,
  capVersion: 1,
  epoch: epochOf(clock.now()),
  amount,
});

const isAdding = ({ name, body }: Pick<Operation, 'name' | 'body'>): boolean =>
  name === 'UpdateItem' && /ADD committed :(amount|back)/.test(String(body['UpdateExpression']));

const standingOf = async (world: DynamoWorld, key = MONTH) => {
  const [figures] = await world.openRaw().ledger.figures([key]);
  return figures && { committed: figures.committed, spent: figures.spent, held: figures.held };
};

/** Holds, opens; @returns the request's id. */
const admit = async (world: DynamoWorld, request: HoldRequest): Promise<string> => {
  const { ledger } = world.openRaw();
  const id = newId(request.epoch);
  expect((await ledger.hold(request)).kind).toBe('held');
  expect(await ledger.open(entryOf(id, request))).toBe(true);
  return id;
};

describe('a cap', () => {
  test(
    'is met exactly and never passed by 256 admissions at once, whatever is read meanwhile',
    inWorld(async ({ world, clock }) => {
      // The server shares two cores with us: only what it says counts here, not how soon.
      const ledgers = [1, 2, 3, 4].map(() => world.openRaw({ answerTimeoutMs: 60_000 }).ledger);
      const cap = 100n * 1_234_567n;
      let most = 0n;
      let isDone = false;
      const watch = async () => {
        const { ledger } = world.openRaw({ answerTimeoutMs: 60_000 });
        while (!isDone) {
          const [figures] = await ledger.figures([MONTH]);
          if (figures !== undefined && figures.committed > most) most = figures.committed;
        }
      };
      const watching = watch();
      const admitted = await Promise.all(
        Array.from({ length: 256 }, async (_, i) => {
          const ledger = ledgers[i % 4];
          const request = holdOf(clock, 1_234_567n, [account(MONTH, cap)]);
          if ((await ledger?.hold(request))?.kind !== 'held') return false;
          return ledger?.open(entryOf(newId(request.epoch), request));
        }),
      );
      isDone = true;
      await watching;
      expect(admitted.filter(Boolean)).toHaveLength(100);
      expect(await standingOf(world)).toEqual(standing(0n, cap));
      expect(most).toBeLessThanOrEqual(cap);
    }),
  );
});

describe('a write that adds', () => {
  test.each(['lose-answer', 'lose-request', 'arrive-late'] as const)(
    'is never sent again by the SDK: %s',
    async (fault) =>
      inWorld(async ({ world, clock }) => {
        const { ledger } = world.openRaw();
        await ledger.figures([MONTH]);
        world.proxy.forget();
        world.proxy.faults = (operation) => (isAdding(operation) ? fault : 'none');
        await expect(ledger.hold(holdOf(clock, 100n))).rejects.toThrow(StoreUnavailable);
        await world.proxy.whenIdle();
        // One, and one fresh one.
        expect(world.proxy.operations.filter(isAdding)).toHaveLength(2);
        const leaked = fault === 'lose-request' ? undefined : standing(0n, 200n);
        expect(await standingOf(world)).toEqual(leaked);

        world.proxy.faults = () => 'none';
        await ledger.hold(holdOf(clock, 300n));
        world.proxy.forget();
        world.proxy.faults = (operation) => (isAdding(operation) ? fault : 'none');
        await ledger.giveBack(holdOf(clock, 300n));
        await world.proxy.whenIdle();
        expect(world.proxy.operations.filter(isAdding)).toHaveLength(1);
      })(),
  );

  test(
    'that was throttled was surely not made: it is sent again and counts once',
    inWorld(async ({ world, clock }) => {
      const { ledger } = world.openRaw();
      await ledger.figures([MONTH]);
      world.proxy.forget();
      let met = 0;
      world.proxy.faults = (operation) => (isAdding(operation) && met++ < 2 ? 'throttle' : 'none');
      expect((await ledger.hold(holdOf(clock, 100n))).kind).toBe('held');
      expect(world.proxy.operations.filter(isAdding)).toHaveLength(3);
      expect(await standingOf(world)).toEqual(standing(0n, 100n));
    }),
  );

  test(
    'that DynamoDB answers with a 500 may have been made: it counts as leaked, and a fresh one is held',
    inWorld(async ({ world, clock }) => {
      const { ledger } = world.openRaw();
      let met = 0;
      world.proxy.faults = (operation) => (isAdding(operation) && met++ === 0 ? 'fail-after' : 'none');
      expect((await ledger.hold(holdOf(clock, 100n))).kind).toBe('held');
      expect(met).toBe(2);
      expect(await standingOf(world)).toEqual(standing(0n, 200n));
    }),
  );

  test(
    'and is unheard on one account leaves nothing held on the others',
    inWorld(async ({ world, clock }) => {
      const { ledger } = world.openRaw();
      world.proxy.faults = (operation) =>
        isAdding(operation) && JSON.stringify(operation.body['Key']).includes('org#') ? 'lose-request' : 'none';
      await expect(ledger.hold(holdOf(clock, 100n, FOUR))).rejects.toThrow(StoreUnavailable);
      for (const { key } of FOUR.slice(1)) expect(await standingOf(world, key)).toEqual(standing(0n, 0n));
    }),
  );

  test(
    'is never sent again after a timeout, while the others are',
    inWorld(async ({ world, clock }) => {
      const { ledger } = world.openRaw({ answerTimeoutMs: 80 });
      await ledger.figures([MONTH]);
      world.proxy.forget();
      world.proxy.delayMs = 200;
      await expect(ledger.hold(holdOf(clock, 100n))).rejects.toThrow(StoreUnavailable);
      await expect(ledger.figures([MONTH])).rejects.toThrow(StoreUnavailable);
      await world.proxy.whenIdle();
      const { operations } = world.proxy;
      expect(operations.filter(isAdding)).toHaveLength(2);
      expect(operations.filter(({ name }) => name === 'BatchGetItem').length).toBeGreaterThan(2);
    }),
  );

  test(
    'one that was not heard counts as held until its epoch closes, and not a moment longer',
    inWorld(async ({ world, clock }) => {
      let lost = 0;
      world.proxy.faults = (operation) => (isAdding(operation) && lost++ === 0 ? 'lose-answer' : 'none');
      const request = holdOf(clock, 400n);
      await admit(world, request);
      expect(await standingOf(world)).toEqual(standing(0n, 800n));
      const { ledger } = world.openRaw();
      expect((await ledger.hold(holdOf(clock, 400n))).kind).toBe('refused');
      clock.jump(closeDueAt(request.epoch) - clock.now());
      await ledger.closeDueEpochs();
      expect(await standingOf(world)).toEqual(standing(400n, 0n));
    }),
  );

  test(
    'a leak that no entry names is healed by whoever meets the account, and its room is there at once',
    inWorld(async ({ world, clock }) => {
      const { ledger } = world.openRaw();
      const request = holdOf(clock, 1_000n);
      await ledger.hold(request);
      clock.jump(closeDueAt(request.epoch) - clock.now());
      await world.openRaw().ledger.closeDueEpochs();
      expect((await ledger.hold(holdOf(clock, 900n))).kind).toBe('held');
      expect(await standingOf(world)).toEqual(standing(0n, 900n));
    }),
  );
});

describe('a closer that dies between two accounts', () => {
  test(
    'leaves the second as it was, also to a process that has met the first, and the next closer goes on',
    inWorld(async ({ world, clock }) => {
      const [org, team] = [account('org#acme#2026-11', 10_000n), ...TEAM];
      const request = holdOf(clock, 100n, [org, ...TEAM]);
      await admit(world, request);
      clock.jump(closeDueAt(request.epoch) - clock.now());
      world.proxy.faults = ({ body }) =>
        String(body['UpdateExpression']).includes('SET #floor') && JSON.stringify(body['Key']).includes(MONTH)
          ? 'lose-request'
          : 'none';
      await expect(world.openRaw().ledger.closeDueEpochs()).rejects.toThrow(StoreUnavailable);
      world.proxy.faults = () => 'none';
      expect(await standingOf(world, org.key)).toEqual(standing(100n, 0n));

      const { ledger } = world.openRaw();
      // A floor above the epoch says that nothing can begin there, not that every account is closed.
      expect((await ledger.hold({ ...request, accounts: [org] })).kind).toBe('wrong-epoch');
      expect((await ledger.hold(holdOf(clock, 1n, [team ?? org]))).kind).toBe('held');
      const [figures] = await ledger.figures([MONTH]);
      expect(figures?.committed).toBe(101n);

      expect(await ledger.closeDueEpochs()).toEqual([request.epoch]);
      expect(await standingOf(world)).toEqual(standing(100n, 1n));
    }),
  );
});

describe('an entry', () => {
  test(
    'is opened once though its answer was lost',
    inWorld(async ({ world, clock }) => {
      let lost = 0;
      world.proxy.faults = ({ name }) => (name === 'PutItem' && lost++ === 1 ? 'lose-answer' : 'none');
      await admit(world, holdOf(clock, 100n));
      expect(lost).toBeGreaterThan(2);
      expect(await world.openRaw().ledger.tail({ limit: 9 })).toHaveLength(1);
    }),
  );

  test(
    'that nobody confirms is refused instead, and can not be opened by what arrives late',
    inWorld(async ({ world, clock }) => {
      const { ledger } = world.openRaw();
      const request = holdOf(clock, 100n);
      await ledger.hold(request);
      world.proxy.faults = ({ name }) => (name === 'PutItem' ? 'arrive-late' : 'none');
      const id = newId(request.epoch);
      expect(await ledger.open(entryOf(id, request))).toBe(false);
      await world.proxy.whenIdle();
      expect((await ledger.read(id))?.state ?? 'refused').toBe('refused');
    }),
  );

  test(
    'settles once, and is put right once, though answers are lost',
    inWorld(async ({ world, clock }) => {
      const [a, b] = [await admit(world, holdOf(clock, 100n)), await admit(world, holdOf(clock, 200n))];
      const { ledger } = world.openRaw();
      /** The first answer of each kind is lost. */
      const unheard = () => {
        const lost = new Set<string>();
        world.proxy.faults = ({ name }) => {
          if (lost.has(name)) return 'none';
          lost.add(name);
          return 'lose-answer';
        };
      };
      unheard();
      await ledger.settle(settlementOf(a, 60n));
      world.proxy.faults = () => 'none';
      clock.jump(closeDueAt(epochOf(clock.now())) - clock.now());
      await ledger.closeDueEpochs();
      unheard();
      await ledger.settle(settlementOf(b, 50n));
      world.proxy.faults = () => 'none';
      // Hours later, in another epoch, from a queue that did not know.
      clock.jump(3 * EPOCH_MS);
      await ledger.settle(settlementOf(b, 50n));
      await world.catchUp();
      expect(await standingOf(world)).toEqual(standing(110n, 0n));
      clock.jump(10 * EPOCH_MS);
      await ledger.closeDueEpochs();
      expect(await standingOf(world)).toEqual(standing(110n, 0n));
      expect((await ledger.figures([MONTH]))[0]).toMatchObject({ requests: 2, inputTokens: 60, outputTokens: 14 });
    }),
  );
});

describe('time', () => {
  test.each([3 * EPOCH_MS, -3 * EPOCH_MS, 40_000])(
    "is the table's: a process whose clock is %d ms off admits in the right epoch",
    async (offMs) =>
      inWorld(async ({ world, clock }) => {
        const skewed = { ...realSleep(clock), now: () => clock.now() + offMs };
        const { ledger } = world.openRaw({ clock: skewed });
        let request = { ...holdOf(clock, 100n), epoch: epochOf(skewed.now()) };
        let outcome = await ledger.hold(request);
        if (outcome.kind === 'wrong-epoch') {
          expect(Math.abs(outcome.storeNow - clock.now())).toBeLessThanOrEqual(1_500);
          request = { ...request, epoch: epochOf(outcome.storeNow) };
          outcome = await ledger.hold(request);
        }
        expect(outcome.kind).toBe('held');
        expect(request.epoch).toBe(epochOf(clock.now()));
        expect(await standingOf(world)).toEqual(standing(0n, 100n));
        // From now on it knows, and asks nobody.
        world.proxy.forget();
        expect((await ledger.hold({ ...request, epoch: request.epoch + 4 })).kind).toBe('wrong-epoch');
        expect(world.proxy.operations).toEqual([]);
      })(),
  );
});

describe('a table that can not be reached', () => {
  test('makes every port say so, and nothing else', async () => {
    const clock = makeWorldClock();
    const world = await makeWorld(clock);
    const stores = world.openRaw();
    world.proxy.faults = () => 'lose-request';
    const takes = [{ scope: 'key#k', limit: { requestsPerMinute: 5 }, tokens: 1 }];
    const id = newId(epochOf(clock.now()));
    const record = {
      target: 't',
      version: 1,
      circuit: { state: 'closed' as const },
      override: null,
      reason: '',
      changedAt: 1,
    };
    const asked: Record<string, () => Promise<unknown>> = {
      findKey: () => stores.access.findKey('k'),
      revokeKey: () => stores.access.revokeKey('k', 1),
      listKeys: () => stores.access.listKeys(),
      take: () => stores.limits.take(takes, 1, clock.now()),
      readLimits: () => stores.limits.read(takes, clock.now()),
      readCircuits: () => stores.circuits.read(['t']),
      writeCircuit: () => stores.circuits.write(record),
      hold: () => stores.ledger.hold(holdOf(clock, 1n)),
      open: () => stores.ledger.open(entryOf(id, holdOf(clock, 1n))),
      refuse: () => stores.ledger.refuse(id, epochOf(clock.now())),
      settle: () => stores.ledger.settle(settlementOf(id, 1n)),
      read: () => stores.ledger.read(id),
      tail: () => stores.ledger.tail({ limit: 1 }),
      close: () => stores.ledger.closeDueEpochs(),
      cancel: () => stores.cancellations.request(id),
      policy: () => stores.policyVersion('caps'),
    };
    const told = await Promise.all(
      Object.entries(asked).map(async ([name, ask]) => [
        name,
        await ask().then(
          () => 'an answer',
          (error: unknown) => error instanceof StoreUnavailable || error,
        ),
      ]),
    );
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(Object.keys(asked).map((name) => [name, true])));
    // Best effort: what is not given back drains or heals.
    await stores.ledger.giveBack(holdOf(clock, 1n));
    await stores.limits.giveBack(takes, 1, clock.now());
    await world.end();
  });
});

describe('the policy', () => {
  test(
    'is numbered by whoever came last, and keeps its number as long as it is the newest',
    inWorld(async ({ world }) => {
      const [a, b] = [world.openRaw(), world.openRaw()];
      expect(await a.policyVersion('caps 1')).toBe(1);
      expect(await b.policyVersion('caps 1')).toBe(1);
      expect(await b.policyVersion('caps 2')).toBe(2);
      expect(await a.policyVersion('caps 2')).toBe(2);
      expect(await a.policyVersion('caps 1')).toBe(3);
      const numbers = await Promise.all(Array.from({ length: 16 }, (_, i) => (i % 2 ? a : b).policyVersion('caps 4')));
      expect(new Set(numbers)).toEqual(new Set([4]));
    }),
  );
});

describe('what a request costs', () => {
  test(
    'two round trips before the provider is called, one write an account and limited scope, two for the entry',
    inWorld(async ({ world, clock }) => {
      const stores = world.openRaw();
      const takes = [
        { scope: 'key#4fQx9Lm2', limit: { requestsPerMinute: 1_000, tokensPerMinute: 10 ** 6 }, tokens: 500 },
      ];
      const figures: Record<string, { trips: number; units: number }> = {};
      const measure = async (name: string, work: () => Promise<unknown>): Promise<void> => {
        world.proxy.forget();
        await work();
        await world.proxy.whenIdle();
        const { operations } = world.proxy;
        const before = figures[name] ?? { trips: 0, units: 0 };
        figures[name] = {
          trips: before.trips + Math.max(0, ...operations.map(({ trip }) => trip)),
          units: before.units + operations.reduce((sum, { units }) => sum + units, 0),
        };
      };
      world.proxy.delayMs = 40;
      const run = async (kind: string) => {
        const request = holdOf(clock, 12_345_678n, FOUR);
        const id = newId(request.epoch);
        const entry = entryOf(id, request, {
          keyId: '4fQx9Lm2',
          user: 'ada@example.com',
          tags: { feature: 'search', env: 'prod' },
          nonce: 'k3J9dLq0ZxV7',
        });
        // As admit does: rate limits and holds in one trip, then the entry.
        await measure(`${kind}, before the call`, () =>
          Promise.all([stores.limits.take(takes, request.epoch, clock.now()), stores.ledger.hold(request)]),
        );
        await measure(`${kind}, before the call`, () => stores.ledger.open(entry));
        await measure(`${kind}, settling`, () =>
          Promise.all([
            stores.ledger.settle(settlementOf(id, 4_567_890n, { nonce: 'k3J9dLq0ZxV7', receipt: oneAttempt })),
            stores.limits.settle(takes, request.epoch, 300, clock.now()),
          ]),
        );
      };
      await run('cold');
      // A minute later every limit has drained, as it has for most requests.
      clock.jump(60_000);
      await run('warm');
      await world.catchUp();
      // In the same instant the limits are still running.
      await run('running');
      await world.catchUp();
      clock.jump(60_000);
      await run('last');
      await measure('projecting one settlement', () => world.catchUp());
      for (let i = 0; i < 20; i++) await run('more');
      await measure('projecting 20 settlements', () => world.catchUp());
      process.stdout.write(`${JSON.stringify(figures, null, 2)}\n`);
      expect(figures['warm, before the call']).toEqual({ trips: 2, units: 6 });
      expect(figures['last, before the call']).toEqual({ trips: 2, units: 6 });
      expect(figures['running, before the call']).toEqual({ trips: 2, units: 6 });
      expect(figures['running, settling']?.units).toBeLessThanOrEqual(3);
      // One an account, and one for the statistics of the target.
      expect(figures['projecting one settlement']?.units).toBe(FOUR.length + 1);
      expect(figures['projecting 20 settlements']?.units).toBe(FOUR.length + 1);
      expect(await world.itemsOf('accounts')).toHaveLength(FOUR.length + 1);
    }),
  );
});

/** A receipt as settle writes it for one attempt. */
const oneAttempt = {
  ...receipt('openai/gpt-5-mini-2026-08-07@eu'),
  attempts: [
    {
      target: 'openai/gpt-5-mini-2026-08-07@eu',
      startedAt: 1_795_348_800_123,
      durationMs: 1_834,
      firstTokenMs: 412,
      status: 200,
      usage: {
        inputTokens: 300,
        cachedInputTokens: 0,
        cacheWrite5mTokens: 0,
        cacheWrite1hTokens: 0,
        outputTokens: 120,
        reasoningTokens: 0,
      },
      cost: '4567890',
    },
  ],
  outcome: 'answered' as const,
  answeredBy: 'openai/gpt-5-mini-2026-08-07@eu',
};
