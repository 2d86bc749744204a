import { type Item, textOf, toItem } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';

/**
 * Writes a record, as JSON in one attribute, only over the version before it: whoever has not seen that changes nothing.
 *
 * @param also other attributes, where something is to be seen without the record
 * @returns whether it was written, by this call or by an earlier sending of it whose answer was lost
 * @throws {StoreUnavailable}
 */
export const writeVersioned = async (
  dynamo: Dynamo,
  { table, key, attribute }: { table: string; key: Item; attribute: string },
  next: { version: number },
  also: Readonly<Record<string, string>> = {},
): Promise<boolean> => {
  const writer = Buffer.from(dynamo.random.bytes(12)).toString('hex');
  const set = { version: next.version, [attribute]: JSON.stringify(next), writer, ...also };
  const names = Object.keys(set);
  const written = await dynamo.update({
    TableName: table,
    Key: key,
    UpdateExpression: `SET ${names.map((_, i) => `#n${i} = :v${i}`).join(', ')}`,
    ConditionExpression: next.version === 1 ? 'attribute_not_exists(version)' : 'version = :seen',
    ExpressionAttributeNames: Object.fromEntries(names.map((name, i) => [`#n${i}`, name])),
    ExpressionAttributeValues: toItem({
      ...Object.fromEntries(Object.values(set).map((value, i) => [`:v${i}`, value])),
      ':seen': next.version === 1 ? undefined : next.version - 1,
    }),
  });
  // This very write, sent again. Not by its record: of two who write the same, one has written it.
  return written.kind === 'done' || (written.item !== undefined && textOf(written.item, 'writer') === writer);
};
