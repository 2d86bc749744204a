import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { StreamRecord } from '../../lambdas/adapters/dynamodb/ended-entry.ts';
import { epochOf } from '../../lambdas/contract/timing.ts';
import { makeRequestId } from '../../lambdas/core/admit/request-id.ts';
import { failureRateOf } from '../../lambdas/core/route/target-statistics.ts';
import { account, entryOf, receipt, settlementOf } from '../port-suites/ledger-requests.ts';
import { makeWorldClock, type WorldClock } from '../port-suites/store-world.ts';
import { type DynamoWorld, withDynamoDb } from './support/dynamo-world.ts';

const makeWorld = withDynamoDb({ beforeAll, afterAll });
const ACCOUNTS = [account('org#acme#2026-11', null), account('team#search#2026-11', null)];
const TARGET = 'a/m@eu-west-1';

interface Batch {
  shard: string;
  records: StreamRecord[];
}
interface Context {
  world: DynamoWorld;
  clock: WorldClock;
  settleSome(count: number): Promise<Batch>;
  /** Another projector. @returns what takes a batch in, and says from which record it must come again */
  openProjector(): (batch: Batch) => Promise<string | undefined>;
  calls(): Promise<number>;
}

let ids = 0;

const inWorld = (run: (context: Context) => Promise<void>) => async (): Promise<void> => {
  const clock = makeWorldClock();
  const world = await makeWorld(clock);
  const { ledger, statistics } = world.openRaw();
  try {
    await run({
      world,
      clock,
      async settleSome(count) {
        const epoch = epochOf(clock.now());
        await Promise.all(
          Array.from({ length: count }, async () => {
            ids += 1;
            const request = { accounts: ACCOUNTS, capVersion: 1, epoch, amount: 10n };
            const id = makeRequestId({ epoch, lane: ids % 16, random: String(ids).padStart(16, '0') });
            await ledger.hold(request);
            await ledger.open(entryOf(id, request));
            const attempts = [{ target: TARGET, startedAt: clock.now() - 500, durationMs: 400, cost: '7' }];
            await ledger.settle(settlementOf(id, 7n, { receipt: { ...receipt('settled'), attempts } }));
          }),
        );
        const batches = await world.readStream();
        return { shard: batches[0]?.shard ?? '', records: batches.flatMap(({ records }) => records) };
      },
      openProjector() {
        const stores = world.openRaw();
        return async (batch) => {
          const projected = await stores.projectBatch(batch);
          await stores.noteStatistics(projected);
          return projected.failed;
        };
      },
      calls: async () => failureRateOf((await statistics.read([TARGET]))[0], clock.now()).calls,
    });
  } finally {
    await world.end();
  }
};

describe('statistics from the stream', () => {
  test(
    'a batch that comes again, halved, or to another projector counts once',
    inWorld(async ({ settleSome, openProjector, calls }) => {
      const batch = await settleSome(6);
      const [one, other] = [openProjector(), openProjector()];
      const half = { ...batch, records: batch.records.slice(0, Math.ceil(batch.records.length / 2)) };
      await one(half);
      await one(batch);
      await other(batch);
      await one(half);
      expect(await calls()).toBe(6);
      const [next, again] = [await settleSome(2), openProjector()];
      await other(next);
      await again(next);
      expect(await calls()).toBe(8);
    }),
  );

  test(
    'projectors of several shards at once lose nothing of each other',
    inWorld(async ({ settleSome, openProjector, calls }) => {
      const batches: Batch[] = [];
      for (let i = 0; i < 6; i++) batches.push({ ...(await settleSome(3)), shard: `shard ${i}` });
      await Promise.all(batches.map((batch) => openProjector()(batch)));
      expect(await calls()).toBe(18);
    }),
  );

  test(
    'a write whose answer was lost counts once',
    inWorld(async ({ world, settleSome, openProjector, calls }) => {
      const [first, second] = [await settleSome(2), await settleSome(3)];
      const project = openProjector();
      await project(first);
      let lost = 0;
      world.proxy.faults = ({ name, body }) => {
        const isStatistics = name === 'UpdateItem' && JSON.stringify(body['Key']).includes('statistics#');
        if (!isStatistics || lost > 0) return 'none';
        lost += 1;
        return 'lose-answer';
      };
      expect(await project(second)).toBeUndefined();
      expect(lost).toBe(1);
      expect(await calls()).toBe(5);
    }),
  );

  test(
    'a table that does not answer costs the statistics of a batch, and neither its accounts nor the next one',
    inWorld(async ({ world, settleSome, openProjector, calls }) => {
      const project = openProjector();
      world.proxy.faults = ({ body }) => (JSON.stringify(body).includes('statistics#') ? 'fail-after' : 'none');
      expect(await project(await settleSome(2))).toBeUndefined();
      world.proxy.faults = () => 'none';
      const before = await calls();
      expect(await project(await settleSome(3))).toBeUndefined();
      expect((await calls()) - before).toBe(3);
    }),
  );

  test(
    'accounts that do not take the batch in let nothing be counted, as it comes again',
    inWorld(async ({ world, settleSome, openProjector, calls }) => {
      const batch = await settleSome(4);
      const project = openProjector();
      world.proxy.faults = ({ body }) =>
        JSON.stringify(body['Key'] ?? '').includes('team#') ? 'lose-request' : 'none';
      expect(await project(batch)).toBeDefined();
      expect(await calls()).toBe(0);
      world.proxy.faults = () => 'none';
      expect(await project(batch)).toBeUndefined();
      expect(await calls()).toBeLessThanOrEqual(4);
    }),
  );

  test(
    'one projector reads a target once, and writes it once a batch',
    inWorld(async ({ world, settleSome, openProjector }) => {
      const project = openProjector();
      world.proxy.forget();
      for (let i = 0; i < 3; i++) await project(await settleSome(5));
      const own = world.proxy.operations.filter(({ body }) =>
        JSON.stringify(body['Key'] ?? '').includes('statistics#'),
      );
      expect(own.map(({ name }) => name)).toEqual(['GetItem', 'UpdateItem', 'UpdateItem', 'UpdateItem']);
      expect(own.map(({ units }) => units)).toEqual([0.5, 1, 1, 1]);
    }),
  );
});
