import { didYouMean } from '../contract/config-problem.ts';
import { formatUsd } from '../contract/money.ts';
import type { FeedbackStore } from '../core/feedback/feedback-store.ts';
import type { Ledger } from '../core/ledger.ts';
import {
  type ArmFigures,
  figuresOf,
  judgeCanary,
  percent,
  type Quantile,
  type Rate,
} from '../core/pins/judge-canary.ts';
import { ranBeside, sharesOf } from '../core/pins/side-by-side.ts';
import { type Arm, type CanaryTally, makeCanaryTally, type Seen } from '../core/pins/tally-canaries.ts';
import { CommandFailed, isoTime, type Output, printable, shortTime, table } from './output.ts';

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
  /** What the configuration has, where one could be read. */
  configured?: { aliases: readonly string[]; file: string } | undefined;
}

const PAGE = 5_000;
/** Each is a read of its own. */
const MOST_FEEDBACK = 200;
const AT_ONCE = 10;

/** Canaries beside the targets whose places they take, from what the ledger says of the requests. */
export const comparePins = async (
  { alias, since, most, configured }: Compared,
  { ledger, feedback }: ComparePorts,
): Promise<Output> => {
  const tally = makeCanaryTally({ alias });
  let read = 0;
  let oldest: number | undefined;
  let newest: number | undefined;
  let before: string | undefined;
  let isWhole = false;
  let isNamed = false;
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
      isNamed ||= entry.alias === alias;
      tally.add(entry);
    }
    before = entries.at(-1)?.requestId;
  }
  const compared = await Promise.all(tally.tallies().map((one) => compareOne(one, feedback)));
  const span = oldest === undefined || newest === undefined ? '' : ` of ${shortTime(oldest)} to ${shortTime(newest)}`;
  const rest = isWhole ? '' : ' There are older ones: --most reads more.';
  const footer = `${read} entries${span} were read.${rest}`;
  if (alias !== undefined && compared.length === 0 && !isNamed && !configured?.aliases.includes(alias))
    throw new CommandFailed(
      configured === undefined
        ? `None of the entries names an alias ${JSON.stringify(alias)}. ${footer}`
        : `There is no alias ${JSON.stringify(alias)} in ${configured.file}, and none of the entries names it.${didYouMean(alias, configured.aliases)} ${footer}`,
    );
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

/** What ran beside the other side, and what it cost. */
interface Side {
  arm: Arm;
  figures: ArmFigures;
  seen: readonly Seen[];
  costs: Costs;
}

const compareOne = async (tally: CanaryTally, feedback: ComparePorts['feedback']) => {
  const { shares, target: ofTarget, canary: ofCanary } = ranBeside(tally.target.seen, tally.canary.seen);
  const scores = await readScores([...sampleOf(ofTarget), ...sampleOf(ofCanary)], feedback);
  const figures = figuresOf({ target: tally.target, canary: tally.canary }, (id) => scores.get(id));
  const { verdict, text } = judgeCanary(figures);
  const costs = costsOf(ofTarget, ofCanary);
  const target: Side = { arm: tally.target, figures: figures.target, seen: ofTarget, costs: costs.target };
  const canary: Side = { arm: tally.canary, figures: figures.canary, seen: ofCanary, costs: costs.canary };
  const alone = tally.target.seen.length + tally.canary.seen.length - ofTarget.length - ofCanary.length;
  return {
    text: describe(tally, target, canary, { verdict: text, shares, alone }),
    data: {
      alias: tally.alias,
      shares,
      target: sideData(target),
      canary: { ...sideData(canary), drawn_but_not_asked: Object.fromEntries(tally.notAsked) },
      not_side_by_side: alone,
      verdict,
      verdict_text: text,
    },
  };
};

/** Of the newest answers. */
const sampleOf = (seen: readonly Seen[]): string[] =>
  seen
    .filter(({ answer }) => answer !== undefined)
    .slice(0, MOST_FEEDBACK)
    .map(({ requestId }) => requestId);

const readScores = async (
  requests: readonly string[],
  feedback: ComparePorts['feedback'],
): Promise<Map<string, number>> => {
  const scores = new Map<string, number>();
  for (let i = 0; i < requests.length; i += AT_ONCE)
    await Promise.all(
      requests.slice(i, i + AT_ONCE).map(async (id) => {
        const score = (await feedback.read(id))?.score;
        if (score !== undefined && score !== null) scores.set(id, score);
      }),
    );
  return scores;
};

/** Nano-USD by a thousand answers; null where there were none. `byOthers`: of it, what those cost who were asked in its place. */
interface Costs {
  all: bigint | null;
  byOthers: bigint | null;
}

/** Of both sides with the same mix of shares, as their other figures. */
const costsOf = (target: readonly Seen[], canary: readonly Seen[]): { target: Costs; canary: Costs } => {
  const answered = (seen: readonly Seen[], share: number): bigint =>
    BigInt(seen.filter((one) => one.share === share && one.isAnswered).length);
  const weights = sharesOf(target, canary).flatMap((share) => {
    const [a, b] = [answered(target, share), answered(canary, share)];
    // In thousandths, so that few answers have a weight too.
    return a === 0n || b === 0n ? [] : [{ share, weight: (a * b * 1_000n) / (a + b) }];
  });
  const all = weights.reduce((sum, { weight }) => sum + weight, 0n);
  const of = (seen: readonly Seen[], costOf: (one: Seen) => bigint): bigint | null => {
    if (all === 0n) return null;
    const sum = weights.reduce((sum, { share, weight }) => {
      const cost = seen.reduce((sum, one) => (one.share === share ? sum + costOf(one) : sum), 0n);
      return sum + (weight * cost * 1_000n) / answered(seen, share);
    }, 0n);
    return sum / all;
  };
  const side = (seen: readonly Seen[]): Costs => ({
    all: of(seen, ({ cost, costOfOthers }) => cost + costOfOthers),
    byOthers: of(seen, ({ costOfOthers }) => costOfOthers),
  });
  return { target: side(target), canary: side(canary) };
};

