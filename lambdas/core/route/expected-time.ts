import { quantileOf, weightOf } from './decayed-digest.ts';
import { statisticsAt, type TargetStatistics } from './target-statistics.ts';

/** Fewer measurements than that are none, and the target is to be measured: three fresh ones do, which have faded a little. */
export const LEAST_MEASURED = 2.5;
/** Tokens of an answer by which targets are compared. */
export const USUAL_ANSWER_TOKENS = 400;

/**
 * How long a target takes for an answer, milliseconds: the wait for its first token and the pace of the others, both as half of
 * its recent calls had them. Whole answers tell no first token: for them, and where no stream was measured, it is the time
 * by token. undefined = not measured of late.
 */
export const expectedTimeMs = (
  stats: TargetStatistics | undefined,
  { stream, tokens = USUAL_ANSWER_TOKENS }: { stream: boolean; tokens?: number },
  now: number,
): number | undefined => {
  if (stats === undefined) return undefined;
  const { firstTokenMs, tokenUs, wholeTokenUs } = statisticsAt(stats, now);
  const median = (digest: typeof tokenUs): number | undefined =>
    weightOf(digest) < LEAST_MEASURED ? undefined : quantileOf(digest, 0.5);
  const [first, pace, whole] = [median(firstTokenMs), median(tokenUs), median(wholeTokenUs)];
  const streamed = first === undefined ? undefined : first + (pace === undefined ? 0 : (pace * tokens) / 1_000);
  const atOnce = whole === undefined ? undefined : (whole * tokens) / 1_000;
  const time = stream ? (streamed ?? atOnce) : (atOnce ?? streamed);
  return time === undefined ? undefined : Math.round(time);
};
