import { formatUsd, type NanoUsd } from '../../contract/money.ts';
import { type Calibration, calibrate, type Figures } from '../../core/cache/calibrate.ts';
import { type Embedder, EmbedderUnavailable } from '../../core/cache/embedder.ts';
import { embeddingCeiling, embeddingCost } from '../../core/cache/embedding-cost.ts';
import { type LabelledPair, scorePairs } from '../../core/cache/labelled-pairs.ts';
import { isInScope } from '../../core/cache/pair-scope.ts';
import type { Clock } from '../../core/ports.ts';
import type { Target } from '../../core/target.ts';
import { wilsonInterval } from '../../core/wilson-interval.ts';
import { CommandFailed, type Output, printable, table, UsageError } from '../output.ts';

export interface CalibrateOptions {
  pairs: readonly LabelledPair[];
  /** Where they are from, for people. */
  source: string;
  /** Share of hits that may be wrong, 0..1. */
  maxWrongShare: number;
  /** What the alias or the embedder has now; undefined = nothing. */
  thresholdNow: number | undefined;
  /** Whose line is printed. */
  alias: string | undefined;
  /** What it may cost has been agreed to. */
  isAgreed: boolean;
  /** Told where it begins to cost something. */
  say(text: string): void;
}

/** Fewer pairs of either half say nothing. */
const FEWEST_PAIRS = 50;
const TRIES = 3;
const PAUSE_MS = 1_000;

/**
 * Asks the embedder for the vectors of labelled pairs, and finds the threshold that they allow.
 *
 * @throws {UsageError} where it costs something and nobody has agreed to that
 * @throws {CommandFailed} where no threshold keeps the bound, or the embedder does not answer
 */
export const calibrateCache = async (
  embedder: Embedder,
  clock: Pick<Clock, 'sleep'>,
  options: CalibrateOptions,
): Promise<Output> => {
  const { pairs, source, maxWrongShare, isAgreed, say } = options;
  const texts = new Set(pairs.flatMap(({ a, b }) => [a, b]));
  const { target } = embedder;
  if (target !== undefined) {
    const most = ceilingOf(texts, target);
    const calls = `${texts.size} calls of ${target.id}, $${formatUsd(most)} at most, past the gateway and its ledger`;
    if (most > 0n && !isAgreed) throw new UsageError(`This makes ${calls}. Say --yes to make them.`);
    say(`Making ${calls}.`);
  }
  const meter = makeMeter(embedder, clock);
  const scored = await scorePairs(pairs, meter.embedder, isInScope(embedder.name)).catch((error: unknown) => {
    if (!(error instanceof EmbedderUnavailable)) throw error;
    throw new CommandFailed(`${error.message}${target === undefined ? '' : ` ${billText(meter, target)}`}`);
  });
  const calibration = calibrate(scored, maxWrongShare);
  const unread = scored.filter(({ score }) => score === undefined).length;
  const halves = (['tune', 'test'] as const).map((half) => scored.filter((pair) => pair.half === half).length);
  const output: Output = {
    text: [
      `${embedder.name} on ${pairs.length} pairs (${printable(source)}); at most ${percent(maxWrongShare)} of the hits may be wrong.`,
      ...(unread === 0 ? [] : [`${unread} pairs have a text that it can't read: they never hit.`]),
      ...(target === undefined ? [] : [billText(meter, target)]),
      '',
      ...resultText(calibration, options),
    ].join('\n'),
    data: {
      embedder: embedder.name,
      pairs: pairs.length,
      unread,
      max_wrong_share: maxWrongShare,
      threshold: calibration.threshold ?? null,
      threshold_now: options.thresholdNow ?? null,
      tune: figuresData(calibration.tune),
      test: figuresData(calibration.test),
      input_tokens: meter.inputTokens(),
      cost_usd: target === undefined ? '0' : formatUsd(meter.cost(target)),
    },
    warnings: halves.some((count) => count < FEWEST_PAIRS)
      ? [`Of ${halves.join(' and ')} pairs, tune and test, hardly anything can be told: label some hundred.`]
      : [],
  };
  if (calibration.threshold !== undefined) return output;
  throw new CommandFailed(
    `At no threshold are at most ${percent(maxWrongShare)} of ${embedder.name}'s hits wrong, with hits enough to tell: do not use it with this bound.`,
    output,
  );
};

