import type { StreamRecord } from '../../../../lambdas/adapters/dynamodb/ended-entry.ts';
import { PROJECTED_EVENTS, PROJECTED_STATES } from '../../../../lambdas/contract/tables.ts';
import type { Change } from './tables.ts';
import type { SimWorld } from './world.ts';

interface Shard {
  name: string;
  records: StreamRecord[];
  /** So many have been taken in. */
  done: number;
  isClosed: boolean;
  /** It is read only when this one has been. */
  parent: Shard | undefined;
  isBusy: boolean;
  /** Size of the next batch, after one has failed. */
  halved: number;
}

/** The ledger's stream and the event source that reads it: in order by shard, parents first, at least once. */
export interface SimStream {
  note(change: Change): void;
  /** Offers a batch of every shard that has one. */
  offer(
    deliver: (batch: { shard: string; records: StreamRecord[] }, isZombie: boolean) => Promise<string | undefined>,
  ): void;
  split(): void;
  isDrained(): boolean;
}

const MOST_SHARDS = 4;

/** @param zombie how often a batch comes again though it was taken in, perhaps much later */
export const makeSimStream = (world: SimWorld, zombie: () => number): SimStream => {
  const { random } = world;
  const shards: Shard[] = [];
  let sequence = 0;
  const open = (parent?: Shard): void => {
    shards.push({
      name: `shardId-${shards.length}`,
      records: [],
      done: 0,
      isClosed: false,
      parent,
      isBusy: false,
      halved: 0,
    });
  };
  open();
  open();
  const live = (): Shard[] => shards.filter(({ isClosed }) => !isClosed);

  return {
    note({ before, after }) {
      const state = after['state']?.S;
      const eventName = before === undefined ? 'INSERT' : 'MODIFY';
      // As the event source filters.
      if (
        !PROJECTED_EVENTS.includes(eventName) ||
        !(PROJECTED_STATES as readonly (string | undefined)[]).includes(state)
      )
        return;
      sequence += 1 + random.int(1_000);
      const lane = Number(after['pk']?.S?.split('#')[2] ?? 0);
      const shard = live()[lane % live().length];
      shard?.records.push({
        eventName,
        dynamodb: {
          SequenceNumber: String(sequence),
          NewImage: after,
          ...(before !== undefined && { OldImage: before }),
        },
      });
    },
    offer(deliver) {
      for (const shard of shards) {
        const { parent } = shard;
        const isReady = parent === undefined || parent.done >= parent.records.length;
        if (shard.isBusy || !isReady || shard.done >= shard.records.length) continue;
        const size = shard.halved > 0 ? Math.max(1, Math.ceil(shard.halved / 2)) : 1 + random.int(20);
        const from = shard.done;
        const records = shard.records.slice(from, from + size);
        shard.isBusy = true;
        let isOver = false;
        const end = (failed: string | undefined | 'died'): void => {
          if (isOver) return;
          isOver = true;
          shard.isBusy = false;
          const at = records.findIndex(({ dynamodb }) => dynamodb?.SequenceNumber === failed);
          shard.halved = failed === undefined ? 0 : records.length;
          shard.done = from + (failed === undefined ? records.length : Math.max(0, at));
        };
        deliver({ shard: shard.name, records }, false).then(end, () => end('died'));
        // A function that died says nothing; after its timeout the batch comes again.
        world.at(world.now() + 60_000, () => end('died'));
        if (random.chance(zombie())) {
          const laterMs = random.int(random.pick([60_000, 30 * 60_000, 90 * 60_000]));
          world.at(world.now() + laterMs, () => void deliver({ shard: shard.name, records }, true).catch(() => {}));
        }
      }
    },
    split() {
      const shard = random.pick(live());
      shard.isClosed = true;
      open(shard);
      if (live().length < MOST_SHARDS && random.chance(0.5)) open(shard);
    },
    isDrained: () => shards.every(({ done, records }) => done >= records.length),
  };
};
