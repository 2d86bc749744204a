import type { CachedCount } from '../../core/cache/cache-stores.ts';
import type { CacheSelection } from '../../core/cache/vector-index.ts';
import { countOf, type Item, textOf, toItem } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';
import { writeMark } from './purge-marks-item.ts';
import { bury, PREFIX } from './response-item.ts';
import { patiently, scanGently } from './scan-gently.ts';

const AT_ONCE = 16;

/**
 * First the mark, then the items: one that is claimed before the mark is there when the scan begins, and one that is claimed
 * after it sees the mark and is never filled. What stops midway is gone on with by purging again.
 *
 * @returns how many could still be found
 */
export const purgeResponses = async (dynamo: Dynamo, selection: CacheSelection, nowMs: number): Promise<number> => {
  await patiently(dynamo, () => writeMark(dynamo, selection, nowMs));
  const selected = conditionOf(selection);
  let count = 0;
  const pages = scanGently(dynamo, {
    TableName: dynamo.names.responses,
    // All that was written before it began is in it.
    ConsistentRead: true,
    FilterExpression: `begins_with(pk, :prefix) AND ${selected.expression}`,
    ProjectionExpression: 'pk, bytes, expiresAt',
    ...(selected.names && { ExpressionAttributeNames: selected.names }),
    ExpressionAttributeValues: { ...selected.values, ...toItem({ ':prefix': PREFIX }) },
  });
  for await (const items of pages)
    for (let i = 0; i < items.length; i += AT_ONCE) {
      // All of them are over before a failure is told: nothing goes on in its back.
      const some = items.slice(i, i + AT_ONCE);
      const outcomes = await Promise.allSettled(some.map((item) => takeOut(dynamo, item, selected)));
      for (const [at, outcome] of outcomes.entries()) {
        if (outcome.status === 'rejected') throw outcome.reason;
        const item = some[at];
        if (outcome.value && item !== undefined && isLive(item, nowMs)) count += 1;
      }
    }
  return count;
};

/** @returns false where somebody else's answer has taken its place meanwhile */
const takeOut = async (dynamo: Dynamo, { pk }: Item, selected: ReturnType<typeof conditionOf>): Promise<boolean> => {
  if (pk === undefined) return false;
  const written = await patiently(dynamo, () => bury(dynamo, { pk }, selected));
  // Without its names it has been buried: by this very write, whose answer was lost, or by another purge.
  return written.kind === 'done' || written.item?.['team'] === undefined;
};

/** What is kept, by team and alias; one number of each is held in memory, and a page. */
export const countResponses = async (dynamo: Dynamo, nowMs: number): Promise<CachedCount[]> => {
  const counts = new Map<string, CachedCount>();
  const pages = scanGently(dynamo, {
    TableName: dynamo.names.responses,
    FilterExpression: 'begins_with(pk, :prefix) AND attribute_exists(bytes)',
    ProjectionExpression: 'team, #alias, createdAt, expiresAt, bytes',
    ExpressionAttributeNames: { '#alias': 'alias' },
    ExpressionAttributeValues: toItem({ ':prefix': PREFIX }),
  });
  for await (const items of pages)
    for (const item of items) {
      if (!isLive(item, nowMs)) continue;
      const team = textOf(item, 'team') ?? '';
      const alias = textOf(item, 'alias') ?? '';
      const name = JSON.stringify([team, alias]);
      const count = counts.get(name) ?? { team, alias, entries: 0, bytes: 0, oldestAt: Number.POSITIVE_INFINITY };
      count.entries += 1;
      count.bytes += countOf(item, 'bytes');
      count.oldestAt = Math.min(count.oldestAt, countOf(item, 'createdAt'));
      counts.set(name, count);
    }
  return [...counts.values()].sort((a, b) => (a.team === b.team ? compare(a.alias, b.alias) : compare(a.team, b.team)));
};

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const isLive = (item: Item, nowMs: number): boolean =>
  item['bytes'] !== undefined && countOf(item, 'expiresAt') > nowMs;

/** Without an age all that is there came before, whatever the clock said when it came. */
const conditionOf = ({ team, user, alias, createdBefore }: CacheSelection) => {
  const named = Object.entries({ team, user, alias }).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return {
    expression: [
      'attribute_exists(team)',
      ...named.map(([name]) => `#by_${name} = :by_${name}`),
      ...(createdBefore === undefined ? [] : ['createdAt < :createdBefore']),
    ].join(' AND '),
    ...(named.length > 0 && { names: Object.fromEntries(named.map(([name]) => [`#by_${name}`, name])) }),
    values: toItem({
      ...Object.fromEntries(named.map(([name, value]) => [`:by_${name}`, value])),
      ':createdBefore': createdBefore,
    }),
  };
};
