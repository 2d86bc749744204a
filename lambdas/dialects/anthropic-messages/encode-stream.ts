import type { JsonObject, Signed, Stop, StreamEvent, Usage } from '../../core/conversation.ts';
import type { AnswerContext, StreamEncoder } from '../../core/dialect.ts';
import { encodeCitation } from './citations.ts';
import { messageId } from './encode-answer.ts';
import { sealBefore, sealData, sealSignature } from './envelopes.ts';
import { MESSAGE_STOP, writeErrorEvent, writeEvent } from './errors.ts';
import { encodeStopReason } from './stop.ts';
import { encodeUsage } from './usage.ts';

/** A part that has started. What comes for it while another part's block is open has to wait. */
interface Part {
  block: JsonObject;
  /** Anthropic refuses empty text blocks when the client sends them back: text is begun with its first delta. */
  mayBeEmpty: boolean;
  /** Of reasoning: the vendor's id, which goes with the signature. */
  id: string | undefined;
  /** JSON of the deltas that wait. */
  waiting: string[];
  /** The signature of a text or a tool call, told after it in a block of its own. */
  signed: Signed | undefined;
  hasEnded: boolean;
}

/**
 * Canonical parts may interleave, the Messages API has one block open at a time, numbered without gaps: the oldest open part
 * is written as it comes, the others wait for its end. `message_start` waits for the first part, so that it can carry the
 * input's usage where the vendor tells it at the start; `message_delta` carries all usage in any case.
 */
