import { LIMIT_PERIOD_US } from './gcra.ts';
import type { LimitFigures, LimitOutcome, LimitTake } from './limit-store.ts';

const PERIOD_MS = LIMIT_PERIOD_US / 1000;

/** A limit that refuses, and for how long; `never`: waiting can't help. */
export type LimitWait = Pick<Extract<LimitOutcome, { kind: 'refused' }>, 'by' | 'retryAfterMs' | 'never'>;

/** The wait that is told must do for every limit that refuses. */
export const longestOf = (waits: readonly LimitWait[]): LimitWait | undefined =>
  waits.reduce<LimitWait | undefined>((a, b) => (a === undefined || orderOf(b) > orderOf(a) ? b : a), undefined);

const orderOf = ({ never, retryAfterMs }: LimitWait): number => (never ? Number.POSITIVE_INFINITY : retryAfterMs);

/**
 * The limit that will refuse these takes longest, by their standing.
 *
 * @param tokensOf what a take is charged
 * @returns undefined where all have room
 */
export const longestWait = (
  takes: readonly LimitTake[],
  standing: readonly LimitFigures[],
  tokensOf: (take: LimitTake) => number,
): LimitWait | undefined =>
  longestOf(
    takes
      .flatMap((take) =>
        standing.filter(({ scope }) => scope === take.scope).map((by) => ({ by, ...waitFor(by, tokensOf(take)) })),
      )
      .filter(({ never, retryAfterMs }) => never || retryAfterMs > 0),
  );

/** Until `tokens` (or one request) would be admitted, rounded up to the millisecond; 0 = now. */
const waitFor = (
  { what, limit, remaining, resetMs }: LimitFigures,
  tokens: number,
): Pick<LimitWait, 'retryAfterMs' | 'never'> => {
  const units = what === 'tokens' ? tokens : 1;
  if (units > limit) return { retryAfterMs: 0, never: true };
  if (units <= remaining) return { retryAfterMs: 0, never: false };
  // Places come free when requests end; the store's own hint says when to look again.
  if (what === 'concurrent') return { retryAfterMs: resetMs, never: false };
  return { retryAfterMs: Math.max(1, Math.ceil(resetMs + (units * PERIOD_MS) / limit - PERIOD_MS)), never: false };
};

/** The standing before a take that has been given back. */
export const withoutTakes = (takes: readonly LimitTake[], figures: readonly LimitFigures[]): LimitFigures[] =>
  figures.map((one) => {
    const take = takes.find(({ scope }) => scope === one.scope);
    if (take === undefined) return one;
    const units = one.what === 'tokens' ? take.tokens : 1;
    const remaining = Math.min(one.limit, one.remaining + units);
    if (one.what === 'concurrent') return { ...one, remaining, resetMs: remaining === one.limit ? 0 : one.resetMs };
    return {
      ...one,
      remaining,
      resetMs: Math.max(0, Math.floor(one.resetMs - (units * PERIOD_MS) / one.limit)),
    };
  });
