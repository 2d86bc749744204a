import type { WrongHitRecord, WrongHitStore } from '../../core/cache/cache-stores.ts';
import { UNAUDITED } from '../../core/cache/wrong-hits.ts';
import { countOf, type Item, textOf, toItem } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';
import { inParallel } from './in-parallel.ts';

/** The names of all records, so that a list need not go through a table full of answers. */
const NAMES_KEY: Item = toItem({ pk: 'wrong-hits' });
const AT_ONCE = 16;

/** One item an alias and embedder, written only by who has seen the version before it; kept for good. */
export const makeDynamoWrongHitStore = (dynamo: Dynamo): WrongHitStore => {
  const table = dynamo.names.responses;

  const read: WrongHitStore['read'] = async (alias, embedder) => {
    const { item } = await dynamo.get(table, keyOf(nameOf(alias, embedder)));
    return toRecord(alias, embedder, item);
  };

  return {
    read,

    write: async ({ alias, embedder, version, state, changedAt }) => {
      const name = nameOf(alias, embedder);
      // Named first: a name without a record is passed over, a record without a name would be overlooked.
      if (version === 1)
        await dynamo.update({
          TableName: table,
          Key: NAMES_KEY,
          UpdateExpression: 'ADD #names :name',
          ExpressionAttributeNames: { '#names': 'names' },
          ExpressionAttributeValues: { ':name': { SS: [name] } },
        });
      const writer = Buffer.from(dynamo.random.bytes(12)).toString('hex');
      const written = await dynamo.update({
        TableName: table,
        Key: keyOf(name),
        UpdateExpression:
          'SET version = :next, tightened = :tightened, isOff = :isOff, audited = :audited, wrong = :wrong, changedAt = :changedAt, writer = :writer',
        ConditionExpression: version === 1 ? 'attribute_not_exists(version)' : 'version = :seen',
        ExpressionAttributeValues: toItem({
          ':next': version,
          ':tightened': state.tightened,
          ':isOff': state.isOff,
          ':audited': state.audited,
          ':wrong': state.wrong,
          ':changedAt': changedAt,
          ':writer': writer,
          ':seen': version === 1 ? undefined : version - 1,
        }),
      });
      // This very write, sent again. Not by its content: two audits may come to the same, and both count.
      return written.kind === 'done' || (written.item !== undefined && textOf(written.item, 'writer') === writer);
    },

    list: async () => {
      const { item } = await dynamo.get(table, NAMES_KEY);
      const names = [...(item?.['names']?.SS ?? [])].sort();
      const records = await inParallel(names, AT_ONCE, (name) => {
        const [alias = '', embedder = ''] = JSON.parse(name) as string[];
        return read(alias, embedder);
      });
      return records.filter(({ version }) => version > 0);
    },
  };
};

/** No alias runs into an embedder, whatever signs are in them. */
const nameOf = (alias: string, embedder: string): string => JSON.stringify([alias, embedder]);

const keyOf = (name: string): Item => toItem({ pk: `wrong-hits#${name}` });

const toRecord = (alias: string, embedder: string, item: Item | undefined): WrongHitRecord =>
  item === undefined
    ? { alias, embedder, version: 0, state: UNAUDITED, changedAt: 0 }
    : {
        alias,
        embedder,
        version: countOf(item, 'version'),
        state: {
          tightened: countOf(item, 'tightened'),
          isOff: item['isOff']?.BOOL === true,
          audited: countOf(item, 'audited'),
          wrong: countOf(item, 'wrong'),
        },
        changedAt: countOf(item, 'changedAt'),
      };
