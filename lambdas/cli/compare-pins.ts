import { formatUsd } from '../contract/money.ts';
import {
  type ArmFigures,
  figuresOf,
  judgeCanary,
  percent,
  type Quantile,
  type Rate,
} from '../core/pins/judge-canary.ts';
import { type Arm, type CanaryTally, makeCanaryTally } from '../core/pins/tally-canaries.ts';
import type { FeedbackStore, Ledger } from '../core/ports.ts';
import { isoTime, type Output, printable, shortTime, table } from './output.ts';

export interface ComparePorts {
  ledger: Pick<Ledger, 'tail'>;
  feedback: Pick<FeedbackStore, 'read'>;
}

export interface Compared {
  alias: string | undefined;
  /** Entries opened before it are left out, ms; undefined = as far as entries are read. */
  since: number | undefined;
  /** At most so many entries are read. */
  most: number;
}

const PAGE = 5_000;
/** Each is a read of its own. */
const MOST_FEEDBACK = 200;
const AT_ONCE = 10;

/** Canaries beside the targets whose places they take, from what the ledger says of the requests. */
export const comparePins = async (
  { alias, since, most }: Compared,
  { ledger, feedback }: ComparePorts,
): Promise<Output> => {
  const tally = makeCanaryTally({ alias, sampleSize: MOST_FEEDBACK });
  let read = 0;
  let oldest: number | undefined;
  let newest: number | undefined;
  let before: string | undefined;
  let isWhole = false;
  while (read < most && !isWhole) {
    const limit = Math.min(PAGE, most - read);
    const entries = await ledger.tail({ limit, ...(before !== undefined && { before }) });
    isWhole = entries.length < limit;
    for (const entry of entries) {
      if (since !== undefined && entry.openedAt < since) {
        isWhole = true;
        break;
      }
      read += 1;
      oldest = entry.openedAt;
      newest ??= entry.openedAt;
      tally.add(entry);
    }
    before = entries.at(-1)?.requestId;
  }
  const compared = await Promise.all(tally.tallies().map((one) => compareOne(one, feedback)));
  const span = oldest === undefined || newest === undefined ? '' : ` of ${shortTime(oldest)} to ${shortTime(newest)}`;
  const rest = isWhole ? '' : ' There are older ones: --most reads more.';
  const footer = `${read} entries${span} were read.${rest}`;
  return {
    text:
      compared.length === 0
        ? `None of the requests${alias === undefined ? '' : ` for ${printable(alias)}`} had a canary. ${footer}`
        : [...compared.map(({ text }) => text), footer].join('\n\n'),
    data: {
      comparisons: compared.map(({ data }) => data),
      entries_read: read,
      from: oldest === undefined ? null : isoTime(oldest),
      to: newest === undefined ? null : isoTime(newest),
      older_left: !isWhole,
    },
  };
};

const compareOne = async (tally: CanaryTally, feedback: ComparePorts['feedback']) => {
  const [ofTarget, ofCanary] = [
    figuresOf(tally.target, await readScores(tally.target.sample, feedback)),
    figuresOf(tally.canary, await readScores(tally.canary.sample, feedback)),
  ];
  const { verdict, text } = judgeCanary(tally, { target: ofTarget, canary: ofCanary });
  return {
    text: describe(tally, ofTarget, ofCanary, text),
    data: {
      alias: tally.alias,
      target: armData(tally.target, ofTarget),
      canary: armData(tally.canary, ofCanary),
      verdict,
      verdict_text: text,
    },
  };
};

const readScores = async (requests: readonly string[], feedback: ComparePorts['feedback']): Promise<number[]> => {
  const scores: number[] = [];
  for (let i = 0; i < requests.length; i += AT_ONCE) {
    const read = await Promise.all(requests.slice(i, i + AT_ONCE).map((id) => feedback.read(id)));
    scores.push(...read.flatMap((one) => one?.score ?? []));
  }
  return scores;
};

const describe = (tally: CanaryTally, target: ArmFigures, canary: ArmFigures, verdict: string): string => {
  const row = (what: string, of: (arm: Arm, figures: ArmFigures) => string): string[] => [
    what,
    of(tally.target, target),
    of(tally.canary, canary),
  ];
  return [
    table([
      [tally.alias, tally.target.version, `canary ${tally.canary.version}`],
      row('requests', ({ requests }) => String(requests)),
      row('errors', (_, { errors }) => rateText(errors)),
      row('refusals', (_, { refusals }) => rateText(refusals)),
      row('truncated', (_, { truncated }) => rateText(truncated)),
      row('invalid output', (_, { invalidOutput }) => rateText(invalidOutput)),
      row('answer p50, p95', (_, { p50, p95 }) => `${timeText(p50)}, ${timeText(p95)}`),
      row('first token p50', (_, { firstTokenP50 }) => timeText(firstTokenP50)),
      row('output tokens', (arm) => meanTokens(arm)?.toString() ?? '-'),
      row('per 1000 requests', (arm) => costText(arm)),
      row('quality', (_, { quality }) => (quality === null ? '-' : `${quality.mean.toFixed(2)} of ${quality.count}`)),
    ]),
    `${verdict}.`,
    ...reasonLines(tally.canary),
  ].join('\n');
};

/** What the canary's errors were: whoever takes it back wants to know. */
const reasonLines = ({ reasons }: Arm): string[] => {
  const listed = [...reasons].toSorted(([, a], [, b]) => b - a).map(([reason, count]) => `${reason} ${count}`);
  return listed.length === 0 ? [] : [`Its errors: ${listed.join(', ')}.`];
};

const rateText = ({ count, of, share, low, high }: Rate): string =>
  of === 0 ? '-' : `${percent(share)} (${count}; ${percent(low)} to ${percent(high)})`;

const timeText = (quantile: Quantile | null): string => (quantile === null ? '-' : `${Math.round(quantile.value)} ms`);

const meanTokens = ({ outputTokens, answered }: Arm): number | null =>
  answered === 0 ? null : Math.round(outputTokens / answered);

const costOfThousand = ({ cost, requests }: Arm): bigint | null =>
  requests === 0 ? null : (cost * 1_000n) / BigInt(requests);

const costText = (arm: Arm): string => {
  const cost = costOfThousand(arm);
  // To the millionth of a dollar, for people.
  return cost === null ? '-' : `$${formatUsd(((cost + 500n) / 1_000n) * 1_000n)}`;
};

const armData = (arm: Arm, figures: ArmFigures) => {
  const cost = costOfThousand(arm);
  return {
    model: arm.version,
    requests: arm.requests,
    answered: arm.answered,
    errors: rateData(figures.errors),
    error_reasons: Object.fromEntries(arm.reasons),
    refusals: rateData(figures.refusals),
    truncated: rateData(figures.truncated),
    invalid_output: rateData(figures.invalidOutput),
    duration_p50_ms: timeData(figures.p50),
    duration_p95_ms: timeData(figures.p95),
    first_token_p50_ms: timeData(figures.firstTokenP50),
    output_tokens_mean: meanTokens(arm),
    cost_usd_per_1000_requests: cost === null ? null : formatUsd(cost),
    quality:
      figures.quality === null
        ? null
        : { mean: figures.quality.mean, count: figures.quality.count, interval: figures.quality.interval },
  };
};

const rateData = ({ count, of, share, low, high }: Rate) => (of === 0 ? null : { count, of, share, low, high });

const timeData = (quantile: Quantile | null) =>
  quantile === null ? null : { value: quantile.value, interval: quantile.interval };
