import type { AccessStore, KeyRecord } from '../../core/authenticate/access-store.ts';
import { fromItem, type Item, toItem } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';

const PREFIX = 'key#';
const keyOf = (id: string): Item => ({ pk: { S: PREFIX + id } });

/** Keys, one item each. A revocation is an attribute of its own: it is compared. */
export const makeDynamoAccessStore = (dynamo: Dynamo): AccessStore => {
  const table = dynamo.names.access;
  return {
    findKey: async (id) => {
      const { item } = await dynamo.get(table, keyOf(id));
      return item && toRecord(item);
    },

    createKey: async (record) => {
      const item = toKeyItem(record);
      const written = await dynamo.put({
        TableName: table,
        Item: item,
        ConditionExpression: 'attribute_not_exists(pk)',
      });
      // One that is the same in every field, secret included, is this very write, sent again.
      return written.kind === 'done' || isSame(written.item, item);
    },

    revokeKey: async (id, at) => {
      const written = await dynamo.update({
        TableName: table,
        Key: keyOf(id),
        UpdateExpression: 'SET revokedAt = :at',
        ConditionExpression: 'attribute_exists(pk) AND (attribute_not_exists(revokedAt) OR revokedAt > :at)',
        ExpressionAttributeValues: toItem({ ':at': at }),
      });
      return written.kind === 'done' || written.item !== undefined;
    },

    listKeys: async () => {
      const items = await dynamo.scan({
        TableName: table,
        ConsistentRead: true,
        FilterExpression: 'begins_with(pk, :prefix)',
        ExpressionAttributeValues: toItem({ ':prefix': PREFIX }),
      });
      return items.map(toRecord).sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
    },
  };
};

const toKeyItem = ({ id, expiresAt, revokedAt, ...fields }: KeyRecord): Item => ({
  ...keyOf(id),
  ...toItem({ ...fields, expiresAt: expiresAt ?? undefined, revokedAt: revokedAt ?? undefined }),
});

const toRecord = (item: Item): KeyRecord => {
  const { pk, ...fields } = fromItem(item);
  return { expiresAt: null, revokedAt: null, ...fields, id: String(pk).slice(PREFIX.length) } as KeyRecord;
};

const isSame = (a: Item | undefined, b: Item): boolean => a !== undefined && canonical(a) === canonical(b);

/** DynamoDB gives the members of a map in any order. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_name, inner) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
