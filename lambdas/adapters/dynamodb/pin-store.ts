import type { PinRecord, PinStore } from '../../core/pins/pin-store.ts';
import { type Item, textOf, toItem } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';

const PREFIX = 'pin#';

/** One item a pin, written only by who has seen the version before it. */
export const makeDynamoPinStore = (dynamo: Dynamo): PinStore => {
  const table = dynamo.names.access;
  return {
    read: async (pins) => {
      const keys = [...new Set(pins)].map((pin) => toItem({ pk: PREFIX + pin }));
      // A record of a moment ago does: every write is conditional on the version.
      const items = keys.length === 0 ? [] : await dynamo.getMany(table, keys, { isConsistent: false });
      const records = new Map(items.flatMap(toRecords).map((record) => [record.pin, record]));
      return pins.map((pin) => records.get(pin));
    },

    write: async (next) => {
      const record = JSON.stringify(next);
      const written = await dynamo.update({
        TableName: table,
        Key: toItem({ pk: PREFIX + next.pin }),
        UpdateExpression: 'SET version = :next, #record = :record',
        ConditionExpression: next.version === 1 ? 'attribute_not_exists(version)' : 'version = :seen',
        ExpressionAttributeNames: { '#record': 'record' },
        ExpressionAttributeValues: toItem({
          ':next': next.version,
          ':record': record,
          ':seen': next.version === 1 ? undefined : next.version - 1,
        }),
      });
      return written.kind === 'done';
    },

    list: async () => {
      const items = await dynamo.scan({
        TableName: table,
        ConsistentRead: true,
        FilterExpression: 'begins_with(pk, :prefix)',
        ExpressionAttributeValues: toItem({ ':prefix': PREFIX }),
      });
      return items.flatMap(toRecords).sort((a, b) => (a.pin < b.pin ? -1 : 1));
    },
  };
};

const toRecords = (item: Item): PinRecord[] => {
  const record = textOf(item, 'record');
  return record === undefined ? [] : [JSON.parse(record) as PinRecord];
};
