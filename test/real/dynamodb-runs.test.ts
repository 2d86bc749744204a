import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { epochOf } from '../../lambdas/contract/timing.ts';
import { accountKey, runKey } from '../../lambdas/core/admit/account-keys.ts';
import { makeRequestId } from '../../lambdas/core/admit/request-id.ts';
import type { RunEntry } from '../../lambdas/core/admit/run-store.ts';
import { StoreUnavailable } from '../../lambdas/core/ports.ts';
import { account, entryOf } from '../port-suites/ledger-requests.ts';
import { makeWorldClock, type WorldClock } from '../port-suites/store-world.ts';
import { type DynamoWorld, withDynamoDb } from './support/dynamo-world.ts';
import type { Operation } from './support/table-proxy.ts';

const makeWorld = withDynamoDb({ beforeAll, afterAll });

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

const ENTRY: RunEntry = { team: 'search', runs: [{ id: 'plan', calls: 10 }, { id: 'job' }] };
const isEntering = ({ name, body }: Pick<Operation, 'name' | 'body'>): boolean =>
  name === 'UpdateItem' && /ADD #calls :one/.test(String(body['UpdateExpression']));
const callsOf = async (world: DynamoWorld): Promise<number[]> =>
  (await world.openRaw().runs.read('search', ['plan', 'job'])).map(({ calls }) => calls);

describe('a call that enters its runs', () => {
  test(
    'costs one write a run, in the trip of limits and holds; what each capped run adds is a write of its own',
    inWorld(async ({ world, clock }) => {
      const { runs, limits, ledger } = world.openRaw();
      const take = { scope: 'key#k', limit: { requestsPerMinute: 1_000 }, tokens: 5 };
      const accounts = [
        account('key#k#2026-11', null),
        ...['plan', 'job'].map((id) => account(accountKey('run', runKey('search', id), 'all'), 10n ** 12n)),
      ];
      const epoch = epochOf(clock.now());
      const request = { accounts, capVersion: 1, epoch, amount: 5n };
      await ledger.hold(request);
      world.proxy.forget();
      world.proxy.delayMs = 40;
      await Promise.all([limits.take([take], epoch, clock.now()), ledger.hold(request), runs.enter(ENTRY)]);
      const id = makeRequestId({ epoch, lane: 0, random: '1'.repeat(16) });
      await ledger.open(entryOf(id, request, { run: 'plan', parentRun: 'job' }));
      const { operations } = world.proxy;
      expect(Math.max(...operations.map(({ trip }) => trip))).toBe(2);
      // A limited scope, an account each, a run each, the entry.
      expect(operations.map(({ units }) => units)).toEqual([1, 1, 1, 1, 1, 1, 1]);
      expect(await ledger.read(id)).toMatchObject({ run: 'plan', parentRun: 'job' });
    }),
  );

  test(
    'whose answers are lost is counted at least once, and so are never more calls made than may be',
    inWorld(async ({ world }) => {
      const { runs } = world.openRaw();
      let met = 0;
      world.proxy.faults = (operation) => (isEntering(operation) && met++ % 3 === 0 ? 'lose-answer' : 'none');
      let entered = 0;
      for (let i = 0; i < 20; i++) {
        const outcome = await runs.enter(ENTRY).catch((error: unknown) => {
          expect(error).toBeInstanceOf(StoreUnavailable);
          return { kind: 'unanswered' } as const;
        });
        if (outcome.kind === 'entered') entered += 1;
      }
      await world.proxy.whenIdle();
      world.proxy.faults = () => 'none';
      const [plan = 0, job = 0] = await callsOf(world);
      expect(entered).toBeGreaterThan(0);
      expect(plan).toBe(10);
      expect(entered).toBeLessThanOrEqual(plan);
      expect(job).toBeGreaterThanOrEqual(entered);
    }),
  );

  test(
    'that is unheard on one run leaves nothing counted on the other',
    inWorld(async ({ world }) => {
      const { runs } = world.openRaw();
      world.proxy.faults = (operation) =>
        isEntering(operation) && JSON.stringify(operation.body['Key']).includes('job') ? 'lose-request' : 'none';
      await expect(runs.enter(ENTRY)).rejects.toThrow(StoreUnavailable);
      expect(await callsOf(world)).toEqual([0]);
    }),
  );

  test(
    'and is never heard is sent twice, not more: every one of them may have been counted',
    inWorld(async ({ world }) => {
      const { runs } = world.openRaw();
      world.proxy.faults = (operation) => (isEntering(operation) ? 'fail-after' : 'none');
      await expect(runs.enter(ENTRY)).rejects.toThrow(StoreUnavailable);
      expect(world.proxy.operations.filter(isEntering)).toHaveLength(2 * ENTRY.runs.length);
      expect(await callsOf(world)).toEqual([2, 2]);
    }),
  );

  test(
    'that was throttled is sent again and counts once',
    inWorld(async ({ world }) => {
      const { runs } = world.openRaw();
      let met = 0;
      world.proxy.faults = (operation) => (isEntering(operation) && met++ < 2 ? 'throttle' : 'none');
      expect((await runs.enter(ENTRY)).kind).toBe('entered');
      expect(await callsOf(world)).toEqual([1, 1]);
    }),
  );

  test(
    'and meets a kill whose answer was lost: the kill is sent until it is heard',
    inWorld(async ({ world }) => {
      const { runs } = world.openRaw();
      let met = 0;
      world.proxy.faults = ({ body }) =>
        /SET killedAt/.test(String(body['UpdateExpression'])) && met++ < 2 ? 'lose-answer' : 'none';
      expect((await runs.kill('search', 'job', 'stop')).killed?.reason).toBe('stop');
      expect(met).toBeGreaterThanOrEqual(3);
      expect(await world.openRaw().runs.enter(ENTRY)).toMatchObject({ kind: 'refused', because: 'killed' });
    }),
  );
});

describe('how long things are kept', () => {
  test(
    'a lifetime’s account is for good, a run’s goes as any other',
    inWorld(async ({ world, clock }) => {
      const { ledger } = world.openRaw();
      const keys = ['team#search#all', 'run#search/job#all', 'team#search#2026-11'];
      await ledger.hold({
        accounts: keys.map((key) => account(key, 1_000n)),
        capVersion: 1,
        epoch: epochOf(clock.now()),
        amount: 5n,
      });
      const items = await world.itemsOf('accounts');
      const years = keys.map((key) => {
        const expires = Number(items.find((item) => item['pk']?.S === key)?.['expires']?.N);
        return Math.round((expires * 1000 - clock.now()) / (365.25 * 86_400_000));
      });
      expect(years).toEqual([100, 1, 1]);
    }),
  );
});
