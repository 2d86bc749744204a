import type { Random } from '../ports.ts';
import { BACKOFF_BASE_MS, BACKOFF_CAP_MS } from './call-policy.ts';

/**
 * How long to wait before asking again, ms: full jitter, so that callers who failed together do not come back together
 * ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015). Never 0: a wait lets the clock move.
 *
 * @param round 1 for the first wait
 */
export const backoffMs = (round: number, random: Random): number => {
  // 2^30 rounds is beyond any attempt budget; the bound keeps the power finite.
  const ceiling = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** Math.min(round - 1, 30));
  return Math.max(1, Math.round(random.fraction() * ceiling));
};
