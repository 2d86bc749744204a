import { epochOf } from '../../contract/timing.ts';
import {
  type Bucket,
  chargeUnits,
  isAhead,
  readBucket,
  readStanding,
  returnUnits,
  takeUnits,
} from '../../core/admit/gcra.ts';
import type { LimitFigures, LimitOutcome, LimitStore, LimitTake } from '../../core/ports.ts';
import type { Connection, Database } from './database.ts';
import { countFlights, joinFlight, leaveFlight, readStandingOf, storeBucket } from './limit-standings.ts';
import type { Owner } from './owners.ts';

/** Nobody can know when a request under way will end; a client that comes again after this finds a free place or waits as long again. */
const CONCURRENT_RETRY_MS = 1_000;

/** One limit of a rate: requests a minute, or tokens a minute. */
interface Rate {
  scope: string;
  what: 'requests' | 'tokens';
  limit: number;
  units: number;
}

type Refusal = { by: LimitFigures; retryAfterMs: number; never: boolean };

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
  const refusals: Refusal[] = [];
  const admitted: { rate: Rate; bucket: Bucket }[] = [];
  for (const rate of takes.flatMap(ratesOf)) {
    const stored = loadBucket(connection, rate.scope, rate.what);
    const outcome = takeUnits(stored, { limit: rate.limit, units: rate.units, nowMs });
    if (outcome.kind === 'admitted') admitted.push({ rate, bucket: outcome.bucket });
    else {
      if (isAhead(stored, nowMs)) storeBucket(connection, rate.scope, rate.what, readBucket(stored, nowMs));
      refusals.push({ by: figuresOf(rate, stored, nowMs), retryAfterMs: outcome.retryAfterMs, never: outcome.never });
    }
  }
  const underWay: LimitFigures[] = [];
  for (const take of takes) {
    const figures = concurrentFigures(connection, take, epoch);
    if (figures !== undefined) underWay.push(figures);
    if (figures?.remaining === 0)
      refusals.push({ by: figures, retryAfterMs: CONCURRENT_RETRY_MS, never: figures.limit === 0 });
  }

  const [first, ...others] = refusals;
  if (first !== undefined) {
    const worst = others.reduce((a, b) => (waitOf(b) > waitOf(a) ? b : a), first);
    return { kind: 'refused', ...worst, figures: readFigures(connection, takes, epoch, nowMs) };
  }
  for (const { rate, bucket } of admitted) storeBucket(connection, rate.scope, rate.what, bucket);
  for (const { scope, limit } of takes) if (limit.concurrent !== undefined) joinFlight(connection, scope, epoch, owner);
  return { kind: 'taken', figures: figuresAfter(takes, admitted, underWay, nowMs) };
};

/** The wait that is told must do for every limit that refused. */
const waitOf = ({ never, retryAfterMs }: Refusal): number => (never ? Number.POSITIVE_INFINITY : retryAfterMs);

const ratesOf = ({ scope, limit, tokens }: LimitTake): Rate[] => {
  const rates: Rate[] = [];
  if (limit.requestsPerMinute !== undefined)
    rates.push({ scope, what: 'requests', limit: limit.requestsPerMinute, units: 1 });
  if (limit.tokensPerMinute !== undefined)
    rates.push({ scope, what: 'tokens', limit: limit.tokensPerMinute, units: tokens });
  return rates;
};

/** The standing after a take, from what was just written. */
const figuresAfter = (
  takes: LimitTake[],
  admitted: { rate: Rate; bucket: Bucket }[],
  underWay: LimitFigures[],
  nowMs: number,
): LimitFigures[] =>
  takes.flatMap(({ scope }) => [
    ...admitted.filter(({ rate }) => rate.scope === scope).map(({ rate, bucket }) => figuresOf(rate, bucket, nowMs)),
    ...underWay
      .filter((figures) => figures.scope === scope)
      .map((figures) => ({ ...figures, remaining: figures.remaining - 1, resetMs: CONCURRENT_RETRY_MS })),
  ]);

const readFigures = (connection: Connection, takes: LimitTake[], epoch: number, nowMs: number): LimitFigures[] =>
  takes.flatMap((take) => {
    const concurrent = concurrentFigures(connection, take, epoch);
    return [
      ...ratesOf(take).map((rate) => figuresOf(rate, loadBucket(connection, rate.scope, rate.what), nowMs)),
      ...(concurrent === undefined ? [] : [concurrent]),
    ];
  });

const figuresOf = ({ scope, what, limit }: Rate, stored: Bucket | undefined, nowMs: number): LimitFigures => ({
  scope,
  what,
  limit,
  ...readStanding(stored, { limit, nowMs }),
});

const loadBucket = (connection: Connection, scope: string, what: Rate['what']): Bucket | undefined =>
  readStandingOf(connection, scope)?.[what];

const concurrentFigures = (
  connection: Connection,
  { scope, limit }: LimitTake,
  epoch: number,
): LimitFigures | undefined => {
  if (limit.concurrent === undefined) return undefined;
  const underWay = countFlights(connection, scope, epoch);
  return {
    scope,
    what: 'concurrent',
    limit: limit.concurrent,
    remaining: Math.max(0, limit.concurrent - underWay),
    resetMs: underWay === 0 ? 0 : CONCURRENT_RETRY_MS,
  };
};
