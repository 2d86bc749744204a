import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { StreamRecord } from '../../lambdas/adapters/dynamodb/ended-entry.ts';
import type { MetricRecord } from '../../lambdas/contract/metrics.ts';
import { closeDueAt, EPOCH_MS, epochOf } from '../../lambdas/contract/timing.ts';
import { makeRequestId } from '../../lambdas/core/admit/request-id.ts';
import type { HoldRequest } from '../../lambdas/core/ledger.ts';
import type { Log } from '../../lambdas/core/ports.ts';
import { projectEvent } from '../../lambdas/ledger-projector/project-event.ts';
import { account, entryOf, settlementOf, standing } from '../port-suites/ledger-requests.ts';
import { makeWorldClock, type WorldClock } from '../port-suites/store-world.ts';
import { type DynamoWorld, withDynamoDb } from './support/dynamo-world.ts';

const makeWorld = withDynamoDb({ beforeAll, afterAll });
const MONTH = 'team#search#2026-11';
const ACCOUNTS = [account('org#acme#2026-11', 100_000n), account(MONTH, 10_000n)];
const log: Log & { beginInvocation(): void } = { debug() {}, info() {}, warn() {}, error() {}, beginInvocation() {} };

interface Context {
  /** Metrics that the deliveries have given. */
  emitted: MetricRecord[];
  world: DynamoWorld;
  clock: WorldClock;
  /** Opens and settles so many requests of 10 each, at 7. @returns their records */
  settleSome(count: number): Promise<{ shard: string; records: StreamRecord[] }>;
  /** Gives a batch to the handler's logic. @returns the record from which it must come again */
  deliver(shard: string, records: StreamRecord[]): Promise<string | undefined>;
  standing(key?: string): Promise<unknown>;
  requests(): Promise<number | undefined>;
}

let ids = 0;

const inWorld = (run: (context: Context) => Promise<void>) => async (): Promise<void> => {
  const clock = makeWorldClock();
  const world = await makeWorld(clock);
  const stores = world.openRaw();
  const { ledger } = stores;
  const emitted: MetricRecord[] = [];
  const figures = async (key: string) => (await ledger.figures([key]))[0];
  try {
    await run({
      world,
      clock,
      emitted,
      async settleSome(count) {
        for (let i = 0; i < count; i++) {
          const request: HoldRequest = { accounts: ACCOUNTS, capVersion: 1, epoch: epochOf(clock.now()), amount: 10n };
          ids += 1;
          const id = makeRequestId({ epoch: request.epoch, lane: ids % 16, random: String(ids).padStart(16, '0') });
          await ledger.hold(request);
          await ledger.open(entryOf(id, request));
          await ledger.settle(settlementOf(id, 7n));
        }
        const batches = await world.readStream();
        return { shard: batches[0]?.shard ?? '', records: batches.flatMap(({ records }) => records) };
      },
      async deliver(shardId, Records) {
        const answer = await projectEvent(
          { Records, shardId },
          { projectBatch: stores.projectBatch, emitMetrics: (records) => emitted.push(...records), clock, log },
        );
        expect(answer.state).toEqual({});
        return answer.batchItemFailures[0]?.itemIdentifier;
      },
      async standing(key = MONTH) {
        const found = await figures(key);
        return found && { committed: found.committed, spent: found.spent, held: found.held };
      },
      requests: async () => (await figures(MONTH))?.requests,
    });
  } finally {
    await world.end();
  }
};

const sequenceOf = (record: StreamRecord | undefined): string => record?.dynamodb?.SequenceNumber ?? '';