interface Findings {
  verdict: string;
  shares: readonly number[];
  alone: number;
}

const describe = (
  { alias, notAsked }: CanaryTally,
  target: Side,
  canary: Side,
  { verdict, shares, alone }: Findings,
): string => {
  const row = (what: string, of: (side: Side) => string): string[] => [what, of(target), of(canary)];
  const hasTalks = [target, canary].some(({ figures }) => figures.requests !== figures.conversations);
  return [
    table([
      [alias, target.arm.version, `canary ${canary.arm.version}`],
      row('requests', ({ figures }) => String(figures.requests)),
      ...(hasTalks ? [row('conversations', ({ figures }) => String(figures.conversations))] : []),
      row('errors', ({ figures }) => rateText(figures.errors)),
      row('refusals', ({ figures }) => rateText(figures.refusals)),
      row('truncated', ({ figures }) => rateText(figures.truncated)),
      row('invalid output', ({ figures }) => rateText(figures.invalidOutput)),
      row('answer p50, p95', ({ figures: { p50, p95 } }) => `${timeText(p50)}, ${timeText(p95)}`),
      row('first token p50', ({ figures }) => timeText(figures.firstTokenP50)),
      row('output tokens', ({ seen }) => meanTokens(seen)?.toString() ?? '-'),
      row('per 1000 answers', ({ costs }) => costText(costs.all)),
      row('by others', ({ costs }) => costText(costs.byOthers)),
      row('quality', ({ figures: { quality } }) =>
        quality === null ? '-' : `${quality.value.toFixed(2)} of ${quality.count}`,
      ),
    ]),
    `${verdict}.`,
    ...listed('Its errors', reasonsOf(canary.seen)),
    ...listed('Drawn for it, and not asked with it', notAsked),
    ...(shares.length > 1
      ? [`Compared within each share that was in force (${shares.map(percent).join(', ')}), then put together.`]
      : []),
    ...(alone > 0 ? [`Left out: ${alone} from times in which only one of the two was asked.`] : []),
  ].join('\n');
};

/** What the canary's errors were: whoever takes it back wants to know. */
const reasonsOf = (seen: readonly Seen[]): Map<string, number> => {
  const reasons = new Map<string, number>();
  for (const { failure } of seen)
    if (failure !== undefined && failure !== 'content_filter') reasons.set(failure, (reasons.get(failure) ?? 0) + 1);
  return reasons;
};

const listed = (what: string, counts: ReadonlyMap<string, number>): string[] => {
  const items = [...counts].toSorted(([, a], [, b]) => b - a).map(([one, count]) => `${printable(one)} ${count}`);
  return items.length === 0 ? [] : [`${what}: ${items.join(', ')}.`];
};

const rateText = ({ count, of, share, low, high }: Rate): string =>
  of === 0 ? '-' : `${percent(share)} (${count}; ${percent(low)} to ${percent(high)})`;

const timeText = (quantile: Quantile | null): string => (quantile === null ? '-' : `${Math.round(quantile.value)} ms`);

const meanTokens = (seen: readonly Seen[]): number | null => {
  const answers = seen.flatMap(({ answer }) => answer ?? []);
  return answers.length === 0
    ? null
    : Math.round(answers.reduce((sum, { outputTokens }) => sum + outputTokens, 0) / answers.length);
};

/** To the millionth of a dollar, for people. */
const costText = (cost: bigint | null): string =>
  cost === null ? '-' : `$${formatUsd(((cost + 500n) / 1_000n) * 1_000n)}`;

const sideData = ({ arm, figures, seen, costs }: Side) => ({
  model: arm.version,
  requests: figures.requests,
  conversations: figures.conversations,
  answered: seen.filter(({ answer }) => answer !== undefined).length,
  errors: rateData(figures.errors),
  error_reasons: Object.fromEntries(reasonsOf(seen)),
  refusals: rateData(figures.refusals),
  truncated: rateData(figures.truncated),
  invalid_output: rateData(figures.invalidOutput),
  duration_p50_ms: timeData(figures.p50),
  duration_p95_ms: timeData(figures.p95),
  first_token_p50_ms: timeData(figures.firstTokenP50),
  output_tokens_mean: meanTokens(seen),
  cost_usd_per_1000_answers: costs.all === null ? null : formatUsd(costs.all),
  cost_usd_per_1000_answers_by_others: costs.byOthers === null ? null : formatUsd(costs.byOthers),
  quality:
    figures.quality === null
      ? null
      : { mean: figures.quality.value, count: figures.quality.count, interval: figures.quality.interval },
});

const rateData = ({ count, of, share, low, high }: Rate) => (of === 0 ? null : { count, of, share, low, high });

const timeData = (quantile: Quantile | null) =>
  quantile === null ? null : { value: quantile.value, interval: quantile.interval };
