import type { UpdateItemCommandInput } from '@aws-sdk/client-dynamodb';
import { type Bucket, chargeUnits, LIMIT_PERIOD_US, takeUnits } from '../../core/admit/gcra.ts';
import { type Rate, ratesOf } from '../../core/admit/limit-figures.ts';
import type { LimitTake } from '../../core/admit/limit-store.ts';
import { LIMIT_LIFE_MS } from '../../core/retention.ts';
import { countOf, type Item, toAttribute } from './attributes.ts';
import {
  aheadBuckets,
  BUCKET_NAMES,
  bucketOf,
  drainUs,
  flightName,
  type Guesses,
  modeOf,
  staleFlights,
} from './limit-item.ts';
import { expiresAt } from './retention.ts';

/** One UpdateItem in the making. */
interface Parts {
  set: string[];
  add: string[];
  remove: string[];
  conditions: string[];
  names: Record<string, string>;
  values: Item;
}

export const limitKey = (scope: string): Item => ({ pk: { S: `limit#${scope}` } });

const begin = (nowMs: number): Parts => ({
  set: ['expires = :expires'],
  add: [],
  remove: [],
  conditions: [],
  names: {},
  values: { ':expires': expiresAt(nowMs + LIMIT_LIFE_MS) },
});

const finish = (table: string, scope: string, parts: Parts): UpdateItemCommandInput => ({
  TableName: table,
  Key: limitKey(scope),
  UpdateExpression: [
    `SET ${parts.set.join(', ')}`,
    ...(parts.add.length > 0 ? [`ADD ${parts.add.join(', ')}`] : []),
    ...(parts.remove.length > 0 ? [`REMOVE ${parts.remove.join(', ')}`] : []),
  ].join(' '),
  ...(parts.conditions.length > 0 && { ConditionExpression: parts.conditions.join(' AND ') }),
  ...(Object.keys(parts.names).length > 0 && { ExpressionAttributeNames: parts.names }),
  ExpressionAttributeValues: parts.values,
  ReturnValues: 'ALL_NEW',
});

/** Writes a bucket whole, unless somebody has written it since it was read. */
const replaceBucket = (parts: Parts, what: Rate['what'], stored: Bucket | undefined, bucket: Bucket): void => {
  const { tat, at } = BUCKET_NAMES[what];
  parts.set.push(`${tat} = :${tat}`, `${at} = :${at}`);
  parts.values[`:${tat}`] = toAttribute(bucket.tatUs);
  parts.values[`:${at}`] = toAttribute(bucket.atUs);
  if (stored === undefined) parts.conditions.push(`attribute_not_exists(${tat})`);
  else {
    parts.conditions.push(`${tat} = :${tat}Seen`, `${at} = :${at}Seen`);
    parts.values[`:${tat}Seen`] = toAttribute(stored.tatUs);
    parts.values[`:${at}Seen`] = toAttribute(stored.atUs);
  }
};

/** Fills a bucket that has drained, whatever it held before. */
const fillBucket = (parts: Parts, what: Rate['what'], nowUs: number, bucket: Bucket): void => {
  const { tat, at } = BUCKET_NAMES[what];
  parts.set.push(`${tat} = :${tat}`, `${at} = :${at}`);
  parts.values[`:${tat}`] = toAttribute(bucket.tatUs);
  parts.values[`:${at}`] = toAttribute(nowUs);
  parts.values[`:${tat}Now`] = toAttribute(nowUs);
  parts.conditions.push(`(attribute_not_exists(${tat}) OR ${tat} < :${tat}Now)`);
};

/** Moves a bucket that is running, whatever others add to it meanwhile, as long as it stays within these bounds. */
const moveBucket = (
  parts: Parts,
  what: Rate['what'],
  { byUs, nowUs, leastUs, mostUs }: { byUs: number; nowUs: number; leastUs?: number; mostUs?: number },
): void => {
  const { tat, at } = BUCKET_NAMES[what];
  parts.set.push(`${tat} = ${tat} + :${tat}By`, `${at} = :${at}`);
  parts.values[`:${tat}By`] = toAttribute(byUs);
  parts.values[`:${at}`] = toAttribute(nowUs);
  parts.conditions.push(`attribute_exists(${tat})`);
  if (leastUs !== undefined) {
    parts.conditions.push(`${tat} >= :${tat}Least`);
    parts.values[`:${tat}Least`] = toAttribute(leastUs);
  }
  if (mostUs !== undefined) {
    parts.conditions.push(`${tat} <= :${tat}Most`);
    parts.values[`:${tat}Most`] = toAttribute(mostUs);
  }
};

