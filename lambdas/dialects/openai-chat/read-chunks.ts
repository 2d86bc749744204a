import type { AssistantPart, JsonObject, JsonValue, Stop, StreamEvent, TokenLogprob } from '../../core/conversation.ts';
import { MOST_UNSAID } from '../../core/says-nothing.ts';
import { decodeAnnotations } from './citations.ts';
import { reasoningOf, splitContent, toolCallId, transcriptOf, usageOf } from './decode-answer.ts';
import { decodeErrorValue } from './decode-error.ts';
import { findCall, type StreamedCall, type StreamedCalls } from './find-call.ts';
import { decodeLogprobs } from './logprobs.ts';
import { extraSignature, readDelta } from './reasoning-details.ts';
import { decodeStop } from './stop-reasons.ts';
import { findUnsaid } from './unsaid.ts';
import { decodeUsage } from './usage.ts';
import { argumentsOf, countOf, objectOf, objectsOf, textOf } from './wire.ts';

type SpokenKind = 'text' | 'refusal' | 'reasoning';

interface ToolCall extends StreamedCall {
  /** Arguments that came before the name. */
  waiting: string;
  hasArguments: boolean;
}

const makeCall = (id: string | undefined): ToolCall => ({ id, part: undefined, waiting: '', hasArguments: false });

interface Choice extends StreamedCalls<ToolCall> {
  index: number;
  speaking: { kind: SpokenKind; part: number } | undefined;
  kinds: Set<AssistantPart['type']>;
  /** Of the tool calls that have begun. */
  ids: Set<string>;
  /** How it ended, once it has. */
  stop: Stop | undefined;
  /** Of tokens that came without a text to stand by. */
  logprobs: TokenLogprob[];
}

export interface ChunkReader {
  /** One parsed `chat.completion.chunk`. */
  read(chunk: JsonObject): StreamEvent[];
  /** The `[DONE]` mark. */
  done(): StreamEvent[];
  /** An event that is no chunk. */
  malformed(what: string): StreamEvent[];
  /** Whether the end or an error has been read: what comes after means nothing. */
  readonly isOver: boolean;
}

/**
 * Reads the chunks of one stream.
 *
 * The stream is whole at `[DONE]`, which becomes `answer-end`. Some compatible servers leave it out: there a `stop` event
 * (every choice that began has its `finish_reason`) followed by the connection's regular close is a whole answer too, and
 * the caller may take it as one; a close before the `stop` is a cut. `[DONE]` without any `finish_reason` is a failure: no
 * vendor's whole answer ends so, and those that lose their model in the middle do.
 *
 * Tool calls stay open until their choice finishes: their pieces may come in any order.
 */
