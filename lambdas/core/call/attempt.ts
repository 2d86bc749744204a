import { dialectOf, providerOf } from '../codecs.ts';
import type { Answer, JsonObject, ProviderError, Stop } from '../conversation.ts';
import type { Dialect } from '../dialect.ts';
import type { AttemptFailure } from '../failures.ts';
import type { Ports } from '../ports.ts';
import type { Provider } from '../provider.ts';
import { present } from '../read-json.ts';
import type { Target } from '../target.ts';
import { attemptFailure } from './attempt-failure.ts';
import type { AttemptRecord, CallRequest } from './call.ts';
import { ERROR_BODY_MS } from './call-policy.ts';
import { type CommittedStream, openCommittedStream } from './committed-stream.ts';
import { type Watch, watchAttempt } from './deadlines.ts';
import { encodeCall } from './encode-call.ts';
import { brokenStream } from './final-refusal.ts';
import { gatherEvents, keepOutput } from './keep-output.ts';
import {
  failureOfNoAnswer,
  failureOfStatusAlone,
  isPlainJson,
  isWithoutAnswer,
  parseJson,
  placeOf,
} from './no-answer.ts';
import { readProviderKey } from './provider-key.ts';
import { redactFields } from './redact-secrets.ts';
import { readStream, readUntilContent } from './stream-attempt.ts';
import { startTally, type Tally } from './tally.ts';
import { translateStream } from './translate-stream.ts';
import { UpstreamError, type UpstreamReply } from './upstream.ts';
import { failureOfStop, failureOfStreamError, failureOfUpstreamError } from './upstream-failure.ts';
import { OutOfPatience, withPatience } from './with-patience.ts';

export type AttemptPorts = Pick<Ports, 'clock' | 'secrets' | 'upstream' | 'dialects' | 'providers' | 'log'>;

/** What one call to one target came to. */
export type AttemptResult =
  | { kind: 'answered'; record: AttemptRecord; body: JsonObject; answer: Answer; dropped: string[] }
  /** Content has come; the stream is the client's from here on. */
  | { kind: 'streaming'; record: AttemptRecord; stream: CommittedStream; dropped: string[] }
  | {
      kind: 'failed';
      record: AttemptRecord & { failure: AttemptFailure };
      /** Whether the vendor may have seen it. */
      wasSent: boolean;
      /** The provider key that was used, to be read anew where the vendor turned it down. */
      key: string | undefined;
    };

/** What bounds one attempt. */
export interface AttemptLimits {
  /** Milliseconds since 1970. */
  deadlineAt: number;
  /** How long the target may say nothing: until a stream's first content, or a whole plain answer; absent = to the deadline. */
  silenceMs?: number;
  /** Aborts when the target is known to hang: somebody else is asked at once. */
  givenUp?: AbortSignal;
  /** Whether an answer that a filter has kept empty is given up, since others were named for that or a canary's target can be asked. Asked when there is one. */
  leavesFiltered: () => boolean;
}

/** How far an attempt has come: what something thrown means depends on it. */
type Phase = 'unsent' | 'head' | 'body';

/**
 * Calls one target once: key, encode, send, read. Never rejects; leaves no timer, listener or connection behind.
 */
