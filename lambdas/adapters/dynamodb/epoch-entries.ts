import { epochStart, LANES } from '../../contract/timing.ts';
import { ACCOUNT_LIFE_MS } from '../../core/retention.ts';
import { type Item, toItem } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';
import { lanePartition } from './entry-item.ts';
import { expiresAt } from './retention.ts';

/** @param only a filter; what it leaves out is read and paid for all the same */
export const readEpochEntries = async (
  dynamo: Dynamo,
  epoch: number,
  only?: { keyId?: string | undefined },
): Promise<{ items: Item[]; date: number }> => {
  const lanes = await Promise.all(
    Array.from({ length: LANES }, (_, lane) =>
      dynamo.query({
        TableName: dynamo.names.ledger,
        ConsistentRead: true,
        KeyConditionExpression: 'pk = :pk',
        ...(only?.keyId !== undefined && { FilterExpression: 'keyId = :key' }),
        ExpressionAttributeValues: toItem({ ':pk': lanePartition(epoch, lane), ':key': only?.keyId }),
      }),
    ),
  );
  return { items: lanes.flatMap(({ items }) => items), date: Math.min(...lanes.map(({ date }) => date)) };
};

const DAY_MS = 24 * 60 * 60_000;

/** Item of Accounts with the closed epochs of one day that have entries: so that nobody has to look through all that have none. */
const activeKey = (timeMs: number): Item => ({
  pk: { S: `!active#${new Date(timeMs).toISOString().slice(0, 10)}` },
});

/** Notes that an epoch has entries. */
export const noteActiveEpoch = async (dynamo: Dynamo, epoch: number): Promise<void> => {
  await dynamo.update({
    TableName: dynamo.names.accounts,
    Key: activeKey(epochStart(epoch)),
    UpdateExpression: 'ADD epochs :epochs SET expires = :expires',
    ExpressionAttributeValues: {
      ':epochs': { NS: [String(epoch)] },
      ':expires': expiresAt(epochStart(epoch) + ACCOUNT_LIFE_MS),
    },
  });
};

/** Days looked up at once. */
const DAYS_AT_ONCE = 50;
/** Entries live no longer. */
const DAYS = 441;

/** Epochs that have entries, of those closed up to `through`, newest first. */
export async function* readActiveEpochs(dynamo: Dynamo, through: number): AsyncGenerator<number> {
  const newest = epochStart(through);
  for (let day = 0; day < DAYS; day += DAYS_AT_ONCE) {
    const keys = Array.from({ length: DAYS_AT_ONCE }, (_, i) => activeKey(newest - (day + i) * DAY_MS));
    const items = await dynamo.getMany(dynamo.names.accounts, keys);
    const epochs = items.flatMap(({ epochs }) => (epochs?.NS ?? []).map(Number));
    yield* epochs.filter((epoch) => epoch <= through).sort((a, b) => b - a);
  }
}
