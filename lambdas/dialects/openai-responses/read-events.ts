import type { AssistantPart, JsonObject, Signed, StreamEvent } from '../../core/conversation.ts';
import { toolCallId } from '../openai-chat/decode-answer.ts';
import { countOf, objectOf, objectsOf, textOf } from '../openai-chat/wire.ts';
import { decodeAnnotation, decodeLogprobs, fieldOf } from './annotations.ts';
import { callArgumentsOf, decodeSpoken } from './decode-answer.ts';
import { decodeStreamError, failureIn } from './errors.ts';
import { decodeReasoningItem, decodeSigned, PARAGRAPH } from './seals.ts';
import { decodeStop } from './status.ts';
import { unsaidAnnotation, unsaidOf } from './unsaid.ts';
import { decodeUsage } from './usage.ts';

/** A part that has begun. */
interface Open {
  index: number;
  type: 'text' | 'refusal' | 'reasoning' | 'tool-call';
  /** Whether anything has come in it: what was told in pieces is told again as a whole. */
  hasContent: boolean;
  isEnded: boolean;
}

/** One item of the output, by its `output_index`. */
interface Item {
  index: number;
  type: string;
  /** By `content_index`; a call or a thought is one part, at 0. */
  parts: Map<number, Open>;
  /** Of the reasoning summary's paragraph that is being told. */
  paragraph: number;
  isDone: boolean;
}

export interface EventReader {
  /** One parsed event. */
  read(event: JsonObject): StreamEvent[];
  /** An event that is none. */
  malformed(what: string): StreamEvent[];
  /** Whether the end or an error has been read: what comes after means nothing. */
  readonly isOver: boolean;
}

/**
 * Reads the events of one stream. The answer is whole at `response.completed` or `response.incomplete`. OpenAI tells everything
 * in pieces and then once more; some compatible servers tell only the one or the other, so what an item's end holds is read
 * where its pieces did not come.
 */
