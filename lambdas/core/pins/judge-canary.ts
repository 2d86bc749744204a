import { type Interval, wilsonInterval } from '../wilson-interval.ts';
import {
  apart,
  conversationsOf,
  effectiveSizes,
  meanOf,
  type Reading,
  type Readings,
  ranBeside,
  sideBySide,
  studentZ,
} from './side-by-side.ts';
import type { CanaryTally, Seen } from './tally-canaries.ts';

/** 95 % of such intervals hold the true value. */
const Z = 1.96;
/** Of eight figures that are looked at together, all that differ by chance alone stay within it in 95 of 100 comparisons. */
const Z_OF_ALL = 3;
/** Conversations: below it "no difference" would say more than is known. */
const FEW = 30;

/** A value with the interval that is shown, and the wider one that differences are judged by; null where too few were seen. */
interface Judged {
  value: number;
  interval: Interval | null;
  judged: Interval | null;
}

export interface Rate extends Judged, Interval {
  count: number;
  of: number;
  /** Of what ran side by side; 0 where nothing was counted. */
  share: number;
}

/** A value that lies in the middle of others, or above 95 % of them. */
export type Quantile = Judged;

export interface Score extends Judged {
  count: number;
}

/** What is held against each other. Durations in milliseconds. */
export interface ArmFigures {
  requests: number;
  conversations: number;
  errors: Rate;
  refusals: Rate;
  truncated: Rate;
  invalidOutput: Rate;
  p50: Quantile | null;
  p95: Quantile | null;
  firstTokenP50: Quantile | null;
  quality: Score | null;
}

export interface Figures {
  target: ArmFigures;
  canary: ArmFigures;
  /** Whether there was a share under which both were asked: else they are not compared. */
  isBeside: boolean;
}

export type Verdict = 'worse' | 'better' | 'mixed' | 'no difference' | 'not enough requests';

export interface Judgement {
  verdict: Verdict;
  /** One plain line. */
  text: string;
}

/** A side's figures, of what ran beside the other. @param scoreOf people's, of a request */
export const figuresOf = (
  { target, canary }: Pick<CanaryTally, 'target' | 'canary'>,
  scoreOf: (requestId: string) => number | undefined,
): Figures => {
  const { shares, ...ran } = ranBeside(target.seen, canary.seen);
  const read = (of: (seen: Seen) => number | undefined): Readings =>
    shares.length === 0 ? apart(ran, of) : sideBySide(ran, of);
  const errors = rates(read(({ failure }) => bit(failure !== undefined && failure !== 'content_filter')));
  const refusals = rates(
    read(({ failure, answer }) => {
      if (failure === 'content_filter') return 1;
      return answer && bit(answer.flaw === 'refused');
    }),
  );
  const flawed = (flaw: NonNullable<Seen['answer']>['flaw']) =>
    rates(read(({ answer }) => answer && bit(answer.flaw === flaw)));
  const [truncated, invalidOutput] = [flawed('truncated'), flawed('invalid-output')];
  const durations = read(({ answer }) => answer?.durationMs);
  const [p50, p95] = [quantiles(durations, 0.5), quantiles(durations, 0.95)];
  const firstTokenP50 = quantiles(
    read(({ answer }) => answer?.firstTokenMs),
    0.5,
  );
  const quality = scores(read(({ requestId, answer }) => answer && scoreOf(requestId)));
  const of = (side: keyof Readings): ArmFigures => ({
    requests: ran[side].length,
    conversations: conversationsOf(ran[side]),
    errors: errors[side],
    refusals: refusals[side],
    truncated: truncated[side],
    invalidOutput: invalidOutput[side],
    p50: p50[side],
    p95: p95[side],
    firstTokenP50: firstTokenP50[side],
    quality: quality[side],
  });
  return { target: of('target'), canary: of('canary'), isBeside: shares.length > 0 };
};

const bit = (is: boolean): number => (is ? 1 : 0);