const resultText = ({ threshold, tune, test }: Calibration, { thresholdNow, alias }: CalibrateOptions): string[] => {
  if (threshold === undefined || tune === undefined || test === undefined) return ['There is no such threshold.'];
  const rows = [
    ['HALF', 'PAIRS', 'SAME', 'HITS', 'WRONG', 'WRONG SHARE (95 %)', 'RECALL'],
    ...[['tune', tune] as const, ['test', test] as const].map(([name, figures]) => [
      name,
      String(figures.pairs),
      String(figures.same),
      String(figures.hits),
      String(figures.wrong),
      wrongText(figures),
      percent(figures.recall),
    ]),
  ];
  return [
    table(rows),
    '',
    `Threshold: ${threshold}${thresholdNow === undefined ? '' : ` (now ${thresholdNow})`}. The tune half chose it; the test half says how far to trust it.`,
    `models: { ${alias === undefined ? 'ALIAS' : JSON.stringify(alias)}: { cache: { semantic: { threshold: ${threshold}, … } } } }`,
  ];
};

const wrongText = ({ hits, wrong }: Figures): string => {
  const { low, high } = wilsonInterval(wrong, hits);
  return `${hits === 0 ? '-' : percent(wrong / hits)} (${percent(low)} to ${percent(high)})`;
};

const figuresData = (figures: Figures | undefined) => {
  if (figures === undefined) return null;
  const { pairs, same, hits, wrong, recall } = figures;
  const { low, high } = wilsonInterval(wrong, hits);
  return {
    pairs,
    same,
    hits,
    wrong,
    wrong_share: hits === 0 ? null : wrong / hits,
    wrong_share_low: low,
    wrong_share_high: high,
    recall: recall ?? null,
  };
};

const percent = (share: number | undefined): string => (share === undefined ? '-' : `${(share * 100).toFixed(1)} %`);

/** What these texts' vectors may cost at most, nano-USD, if every call has to be made three times. */
const ceilingOf = (texts: ReadonlySet<string>, target: Target): NanoUsd =>
  [...texts].reduce((sum, text) => sum + embeddingCeiling(text, target) * BigInt(TRIES), 0n);

interface Meter {
  /** The same one, more patient, its tokens counted. */
  embedder: Embedder;
  inputTokens(): number;
  /** Nano-USD. */
  cost(target: Target): NanoUsd;
}

const makeMeter = (embedder: Embedder, clock: Pick<Clock, 'sleep'>): Meter => {
  /** Of each call that was, or may be, billed. */
  const counted: number[] = [];
  const note = (inputTokens: number): void => {
    if (inputTokens > 0) counted.push(inputTokens);
  };
  return {
    embedder: {
      ...embedder,
      async embed(text, signal) {
        for (let tries = 1; ; tries++) {
          try {
            const embedded = await embedder.embed(text, signal);
            if (embedded.kind === 'vector') note(embedded.inputTokens);
            return embedded;
          } catch (error) {
            if (!(error instanceof EmbedderUnavailable)) throw error;
            note(error.inputTokens);
            if (tries === TRIES) throw error;
            await clock.sleep(PAUSE_MS * tries);
          }
        }
      },
    },
    inputTokens: () => counted.reduce((sum, tokens) => sum + tokens, 0),
    cost: (target) => counted.reduce((sum, tokens) => sum + embeddingCost(target, tokens), 0n),
  };
};

const billText = (meter: Meter, target: Target): string =>
  `${target.id} counted ${meter.inputTokens()} tokens: $${formatUsd(meter.cost(target))}, which no ledger has.`;
