import { CIRCUIT_STATE } from '../../contract/tables.ts';
import { untouchedCircuit } from '../../core/call/circuit.ts';
import type { CircuitRecord, CircuitStore } from '../../core/call/circuit-store.ts';
import { type Item, textOf, toItem } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';
import { writeVersioned } from './write-versioned.ts';

const PREFIX = 'target#';

/** One item a target, written only by who has seen the version before it. A target never written reads as closed, version 0. */
export const makeDynamoCircuitStore = (dynamo: Dynamo): CircuitStore => {
  const table = dynamo.names.targets;
  return {
    read: async (targets) => {
      const keys = [...new Set(targets)].map((target) => toItem({ pk: PREFIX + target }));
      // A record that is milliseconds old does: every write is conditional on the version.
      const items = await dynamo.getMany(table, keys, { isConsistent: false });
      const records = new Map(items.flatMap((item) => toRecord(item) ?? []).map((record) => [record.target, record]));
      return targets.map((target) => records.get(target) ?? untouchedCircuit(target));
    },

    write: (next) =>
      writeVersioned(dynamo, { table, key: toItem({ pk: PREFIX + next.target }), attribute: 'circuit' }, next, {
        // The state once more by itself, where the filter of the prober's event source can see it.
        [CIRCUIT_STATE]: next.circuit.state,
      }),

    list: async () => {
      const items = await dynamo.scan({
        TableName: table,
        ConsistentRead: true,
        FilterExpression: 'begins_with(pk, :prefix)',
        ExpressionAttributeValues: toItem({ ':prefix': PREFIX }),
      });
      return items.flatMap((item) => toRecord(item) ?? []).sort((a, b) => (a.target < b.target ? -1 : 1));
    },
  };
};

/** An item may have statistics and no circuit yet. */
const toRecord = (item: Item): CircuitRecord | undefined => {
  const record = textOf(item, 'circuit');
  return record === undefined ? undefined : (JSON.parse(record) as CircuitRecord);
};
