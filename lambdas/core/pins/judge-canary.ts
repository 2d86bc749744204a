import { type Interval, wilsonInterval } from '../wilson-interval.ts';
import type { Arm, CanaryTally } from './tally-canaries.ts';

/** 95 % of such intervals hold the true value. */
const Z = 1.96;
/** Below it "no difference" would say more than is known. */
const FEW = 30;

export interface Rate extends Interval {
  count: number;
  of: number;
  /** 0 where nothing was counted. */
  share: number;
}

/** A value that lies in the middle of others, or above 95 % of them; the interval is null where they are too few to tell. */
export interface Quantile {
  value: number;
  interval: Interval | null;
}

export interface Score {
  mean: number;
  count: number;
  interval: Interval | null;
}

/** What is held against each other. Durations in milliseconds. */
export interface ArmFigures {
  errors: Rate;
  refusals: Rate;
  truncated: Rate;
  invalidOutput: Rate;
  p50: Quantile | null;
  p95: Quantile | null;
  firstTokenP50: Quantile | null;
  quality: Score | null;
}

export type Verdict = 'worse' | 'better' | 'mixed' | 'no difference' | 'not enough requests';

export interface Judgement {
  verdict: Verdict;
  /** One plain line. */
  text: string;
}

export const figuresOf = (arm: Arm, scores: readonly number[]): ArmFigures => ({
  errors: rate(arm.errors, arm.requests),
  refusals: rate(arm.refused, arm.answered + arm.filtered),
  truncated: rate(arm.truncated, arm.answered),
  invalidOutput: rate(arm.invalid, arm.answered),
  p50: quantile(arm.durations, 0.5),
  p95: quantile(arm.durations, 0.95),
  firstTokenP50: quantile(arm.firstTokens, 0.5),
  quality: score(scores),
});

/**
 * Where the two intervals do not overlap, chance has not made the difference: that is stricter than 95 %, which leaves room for
 * looking at several figures at once.
 */
export const judgeCanary = (
  { target, canary }: Pick<CanaryTally, 'target' | 'canary'>,
  figures: { target: ArmFigures; canary: ArmFigures },
): Judgement => {
  const findings = compared(figures.canary, figures.target);
  const worse = findings.filter(({ isBetter }) => !isBetter).map(({ text }) => text);
  const better = findings.filter(({ isBetter }) => isBetter).map(({ text }) => text);
  if (worse.length > 0 && better.length > 0)
    return { verdict: 'mixed', text: `worse: ${worse.join('; ')}. Better: ${better.join('; ')}` };
  if (worse.length > 0) return { verdict: 'worse', text: `worse: ${worse.join('; ')}` };
  const counts = `${canary.requests} of the canary, ${target.requests} of its target`;
  const few = Math.min(canary.requests, target.requests) < FEW;
  if (better.length > 0 && !few) return { verdict: 'better', text: `better: ${better.join('; ')}` };
  if (few) return { verdict: 'not enough requests', text: `not enough requests to tell: ${counts}` };
  const most = [
    ['errors', figures.canary.errors],
    ['refusals', figures.canary.refusals],
  ] as const;
  const possible = most.map(([what, { high }]) => `${what} up to ${percent(high)}`).join(' and ');
  return { verdict: 'no difference', text: `no difference seen: ${counts}; of the canary ${possible} are possible` };
};

interface Finding {
  isBetter: boolean;
  text: string;
}

const compared = (canary: ArmFigures, target: ArmFigures): Finding[] => {
  const finding = (
    what: string,
    [mine, others]: readonly [Interval | null | undefined, Interval | null | undefined],
    [shown, against]: readonly [string, string],
    isLessBetter = true,
  ): Finding[] => {
    if (mine == null || others == null) return [];
    const isLess = mine.high < others.low;
    if (!isLess && mine.low <= others.high) return [];
    return [{ isBetter: isLess === isLessBetter, text: `${what} ${shown} against ${against}` }];
  };
  const rates = (what: string, mine: Rate, others: Rate): Finding[] =>
    finding(what, [mine, others], [percent(mine.share), percent(others.share)]);
  const times = (what: string, mine: Quantile | null, others: Quantile | null): Finding[] =>
    !isFelt(mine, others)
      ? []
      : finding(what, [mine?.interval, others?.interval], [milliseconds(mine), milliseconds(others)]);
  return [
    ...rates('errors', canary.errors, target.errors),
    ...rates('refusals', canary.refusals, target.refusals),
    ...rates('truncated', canary.truncated, target.truncated),
    ...rates('invalid output', canary.invalidOutput, target.invalidOutput),
    ...times('half of the answers take', canary.p50, target.p50),
    ...times('one in twenty takes', canary.p95, target.p95),
    ...times('first token after', canary.firstTokenP50, target.firstTokenP50),
    ...finding(
      'quality',
      [canary.quality?.interval, target.quality?.interval],
      [decimal(canary.quality), decimal(target.quality)],
      false,
    ),
  ];
};

/** Of many requests every difference shows; one that nobody feels is none. */
const FELT = 0.1;
const isFelt = (a: Quantile | null, b: Quantile | null): boolean =>
  a !== null && b !== null && Math.abs(a.value - b.value) > FELT * Math.min(a.value, b.value);

const rate = (count: number, of: number): Rate => ({
  count,
  of,
  share: of === 0 ? 0 : count / of,
  ...wilsonInterval(count, of),
});

/** The interval between two of the values themselves: it supposes nothing of how they are spread. */
const quantile = (values: readonly number[], q: number): Quantile | null => {
  const sorted = values.toSorted((a, b) => a - b);
  const n = sorted.length;
  const value = sorted[Math.max(0, Math.ceil(n * q) - 1)];
  if (value === undefined) return null;
  const margin = Z * Math.sqrt(n * q * (1 - q));
  const low = sorted[Math.floor(n * q - margin) - 1];
  const high = sorted[Math.ceil(n * q + margin)];
  return { value, interval: low === undefined || high === undefined ? null : { low, high } };
};

/** Of fewer than ten scores the spread is not known well enough. */
const FEW_SCORES = 10;

const score = (scores: readonly number[]): Score | null => {
  const count = scores.length;
  if (count === 0) return null;
  const mean = scores.reduce((sum, one) => sum + one, 0) / count;
  if (count < FEW_SCORES) return { mean, count, interval: null };
  const variance = scores.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (count - 1);
  const margin = Z * Math.sqrt(variance / count);
  return { mean, count, interval: { low: mean - margin, high: mean + margin } };
};

/** `12.2 %`; below one in a thousand by two digits. */
export const percent = (share: number): string => {
  const digits = share > 0 && share < 0.001 ? 2 : 1;
  return `${(share * 100).toFixed(digits).replace(/\.0+$/, '')} %`;
};

const milliseconds = (quantile: Quantile | null): string =>
  quantile === null ? '-' : `${Math.round(quantile.value)} ms`;
const decimal = (score: Score | null): string => (score === null ? '-' : score.mean.toFixed(2));
