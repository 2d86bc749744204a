import type {
  PutItemCommandInput,
  QueryCommandInput,
  TransactWriteItemsCommandInput,
  UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import type { Item } from '../../../../lambdas/adapters/dynamodb/attributes.ts';
import { type Expression, holds, update } from './expressions.ts';

/** What a write came to. */
export type Made = { isDone: true; item: Item | undefined } | { isDone: false; item: Item | undefined };

export interface Change {
  table: string;
  before: Item | undefined;
  after: Item;
}

/** Tables in memory, each write one step: what the ledger asks of DynamoDB and nothing else. */
export interface Tables {
  put(input: PutItemCommandInput): Made;
  update(input: UpdateItemCommandInput): Made;
  /** @returns undefined when done, else per write the item that its condition failed on */
  transact(input: TransactWriteItemsCommandInput): { failed: boolean; item: Item | undefined }[] | undefined;
  get(table: string, key: Item): Item | undefined;
  query(input: QueryCommandInput): Item[];
  all(table: string): Item[];
}

const keyText = (item: Item): string => `${item['pk']?.S}\u0000${item['sk']?.S ?? ''}`;

const keyOf = (item: Item): Item => {
  const { pk, sk } = item;
  if (pk === undefined) throw new TypeError('a key without pk');
  return sk === undefined ? { pk } : { pk, sk };
};

const expressionOf = (input: {
  ExpressionAttributeNames?: Record<string, string> | undefined;
  ExpressionAttributeValues?: Item | undefined;
}): Expression => ({ names: input.ExpressionAttributeNames ?? {}, values: input.ExpressionAttributeValues ?? {} });

/** @param onChange is told of every change right after it, before anything else happens */
export const makeTables = (onChange: (change: Change) => void): Tables => {
  const tables = new Map<string, Map<string, Item>>();
  /** By table and partition, so that a query reads no more than it must. */
  const partitions = new Map<string, Map<string, Item>>();

  const tableOf = (name: string): Map<string, Item> => {
    const known = tables.get(name);
    if (known !== undefined) return known;
    const made = new Map<string, Item>();
    tables.set(name, made);
    return made;
  };
  const partitionOf = (table: string, pk: string): Map<string, Item> => {
    const name = `${table}\u0000${pk}`;
    const known = partitions.get(name);
    if (known !== undefined) return known;
    const made = new Map<string, Item>();
    partitions.set(name, made);
    return made;
  };
  const write = (table: string, item: Item): void => {
    const before = tableOf(table).get(keyText(item));
    tableOf(table).set(keyText(item), item);
    partitionOf(table, item['pk']?.S ?? '').set(item['sk']?.S ?? '', item);
    onChange({ table, before, after: item });
  };
  const get = (table: string, key: Item): Item | undefined => tableOf(table).get(keyText(key));

  return {
    get,
    put(input) {
      const { TableName: table = '', Item: item = {}, ConditionExpression } = input;
      const before = get(table, item);
      if (!holds(ConditionExpression, before, expressionOf(input))) return { isDone: false, item: before };
      write(table, item);
      return { isDone: true, item: undefined };
    },
    update(input) {
      const { TableName: table = '', Key: key = {}, UpdateExpression = '', ConditionExpression, ReturnValues } = input;
      const before = get(table, key);
      const by = expressionOf(input);
      if (!holds(ConditionExpression, before, by)) return { isDone: false, item: before };
      const after = { ...update(UpdateExpression, before ?? {}, by), ...keyOf(key) };
      write(table, after);
      return { isDone: true, item: ReturnValues === 'ALL_NEW' ? after : undefined };
    },
    transact({ TransactItems = [] }) {
      const outcomes = TransactItems.map(({ Put, Update, ConditionCheck }) => {
        const input = Put ?? Update ?? ConditionCheck;
        const item = get(input?.TableName ?? '', Put?.Item ?? Update?.Key ?? ConditionCheck?.Key ?? {});
        const by = expressionOf(input ?? {});
        return { failed: !holds(input?.ConditionExpression, item, by), item };
      });
      if (outcomes.some(({ failed }) => failed)) return outcomes;
      for (const { Put, Update } of TransactItems) {
        if (Put !== undefined) write(Put.TableName ?? '', Put.Item ?? {});
        if (Update !== undefined) {
          const before = get(Update.TableName ?? '', Update.Key ?? {});
          const after = update(Update.UpdateExpression ?? '', before ?? {}, expressionOf(Update));
          write(Update.TableName ?? '', { ...after, ...keyOf(Update.Key ?? {}) });
        }
      }
      return undefined;
    },
    query(input) {
      const { TableName: table = '', KeyConditionExpression, FilterExpression, ExpressionAttributeValues } = input;
      if (KeyConditionExpression !== 'pk = :pk') throw new SyntaxError(`${KeyConditionExpression}`);
      const partition = partitions.get(`${table}\u0000${ExpressionAttributeValues?.[':pk']?.S}`);
      if (partition === undefined) return [];
      return [...partition.entries()]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, item]) => item)
        .filter((item) => holds(FilterExpression, item, expressionOf(input)));
    },
    all: (table) => [...tableOf(table).values()],
  };
};
