import type { AttemptReason } from '../failures.ts';
import type { Receipt } from '../receipt.ts';
import type { CallKind, CallSample } from './target-statistics.ts';

/** One ended call, whether a gateway has just seen it or its receipt tells of it. */
export interface EndedCall {
  startedAt: number;
  durationMs: number;
  firstTokenMs?: number;
  /** Absent = it answered. */
  failure?: AttemptReason | undefined;
  outputTokens?: number | undefined;
}

/** Shorter answers say little of the pace, and their last token came with the end of the stream. */
const LEAST_TOKENS = 8;
/** A deadline is blamed on a target that said nothing for that long; else others had used the time up before. */
const BLAMED_SILENCE_MS = 20_000;

/** What a call says of its target; undefined where the client, or what it asked, was all that went wrong. */
export const sampleCall = (call: EndedCall): CallSample | undefined => {
  const kind = kindOf(call);
  if (kind === undefined) return undefined;
  const { startedAt, durationMs, firstTokenMs, failure, outputTokens = 0 } = call;
  const sample: CallSample = { endedAt: startedAt + durationMs, kind };
  if (firstTokenMs !== undefined) sample.firstTokenMs = firstTokenMs;
  if (failure !== undefined || !(outputTokens >= LEAST_TOKENS)) return sample;
  if (firstTokenMs === undefined) sample.wholeTokenUs = (durationMs * 1_000) / outputTokens;
  else sample.tokenUs = (Math.max(0, durationMs - firstTokenMs) * 1_000) / (outputTokens - 1);
  return sample;
};

const kindOf = ({ failure, firstTokenMs, durationMs }: EndedCall): CallKind | undefined => {
  switch (failure) {
    case undefined:
      return 'ok';
    case 'rate_limited':
      return 'limited';
    case 'first_token_timeout':
    case 'idle_timeout':
    case 'too_slow':
      return 'timeout';
    case 'overloaded':
    case 'server_error':
    case 'connection_failed':
    case 'cut_off':
    case 'malformed_answer':
      return 'broken';
    case 'unauthorized':
    case 'not_found':
      return 'misconfigured';
    case 'deadline':
      if (firstTokenMs !== undefined) return 'ok';
      return durationMs >= BLAMED_SILENCE_MS ? 'timeout' : undefined;
    case 'cancelled':
      // The client went; until then it had been answered.
      return firstTokenMs === undefined ? undefined : 'ok';
    case 'bad_request':
    case 'content_filter':
    case 'context_length':
    case 'too_large':
      return undefined;
    default:
      return failure satisfies never;
  }
};

/** What a settled request says of the targets that it called. */
export const samplesOf = (receipt: Receipt | undefined): [target: string, sample: CallSample][] =>
  (receipt?.attempts ?? []).flatMap((attempt): [string, CallSample][] => {
    const sample = sampleCall({ ...attempt, outputTokens: attempt.usage?.outputTokens });
    return sample === undefined ? [] : [[attempt.target, sample]];
  });
