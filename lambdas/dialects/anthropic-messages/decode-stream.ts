import type { JsonObject, Stop, StreamEvent } from '../../core/conversation.ts';
import type { StreamDecoder, WireEvent } from '../../core/dialect.ts';
import { isDeeperThan, MAX_DEPTH } from '../../core/read-json.ts';
import { decodeCitation, decodeCitations } from './citations.ts';
import { decodeStreamError } from './errors.ts';
import { asCount, asObject, asText, parseObject } from './read-loosely.ts';
import { decodeStop } from './stop.ts';
import { nameOf, unsaidCitation, unsaidOf, unsaidOfMessage } from './unsaid.ts';
import { decodeUsage, mergeUsage } from './usage.ts';

/** A block between its start and its stop. `part` is undefined for the blocks that have no canonical part. */
interface OpenBlock {
  part: { index: number; type: 'text' | 'reasoning' | 'tool-call' | 'redacted-reasoning' } | undefined;
  /** What a tool call's start already said of its arguments; used where no delta follows. */
  input: JsonObject | undefined;
  hasArguments: boolean;
}

/** `undefined` = the event can't be read. */
type Read = StreamEvent[] | undefined;

/** The event's data as an object, read once for both the decoder and the relay. */
export const readEventData = ({ data }: WireEvent): JsonObject | undefined =>
  typeof data === 'string' ? parseObject(data) : data;

/** A decoder that takes events whose data has been parsed already. */
export interface DataDecoder {
  push(data: JsonObject | undefined): StreamEvent[];
}

export const decodeStream = (): StreamDecoder => {
  const decoder = decodeData();
  return { push: (event) => decoder.push(readEventData(event)) };
};