export const createEventReader = (): EventReader => {
  const items = new Map<number, Item>();
  const kinds = new Set<AssistantPart['type']>();
  let answerId = '';
  let hasStarted = false;
  let nextPart = 0;
  let isOver = false;

  const start = (response: JsonObject): StreamEvent[] => {
    if (hasStarted) return [];
    hasStarted = true;
    answerId = textOf(response['id']) ?? '';
    return [{ type: 'answer-start', id: answerId, model: textOf(response['model']) ?? '' }];
  };

  const itemAt = (event: JsonObject, type: string): Item => {
    const index = countOf(event['output_index']) ?? 0;
    const known = items.get(index);
    if (known !== undefined) return known;
    const item: Item = { index, type, parts: new Map(), paragraph: 0, isDone: false };
    items.set(index, item);
    return item;
  };

  const open = (item: Item, at: number, type: Open['type'], events: StreamEvent[], begin: object = {}): Open => {
    const known = item.parts.get(at);
    if (known !== undefined) return known;
    events.push(...start({}));
    const part: Open = { index: nextPart, type, hasContent: false, isEnded: false };
    nextPart += 1;
    item.parts.set(at, part);
    kinds.add(type);
    events.push({ type: `${type}-start`, index: part.index, ...begin } as StreamEvent);
    return part;
  };

  const end = (part: Open, events: StreamEvent[]): void => {
    if (part.isEnded) return;
    part.isEnded = true;
    events.push({ type: 'part-end', index: part.index });
  };

  const add = (part: Open, text: string | undefined, events: StreamEvent[]): void => {
    if (text === undefined || part.isEnded) return;
    part.hasContent = true;
    const { index, type } = part;
    if (type === 'tool-call') events.push({ type: 'tool-call-delta', index, arguments: text });
    else events.push({ type: `${type}-delta`, index, text });
  };

  const speak = (event: JsonObject, type: 'text' | 'refusal'): StreamEvent[] => {
    const events: StreamEvent[] = [];
    const part = open(itemAt(event, 'message'), countOf(event['content_index']) ?? 0, type, events);
    // Another kind than the part began with is a vendor's slip; its words count all the same.
    add(part, textOf(event['delta']), events);
    const tokens = type === 'text' ? decodeLogprobs(event['logprobs']) : [];
    if (tokens.length > 0 && part.type === 'text' && !part.isEnded)
      events.push({ type: 'logprobs', index: part.index, tokens });
    return events;
  };

  /** The end of one part of a message: what it holds, where its pieces did not come. */
  const finishContent = (item: Item, at: number, content: JsonObject, events: StreamEvent[]): void => {
    const [said] = decodeSpoken(content);
    if (said === undefined || (said.type !== 'text' && said.type !== 'refusal')) return;
    const isNew = !item.parts.has(at);
    const part = open(item, at, said.type, events);
    if (part.isEnded) return;
    if (!part.hasContent) add(part, textOf(said.text), events);
    if (isNew && said.type === 'text') {
      for (const citation of said.citations ?? []) events.push({ type: 'citation', index: part.index, citation });
      if (said.logprobs !== undefined) events.push({ type: 'logprobs', index: part.index, tokens: said.logprobs });
    }
    if (said.type === 'text') sign(part, said, events);
    end(part, events);
  };

  const think = (event: JsonObject): StreamEvent[] => {
    const events: StreamEvent[] = [];
    const item = itemAt(event, 'reasoning');
    const text = textOf(event['delta']);
    if (text === undefined || item.isDone) return events;
    const part = open(item, 0, 'reasoning', events, idOf(event['item_id']));
    const paragraph = countOf(event['summary_index']) ?? item.paragraph;
    if (paragraph !== item.paragraph && part.hasContent) add(part, PARAGRAPH, events);
    item.paragraph = paragraph;
    add(part, text, events);
    return events;
  };

  const finishReasoning = (item: Item, value: JsonObject, events: StreamEvent[]): void => {
    const known = item.parts.get(0);
    const [told] = decodeReasoningItem(value);
    if (known === undefined && told?.type === 'redacted-reasoning') {
      const index = nextPart;
      nextPart += 1;
      kinds.add(told.type);
      events.push(...start({}), { ...told, index }, { type: 'part-end', index });
      return;
    }
    const part = known ?? (told?.type === 'reasoning' ? open(item, 0, 'reasoning', events, idOf(told.id)) : undefined);
    if (part === undefined) return;
    if (!part.hasContent && told?.type === 'reasoning') add(part, textOf(told.text), events);
    // A summary told in pieces, whose item holds none at its end, has its proof all the same.
    const { signature, signedBy } =
      told?.type === 'redacted-reasoning' ? { signature: told.data, signedBy: told.madeBy } : (told ?? NO_SIGNATURE);
    sign(part, { signature, signedBy }, events);
    end(part, events);
  };

  const startCall = (item: Item, value: JsonObject, events: StreamEvent[]): Open =>
    open(item, 0, 'tool-call', events, {
      id: textOf(value['call_id']) ?? toolCallId(answerId, 0, item.index),
      name: textOf(value['name']) ?? '',
    });

  const finishCall = (item: Item, value: JsonObject, events: StreamEvent[]): void => {
    const part = startCall(item, value, events);
    if (!part.hasContent) add(part, callArgumentsOf(value) ?? '{}', events);
    sign(part, decodeSigned(value), events);
    end(part, events);
  };

  const finishItem = (item: Item, value: JsonObject, events: StreamEvent[]): void => {
    if (item.isDone) return;
    item.isDone = true;
    if (isCall(value)) finishCall(item, value, events);
    else if (value['type'] === 'reasoning') finishReasoning(item, value, events);
    else if (value['type'] === 'message')
      for (const [at, content] of objectsOf(value['content']).entries()) finishContent(item, at, content, events);
    for (const part of item.parts.values()) end(part, events);
    for (const what of unsaidOf(value)) events.push({ type: 'unsaid', what });
  };

  const finish = (response: JsonObject): StreamEvent[] => {
    isOver = true;
    const events = start(response);
    for (const [index, value] of objectsOf(response['output']).entries())
      finishItem(itemAt({ output_index: index }, textOf(value['type']) ?? ''), value, events);
    for (const item of items.values()) finishItem(item, { type: item.type }, events);
    const usage = decodeUsage(response);
    if (usage !== undefined) events.push({ type: 'usage', usage });
    events.push({ type: 'stop', stop: decodeStop(response, kinds) }, { type: 'answer-end' });
    return events;
  };

  const fail = (event: JsonObject): StreamEvent[] => {
    isOver = true;
    const response = objectOf(event['response']);
    if (response === undefined) return [{ type: 'error', error: decodeStreamError(event) }];
    const usage = decodeUsage(response);
    return [
      ...(usage === undefined ? [] : [{ type: 'usage' as const, usage }]),
      { type: 'error', error: failureIn(response) },
    ];
  };

  const readItem = (event: JsonObject, isDone: boolean): StreamEvent[] => {
    const events: StreamEvent[] = [];
    const value = fieldOf(event, 'item');
    const item = itemAt(event, textOf(value['type']) ?? '');
    if (isDone) finishItem(item, value, events);
    else if (isCall(value)) startCall(item, value, events);
    return events;
  };

  const readContent = (event: JsonObject, isDone: boolean): StreamEvent[] => {
    const events: StreamEvent[] = [];
    const part = fieldOf(event, 'part');
    const item = itemAt(event, 'message');
    const at = countOf(event['content_index']) ?? 0;
    if (isDone) finishContent(item, at, part, events);
    else if (part['type'] === 'output_text') open(item, at, 'text', events);
    else if (part['type'] === 'refusal') open(item, at, 'refusal', events);
    return events;
  };

  const readArguments = (event: JsonObject): StreamEvent[] => {
    const events: StreamEvent[] = [];
    const part = itemAt(event, 'function_call').parts.get(0);
    // A call that never began is told at its item's end.
    if (part?.type === 'tool-call') add(part, textOf(event['delta']), events);
    return events;
  };

  const readAnnotation = (event: JsonObject): StreamEvent[] => {
    const part = itemAt(event, 'message').parts.get(countOf(event['content_index']) ?? 0);
    const annotation = fieldOf(event, 'annotation');
    const citation = decodeAnnotation(annotation);
    if (citation === undefined) return unsaidAnnotation(annotation).map((what) => ({ type: 'unsaid', what }));
    if (part?.type !== 'text' || part.isEnded) return [];
    return [{ type: 'citation', index: part.index, citation }];
  };

  return {
    get isOver() {
      return isOver;
    },
    read(event) {
      if (isOver) return [];
      switch (event['type']) {
        case 'response.created':
        case 'response.queued':
        case 'response.in_progress':
          return start(fieldOf(event, 'response'));
        case 'response.output_item.added':
        case 'response.output_item.done':
          return readItem(event, event['type'].endsWith('done'));
        case 'response.content_part.added':
        case 'response.content_part.done':
          return readContent(event, event['type'].endsWith('done'));
        case 'response.output_text.delta':
          return speak(event, 'text');
        case 'response.refusal.delta':
          return speak(event, 'refusal');
        case 'response.output_text.annotation.added':
          return readAnnotation(event);
        case 'response.reasoning_summary_text.delta':
        case 'response.reasoning_text.delta':
          return think(event);
        case 'response.function_call_arguments.delta':
        case 'response.custom_tool_call_input.delta':
          return readArguments(event);
        case 'response.completed':
        case 'response.incomplete':
          return finish(fieldOf(event, 'response'));
        case 'response.failed':
        case 'response.cancelled':
        case 'error':
          return fail(event);
        default:
          // A body that is an error and says no type: some gateways put theirs into the stream.
          return objectOf(event['error']) === undefined ? [] : fail(event);
      }
    },
    malformed(what) {
      if (isOver) return [];
      isOver = true;
      return [{ type: 'error', error: { status: 502, type: 'malformed_stream', message: what } }];
    },
  };
};

const isCall = (item: JsonObject): boolean => item['type'] === 'function_call' || item['type'] === 'custom_tool_call';

const idOf = (id: unknown): { id?: string } => (typeof id === 'string' && id !== '' ? { id } : {});

type Signature = { [Field in keyof Signed]: Signed[Field] | undefined };

const NO_SIGNATURE: Signature = {};

const sign = ({ index, type, isEnded }: Open, { signature, signedBy }: Signature, events: StreamEvent[]): void => {
  // Nobody signs a refusal: the vendor has mixed up its items.
  if (signature === undefined || isEnded || type === 'refusal') return;
  events.push({ type: 'signature', index, signature, ...(signedBy !== undefined && { signedBy }) });
};
