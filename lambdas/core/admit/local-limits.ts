import { type Bucket, chargeUnits, returnUnits, takeUnits } from './gcra.ts';
import { CONCURRENT_RETRY_MS, concurrentFigures, type Rate, rateFigures, ratesOf } from './limit-figures.ts';
import type { LimitFigures, LimitOutcome, LimitTake } from './limit-store.ts';
import { type LimitWait, longestOf } from './limit-waits.ts';

/** Rate limits as one process keeps them in its memory, by the same rules as the stores. */
export interface LocalLimits {
  /** All scopes or none. */
  take(takes: readonly LimitTake[], nowMs: number): LimitOutcome;
  giveBack(takes: readonly LimitTake[], nowMs: number): void;
  settle(takes: readonly LimitTake[], usedTokens: number, nowMs: number): void;
}

/** A scope that is forgotten begins anew, which lets a little more through. */
const MOST_SCOPES = 10_000;

interface Standing {
  requests?: Bucket;
  tokens?: Bucket;
  underWay: number;
}

export const makeLocalLimits = (): LocalLimits => {
  const scopes = new Map<string, Standing>();

  const standingOf = (scope: string): Standing => {
    const standing = scopes.get(scope) ?? { underWay: 0 };
    // The most recently used is last.
    scopes.delete(scope);
    scopes.set(scope, standing);
    for (const [oldest, { underWay }] of scopes) {
      if (scopes.size <= MOST_SCOPES) break;
      if (underWay === 0) scopes.delete(oldest);
    }
    return standing;
  };

  const figuresOf = (takes: readonly LimitTake[], nowMs: number): LimitFigures[] =>
    takes.flatMap((take) => {
      const standing = standingOf(take.scope);
      const concurrent = concurrentFigures(take, () => standing.underWay);
      const rates = ratesOf(take).map((rate) => rateFigures(rate, standing[rate.what], nowMs));
      return concurrent === undefined ? rates : [...rates, concurrent];
    });

  const tryRate = (rate: Rate, nowMs: number) =>
    takeUnits(standingOf(rate.scope)[rate.what], { limit: rate.limit, units: rate.units, nowMs });

  const refusalsOf = (take: LimitTake, nowMs: number): LimitWait[] => {
    const standing = standingOf(take.scope);
    const rates = ratesOf(take).flatMap((rate): LimitWait[] => {
      const outcome = tryRate(rate, nowMs);
      if (outcome.kind === 'admitted') return [];
      return [
        {
          by: rateFigures(rate, standing[rate.what], nowMs),
          retryAfterMs: outcome.retryAfterMs,
          never: outcome.never,
        },
      ];
    });
    const concurrent = concurrentFigures(take, () => standing.underWay);
    if (concurrent === undefined || concurrent.remaining > 0) return rates;
    return [...rates, { by: concurrent, retryAfterMs: CONCURRENT_RETRY_MS, never: false }];
  };

  /** The request is no longer under way. */
  const leave = (take: LimitTake): Standing => {
    const standing = standingOf(take.scope);
    standing.underWay = Math.max(0, standing.underWay - 1);
    return standing;
  };

  return {
    take(takes, nowMs) {
      const longest = longestOf(takes.flatMap((take) => refusalsOf(take, nowMs)));
      if (longest !== undefined) return { kind: 'refused', ...longest, figures: figuresOf(takes, nowMs) };
      for (const take of takes) {
        const standing = standingOf(take.scope);
        for (const rate of ratesOf(take)) {
          const outcome = tryRate(rate, nowMs);
          if (outcome.kind === 'admitted') standing[rate.what] = outcome.bucket;
        }
        standing.underWay += 1;
      }
      return { kind: 'taken', figures: figuresOf(takes, nowMs) };
    },
    giveBack(takes, nowMs) {
      for (const take of takes) {
        const standing = leave(take);
        for (const { what, limit, units } of ratesOf(take))
          standing[what] = returnUnits(standing[what], { limit, units, nowMs });
      }
    },
    settle(takes, usedTokens, nowMs) {
      for (const take of takes) {
        const standing = leave(take);
        for (const { what, limit, units } of ratesOf(take)) {
          if (what !== 'tokens') continue;
          const change = usedTokens - units;
          const correct = change < 0 ? returnUnits : chargeUnits;
          standing.tokens = correct(standing.tokens, { limit, units: Math.abs(change), nowMs });
        }
      }
    },
  };
};