/** A difference is named where chance does not make one so large, however many figures are looked at. */
export const judgeCanary = ({ target, canary, isBeside }: Figures): Judgement => {
  const findings = isBeside ? compared(canary, target) : [];
  const worse = findings.filter(({ isBetter }) => !isBetter).map(({ text }) => text);
  const better = findings.filter(({ isBetter }) => isBetter).map(({ text }) => text);
  if (worse.length > 0 && better.length > 0)
    return { verdict: 'mixed', text: `worse: ${worse.join('; ')}. Better: ${better.join('; ')}` };
  if (worse.length > 0) return { verdict: 'worse', text: `worse: ${worse.join('; ')}` };
  const counts = `${countText(canary)} of the canary, ${countText(target)} of its target`;
  const few = !isBeside || Math.min(canary.conversations, target.conversations) < FEW;
  if (better.length > 0 && !few) return { verdict: 'better', text: `better: ${better.join('; ')}` };
  if (few)
    return {
      verdict: 'not enough requests',
      text: `not enough requests to tell: ${counts}${isBeside ? '' : ', at no time side by side'}`,
    };
  const most = [
    ['errors', canary.errors],
    ['refusals', canary.refusals],
  ] as const;
  const possible = most.map(([what, { high }]) => `${what} up to ${percent(high)}`).join(' and ');
  return { verdict: 'no difference', text: `no difference seen: ${counts}; of the canary ${possible} are possible` };
};

const countText = ({ requests, conversations }: Pick<ArmFigures, 'requests' | 'conversations'>): string =>
  requests === conversations
    ? String(requests)
    : `${requests} in ${conversations} conversation${conversations === 1 ? '' : 's'}`;

interface Finding {
  isBetter: boolean;
  text: string;
}

const compared = (canary: ArmFigures, target: ArmFigures): Finding[] => {
  const finding = (
    what: string,
    [mine, others]: readonly [Judged | null, Judged | null],
    show: (value: number) => string,
    isLessBetter = true,
  ): Finding[] => {
    if (mine === null || others === null || !differ(mine, others)) return [];
    const isLess = mine.value < others.value;
    return [{ isBetter: isLess === isLessBetter, text: `${what} ${show(mine.value)} against ${show(others.value)}` }];
  };
  const times = (what: string, mine: Quantile | null, others: Quantile | null): Finding[] =>
    isFelt(mine, others) ? finding(what, [mine, others], (value) => `${Math.round(value)} ms`) : [];
  return [
    ...finding('errors', [canary.errors, target.errors], percent),
    ...finding('refusals', [canary.refusals, target.refusals], percent),
    ...finding('truncated', [canary.truncated, target.truncated], percent),
    ...finding('invalid output', [canary.invalidOutput, target.invalidOutput], percent),
    ...times('half of the answers take', canary.p50, target.p50),
    ...times('one in twenty takes', canary.p95, target.p95),
    ...times('first token after', canary.firstTokenP50, target.firstTokenP50),
    ...finding('quality', [canary.quality, target.quality], (value) => value.toFixed(2), false),
  ];
};

/** Whether the interval of the difference, made of the two sides' own (Newcombe's), leaves nought out. */
const differ = (a: Judged, b: Judged): boolean => {
  const [more, less] = a.value >= b.value ? [a, b] : [b, a];
  if (more.judged === null || less.judged === null) return false;
  return more.value - less.value > Math.hypot(more.value - more.judged.low, less.judged.high - less.value);
};

/** Of many requests every difference shows; one that nobody feels is none. */
const FELT = 0.1;
const isFelt = (a: Quantile | null, b: Quantile | null): boolean =>
  a !== null && b !== null && Math.abs(a.value - b.value) > FELT * Math.min(a.value, b.value);