export const attemptTarget = async (
  request: CallRequest,
  target: Target,
  { deadlineAt, silenceMs, givenUp, leavesFiltered }: AttemptLimits,
  ports: AttemptPorts,
): Promise<AttemptResult> => {
  const { clock, upstream, log } = ports;
  const { requestId, alias, conversation } = request;
  const isStream = conversation.stream;
  const dialect = dialectOf(target, ports.dialects, request.surface);
  const provider = providerOf(target, ports.providers);
  const watch = watchAttempt(request.signal, deadlineAt, clock);
  const tally = gatherEvents(
    keepOutput(startTally(target, clock, request.outputLimit(target)), conversation),
    isStream ? request.gather?.() : undefined,
  );
  /** Where client and vendor speak one language nothing goes unsaid. */
  const unsaid = (): readonly string[] => (dialect.name === request.surface.name ? [] : tally.unsaid);
  let phase: Phase = 'unsent';
  let key: string | undefined;
  const mapError: Provider['mapError'] = (error, headers) =>
    withFields(hideKey(provider.mapError(error, headers), key), error, dialect, key);

  const failureOf = (error: unknown): AttemptFailure => {
    if (watch.cause !== undefined) return failureOfStop(watch.cause, phase !== 'unsent');
    if (error instanceof UpstreamError) return failureOfUpstreamError(error, phase === 'head' ? 'head' : 'body');
    log.error('attempt broke', { request_id: requestId, target: target.id, phase, error });
    if (phase !== 'unsent') return attemptFailure('malformed_answer', { message: 'the answer could not be read' });
    const unmade = attemptFailure('malformed_answer', { message: 'the request could not be made', mayBeBilled: false });
    // Making it again from the same conversation would fail again, and says nothing of the target.
    return { ...unmade, isRetryable: false, countsAgainstCircuit: false };
  };
  const failed = (failure: AttemptFailure): AttemptResult => {
    const silentMs = tally.record().durationMs;
    const isStuck = failure.reason === 'deadline' && !tally.hasContent && silentMs >= alias.timeouts.firstTokenMs;
    // A plain answer has no first token to wait for; a target that let the whole deadline pass is broken all the same.
    const blamed = isStuck ? { ...failure, countsAgainstCircuit: true } : failure;
    const record = { ...tally.record(), failure: blamed };
    return { kind: 'failed', record, wasSent: phase !== 'unsent', key };
  };

  givenUp?.addEventListener('abort', () => {
    watch.stop({ by: 'first-token', afterMs: tally.record().durationMs });
  });

  try {
    const found = await readProviderKey(target, watch, ports);
    if (!found.ok) {
      watch.release();
      return failed(found.failure);
    }
    key = found.key;
    const { body, dropped, betas } = encodeCall(request, target, dialect);
    const call = provider.call({
      target,
      body,
      stream: isStream,
      requestId,
      betas,
      ...(key !== undefined && { apiKey: key }),
    });

    const { connectMs, idleMs } = alias.timeouts;
    tally.start();
    const clearFirstToken =
      silenceMs === undefined ? () => {} : watch.stopAfter(silenceMs, { by: 'first-token', afterMs: silenceMs });
    const reply = await watch.guard(() => {
      phase = 'head';
      return upstream.send(call, watch.signal, present('connectMs', connectMs));
    });
    phase = 'body';
    tally.status = reply.status;

    if (isWithoutAnswer(reply.status)) {
      watch.close();
      const leadsTo = placeOf(reply.headers.location);
      log.warn('no answer by its status', {
        request_id: requestId,
        target: target.id,
        status: reply.status,
        leads_to: leadsTo,
      });
      return failed(failureOfStatusAlone(reply.status));
    }
    if (reply.status < 200 || reply.status > 299) {
      clearFirstToken();
      return failed(
        await readErrorReply(reply, {
          dialect,
          mapError,
          watch,
          tally,
          patienceMs: patienceFor(reply.status, idleMs),
          ports,
        }),
      );
    }
    if (!isStream || isPlainJson(reply)) {
      const answer = await readAnswer(reply, { request, dialect, tally, watch });
      if ('error' in answer) return failed(failureOfStreamError(answer.error, mapError, answer.hasBegun));
      if (!('answer' in answer)) return failed(failureOfNoAnswer(answer.text, reply, dialect, mapError, tally));
      if (isStream)
        return failed(
          attemptFailure('malformed_answer', {
            status: reply.status,
            message: 'a stream was asked for, and a whole answer came',
          }),
        );
      return isKept(answer.answer.stop, contentOf(answer.answer)) && leavesFiltered()
        ? failed(filtered(answer.answer.stop))
        : { kind: 'answered', record: tally.record(), dropped: [...dropped, ...unsaid()], ...answer };
    }

    const translator = translateStream(dialect, request.surface, request.context);
    const reader = readStream({
      events: reply.events(),
      translator,
      tally,
      watch,
      mapError,
      decodeError: dialect.decodeError,
      clock,
      failureOf,
    });
    const first = await readUntilContent(reader, tally, leavesFiltered);
    clearFirstToken();
    if (first.kind === 'failed') {
      watch.close();
      return failed(first.failure);
    }
    const seen = { isEmpty: !tally.hasContent, isRefusal: !tally.hasMoreThanRefusal };
    if (first.kind === 'complete' && isKept(tally.stop, seen) && leavesFiltered()) {
      watch.close();
      return failed(filtered(tally.stop));
    }
    const record = tally.record();
    const errorText = (failure: AttemptFailure) => translator.fail(brokenStream(failure, target, request.stoppedByRun));
    const stream = openCommittedStream({
      first,
      reader,
      tally,
      watch,
      timeouts: alias.timeouts,
      clock,
      unsaid,
      errorText,
    });
    return { kind: 'streaming', record, stream, dropped: [...dropped, ...unsaid()] };
  } catch (error) {
    const failure = failureOf(error);
    watch.close();
    return failed(failure);
  }
};

