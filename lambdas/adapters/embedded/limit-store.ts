import { epochOf } from '../../contract/timing.ts';
import { type Bucket, chargeUnits, isAhead, readBucket, returnUnits, takeUnits } from '../../core/admit/gcra.ts';
import {
  CONCURRENT_RETRY_MS,
  concurrentFigures,
  type Rate,
  rateFigures,
  ratesOf,
} from '../../core/admit/limit-figures.ts';
import type { LimitFigures, LimitOutcome, LimitStore, LimitTake } from '../../core/admit/limit-store.ts';
import { type LimitWait, longestOf } from '../../core/admit/limit-waits.ts';
import type { Connection, Database } from './database.ts';
import { countFlights, joinFlight, leaveFlight, readStandingOf, storeBucket } from './limit-standings.ts';
import type { Owner } from './owners.ts';

/** Rate limits by GCRA, and requests under way counted by scope, epoch and the process that runs them. */
export const makeEmbeddedLimitStore = (database: Database, owner: Owner): LimitStore => ({
  take: (takes, epoch, nowMs) => database.write((connection) => takeLimits(connection, takes, epoch, nowMs, owner.id)),

  giveBack: (takes, epoch, nowMs) =>
    database.write((connection) => {
      for (const take of takes) {
        for (const { scope, what, limit, units } of ratesOf(take)) {
          const stored = loadBucket(connection, scope, what);
          storeBucket(connection, scope, what, returnUnits(stored, { limit, units, nowMs }));
        }
        if (take.limit.concurrent !== undefined) leaveFlight(connection, take.scope, epoch, owner.id);
      }
    }),

  settle: (takes, epoch, usedTokens, nowMs) =>
    database.write((connection) => {
      for (const take of takes) {
        const rate = ratesOf(take).find(({ what }) => what === 'tokens');
        if (rate !== undefined && rate.units !== usedTokens) {
          const { scope, what, limit, units } = rate;
          const stored = loadBucket(connection, scope, what);
          const bucket =
            usedTokens < units
              ? returnUnits(stored, { limit, units: units - usedTokens, nowMs })
              : chargeUnits(stored, { limit, units: usedTokens - units, nowMs });
          storeBucket(connection, scope, what, bucket);
        }
        if (take.limit.concurrent !== undefined) leaveFlight(connection, take.scope, epoch, owner.id);
      }
    }),

  read: (takes, nowMs) => database.read((connection) => readFigures(connection, takes, epochOf(nowMs), nowMs)),
});

const takeLimits = (
  connection: Connection,
  takes: LimitTake[],
  epoch: number,
  nowMs: number,
  owner: string,
): LimitOutcome => {
  const refusals: LimitWait[] = [];
  const admitted: { rate: Rate; bucket: Bucket }[] = [];
  for (const rate of takes.flatMap(ratesOf)) {
    const stored = loadBucket(connection, rate.scope, rate.what);
    const outcome = takeUnits(stored, { limit: rate.limit, units: rate.units, nowMs });
    if (outcome.kind === 'admitted') admitted.push({ rate, bucket: outcome.bucket });
    else {
      if (isAhead(stored, nowMs)) storeBucket(connection, rate.scope, rate.what, readBucket(stored, nowMs));
      refusals.push({ by: rateFigures(rate, stored, nowMs), retryAfterMs: outcome.retryAfterMs, never: outcome.never });
    }
  }
  const underWay: LimitFigures[] = [];
  for (const take of takes) {
    const figures = concurrentFigures(take, () => countFlights(connection, take.scope, epoch));
    if (figures !== undefined) underWay.push(figures);
    if (figures?.remaining === 0)
      refusals.push({ by: figures, retryAfterMs: CONCURRENT_RETRY_MS, never: figures.limit === 0 });
  }

  const longest = longestOf(refusals);
  if (longest !== undefined)
    return { kind: 'refused', ...longest, figures: readFigures(connection, takes, epoch, nowMs) };
  for (const { rate, bucket } of admitted) storeBucket(connection, rate.scope, rate.what, bucket);
  for (const { scope, limit } of takes) if (limit.concurrent !== undefined) joinFlight(connection, scope, epoch, owner);
  return { kind: 'taken', figures: figuresAfter(takes, admitted, underWay, nowMs) };
};

/** The standing after a take, from what was just written. */
const figuresAfter = (
  takes: LimitTake[],
  admitted: { rate: Rate; bucket: Bucket }[],
  underWay: LimitFigures[],
  nowMs: number,
): LimitFigures[] =>
  takes.flatMap(({ scope }) => [
    ...admitted.filter(({ rate }) => rate.scope === scope).map(({ rate, bucket }) => rateFigures(rate, bucket, nowMs)),
    ...underWay
      .filter((figures) => figures.scope === scope)
      .map((figures) => ({ ...figures, remaining: figures.remaining - 1, resetMs: CONCURRENT_RETRY_MS })),
  ]);

const readFigures = (connection: Connection, takes: LimitTake[], epoch: number, nowMs: number): LimitFigures[] =>
  takes.flatMap((take) => {
    const concurrent = concurrentFigures(take, () => countFlights(connection, take.scope, epoch));
    return [
      ...ratesOf(take).map((rate) => rateFigures(rate, loadBucket(connection, rate.scope, rate.what), nowMs)),
      ...(concurrent === undefined ? [] : [concurrent]),
    ];
  });

const loadBucket = (connection: Connection, scope: string, what: Rate['what']): Bucket | undefined =>
  readStandingOf(connection, scope)?.[what];
