import { type Interval, wilsonInterval } from '../wilson-interval.ts';

export type Half = 'tune' | 'test';

/** A labelled pair as an embedder and the guards see it. */
export interface ScoredPair {
  half: Half;
  kind: string;
  /** One answer serves both. */
  isSame: boolean;
  /** Cosine; undefined where the embedder can't read one of them. */
  score: number | undefined;
  /** The hard filter lets them meet. */
  isInScope: boolean;
  /** The first that sets them apart. */
  guard: string | undefined;
}

/** Which of the checks count. */
export type Checks = 'cosine' | 'scope' | 'guards';

export interface Figures {
  threshold: number;
  pairs: number;
  same: number;
  hits: number;
  wrong: number;
  /** Share of hits that are right; undefined without hits. */
  precision: number | undefined;
  precisionInterval: Interval;
  /** Share of the pairs that could hit that did. */
  recall: number | undefined;
}

export const isHit = (pair: ScoredPair, threshold: number, checks: Checks): boolean =>
  pair.score !== undefined &&
  pair.score >= threshold &&
  (checks === 'cosine' || pair.isInScope) &&
  (checks !== 'guards' || pair.guard === undefined);

/** What a threshold would have done to these pairs. */
export const measureAt = (pairs: readonly ScoredPair[], threshold: number, checks: Checks): Figures => {
  const hits = pairs.filter((pair) => isHit(pair, threshold, checks));
  const right = hits.filter(({ isSame }) => isSame).length;
  const same = pairs.filter(({ isSame }) => isSame).length;
  return {
    threshold,
    pairs: pairs.length,
    same,
    hits: hits.length,
    wrong: hits.length - right,
    precision: hits.length === 0 ? undefined : right / hits.length,
    precisionInterval: hits.length === 0 ? { low: 0, high: 1 } : wilsonInterval(right, hits.length),
    recall: same === 0 ? undefined : right / same,
  };
};

export interface Calibration {
  /** Undefined: at no threshold this embedder keeps the bound, and it must not be used. */
  threshold: number | undefined;
  tune: Figures | undefined;
  /** What says how far to trust it: no pair of it was looked at to choose. */
  test: Figures | undefined;
}

const LOWEST = 0.7;
const HIGHEST = 0.995;
const STEP = 0.005;
/** Thresholds in thousandths, so that none is off by a rounding. */
export const THRESHOLDS: readonly number[] = Array.from(
  { length: Math.round((HIGHEST - LOWEST) / STEP) + 1 },
  (_, i) => Math.round((LOWEST + i * STEP) * 1_000) / 1_000,
);
/** A threshold that fewer pairs reach proves nothing. */
const FEWEST_HITS = 20;

/**
 * The threshold that hits the most of the tune half's pairs while no larger share of the hits is wrong than
 * `maxWrongShare`, at it and at every higher one; of several, the highest: what it loses nothing by is margin.
 */
export const calibrate = (pairs: readonly ScoredPair[], maxWrongShare: number): Calibration => {
  const tune = pairs.filter(({ half }) => half === 'tune');
  const test = pairs.filter(({ half }) => half === 'test');
  let threshold: number | undefined;
  let mostHits = 0;
  for (const candidate of THRESHOLDS.toReversed()) {
    const { hits, wrong } = measureAt(tune, candidate, 'guards');
    if (wrong > hits * maxWrongShare) break;
    if (hits >= FEWEST_HITS && hits > mostHits) {
      threshold = candidate;
      mostHits = hits;
    }
  }
  if (threshold === undefined) return { threshold, tune: undefined, test: undefined };
  return { threshold, tune: measureAt(tune, threshold, 'guards'), test: measureAt(test, threshold, 'guards') };
};
