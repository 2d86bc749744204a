import { PIN_OVERRIDES_KEY, PIN_PREFIX } from '../../contract/tables.ts';
import { NO_OVERRIDES, type PinOverrides, type PinRecord, type PinStore } from '../../core/pins/pin-store.ts';
import { type Item, textOf, toItem } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';
import { writeVersioned } from './write-versioned.ts';

/** One item a pin, and one of all overrides, each written only by who has seen the version before it. */
export const makeDynamoPinStore = (dynamo: Dynamo): PinStore => {
  const table = dynamo.names.access;
  const at = (pk: string) => ({ table, key: toItem({ pk }), attribute: 'record' });
  return {
    read: async (pins) => {
      const keys = [...new Set(pins)].map((pin) => toItem({ pk: PIN_PREFIX + pin }));
      // A record of a moment ago does: every write is conditional on the version.
      const items = keys.length === 0 ? [] : await dynamo.getMany(table, keys, { isConsistent: false });
      const records = new Map(items.flatMap(toRecords).map((record) => [record.pin, record]));
      return pins.map((pin) => records.get(pin));
    },

    write: (next) => writeVersioned(dynamo, at(PIN_PREFIX + next.pin), next),

    readOverrides: () => readPinOverrides(dynamo),

    writeOverrides: (next) => writeVersioned(dynamo, at(PIN_OVERRIDES_KEY), next),

    list: async () => {
      const items = await dynamo.scan({
        TableName: table,
        ConsistentRead: true,
        FilterExpression: 'begins_with(pk, :prefix)',
        ExpressionAttributeValues: toItem({ ':prefix': PIN_PREFIX }),
      });
      return items.flatMap(toRecords).sort((a, b) => (a.pin < b.pin ? -1 : 1));
    },
  };
};

/** What every gateway with a canary reads. */
export const readPinOverrides = async (dynamo: Dynamo): Promise<PinOverrides> => {
  const { item } = await dynamo.get(dynamo.names.access, toItem({ pk: PIN_OVERRIDES_KEY }));
  const record = item && textOf(item, 'record');
  return record === undefined ? NO_OVERRIDES : (JSON.parse(record) as PinOverrides);
};

const toRecords = (item: Item): PinRecord[] => {
  const record = textOf(item, 'record');
  return record === undefined ? [] : [JSON.parse(record) as PinRecord];
};