const rates = (readings: Readings): Record<keyof Readings, Rate> => {
  const sizes = effectiveSizes(readings);
  const [shown, judgedBy] = [sizes(Z), sizes(Z_OF_ALL)];
  const of = (side: keyof Readings): Rate => {
    const own = readings[side];
    const share = Math.min(1, meanOf(own));
    const interval = wilsonInterval(share * shown[side], shown[side], Z);
    return {
      count: own.filter(({ value }) => value === 1).length,
      of: own.length,
      share,
      value: share,
      ...interval,
      interval,
      judged: own.length === 0 ? null : wilsonInterval(share * judgedBy[side], judgedBy[side], Z_OF_ALL),
    };
  };
  return { target: of('target'), canary: of('canary') };
};

/** The interval between two of the values themselves: it supposes nothing of how they are spread. */
const quantiles = (readings: Readings, q: number): Record<keyof Readings, Quantile | null> => {
  const sorted = {
    target: readings.target.toSorted((a, b) => a.value - b.value),
    canary: readings.canary.toSorted((a, b) => a.value - b.value),
  };
  const [target, canary] = [valueAt(sorted.target, q), valueAt(sorted.canary, q)];
  const below = (own: readonly Reading[], value: number | undefined): Reading[] =>
    own.map((reading) => ({ ...reading, value: bit(value !== undefined && reading.value <= value) }));
  const indicators = { target: below(sorted.target, target), canary: below(sorted.canary, canary) };
  const sizes = effectiveSizes(indicators);
  const [shown, judged] = [sizes(Z), sizes(Z_OF_ALL)];
  const of = (side: keyof Readings, value: number | undefined): Quantile | null =>
    value === undefined
      ? null
      : {
          value,
          interval: between(sorted[side], q, Z / Math.sqrt(shown[side])),
          judged: between(sorted[side], q, Z_OF_ALL / Math.sqrt(judged[side])),
        };
  return { target: of('target', target), canary: of('canary', canary) };
};

const between = (sorted: readonly Reading[], q: number, errors: number): Interval | null => {
  const margin = errors * Math.sqrt(q * (1 - q));
  if (q - margin <= 0 || q + margin >= 1) return null;
  const [low, high] = [valueAt(sorted, q - margin), valueAt(sorted, q + margin)];
  return low === undefined || high === undefined ? null : { low, high };
};

/** The first value at which so much of the weight is reached. */
const valueAt = (sorted: readonly Reading[], q: number): number | undefined => {
  let reached = 0;
  for (const { value, weight } of sorted) {
    reached += weight;
    // Sums of weights are a little off.
    if (reached >= q - 1e-9) return value;
  }
  return sorted.at(-1)?.value;
};

/** Of fewer than ten conversations the spread of scores is not known well enough. */
const FEW_SCORES = 10;

const scores = (readings: Readings): Record<keyof Readings, Score | null> => {
  const of = (own: readonly Reading[]): Score | null => {
    if (own.length === 0) return null;
    const value = meanOf(own);
    const sums = new Map<number, number>();
    for (const { conversation, value: score, weight } of own)
      sums.set(conversation, (sums.get(conversation) ?? 0) + weight * (score - value));
    const known = sums.size;
    if (known < FEW_SCORES) return { value, count: own.length, interval: null, judged: null };
    const squares = [...sums.values()].reduce((sum, one) => sum + one ** 2, 0);
    const error = Math.sqrt((known / (known - 1)) * squares);
    const around = (z: number): Interval => {
      const margin = studentZ(z, known - 1) * error;
      return { low: value - margin, high: value + margin };
    };
    return { value, count: own.length, interval: around(Z), judged: around(Z_OF_ALL) };
  };
  return { target: of(readings.target), canary: of(readings.canary) };
};

/** `12.2 %`; below one in a thousand by two digits. */
export const percent = (share: number): string => {
  const digits = share > 0 && share < 0.001 ? 2 : 1;
  return `${(share * 100).toFixed(digits).replace(/\.0+$/, '')} %`;
};
