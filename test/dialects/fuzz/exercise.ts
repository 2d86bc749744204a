/** What the gateway does with bytes that others sent, codec by codec, and what must come of it whatever they are. */
import { Readable } from 'node:stream';
import { readEvents } from '../../../lambdas/adapters/http/read-events.ts';
import { encodeCall } from '../../../lambdas/core/call/encode-call.ts';
import { redactSecrets } from '../../../lambdas/core/call/redact-secrets.ts';
import { translateStream } from '../../../lambdas/core/call/translate-stream.ts';
import { UpstreamError } from '../../../lambdas/core/call/upstream.ts';
import type { JsonObject, JsonValue, StreamEvent } from '../../../lambdas/core/conversation.ts';
import { isJsonObject, readBody } from '../../../lambdas/core/decode/read-body.ts';
import type { AnswerContext, Dialect, Surface, WireEvent } from '../../../lambdas/core/dialect.ts';
import type { Provider } from '../../../lambdas/core/provider.ts';
import { whyNot } from '../../../lambdas/core/route/requirements.ts';
import type { Target } from '../../../lambdas/core/target.ts';

const CONTEXT: AnswerContext = { requestId: 'req_1', alias: 'assistant', createdAt: 1, streamUsage: true };

/** What a codec writes may be longer than what it read, by names and escapes, not by a multiple that an attacker chooses. */
const LONGEST_GROWTH = 40;
const ROOM = 50_000;

const checkSize = (written: number, read: number, what: string): void => {
  if (written > read * LONGEST_GROWTH + ROOM) throw new Error(`${what}: ${read} bytes became ${written}`);
};

/** A client's body: read, or refused with the field's path; and what was read can be said in the target's language. */
export const exerciseRequest = async (
  bytes: Buffer,
  surface: Surface,
  { dialect, target }: { dialect: Dialect; target: Target },
): Promise<'refused' | 'passed-over' | 'sent'> => {
  const read = await readBody(new Request('http://gateway/', { method: 'POST', body: new Uint8Array(bytes) }));
  if (!read.ok) return requireText(read.refusal.message, 'refused');
  const decoded = surface.decodeRequest(read.body);
  if (!decoded.ok) return requireText(decoded.problem.message, 'refused');
  if (!isJsonObject(read.body)) throw new Error('a body that is no object was read');
  const conversation = decoded.value;
  if (whyNot(target, dialect, conversation, 1) !== undefined) return 'passed-over';
  const alias = { name: 'assistant', targets: [target] } as never;
  const request = { surface, conversation, body: read.body, alias, outputLimit: () => conversation.maxOutputTokens };
  const { body, dropped } = encodeCall(request, target, dialect);
  checkSize(JSON.stringify(body).length + dropped.join().length, bytes.length, `${surface.name} → ${dialect.name}`);
  return 'sent';
};

/** A whole answer: no answer of the dialect, or one that the client's surface can say. */
export const exerciseAnswer = (body: JsonValue, dialect: Dialect, surface: Surface): 'refused' | 'read' => {
  const answer = dialect.decodeAnswer(body);
  if (answer === undefined) return 'refused';
  const written =
    dialect.name === surface.name
      ? surface.relayAnswer(body as JsonObject, CONTEXT)
      : surface.encodeAnswer(answer, CONTEXT);
  checkSize(JSON.stringify(written).length, JSON.stringify(body).length, `${dialect.name} → ${surface.name}`);
  return 'read';
};

/** A stream: its events keep the rules of `StreamEvent` up to its end or its error, and the client's surface can say them. */
export const exerciseStream = (
  events: readonly WireEvent[],
  dialect: Dialect,
  surface: Surface,
): 'broken' | 'cut' | 'whole' => {
  const translator = translateStream(dialect, surface, CONTEXT);
  const rules = followRules();
  let read = 0;
  let written = 0;
  for (const event of events) {
    read += typeof event.data === 'string' ? event.data.length : JSON.stringify(event.data).length;
    const { text, events: meant } = translator.push(event);
    written += text.length;
    for (const one of meant) rules(one);
    if (meant.some(({ type }) => type === 'error')) {
      requireText(translator.fail({ code: 'all_targets_failed', message: 'It broke.' }), 'broken');
      return 'broken';
    }
    if (meant.some(({ type }) => type === 'answer-end')) return 'whole';
  }
  checkSize(written, read, `${dialect.name} → ${surface.name}`);
  requireText(translator.fail({ code: 'all_targets_failed', message: 'It broke.' }), 'cut');
  return 'cut';
};

/** Bytes of a server-sent stream, in pieces: its events, and how it ended. */
export const readPieces = async (pieces: Buffer[]): Promise<WireEvent[]> => {
  const events: WireEvent[] = [];
  try {
    for await (const event of readEvents(Readable.from(pieces), {}, new AbortController().signal)) events.push(event);
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
  }
  return events;
};

/** An error reply: always a failure that says whether to retry, to go elsewhere, and what to tell. */
export const exerciseError = (status: number, body: string, dialect: Dialect, provider: Provider): string => {
  const headers = { 'retry-after': body.slice(0, 3), 'content-type': body.slice(0, 20) };
  const failure = provider.mapError(dialect.decodeError(status, headers, body), headers);
  if (typeof failure.isRetryable !== 'boolean' || typeof failure.countsAgainstCircuit !== 'boolean')
    throw new Error(`undecided: ${JSON.stringify(failure)}`);
  if (failure.retryAfterMs !== undefined && !(failure.retryAfterMs >= 0 && Number.isFinite(failure.retryAfterMs)))
    throw new Error(`waits ${failure.retryAfterMs} ms`);
  checkSize(redactSecrets(failure.message).length, 0, 'a message');
  return failure.reason;
};

const requireText = <T>(text: string, outcome: T): T => {
  if (typeof text !== 'string' || text === '') throw new Error(`nothing is said of what is ${outcome}`);
  return outcome;
};

/** @returns a check that throws at the first event which its part, or the stream's order, does not allow */
const followRules = (): ((event: StreamEvent) => void) => {
  const open = new Map<number, string>();
  let started = 0;
  const start = (index: number, type: string): void => {
    if (index !== started) throw new Error(`part ${index} started where ${started} was due`);
    started += 1;
    open.set(index, type);
  };
  const need = (index: number, ...types: string[]): void => {
    const type = open.get(index);
    if (type === undefined || !types.includes(type))
      throw new Error(`part ${index} is ${type ?? 'not open'}, not ${types}`);
  };
  return (event) => {
    switch (event.type) {
      case 'text-start':
      case 'refusal-start':
      case 'reasoning-start':
      case 'tool-call-start':
        return start(event.index, event.type.slice(0, -'-start'.length));
      case 'redacted-reasoning':
        return start(event.index, event.type);
      case 'text-delta':
      case 'refusal-delta':
      case 'reasoning-delta':
      case 'tool-call-delta':
        return need(event.index, event.type.slice(0, -'-delta'.length));
      case 'citation':
      case 'logprobs':
        return need(event.index, 'text');
      case 'signature':
        return need(event.index, 'reasoning', 'text', 'tool-call');
      case 'part-end':
        if (!open.delete(event.index)) throw new Error(`part ${event.index} ended without being open`);
        return;
      case 'usage':
        for (const [name, count] of Object.entries(event.usage))
          if (typeof count === 'number' && !(Number.isSafeInteger(count) && count >= 0))
            throw new Error(`${name} is ${count}`);
        return;
      default:
    }
  };
};
