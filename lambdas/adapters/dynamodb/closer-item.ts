import type { ConditionCheck } from '@aws-sdk/client-dynamodb';
import { epochOf } from '../../contract/timing.ts';
import type { SealHead } from '../../core/audit/epoch-seal.ts';
import { StoreUnavailable } from '../../core/ports.ts';
import { countOf, type Item, textOf, toItem } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';

/** Keys of Accounts that are no accounts: no scope begins like them. */
const CLOSER_KEY: Item = { pk: { S: '!closer' } };

/** Holds as long as the closer has not begun with this epoch: part of the transaction that puts a correction into it. */
export const notShutCheck = (table: string, epoch: number): ConditionCheck => ({
  TableName: table,
  Key: CLOSER_KEY,
  ConditionExpression: 'attribute_not_exists(shutThrough) OR shutThrough < :epoch',
  ExpressionAttributeValues: toItem({ ':epoch': epoch }),
});

export interface CloserProgress {
  closedThrough: number;
  /** The last seal. */
  head: SealHead | null;
  /** From here on every ended entry is in a seal; undefined where a version without seals began. */
  sealedFrom: number | undefined;
  /** The table's time, at the latest. */
  date: number;
}

/** The closer's progress. */
export interface Closer {
  /** Makes sure that there is one, before the first hold: epochs are closed from the one in which the first process began. */
  begin(): Promise<void>;
  /** undefined where no process has ever begun. */
  read(): Promise<CloserProgress | undefined>;
  /** The last epoch known to be closed on every account that an entry of it names. −1 = none. */
  closedThrough(): number;
  /** Says which epochs are about to be read, before they are: from then on no correction is put into them. */
  shut(through: number): Promise<void>;
  /** Moves it on, once every epoch between is closed and sealed. Somebody else may have been faster. */
  advance(from: number, to: number, seals: { head: SealHead | null; sealedFrom: number }): Promise<void>;
}

export const makeCloser = (dynamo: Dynamo): Closer => {
  const { names, time } = dynamo;
  let beginning: Promise<void> | undefined;
  let known = -1;

  const learn = (closedThrough: number): void => {
    known = Math.max(known, closedThrough);
    time.raiseFence(closedThrough);
  };

  const read = async (): Promise<{ progress: CloserProgress | undefined; date: number }> => {
    const { item, date } = await dynamo.get(names.accounts, CLOSER_KEY);
    if (item === undefined) return { progress: undefined, date };
    const closedThrough = countOf(item, 'closedThrough');
    learn(closedThrough);
    const digest = textOf(item, 'sealDigest');
    const head = digest === undefined ? null : { epoch: countOf(item, 'sealEpoch'), digest };
    const sealedFrom = item['sealedFrom'] === undefined ? undefined : countOf(item, 'sealedFrom');
    return { progress: { closedThrough, head, sealedFrom, date }, date };
  };

  const begin = async (): Promise<void> => {
    const { progress, date } = await read();
    if (progress !== undefined) return;
    if (!Number.isFinite(date)) throw new StoreUnavailable('DynamoDB did not say what time it is');
    // Every process does this before its first entry, and no entry is of an epoch more than one before that time.
    const written = await dynamo.put({
      TableName: names.accounts,
      Item: { ...CLOSER_KEY, ...toItem({ closedThrough: epochOf(date) - 2, sealedFrom: epochOf(date) - 1 }) },
      ConditionExpression: 'attribute_not_exists(pk)',
    });
    learn(written.kind === 'done' ? epochOf(date) - 2 : countOf(written.item ?? {}, 'closedThrough'));
  };

  return {
    begin: () => {
      beginning ??= begin().catch((error: unknown) => {
        // The next hold tries again.
        beginning = undefined;
        throw error;
      });
      return beginning;
    },
    read: async () => (await read()).progress,
    closedThrough: () => known,
    shut: async (through) => {
      await dynamo.update({
        TableName: names.accounts,
        Key: CLOSER_KEY,
        UpdateExpression: 'SET shutThrough = :through',
        ConditionExpression: 'attribute_not_exists(shutThrough) OR shutThrough < :through',
        ExpressionAttributeValues: toItem({ ':through': through }),
      });
    },
    advance: async (from, to, { head, sealedFrom }) => {
      await dynamo.update({
        TableName: names.accounts,
        Key: CLOSER_KEY,
        UpdateExpression: `SET closedThrough = :to, sealedFrom = :since${head === null ? '' : ', sealEpoch = :epoch, sealDigest = :digest'}`,
        ConditionExpression: 'closedThrough = :from',
        ExpressionAttributeValues: toItem({
          ':from': from,
          ':to': to,
          ':epoch': head?.epoch,
          ':digest': head?.digest,
          ':since': sealedFrom,
        }),
      });
      learn(to);
    },
  };
};