export const encodeStream = (context: AnswerContext): StreamEncoder => {
  const parts = new Map<number, Part>();
  const queue: number[] = [];
  let open: { index: number; hasStarted: boolean } | undefined;
  let blocks = 0;
  let usage: Usage | undefined;
  let stop: Stop | undefined;
  let state: 'before' | 'within' | 'over' = 'before';

  const startMessage = (): string => {
    if (state !== 'before') return '';
    state = 'within';
    const message = {
      id: messageId(context),
      type: 'message',
      role: 'assistant',
      model: context.alias,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: encodeUsage(usage),
    };
    return writeEvent('message_start', JSON.stringify({ type: 'message_start', message }));
  };

  const startBlock = (block: JsonObject): string =>
    writeEvent(
      'content_block_start',
      `{"type":"content_block_start","index":${blocks},"content_block":${JSON.stringify(block)}}`,
    );

  const writeDelta = (delta: string): string =>
    writeEvent('content_block_delta', `{"type":"content_block_delta","index":${blocks},"delta":${delta}}`);

  /** Begins the part's block, writes what has waited, and goes on to the next part where this one has already ended. */
  const openNext = (): string => {
    let text = '';
    while (open === undefined) {
      const index = queue.shift();
      const part = index === undefined ? undefined : parts.get(index);
      if (index === undefined || part === undefined) return text;
      open = { index, hasStarted: false };
      if (!part.mayBeEmpty || part.waiting.length > 0) text += beginBlock(part);
      for (const delta of part.waiting) text += writeDelta(delta);
      part.waiting = [];
      if (part.hasEnded) text += closeBlock();
    }
    return text;
  };

  const beginBlock = (part: Part): string => {
    if (open !== undefined) open.hasStarted = true;
    return startMessage() + startBlock(part.block);
  };

  const closeBlock = (): string => {
    if (open === undefined) return '';
    const { index, hasStarted } = open;
    const signed = parts.get(index)?.signed;
    parts.delete(index);
    open = undefined;
    return (hasStarted ? stopBlock() : '') + (signed === undefined ? '' : writeSignature(signed, !hasStarted));
  };

  const stopBlock = (): string => {
    const text = writeEvent('content_block_stop', `{"type":"content_block_stop","index":${blocks}}`);
    blocks += 1;
    return text;
  };

  const writeSignature = (signed: Signed, isEmpty: boolean): string =>
    startMessage() + startBlock({ type: 'redacted_thinking', data: sealBefore(signed, isEmpty) }) + stopBlock();

  const start = (index: number, block: JsonObject, mayBeEmpty = false, id?: string): string => {
    parts.set(index, { block, mayBeEmpty, id, waiting: [], signed: undefined, hasEnded: false });
    queue.push(index);
    return openNext();
  };

  const add = (index: number, delta: string): string => {
    const part = parts.get(index);
    if (part === undefined) return '';
    if (open?.index !== index) {
      part.waiting.push(delta);
      return '';
    }
    return (open.hasStarted ? '' : beginBlock(part)) + writeDelta(delta);
  };

  const end = (index: number): string => {
    const part = parts.get(index);
    if (part === undefined) return '';
    part.hasEnded = true;
    return open?.index === index ? closeBlock() + openNext() : '';
  };

  /** Parts that the vendor left open are ended with the answer. */
  const finish = (): string => {
    let text = startMessage();
    for (const index of [...parts.keys()]) text += end(index);
    const delta = {
      stop_reason: stop === undefined ? 'end_turn' : encodeStopReason(stop),
      stop_sequence: stop?.sequence ?? null,
    };
    text += writeEvent('message_delta', JSON.stringify({ type: 'message_delta', delta, usage: encodeUsage(usage) }));
    text += MESSAGE_STOP;
    state = 'over';
    return text;
  };

  const sign = ({ index, signature, signedBy }: Extract<StreamEvent, { type: 'signature' }>): string => {
    const part = parts.get(index);
    const signed = { signature, ...(signedBy !== undefined && { signedBy }) };
    if (part === undefined) return '';
    if (part.block.type !== 'thinking') {
      part.signed = signed;
      return '';
    }
    const sealed = sealSignature({ ...signed, ...(part.id !== undefined && { id: part.id }) });
    return add(index, `{"type":"signature_delta","signature":${JSON.stringify(sealed)}}`);
  };

  const write = (event: StreamEvent): string => {
    switch (event.type) {
      case 'answer-start':
        return '';
      case 'text-start':
      case 'refusal-start':
        return start(event.index, { type: 'text', text: '' }, true);
      case 'text-delta':
      case 'refusal-delta':
        if (event.text === '') return '';
        return add(event.index, `{"type":"text_delta","text":${JSON.stringify(event.text)}}`);
      case 'reasoning-start':
        return start(event.index, { type: 'thinking', thinking: '', signature: '' }, false, event.id);
      case 'reasoning-delta':
        return add(event.index, `{"type":"thinking_delta","thinking":${JSON.stringify(event.text)}}`);
      case 'signature':
        return sign(event);
      case 'redacted-reasoning':
        return start(event.index, { type: 'redacted_thinking', data: sealData(event) });
      case 'citation': {
        const citation = encodeCitation(event.citation);
        if (citation === undefined) return '';
        return add(event.index, `{"type":"citations_delta","citation":${JSON.stringify(citation)}}`);
      }
      case 'tool-call-start':
        return start(event.index, { type: 'tool_use', id: event.id, name: event.name, input: {} });
      case 'tool-call-delta':
        return add(event.index, `{"type":"input_json_delta","partial_json":${JSON.stringify(event.arguments)}}`);
      case 'part-end':
        return end(event.index);
      case 'usage':
        usage = event.usage;
        return '';
      case 'stop':
        stop = event.stop;
        return '';
      case 'answer-end':
        return finish();
      case 'logprobs':
      case 'unsaid':
        return '';
      case 'error':
        // What the client is told of it is decided by the call, which then asks for `fail`.
        return '';
      default:
        return event satisfies never;
    }
  };

  return {
    push: (event) => (state === 'over' ? '' : write(event)),
    fail(refusal) {
      if (state === 'over') return '';
      state = 'over';
      return writeErrorEvent(refusal, context.requestId);
    },
  };
};
