import { type Interval, wilsonInterval } from '../wilson-interval.ts';

/** What an alias lets its semantic cache get wrong, and how it is checked. */
export interface WrongHitPolicy {
  /** Share of hits that may be wrong, 0..1. */
  maxWrongShare: number;
  /** Threshold that the alias or the calibration set. */
  threshold: number;
}

/** What is kept of one alias and embedder. */
export interface WrongHitState {
  /** Times that the threshold was raised. */
  tightened: number;
  /** The cache answers nothing any more. */
  isOff: boolean;
  /** Hits audited under this threshold, and those of them that were wrong. */
  audited: number;
  wrong: number;
}

export const UNAUDITED: WrongHitState = { tightened: 0, isOff: false, audited: 0, wrong: 0 };

/** After so many tightenings there is no threshold that helps. */
const MOST_TIGHTENED = 2;
/** Each takes this share of what is left to a perfect likeness. */
const TIGHTEN_BY = 0.5;
/** One-sided 95 %: acting early costs savings, acting late costs wrong answers. */
const Z_TO_ACT = 1.645;
/** A single wrong hit, or two, may be an auditor's mistake. */
const FEWEST_WRONG = 3;
/** Beyond it all counts are halved: last month's hits tell little of today's. */
const MOST_AUDITED = 2_000;

export type WrongHitChange = 'none' | 'tightened' | 'turned-off';

/**
 * Takes one audited hit in. Where what was seen can hardly be if the bound held, the threshold is raised and counting
 * begins anew; the third time the cache turns itself off. Nothing here ever lowers a threshold or turns it on again:
 * a person does (`UNAUDITED`).
 */
export const noteAudit = (
  state: WrongHitState,
  isWrong: boolean,
  policy: WrongHitPolicy,
): { state: WrongHitState; change: WrongHitChange } => {
  if (state.isOff) return { state, change: 'none' };
  const audited = state.audited + 1;
  const wrong = state.wrong + (isWrong ? 1 : 0);
  const isOver = wrong >= FEWEST_WRONG && wilsonInterval(wrong, audited, Z_TO_ACT).low > policy.maxWrongShare;
  if (isOver && state.tightened >= MOST_TIGHTENED)
    return { state: { ...state, audited, wrong, isOff: true }, change: 'turned-off' };
  if (isOver)
    return { state: { tightened: state.tightened + 1, isOff: false, audited: 0, wrong: 0 }, change: 'tightened' };
  const isOld = audited >= MOST_AUDITED;
  return {
    // Rounded up: a halving hides no wrong hit.
    state: { ...state, audited: isOld ? Math.ceil(audited / 2) : audited, wrong: isOld ? Math.ceil(wrong / 2) : wrong },
    change: 'none',
  };
};

/** What a score has to reach now; undefined where the cache has turned itself off. */
export const thresholdNow = (state: WrongHitState, policy: WrongHitPolicy): number | undefined =>
  state.isOff ? undefined : 1 - (1 - policy.threshold) * TIGHTEN_BY ** state.tightened;

/** The wrong-hit rate as far as it is known, for metrics and people. */
export const wrongShare = ({ audited, wrong }: WrongHitState): { share: number | undefined; interval: Interval } => ({
  share: audited === 0 ? undefined : wrong / audited,
  interval: wilsonInterval(wrong, audited),
});