export const decodeData = (): DataDecoder => {
  const blocks = new Map<number, OpenBlock>();
  let parts = 0;
  let usage: JsonObject | undefined;
  let state: 'before' | 'within' | 'over' = 'before';

  const readUsage = (told: JsonObject | undefined): StreamEvent[] => {
    usage = mergeUsage(usage, told);
    const counted = told === undefined ? undefined : decodeUsage(usage);
    return counted === undefined ? [] : [{ type: 'usage', usage: counted }];
  };

  const startMessage = (data: JsonObject): Read => {
    const message = asObject(data.message);
    if (state !== 'before' || message === undefined || isDeeperThan(message, MAX_DEPTH)) return undefined;
    state = 'within';
    return [
      { type: 'answer-start', id: asText(message.id) ?? '', model: asText(message.model) ?? '' },
      ...readUsage(asObject(message.usage)),
      ...unsaid(unsaidOfMessage(message)),
    ];
  };

  const startBlock = (data: JsonObject): Read => {
    const index = asCount(data.index);
    const block = asObject(data.content_block);
    if (index === undefined || block === undefined || blocks.has(index)) return undefined;
    const open = (type: NonNullable<OpenBlock['part']>['type'], input?: JsonObject): number => {
      const part = { index: parts, type };
      blocks.set(index, { part, input, hasArguments: false });
      parts += 1;
      return part.index;
    };
    switch (block.type) {
      case 'text': {
        const part = open('text');
        const text = asText(block.text) ?? '';
        return [
          { type: 'text-start', index: part },
          ...(text === '' ? [] : [{ type: 'text-delta', index: part, text } as const]),
          ...(decodeCitations(block.citations).citations ?? []).map(
            (citation) => ({ type: 'citation', index: part, citation }) as const,
          ),
          ...unsaid(unsaidOf(block)),
        ];
      }
      case 'thinking': {
        const part = open('reasoning');
        const text = asText(block.thinking) ?? '';
        const signature = asText(block.signature) ?? '';
        return [
          { type: 'reasoning-start', index: part },
          ...(text === '' ? [] : [{ type: 'reasoning-delta', index: part, text } as const]),
          ...(signature === '' ? [] : [{ type: 'signature', index: part, signature } as const]),
        ];
      }
      case 'redacted_thinking':
        return [{ type: 'redacted-reasoning', index: open('redacted-reasoning'), data: asText(block.data) ?? '' }];
      case 'tool_use': {
        const input = asObject(block.input);
        if (input !== undefined && isDeeperThan(input, MAX_DEPTH)) return undefined;
        const part = open('tool-call', input);
        return [
          { type: 'tool-call-start', index: part, id: asText(block.id) ?? '', name: asText(block.name) ?? '' },
          ...unsaid(unsaidOf(block)),
        ];
      }
      default:
        blocks.set(index, { part: undefined, input: undefined, hasArguments: false });
        return unsaid(unsaidOf(block));
    }
  };

  const readDelta = (data: JsonObject): Read => {
    const block = blocks.get(asCount(data.index) ?? -1);
    const delta = asObject(data.delta);
    if (block === undefined || delta === undefined) return undefined;
    if (block.part === undefined) return [];
    const { index, type } = block.part;
    switch (delta.type) {
      case 'text_delta': {
        const text = asText(delta.text);
        if (type !== 'text' || text === undefined) return undefined;
        return text === '' ? [] : [{ type: 'text-delta', index, text }];
      }
      case 'input_json_delta': {
        const text = asText(delta.partial_json);
        if (type !== 'tool-call' || text === undefined) return undefined;
        if (text === '') return [];
        block.hasArguments = true;
        return [{ type: 'tool-call-delta', index, arguments: text }];
      }
      case 'thinking_delta': {
        const text = asText(delta.thinking);
        if (type !== 'reasoning' || text === undefined) return undefined;
        return text === '' ? [] : [{ type: 'reasoning-delta', index, text }];
      }
      case 'signature_delta': {
        const signature = asText(delta.signature);
        if (type !== 'reasoning' || signature === undefined) return undefined;
        return signature === '' ? [] : [{ type: 'signature', index, signature }];
      }
      case 'citations_delta': {
        const citation = decodeCitation(delta.citation);
        if (type !== 'text') return undefined;
        return citation === undefined
          ? unsaid(unsaidCitation(delta.citation))
          : [{ type: 'citation', index, citation }];
      }
      default:
        // What is still to be invented.
        return unsaid([nameOf(delta, 'a delta without a type')]);
    }
  };

  const stopBlock = (wireIndex: number): StreamEvent[] => {
    const { part, input, hasArguments } = blocks.get(wireIndex) ?? {};
    blocks.delete(wireIndex);
    if (part === undefined) return [];
    const { index, type } = part;
    const end: StreamEvent = { type: 'part-end', index };
    if (type !== 'tool-call' || hasArguments) return [end];
    return [{ type: 'tool-call-delta', index, arguments: JSON.stringify(input ?? {}) }, end];
  };

  const explain = (text: string | undefined): StreamEvent[] => {
    if (text === undefined) return [];
    const index = parts;
    parts += 1;
    return [
      { type: 'refusal-start', index },
      { type: 'refusal-delta', index, text },
      { type: 'part-end', index },
    ];
  };

  const readMessageDelta = (data: JsonObject): Read => {
    const delta = asObject(data.delta);
    const counted = readUsage(asObject(data.usage));
    const raw = asText(delta?.stop_reason);
    const told = (reason?: Stop['reason']) =>
      unsaid([...unsaidOfMessage(data, reason), ...unsaidOfMessage(delta ?? {}, reason)]);
    if (raw === undefined) return [...counted, ...told()];
    const stop = decodeStop(raw, asText(delta?.stop_sequence), asObject(delta?.stop_details ?? data.stop_details));
    return [...counted, ...explain(stop.explanation), ...told(stop.reason), { type: 'stop', stop }];
  };

  const read = (data: JsonObject): Read => {
    if (data.type === 'error') {
      state = 'over';
      return [{ type: 'error', error: decodeStreamError(data) }];
    }
    if (data.type === 'message_start') return startMessage(data);
    if (state !== 'within') return isOfAnswer(data.type) ? undefined : [];
    switch (data.type) {
      case 'content_block_start':
        return startBlock(data);
      case 'content_block_delta':
        return readDelta(data);
      case 'content_block_stop': {
        const index = asCount(data.index);
        return index === undefined || !blocks.has(index) ? undefined : stopBlock(index);
      }
      case 'message_delta':
        return readMessageDelta(data);
      case 'message_stop': {
        // Some compatible servers leave the stops of blocks out.
        const ends = [...blocks.keys()].flatMap(stopBlock);
        state = 'over';
        return [...ends, { type: 'answer-end' }];
      }
      default:
        return [];
    }
  };

  return {
    push(data) {
      if (state === 'over') return [];
      const events = data === undefined ? undefined : read(data);
      if (events !== undefined) return events;
      state = 'over';
      return [{ type: 'error', error: MALFORMED }];
    },
  };
};

const unsaid = (names: readonly string[]): StreamEvent[] => names.map((what) => ({ type: 'unsaid', what }));

const ANSWER_EVENTS = new Set<unknown>([
  'content_block_start',
  'content_block_delta',
  'content_block_stop',
  'message_delta',
  'message_stop',
]);
const isOfAnswer = (type: unknown): boolean => ANSWER_EVENTS.has(type);

const MALFORMED = {
  status: 502,
  type: 'malformed_stream',
  message: 'An event of the stream is not one of the Messages API, or not in its place.',
} as const;
