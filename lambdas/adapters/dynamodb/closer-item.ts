import { epochOf } from '../../contract/timing.ts';
import { StoreUnavailable } from '../../core/ports.ts';
import { countOf, type Item, toItem } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';

/** Keys of Accounts that are no accounts: no scope begins like them. */
export const CLOSER_KEY: Item = { pk: { S: '!closer' } };

/** The closer's progress. */
export interface Closer {
  /** Makes sure that there is one, before the first hold: epochs are closed from the one in which the first process began. */
  begin(): Promise<void>;
  /** undefined where no process has ever begun. `date`: the table's time, at the latest. */
  read(): Promise<{ closedThrough: number; date: number } | undefined>;
  /** The last epoch known to be closed on every account that an entry of it names. −1 = none. */
  closedThrough(): number;
  /** Moves it on, once every epoch between is closed. Somebody else may have been faster. */
  advance(from: number, to: number): Promise<void>;
}

export const makeCloser = (dynamo: Dynamo): Closer => {
  const { names, time } = dynamo;
  let beginning: Promise<void> | undefined;
  let known = -1;

  const learn = (closedThrough: number): void => {
    known = Math.max(known, closedThrough);
    time.raiseFence(closedThrough);
  };

  const read = async (): Promise<{ closedThrough: number | undefined; date: number }> => {
    const { item, date } = await dynamo.get(names.accounts, CLOSER_KEY);
    if (item === undefined) return { closedThrough: undefined, date };
    const closedThrough = countOf(item, 'closedThrough');
    learn(closedThrough);
    return { closedThrough, date };
  };

  const begin = async (): Promise<void> => {
    const { closedThrough, date } = await read();
    if (closedThrough !== undefined) return;
    if (!Number.isFinite(date)) throw new StoreUnavailable('DynamoDB did not say what time it is');
    // Every process does this before its first entry, and no entry is of an epoch more than one before that time.
    const written = await dynamo.put({
      TableName: names.accounts,
      Item: { ...CLOSER_KEY, ...toItem({ closedThrough: epochOf(date) - 2 }) },
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
    read: async () => {
      const { closedThrough, date } = await read();
      return closedThrough === undefined ? undefined : { closedThrough, date };
    },
    closedThrough: () => known,
    advance: async (from, to) => {
      await dynamo.update({
        TableName: names.accounts,
        Key: CLOSER_KEY,
        UpdateExpression: 'SET closedThrough = :to',
        ConditionExpression: 'closedThrough = :from',
        ExpressionAttributeValues: toItem({ ':from': from, ':to': to }),
      });
      learn(to);
    },
  };
};
