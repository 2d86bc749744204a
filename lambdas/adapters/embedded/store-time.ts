import { epochEnd, epochOf, epochStart, GRACE_MS } from '../../contract/timing.ts';
import type { Clock } from '../../core/ports.ts';
import type { Connection } from './database.ts';
import type { RowKind } from './row-cache.ts';

const FENCES: RowKind<{ epoch: number }> = {
  load: (connection) => ({
    epoch: Number(connection.get<{ value: bigint }>(`SELECT value FROM marks WHERE name = 'fence'`)?.value ?? -1n),
  }),
  save(connection, rows) {
    for (const { epoch } of rows)
      connection.run(
        `INSERT INTO marks (name, value) VALUES ('fence', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
        epoch,
      );
  },
};

/** The last epoch that has been fenced off: nothing of it or before it can begin any more. −1 = none. */
export const readFence = (connection: Connection): number => connection.rows.get(FENCES, 'fence')?.epoch ?? -1;

export const raiseFence = (connection: Connection, epoch: number): void => {
  const fence = connection.rows.get(FENCES, 'fence');
  if (fence === undefined || fence.epoch >= epoch) return;
  fence.epoch = epoch;
  connection.rows.change(FENCES, fence);
};

/**
 * The store's time: the machine's clock, but never within an epoch that was fenced off. Should the clock go back after a
 * close, holds go on in the epoch after it instead of being refused until the clock has caught up.
 */
export const readStoreTime = (connection: Connection, clock: Clock): number =>
  Math.max(Math.floor(clock.now()), epochStart(readFence(connection) + 1));

/** Whether holds and entries of this epoch may begin at this time. */
export const isEpochOpen = (epoch: number, storeNow: number): boolean =>
  storeNow >= epochStart(epoch) - GRACE_MS && storeNow <= epochEnd(epoch) + GRACE_MS;

export const storeEpoch = (connection: Connection, clock: Clock): number => epochOf(readStoreTime(connection, clock));