/**
 * Takes from every limit of one scope, or none.
 *
 * @param seen the item as a write that failed has shown it; absent at first, when each bucket's state is guessed: a wrong
 * guess costs a second write
 */
export const takeWrite = (
  table: string,
  take: LimitTake,
  { epoch, nowMs, seen, guesses }: { epoch: number; nowMs: number; seen: Item | undefined; guesses: Guesses },
): UpdateItemCommandInput => {
  const parts = begin(nowMs);
  const nowUs = Math.floor(nowMs) * 1000;
  for (const { what, limit, units } of ratesOf(take)) {
    const stored = seen && bucketOf(seen, what);
    const mode = seen === undefined ? guesses.of(take.scope, what, nowMs) : modeOf(stored, nowMs);
    if (mode === 'running') {
      const byUs = drainUs(limit, units, nowMs);
      moveBucket(parts, what, { byUs, nowUs, leastUs: nowUs, mostUs: nowUs + LIMIT_PERIOD_US - byUs });
      continue;
    }
    const outcome = takeUnits(mode === 'ahead' ? stored : undefined, { limit, units, nowMs });
    if (outcome.kind === 'refused') throw new Error(`${take.scope} has no room and is taken from all the same`);
    if (mode === 'ahead') replaceBucket(parts, what, stored, outcome.bucket);
    else fillBucket(parts, what, nowUs, outcome.bucket);
  }
  if (take.limit.concurrent !== undefined) {
    const stale = seen === undefined ? [] : staleFlights(seen, epoch);
    let staleCount = 0;
    for (const [index, { name, count }] of stale.entries()) {
      parts.names[`#stale${index}`] = name;
      parts.values[`:stale${index}`] = toAttribute(count);
      parts.conditions.push(`#stale${index} = :stale${index}`);
      parts.remove.push(`#stale${index}`);
      staleCount += count;
    }
    parts.names['#flight'] = flightName(epoch);
    parts.add.push('flights :flights', '#flight :one');
    parts.values[':flights'] = toAttribute(1 - staleCount);
    parts.values[':one'] = toAttribute(1);
    parts.conditions.push('(attribute_not_exists(flights) OR flights < :places)');
    parts.values[':places'] = toAttribute(take.limit.concurrent + staleCount);
  }
  return finish(table, take.scope, parts);
};

/**
 * Undoes a take, or corrects its tokens; either way the request is no longer under way. What is not there any more, as
 * `seen` shows, is left out.
 *
 * @returns undefined where nothing is left to write
 */
export const leaveWrite = (
  table: string,
  take: LimitTake,
  {
    epoch,
    nowMs,
    changes,
    seen,
    guesses,
  }: { epoch: number; nowMs: number; changes: readonly Rate[]; seen: Item | undefined; guesses: Guesses },
): UpdateItemCommandInput | undefined => {
  const parts = begin(nowMs);
  const nowUs = Math.floor(nowMs) * 1000;
  for (const { what, limit, units } of changes) {
    const stored = seen && bucketOf(seen, what);
    if (limit === 0 || units === 0) continue;
    if (units < 0) {
      if (seen !== undefined && stored === undefined) continue;
      moveBucket(parts, what, { byUs: -drainUs(limit, -units, nowMs), nowUs });
      continue;
    }
    const mode = seen === undefined ? guesses.of(take.scope, what, nowMs) : modeOf(stored, nowMs);
    if (mode === 'running') moveBucket(parts, what, { byUs: drainUs(limit, units, nowMs), nowUs, leastUs: nowUs });
    else if (mode === 'idle') fillBucket(parts, what, nowUs, chargeUnits(undefined, { limit, units, nowMs }));
    else replaceBucket(parts, what, stored, chargeUnits(stored, { limit, units, nowMs }));
  }
  const name = flightName(epoch);
  if (take.limit.concurrent !== undefined && (seen === undefined || countOf(seen, name) > 0)) {
    parts.names['#flight'] = name;
    parts.add.push('flights :less', '#flight :less');
    parts.values[':less'] = toAttribute(-1);
    parts.values[':zero'] = toAttribute(0);
    parts.conditions.push('#flight > :zero');
  }
  return parts.conditions.length === 0 ? undefined : finish(table, take.scope, parts);
};

/** Moves buckets from before the clock went back to where they belong. undefined where there are none. */
export const rebaseWrite = (
  table: string,
  take: LimitTake,
  { nowMs, seen }: { nowMs: number; seen: Item },
): UpdateItemCommandInput | undefined => {
  const ahead = aheadBuckets(take, seen, nowMs);
  if (ahead.length === 0) return undefined;
  const parts = begin(nowMs);
  for (const { what, stored, bucket } of ahead) replaceBucket(parts, what, stored, bucket);
  return finish(table, take.scope, parts);
};