export const createChunkReader = (): ChunkReader => {
  const choices = new Map<number, Choice>();
  /** Of the choices. */
  let unfinished = 0;
  let answerId = '';
  let hasStarted = false;
  let nextPart = 0;
  let hasStopped = false;
  let isOver = false;
  /** Told in every chunk, or in the first alone. */
  let serviceTier: JsonValue | undefined;
  const unsaid = new Set<string>();

  const choiceAt = (index: number): Choice => {
    const known = choices.get(index);
    if (known !== undefined) return known;
    const choice: Choice = {
      index,
      speaking: undefined,
      calls: [],
      callsByIndex: new Map(),
      callsById: new Map(),
      kinds: new Set(),
      ids: new Set(),
      stop: undefined,
      logprobs: [],
    };
    choices.set(index, choice);
    unfinished += 1;
    return choice;
  };

  const fallSilent = (choice: Choice, events: StreamEvent[]): void => {
    if (choice.speaking === undefined) return;
    events.push({ type: 'part-end', index: choice.speaking.part });
    choice.speaking = undefined;
  };

  const ofChoice = ({ index }: Choice): { choice?: number } => (index === 0 ? {} : { choice: index });

  const speak = (choice: Choice, kind: SpokenKind, events: StreamEvent[]): number => {
    if (choice.speaking?.kind !== kind) {
      fallSilent(choice, events);
      choice.speaking = { kind, part: nextPart };
      choice.kinds.add(kind);
      events.push({ type: `${kind}-start`, index: nextPart, ...ofChoice(choice) });
      nextPart += 1;
    }
    return choice.speaking.part;
  };

  const say = (choice: Choice, kind: SpokenKind, text: string | undefined, events: StreamEvent[]): void => {
    if (text === undefined) return;
    const index = speak(choice, kind, events);
    events.push({ type: `${kind}-delta`, index, text });
  };

  /** Signatures and what is encrypted; the text of thoughts is in `reasoning`, but where a vendor tells it here alone. */
  const readDetails = (choice: Choice, delta: JsonObject, events: StreamEvent[]): void => {
    const hasText = reasoningOf(delta) !== undefined;
    for (const thought of readDelta(delta['reasoning_details'])) {
      if (thought.type === 'redacted-reasoning') {
        const call = choice.callsById.get(thought.id ?? '')?.part;
        if (call !== undefined && thought.madeBy === 'google') {
          events.push({ type: 'signature', index: call, signature: thought.data, signedBy: 'google' });
          continue;
        }
        fallSilent(choice, events);
        choice.kinds.add(thought.type);
        events.push({ ...thought, index: nextPart, ...ofChoice(choice) }, { type: 'part-end', index: nextPart });
        nextPart += 1;
        continue;
      }
      const { text, signature, signedBy } = thought;
      if (!hasText && text !== '') say(choice, 'reasoning', text, events);
      if (signature === undefined) continue;
      const index = speak(choice, 'reasoning', events);
      events.push({ type: 'signature', index, signature, ...(signedBy !== undefined && { signedBy }) });
      // Signed is whole: what is thought after it is another part.
      fallSilent(choice, events);
    }
  };

  /** What stands beside the text of a delta. */
  const readBeside = (choice: Choice, body: JsonObject, delta: JsonObject, events: StreamEvent[]): void => {
    // One by one: as arguments of a call too many throw.
    for (const token of decodeLogprobs(body['logprobs']) ?? []) choice.logprobs.push(token);
    const citations = decodeAnnotations(delta['annotations']);
    const { signature } = extraSignature(delta);
    if (signature !== undefined || citations.length > 0) speak(choice, 'text', events);
    if (choice.speaking?.kind !== 'text') return;
    const index = choice.speaking.part;
    for (const citation of citations) events.push({ type: 'citation', index, citation });
    if (signature !== undefined) events.push({ type: 'signature', index, signature, signedBy: 'google' });
    if (choice.logprobs.length === 0) return;
    events.push({ type: 'logprobs', index, tokens: choice.logprobs });
    choice.logprobs = [];
  };

  const startCall = (choice: Choice, call: ToolCall, name: string, events: StreamEvent[]): void => {
    fallSilent(choice, events);
    const index = nextPart;
    nextPart += 1;
    call.part = index;
    choice.kinds.add('tool-call');
    // A vendor's second use of an id would pair two calls with one result.
    const isFree = call.id !== undefined && !choice.ids.has(call.id);
    const id = isFree && call.id !== undefined ? call.id : toolCallId(answerId, choice.index, choice.ids.size);
    choice.ids.add(id);
    events.push({ type: 'tool-call-start', index, id, name, ...ofChoice(choice) });
    writeArguments(call, call.waiting, events);
  };

  const readCall = (choice: Choice, delta: JsonObject, events: StreamEvent[]): void => {
    const called = objectOf(delta['function']) ?? objectOf(delta['custom']) ?? {};
    const name = textOf(called['name']);
    const call = findCall(choice, delta, name, makeCall);
    const written = argumentsOf(called['arguments']) ?? argumentsOf(called['input']) ?? '';
    if (call.part === undefined) call.waiting += written;
    else writeArguments(call, written, events);
    if (call.part === undefined && name !== undefined) startCall(choice, call, name, events);
    const { signature } = extraSignature(delta);
    if (signature !== undefined && call.part !== undefined)
      events.push({ type: 'signature', index: call.part, signature, signedBy: 'google' });
  };

  const closeParts = (choice: Choice, events: StreamEvent[]): void => {
    fallSilent(choice, events);
    for (const call of choice.calls) {
      // A call whose name never came is passed on without one: the client's own checks refuse it.
      if (call.part === undefined) startCall(choice, call, '', events);
      if (!call.hasArguments) writeArguments(call, '{}', events);
      if (call.part !== undefined) events.push({ type: 'part-end', index: call.part });
    }
    choice.calls = [];
    choice.callsByIndex.clear();
    choice.callsById.clear();
  };

  /** @returns whether it has ended with this */
  const readChoice = (body: JsonObject, events: StreamEvent[]): boolean => {
    const choice = choiceAt(countOf(body['index']) ?? 0);
    const delta = objectOf(body['delta']) ?? {};
    const { content } = delta;
    if (typeof content === 'string' || content === null || content === undefined) {
      say(choice, 'reasoning', reasoningOf(delta), events);
      readDetails(choice, delta, events);
      say(choice, 'text', textOf(content) ?? transcriptOf(delta), events);
    } else {
      const { text, reasoning } = splitContent(content);
      say(choice, 'reasoning', reasoningOf(delta) ?? reasoning, events);
      say(choice, 'text', text, events);
    }
    say(choice, 'refusal', textOf(delta['refusal']), events);
    readBeside(choice, body, delta, events);
    for (const call of objectsOf(delta['tool_calls'])) readCall(choice, call, events);
    const legacyCall = objectOf(delta['function_call']);
    if (legacyCall !== undefined) readCall(choice, { index: 0, function: legacyCall }, events);
    const finishReason = textOf(body['finish_reason']);
    if (finishReason === undefined && objectOf(body['error']) === undefined) return false;
    closeParts(choice, events);
    if (choice.stop === undefined) unfinished -= 1;
    choice.stop = decodeStop(finishReason ?? '', choice.kinds, body);
    return true;
  };

  /** What no part can say, each name once. */
  const noteUnsaid = (chunk: JsonObject, bodies: readonly JsonObject[], events: StreamEvent[]): void => {
    for (const what of findUnsaid(chunk, bodies)) {
      if (unsaid.has(what) || unsaid.size >= MOST_UNSAID) continue;
      unsaid.add(what);
      events.push({ type: 'unsaid', what });
    }
  };

  /** All choices' stops. One that failed fails them all: nobody asked for fewer. */
  const stop = (events: StreamEvent[]): void => {
    const [first, ...alternatives] = [...choices.values()]
      .sort((a, b) => a.index - b.index)
      .map((choice): Stop => choice.stop ?? decodeStop('', choice.kinds));
    const failed = alternatives.find(({ reason }) => reason === 'error');
    const own = first?.reason === 'error' ? first : (failed ?? first ?? decodeStop('', new Set()));
    hasStopped = true;
    events.push({ type: 'stop', stop: own, ...(alternatives.length > 0 && { alternatives }) });
  };

  return {
    get isOver() {
      return isOver;
    },
    read(chunk) {
      if (isOver) return [];
      if (chunk['error'] !== undefined && chunk['error'] !== null) {
        isOver = true;
        const usage = decodeUsage(usageOf(chunk, objectsOf(chunk['choices'])), chunk['service_tier'] ?? serviceTier);
        return [
          ...(usage === undefined ? [] : [{ type: 'usage', usage } as const]),
          { type: 'error', error: decodeErrorValue(chunk) },
        ];
      }
      const events: StreamEvent[] = [];
      const bodies = objectsOf(chunk['choices']);
      // Azure's first chunk has neither an answer nor a name: it tells what the prompt's filter found.
      if (!hasStarted && bodies.length > 0) {
        hasStarted = true;
        answerId = textOf(chunk['id']) ?? '';
        events.push({ type: 'answer-start', id: answerId, model: textOf(chunk['model']) ?? '' });
      }
      let hasEnded = false;
      for (const body of bodies) hasEnded = readChoice(body, events) || hasEnded;
      noteUnsaid(chunk, bodies, events);
      if (hasEnded && unfinished === 0) stop(events);
      serviceTier = chunk['service_tier'] ?? serviceTier;
      const usage = decodeUsage(usageOf(chunk, bodies), serviceTier);
      if (usage !== undefined) events.push({ type: 'usage', usage });
      return events;
    },
    done() {
      if (isOver) return [];
      if (!hasStarted) return this.malformed('the stream ended without an answer');
      if (!hasStopped && ![...choices.values()].some((choice) => choice.stop?.reason === 'error'))
        return this.malformed('the stream ended without a finish_reason');
      isOver = true;
      const events: StreamEvent[] = [];
      for (const choice of choices.values()) closeParts(choice, events);
      if (!hasStopped) stop(events);
      events.push({ type: 'answer-end' });
      return events;
    },
    malformed(what) {
      if (isOver) return [];
      isOver = true;
      return [{ type: 'error', error: { status: 502, type: 'malformed_stream', message: what } }];
    },
  };
};

const writeArguments = (call: ToolCall, written: string, events: StreamEvent[]): void => {
  if (call.part === undefined || written === '') return;
  call.hasArguments = true;
  events.push({ type: 'tool-call-delta', index: call.part, arguments: written });
};