describe('the projector', () => {
  test(
    'turns holds into costs, requests and tokens on every account',
    inWorld(async ({ settleSome, deliver, standing: read, requests }) => {
      const { shard, records } = await settleSome(3);
      expect(await read()).toEqual(standing(0n, 30n));
      expect(await deliver(shard, records)).toBeUndefined();
      for (const { key } of ACCOUNTS) expect(await read(key)).toEqual(standing(21n, 0n));
      expect(await requests()).toBe(3);
    }),
  );

  test(
    'counts each settlement once: whole, halved, again, and from a zombie',
    inWorld(async ({ settleSome, deliver, standing: read, requests }) => {
      const { shard, records } = await settleSome(8);
      const half = records.slice(0, Math.floor(records.length / 2));
      await deliver(shard, half);
      await deliver(shard, records);
      await deliver(shard, records);
      await Promise.all([deliver(shard, half), deliver(shard, records), deliver(shard, records.slice(3))]);
      expect(await read()).toEqual(standing(56n, 0n));
      expect(await requests()).toBe(8);
    }),
  );

  test(
    'takes shards apart: what one has taken in says nothing of another',
    inWorld(async ({ settleSome, deliver, standing: read }) => {
      const first = await settleSome(2);
      const second = await settleSome(2);
      await deliver('shard-b', second.records);
      await deliver('shard-a', first.records);
      expect(await read()).toEqual(standing(28n, 0n));
    }),
  );

  test(
    'records that come after the close are dropped, for the close has counted them',
    inWorld(async ({ world, clock, settleSome, deliver, standing: read, requests }) => {
      const { shard, records } = await settleSome(4);
      clock.jump(closeDueAt(epochOf(clock.now())) - clock.now());
      await world.openRaw().ledger.closeDueEpochs();
      expect(await read()).toEqual(standing(28n, 0n));
      const later = await settleSome(1);
      expect(await deliver(shard, [...records, ...later.records])).toBeUndefined();
      expect(await read()).toEqual(standing(35n, 0n));
      expect(await requests()).toBe(5);
    }),
  );

  test(
    'a record lost for good is repaired by the close',
    inWorld(async ({ world, clock, settleSome, deliver, standing: read, requests }) => {
      const { shard, records } = await settleSome(3);
      await deliver(shard, records.slice(-1));
      expect(await read()).toEqual(standing(7n, 20n));
      clock.jump(closeDueAt(epochOf(clock.now())) - clock.now());
      await world.openRaw().ledger.closeDueEpochs();
      expect(await read()).toEqual(standing(21n, 0n));
      expect(await requests()).toBe(3);
    }),
  );

  test(
    'a batch that comes between the close of an account and its writing is not lost, nor counted twice',
    inWorld(async ({ world, clock, settleSome, deliver, standing: read }) => {
      const { shard, records } = await settleSome(4);
      clock.jump(closeDueAt(epochOf(clock.now())) - clock.now());
      // Just before an account is closed, the projector wakes.
      let met = 0;
      world.proxy.faults = ({ name, body }) => {
        if (name === 'UpdateItem' && String(body['UpdateExpression']).includes('SET #floor') && met++ === 0)
          void deliver(shard, records);
        return 'none';
      };
      world.proxy.delayMs = 5;
      await world.openRaw().ledger.closeDueEpochs();
      await world.proxy.whenIdle();
      expect(met).toBeGreaterThan(0);
      for (const { key } of ACCOUNTS) expect(await read(key)).toEqual(standing(28n, 0n));
    }),
  );

  test(
    'an entry that is edited by hand after it has ended is not counted again',
    inWorld(async ({ world, settleSome, deliver, standing: read }) => {
      const { shard, records } = await settleSome(1);
      await deliver(shard, records);
      const keys = records.at(-1)?.dynamodb?.NewImage as Record<string, { S: string }>;
      await world.direct.send(
        new UpdateItemCommand({
          TableName: world.tables.ledger,
          Key: { pk: keys['pk'] as { S: string }, sk: keys['sk'] as { S: string } },
          UpdateExpression: 'SET note = :note',
          ExpressionAttributeValues: { ':note': { S: 'looked at' } },
        }),
      );
      const [edit] = await world.readStream();
      expect(edit?.records).toHaveLength(1);
      await deliver(shard, edit?.records ?? []);
      expect(await read()).toEqual(standing(7n, 0n));
    }),
  );

  test(
    'an unreadable record is named, what comes before it is taken in, and the rest waits',
    inWorld(async ({ settleSome, deliver, standing: read }) => {
      const { shard, records } = await settleSome(4);
      const settled = records.filter(({ eventName }) => eventName === 'MODIFY');
      const broken = structuredClone(settled);
      const [, , poison] = broken;
      delete poison?.dynamodb?.NewImage?.['cost'];
      expect(await deliver(shard, broken)).toBe(sequenceOf(poison));
      expect(await read()).toEqual(standing(14n, 20n));
      expect(await deliver(shard, settled.slice(2))).toBeUndefined();
      expect(await read()).toEqual(standing(28n, 0n));
    }),
  );

  test(
    'a table that does not answer makes the batch come again, and nothing is counted twice',
    inWorld(async ({ world, settleSome, deliver, standing: read }) => {
      const { shard, records } = await settleSome(4);
      let asked = 0;
      world.proxy.faults = ({ body }) =>
        String(body['UpdateExpression']).includes('#mark') && asked++ > 0 ? 'lose-answer' : 'none';
      expect(await deliver(shard, records)).toBe(sequenceOf(records[0]));
      world.proxy.faults = () => 'none';
      expect(await deliver(shard, records)).toBeUndefined();
      for (const { key } of ACCOUNTS) expect(await read(key)).toEqual(standing(28n, 0n));
    }),
  );

  test(
    "marks go once their epochs are closed, and the account's item stays small",
    inWorld(async ({ world, clock, settleSome, deliver, standing: read }) => {
      for (let i = 0; i < 8; i++) {
        const { records } = await settleSome(2);
        await deliver(`shard-${i}`, records);
        clock.jump(EPOCH_MS);
        await world.openRaw().ledger.closeDueEpochs();
      }
      clock.jump(8 * EPOCH_MS);
      const { records } = await settleSome(1);
      await deliver('shard-9', records);
      clock.jump(closeDueAt(epochOf(clock.now())) - clock.now());
      await world.openRaw().ledger.closeDueEpochs();
      expect(await read()).toEqual(standing(17n * 7n, 0n));
      const [item] = (await world.itemsOf('accounts')).filter((one) => one['pk']?.S === MONTH);
      expect(Object.keys(item ?? {}).filter((name) => /^m[0-9A-Za-z]{8}$/.test(name)).length).toBeLessThanOrEqual(1);
      expect(Object.keys(item ?? {}).filter((name) => /^[hsrio]\d+$/.test(name))).toEqual([]);
    }),
  );

  test(
    'counts each request once in the metrics, however often its batch comes',
    inWorld(async ({ settleSome, deliver, emitted }) => {
      const { shard, records } = await settleSome(3);
      await deliver(shard, records.slice(0, 2));
      await deliver(shard, records);
      await deliver(shard, records);
      const requests = emitted
        .filter(({ dimensions }) => Object.keys(dimensions).length === 0)
        .flatMap(({ values }) => values.Requests ?? []);
      expect(requests.reduce((sum, count) => sum + count, 0)).toBe(3);
    }),
  );
});
