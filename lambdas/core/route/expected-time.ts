import { quantileOf, weightOf } from './decayed-digest.ts';
import { statisticsAt, type TargetStatistics } from './target-statistics.ts';

/** Measurements of less weight than that are none, and the target is to be measured: three fresh ones do, for some minutes. */
export const LEAST_MEASURED = 2;
/** Tokens of an answer by which targets are compared. */
export const USUAL_ANSWER_TOKENS = 400;

export interface ExpectedTime {
  ms: number;
  /** When the newest call ended that it was measured by, milliseconds since 1970. */
  measuredAt: number;
}

/**
 * How long a target takes for an answer, milliseconds: the wait for its first token and the pace of the others, both as half of
 * its recent calls had them. Whole answers tell no first token: for them, and where no stream was measured, it is the time
 * by token. undefined = not measured of late.
 */
export const expectedTime = (
  stats: TargetStatistics | undefined,
  { stream, tokens = USUAL_ANSWER_TOKENS }: { stream: boolean; tokens?: number },
  now: number,
): ExpectedTime | undefined => {
  if (stats === undefined) return undefined;
  const { firstTokenMs, tokenUs, wholeTokenUs, streamAt, wholeAt } = statisticsAt(stats, now);
  const median = (digest: typeof tokenUs): number | undefined =>
    weightOf(digest) < LEAST_MEASURED ? undefined : quantileOf(digest, 0.5);
  const [first, pace, whole] = [median(firstTokenMs), median(tokenUs), median(wholeTokenUs)];
  const streamed =
    first === undefined
      ? undefined
      : { ms: Math.round(first + (pace === undefined ? 0 : (pace * tokens) / 1_000)), measuredAt: streamAt };
  const atOnce = whole === undefined ? undefined : { ms: Math.round((whole * tokens) / 1_000), measuredAt: wholeAt };
  return stream ? (streamed ?? atOnce) : (atOnce ?? streamed);
};
