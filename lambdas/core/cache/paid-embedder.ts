import { type AttemptPorts, attemptTarget } from '../call/attempt.ts';
import type { AttemptRecord, CallRequest } from '../call/call.ts';
import { Stopped, watchAttempt } from '../call/deadlines.ts';
import { renewProviderKey } from '../call/provider-key.ts';
import type { Vector } from '../conversation.ts';
import type { Surface } from '../dialect.ts';
import { fromBase64 } from '../embedding/vectors.ts';
import type { AttemptFailure } from '../failures.ts';
import type { Log, Random } from '../ports.ts';
import { inputOf } from '../settle/attempt-cost.ts';
import type { Alias, Target } from '../target.ts';
import { askForVector } from './ask-for-vector.ts';
import { type Embedded, type Embedder, EmbedderUnavailable } from './embedder.ts';
import { embedderName } from './embedder-name.ts';
import { embeddingTokensHigh } from './embedding-cost.ts';

/** Whoever waits for a vector waits for less; without a signal this bounds it. */
const LONGEST_MS = 10_000;
/** A vector shorter than that is rounding alone. */
const LEAST_LENGTH = 1e-12;

export type EmbedderPorts = AttemptPorts & { random: Pick<Random, 'bytes'> };

/**
 * A provider's model as an embedder: asked once a text, in its own language, by the code that makes every other call. Texts of
 * which the model could read a part only are not sent. Nothing is tried again: whoever waits has an answer to get.
 *
 * @param dimensions numbers in a vector; an answer of any other length is none
 * @param surface OpenAI's embeddings, in whose words the gateway asks itself
 */
export const makePaidEmbedder = (
  target: Target,
  dimensions: number,
  surface: Surface,
  ports: EmbedderPorts,
): Embedder => ({
  name: embedderName(target, dimensions),
  dimensions,
  target,
  async embed(text, signal = NEVER) {
    if (text.trim() === '') return { kind: 'unreadable', why: 'empty' };
    const mostTokens = embeddingTokensHigh(text, target);
    // Vendors cut what is too long without a word.
    if (mostTokens > target.contextTokens) return { kind: 'unreadable', why: 'too-long' };
    const deadlineAt = ports.clock.now() + LONGEST_MS;
    const request = requestOf(text, { target, dimensions, surface, deadlineAt, signal }, ports);
    const result = await attemptTarget(request, target, { deadlineAt, leavesFiltered: () => false }, ports);
    if (result.kind === 'failed') {
      const { failure } = result.record;
      if (failure.reason === 'context_length' || failure.reason === 'too_large')
        return { kind: 'unreadable', why: 'too-long' };
      if (failure.reason === 'unauthorized' && result.key !== undefined)
        await renewKey(target, result.key, request, ports);
      throw new EmbedderUnavailable(`${target.id} made no vector: ${whyNot(failure, result.wasSent)}.`, {
        inputTokens: billedBy(result.record, target, mostTokens, ports.log),
      });
    }
    const inputTokens =
      result.kind === 'answered' ? countedIn(result.record, target, mostTokens, ports.log) : mostTokens;
    const vector = result.kind === 'answered' ? readVector(result.answer.vectors, dimensions) : undefined;
    if (vector === undefined)
      throw new EmbedderUnavailable(`${target.id} answered with no vector of ${dimensions} numbers.`, { inputTokens });
    return { kind: 'vector', vector, inputTokens } satisfies Embedded;
  },
});

const NEVER = new AbortController().signal;

const requestOf = (
  text: string,
  asked: { target: Target; dimensions: number; surface: Surface; deadlineAt: number; signal: AbortSignal },
  { clock, random }: Pick<EmbedderPorts, 'clock' | 'random'>,
): CallRequest => {
  const { target, dimensions, surface, deadlineAt, signal } = asked;
  const { conversation, body } = askForVector(text, target, dimensions);
  const requestId = `vec_${Buffer.from(random.bytes(12)).toString('hex')}`;
  return {
    requestId,
    surface,
    conversation,
    body,
    alias: aliasOf(target),
    targets: [target],
    context: {
      requestId,
      alias: target.model,
      createdAt: Math.floor(clock.now() / 1000),
      streamUsage: false,
      asked: body,
      ...(conversation.embedding !== undefined && { embedding: conversation.embedding }),
    },
    outputLimit: () => undefined,
    deadlineAt,
    signal,
    admitAttempt: async () => undefined,
  };
};

const aliasOf = (target: Target): Alias => ({
  name: 'semantic-cache',
  targets: [target],
  defaultOutputTokens: 0,
  outputFloorTokens: 0,
  timeouts: { firstTokenMs: LONGEST_MS, idleMs: LONGEST_MS, totalMs: LONGEST_MS },
  attempts: 1,
});

/** In our own words: a vendor's error may quote what was asked. */
const whyNot = ({ reason, status, message }: AttemptFailure, wasSent: boolean): string =>
  wasSent ? `${reason}${status === undefined ? '' : ` (${status})`}` : message;

/** Whoever asks next does so with the key as it is by then. */
const renewKey = async (
  target: Target,
  rejected: string,
  { signal, deadlineAt }: Pick<CallRequest, 'signal' | 'deadlineAt'>,
  ports: EmbedderPorts,
): Promise<void> => {
  const watch = watchAttempt(signal, deadlineAt, ports.clock);
  try {
    await renewProviderKey(target, rejected, watch, ports);
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
  } finally {
    watch.release();
  }
};

/** What a failed call may be billed by: the vendor's count, else as much as the text can count as. */
const billedBy = (
  record: AttemptRecord & { failure: AttemptFailure },
  target: Target,
  mostTokens: number,
  log: Log,
): number => {
  if (record.usage !== undefined) return countedIn(record, target, mostTokens, log);
  return record.failure.mayBeBilled ? mostTokens : 0;
};

/**
 * Every token of a text stands for something in it: more than that, and whatever words a model puts before it, is no count of this
 * text. What is between the estimate and this the vendor may well bill: it is entered, as an overrun where it passes the hold.
 */
const BELIEVED_TIMES = 8;

const countedIn = ({ usage }: AttemptRecord, target: Target, mostTokens: number, log: Log): number => {
  if (usage === undefined) return mostTokens;
  const counted = inputOf(usage);
  if (Number.isSafeInteger(counted) && counted > 0 && counted <= BELIEVED_TIMES * mostTokens) return counted;
  if (counted > 0)
    log.error("an embedder's count can not be of its text: charged as that can count at most", {
      target: target.id,
      counted_tokens: counted,
      charged_tokens: mostTokens,
    });
  return mostTokens;
};

/** Of length 1; undefined where it is none of that many numbers, or points nowhere. */
const readVector = ([first]: readonly Vector[] = [], dimensions: number): Float32Array | undefined => {
  const numbers = typeof first === 'string' ? fromBase64(first) : first;
  if (numbers?.length !== dimensions) return undefined;
  const length = Math.hypot(...numbers);
  return length >= LEAST_LENGTH && Number.isFinite(length)
    ? Float32Array.from(numbers, (one) => one / length)
    : undefined;
};
