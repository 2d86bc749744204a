import { DeleteItemCommand, GetItemCommand, PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { toItem } from '../../../lambdas/adapters/dynamodb/attributes.ts';
import { lanePartition } from '../../../lambdas/adapters/dynamodb/entry-item.ts';
import { parseRequestId } from '../../../lambdas/core/admit/request-id.ts';
import type { Tamper } from '../../port-suites/tamper.ts';
import type { DynamoWorld } from './dynamo-world.ts';

const keyOf = (requestId: string) => {
  const { epoch = 0, lane = 0 } = parseRequestId(requestId) ?? {};
  return toItem({ pk: lanePartition(epoch, lane), sk: requestId });
};

export const tamperWithTables = ({ direct, tables }: Pick<DynamoWorld, 'direct' | 'tables'>): Tamper => {
  const seal = (epoch: number) => ({ TableName: tables.accounts, Key: { pk: { S: `!seal#${epoch}` } } });
  const change = async (
    table: string,
    key: ReturnType<typeof toItem>,
    name: string,
    value: string | bigint | string[],
  ) => {
    await direct.send(
      new UpdateItemCommand({
        TableName: table,
        Key: key,
        UpdateExpression: 'SET #name = :value',
        ConditionExpression: 'attribute_exists(pk)',
        ExpressionAttributeNames: { '#name': name },
        ExpressionAttributeValues: toItem({ ':value': value }),
      }),
    );
  };
  const read = async (table: string, key: ReturnType<typeof toItem>) => {
    const { Item } = await direct.send(new GetItemCommand({ TableName: table, Key: key, ConsistentRead: true }));
    if (Item === undefined) throw new Error(`nothing at ${JSON.stringify(key)}`);
    return Item;
  };
  return {
    async removeEntry(id) {
      await read(tables.ledger, keyOf(id));
      await direct.send(new DeleteItemCommand({ TableName: tables.ledger, Key: keyOf(id) }));
    },
    async changeEntry(id, changes) {
      for (const [name, value] of Object.entries(changes)) await change(tables.ledger, keyOf(id), name, value);
    },
    async copyEntry(id, to) {
      const item = await read(tables.ledger, keyOf(id));
      const epoch = parseRequestId(to)?.epoch ?? 0;
      await direct.send(
        new PutItemCommand({ TableName: tables.ledger, Item: { ...item, ...keyOf(to), ...toItem({ epoch }) } }),
      );
    },
    async removeSeal(epoch) {
      await read(tables.accounts, seal(epoch).Key);
      await direct.send(new DeleteItemCommand(seal(epoch)));
    },
    changeSealDigest: (epoch, digest) => change(tables.accounts, seal(epoch).Key, 'digest', digest),
    async changeSealCost(epoch, cost) {
      const item = await read(tables.accounts, seal(epoch).Key);
      const [lane] = Object.keys(item['lanes']?.M ?? {});
      const entries = item['lanes']?.M?.[lane ?? '']?.L?.[1];
      if (entries === undefined) throw new Error('a seal without lanes');
      (entries as { N: string }).N = String(cost);
      await direct.send(new PutItemCommand({ TableName: tables.accounts, Item: item }));
    },
    async addToAccount(account, amount) {
      await direct.send(
        new UpdateItemCommand({
          TableName: tables.accounts,
          Key: toItem({ pk: account }),
          UpdateExpression: 'ADD spent :amount, committed :amount',
          ConditionExpression: 'attribute_exists(pk)',
          ExpressionAttributeValues: toItem({ ':amount': amount }),
        }),
      );
    },
    closedThrough: (epoch) => change(tables.accounts, toItem({ pk: '!closer' }), 'closedThrough', BigInt(epoch)),
    async removeSum(account) {
      await direct.send(new DeleteItemCommand({ TableName: tables.accounts, Key: toItem({ pk: `!sum#${account}` }) }));
    },
    async removeAccount(account) {
      await direct.send(new DeleteItemCommand({ TableName: tables.accounts, Key: toItem({ pk: account }) }));
    },
  };
};
