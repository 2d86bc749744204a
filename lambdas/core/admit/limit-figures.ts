import { type Bucket, readStanding } from './gcra.ts';
import type { LimitFigures, LimitTake } from './limit-store.ts';

/** One limit of a rate: requests a minute, or tokens a minute. */
export interface Rate {
  scope: string;
  what: 'requests' | 'tokens';
  limit: number;
  /** What the take wants of it. */
  units: number;
}

export const ratesOf = ({ scope, limit, tokens }: LimitTake): Rate[] => {
  const rates: Rate[] = [];
  if (limit.requestsPerMinute !== undefined)
    rates.push({ scope, what: 'requests', limit: limit.requestsPerMinute, units: 1 });
  if (limit.tokensPerMinute !== undefined)
    rates.push({ scope, what: 'tokens', limit: limit.tokensPerMinute, units: tokens });
  return rates;
};

export const rateFigures = ({ scope, what, limit }: Rate, bucket: Bucket | undefined, nowMs: number): LimitFigures => ({
  scope,
  what,
  limit,
  ...readStanding(bucket, { limit, nowMs }),
});

/** Nobody can know when a request under way will end; a client that comes again after this finds a free place or waits as long again. */
export const CONCURRENT_RETRY_MS = 1_000;

/** @param countUnderWay asked only where the scope has such a limit */
export const concurrentFigures = (
  { scope, limit }: LimitTake,
  countUnderWay: () => number,
): LimitFigures | undefined => {
  if (limit.concurrent === undefined) return undefined;
  const underWay = countUnderWay();
  return {
    scope,
    what: 'concurrent',
    limit: limit.concurrent,
    remaining: Math.max(0, limit.concurrent - underWay),
    resetMs: underWay === 0 ? 0 : CONCURRENT_RETRY_MS,
  };
};
