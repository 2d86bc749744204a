import { type Bucket, chargeUnits, isAhead, readBucket, takeUnits } from '../../core/admit/gcra.ts';
import {
  CONCURRENT_RETRY_MS,
  concurrentFigures,
  type Rate,
  rateFigures,
  ratesOf,
} from '../../core/admit/limit-figures.ts';
import type { LimitFigures, LimitTake } from '../../core/admit/limit-store.ts';
import type { LimitWait } from '../../core/admit/limit-waits.ts';
import { countOf, type Item } from './attributes.ts';

/** Epochs for which a request counts as under way whose end nobody told. */
const FLIGHT_EPOCHS = 4;
const FLIGHT = /^f(\d+)$/;

/** Attributes of a rate's bucket: its arrival time and when it was written, both in microseconds. */
export const BUCKET_NAMES = { requests: { tat: 'rt', at: 'ra' }, tokens: { tat: 'tt', at: 'ta' } } as const;

export const flightName = (epoch: number): string => `f${epoch}`;

export const bucketOf = (item: Item, what: Rate['what']): Bucket | undefined => {
  const { tat, at } = BUCKET_NAMES[what];
  return item[tat] === undefined ? undefined : { tatUs: countOf(item, tat), atUs: countOf(item, at) };
};

/** How units are taken from a bucket: added to one that is running, or put anew into one that has drained. */
export type Mode = 'running' | 'idle';

/** How the bucket is to be written, as it was seen; `ahead`: it was written under a clock that has gone back. */
export const modeOf = (bucket: Bucket | undefined, nowMs: number): Mode | 'ahead' => {
  if (bucket === undefined) return 'idle';
  if (isAhead(bucket, nowMs)) return 'ahead';
  return bucket.tatUs >= Math.floor(nowMs) * 1000 ? 'running' : 'idle';
};

/** What a process remembers of the scopes it has written to: a right guess saves a write and a trip. */
export interface Guesses {
  of(scope: string, what: Rate['what'], nowMs: number): Mode;
  /** @param isSurprise the guess was wrong: others write to the scope too */
  learn(scope: string, item: Item, nowMs: number, isSurprise: boolean): void;
}

const MOST_GUESSES = 10_000;
/** For so long a scope counts as busy after others were met there. */
const BUSY_US = 10_000_000;

/** Unless it can't have drained, or others keep it busy, a bucket has: one of 1,000 requests a minute does so 60 ms after each. */
export const makeGuesses = (): Guesses => {
  const runningUntil = new Map<string, number>();
  const nameOf = (scope: string, what: string): string => `${what} ${scope}`;
  return {
    of: (scope, what, nowMs) =>
      (runningUntil.get(nameOf(scope, what)) ?? 0) >= Math.floor(nowMs) * 1000 ? 'running' : 'idle',
    learn(scope, item, nowMs, isSurprise) {
      if (runningUntil.size > MOST_GUESSES) runningUntil.clear();
      for (const what of ['requests', 'tokens'] as const) {
        const bucket = bucketOf(item, what);
        if (bucket === undefined) continue;
        const name = nameOf(scope, what);
        const isBusy = isSurprise && modeOf(bucket, nowMs) === 'running' && runningUntil.has(name);
        const busyUntil = isBusy ? Math.floor(nowMs) * 1000 + BUSY_US : 0;
        runningUntil.set(name, Math.max(bucket.tatUs, busyUntil));
      }
    },
  };
};

/** Time that `units` take to drain at `limit` a minute, microseconds, for any units and a limit above 0. */
export const drainUs = (limit: number, units: number, nowMs: number): number =>
  chargeUnits(undefined, { limit, units, nowMs }).tatUs - Math.floor(nowMs) * 1000;

/** Counts by epoch that do not count any more: nobody told of the end, or they are from before the clock went back. */
export const staleFlights = (item: Item, epoch: number): { name: string; count: number }[] =>
  Object.keys(item).flatMap((name) => {
    const match = FLIGHT.exec(name);
    if (match === null) return [];
    const of = Number(match[1]);
    return of < epoch - FLIGHT_EPOCHS || of > epoch + 1 ? [{ name, count: countOf(item, name) }] : [];
  });

const underWay = (item: Item, epoch: number): number => {
  let count = 0;
  for (let of = epoch - FLIGHT_EPOCHS; of <= epoch + 1; of++) count += countOf(item, flightName(of));
  return count;
};

export const figuresOf = (take: LimitTake, item: Item, epoch: number, nowMs: number): LimitFigures[] => {
  const concurrent = concurrentFigures(take, () => underWay(item, epoch));
  return [
    ...ratesOf(take).map((rate) => rateFigures(rate, bucketOf(item, rate.what), nowMs)),
    ...(concurrent === undefined ? [] : [concurrent]),
  ];
};

/** Every limit of the scope that refuses, the item being as it is; none = it may be taken. */
export const refusalsOf = (take: LimitTake, item: Item, epoch: number, nowMs: number): LimitWait[] => {
  const refusals: LimitWait[] = [];
  for (const rate of ratesOf(take)) {
    const bucket = bucketOf(item, rate.what);
    const outcome = takeUnits(bucket, { limit: rate.limit, units: rate.units, nowMs });
    if (outcome.kind === 'refused') refusals.push({ by: rateFigures(rate, bucket, nowMs), ...pick(outcome) });
  }
  const figures = concurrentFigures(take, () => underWay(item, epoch));
  if (figures?.remaining === 0)
    refusals.push({ by: figures, retryAfterMs: CONCURRENT_RETRY_MS, never: figures.limit === 0 });
  return refusals;
};

const pick = ({ retryAfterMs, never }: { retryAfterMs: number; never: boolean }) => ({ retryAfterMs, never });

/** Whether the request alone is over one of the limits: nothing needs to be written to know. */
export const isNever = (take: LimitTake): boolean =>
  take.limit.concurrent === 0 || ratesOf(take).some(({ limit, units }) => units > limit);

/** Buckets written under a clock that has since gone back: they must be written anew even on a refusal, or they would never drain. */
export const aheadBuckets = (
  take: LimitTake,
  item: Item,
  nowMs: number,
): { what: Rate['what']; stored: Bucket; bucket: Bucket }[] =>
  ratesOf(take).flatMap(({ what }) => {
    const stored = bucketOf(item, what);
    return stored !== undefined && isAhead(stored, nowMs) ? [{ what, stored, bucket: readBucket(stored, nowMs) }] : [];
  });