/**
 * Whether an answer was kept by a filter before any content. What a filter says of itself is none (Gemini tells why it blocked
 * a prompt, Anthropic explains a refusal); what a model says is, also where it declines.
 */
const isKept = (stop: Stop | undefined, { isEmpty, isRefusal }: { isEmpty: boolean; isRefusal: boolean }): boolean =>
  stop?.reason === 'content-filter' || stop?.explanation !== undefined
    ? isEmpty || isRefusal
    : stop?.reason === 'refusal' && isEmpty;

const contentOf = ({ parts, alternatives = [] }: Answer): { isEmpty: boolean; isRefusal: boolean } => {
  const all = [...parts, ...alternatives.flatMap((one) => one.parts)];
  const spoken = all.filter((part) => !('text' in part) || part.text !== '');
  return { isEmpty: spoken.length === 0, isRefusal: spoken.every(({ type }) => type === 'refusal') };
};

/** An answer without a word of content, though the vendor calls it one: it has worked on it, and bills it. */
const filtered = (stop: Stop | undefined): AttemptFailure =>
  attemptFailure('content_filter', {
    message: `the provider's filter kept the answer (${stop?.raw})`,
    mayBeBilled: true,
  });

/** Reads a whole answer. @returns the error where the vendor itself calls it failed, the text where it is none @throws {Stopped | UpstreamError} */
const readAnswer = async (
  reply: UpstreamReply,
  { request, dialect, tally, watch }: { request: CallRequest; dialect: Dialect; tally: Tally; watch: Watch },
): Promise<{ body: JsonObject; answer: Answer } | { error: ProviderError; hasBegun: boolean } | { text: string }> => {
  const text = await watch.guard(() => reply.text());
  watch.release();
  const json = parseJson(text);
  const answer = json === undefined ? undefined : dialect.decodeAnswer(json);
  if (answer === undefined) return { text };
  tally.seeAnswer(answer);
  const { error } = answer.stop;
  if (error !== undefined) return { error, hasBegun: answer.usage !== undefined || answer.parts.length > 0 };
  const { embedding } = request.conversation;
  if (embedding !== undefined && dialect.vectors?.isWhole(embedding, answer) === false) return { text };
  const { surface, context } = request;
  const body =
    dialect.name === surface.name
      ? surface.relayAnswer(json as JsonObject, context)
      : surface.encodeAnswer(answer, context);
  return { body, answer };
};

/** How long an error's body is waited for: of a request that was refused as wrong it alone says what about. */
const patienceFor = (status: number, idleMs: number): number =>
  status === 400 || status === 422 ? idleMs : Math.min(idleMs, ERROR_BODY_MS);

/** What an error reply means. Its status alone says most, so a body that does not come is not waited for long. @throws {Stopped} */
const readErrorReply = async (
  reply: UpstreamReply,
  {
    dialect,
    mapError,
    watch,
    tally,
    patienceMs,
    ports: { clock, log },
  }: {
    dialect: Dialect;
    mapError: Provider['mapError'];
    watch: Watch;
    tally: Tally;
    patienceMs: number;
    ports: AttemptPorts;
  },
): Promise<AttemptFailure> => {
  let body = '';
  try {
    body = await watch.guard(() => withPatience(() => reply.text(), patienceMs, clock));
    watch.release();
  } catch (error) {
    if (!(error instanceof OutOfPatience || error instanceof UpstreamError) || watch.cause !== undefined) throw error;
    log.debug('error reply without its body', { status: reply.status, error });
    watch.close();
  }
  const error = dialect.decodeError(reply.status, reply.headers, body);
  if (error.usage !== undefined) tally.see({ type: 'usage', usage: error.usage });
  const failure = mapError(error, reply.headers);
  // What it refuses as a bad request it has not worked on, however it words it.
  return reply.status === 400 ? { ...failure, mayBeBilled: false } : failure;
};

/** With the error's own fields, for a client that speaks the vendor's dialect. */
const withFields = (
  failure: AttemptFailure,
  { fields }: ProviderError,
  dialect: Dialect,
  key: string | undefined,
): AttemptFailure => {
  const told = fields === undefined ? undefined : redactFields(fields, key);
  return told === undefined ? failure : { ...failure, told: { dialect: dialect.name, fields: told } };
};

/** Vendors quote the key they turn down, whole or not; ours is known here, whatever it looks like. */
const hideKey = (failure: AttemptFailure, key: string | undefined): AttemptFailure =>
  key === undefined ? failure : { ...failure, message: failure.message.replaceAll(key, '[key]') };
