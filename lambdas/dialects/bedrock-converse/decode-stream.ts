import type { JsonObject, JsonValue, StreamEvent } from '../../core/conversation.ts';
import type { StreamDecoder, WireEvent } from '../../core/dialect.ts';
import { decodeCitation } from './citations.ts';
import { isServerTool, unsaidOf } from './decode-answer.ts';
import { decodeStreamException, malformedStream, readPayload } from './errors.ts';
import { toolNameOf } from './fit-names.ts';
import { dataOfBlob } from './redacted-reasoning.ts';
import { decodeStop } from './stop-reasons.ts';
import { decodeUsage } from './usage.ts';
import { objectOf, textOf } from './wire.ts';

type Part =
  | { kind: 'text' | 'reasoning'; index: number }
  | { kind: 'tool-call'; index: number; hasArguments: boolean }
  /** Encrypted reasoning is told once it is whole; it has no index until then. */
  | { kind: 'redacted'; blobs: string[] }
  /** A call of the vendor's own tool, an image: nothing for the client. */
  | { kind: 'ignored' };

/**
 * Reads ConverseStream's events. Text blocks have no start event; usage comes after the stop, in `metadata`. The answer has
 * ended when both have been: `metadata` is the vendor's last event, and one without `messageStop` before it is no end.
 */
export const decodeStream = (): StreamDecoder => {
  /** By the vendor's contentBlockIndex. */
  const open = new Map<number, Part>();
  let parts = 0;
  let started = false;
  let stopped = false;
  let counted = false;
  let ended = false;

  const nextIndex = (): number => {
    parts += 1;
    return parts - 1;
  };

  const close = (block: number): StreamEvent[] => {
    const part = open.get(block);
    if (part === undefined) return [];
    open.delete(block);
    switch (part.kind) {
      case 'ignored':
        return [];
      case 'redacted': {
        const index = nextIndex();
        const blob = Buffer.concat(part.blobs.map((piece) => Buffer.from(piece, 'base64'))).toString('base64');
        return [
          { type: 'redacted-reasoning', index, data: dataOfBlob(blob) },
          { type: 'part-end', index },
        ];
      }
      case 'tool-call':
        return [
          ...(part.hasArguments ? [] : [{ type: 'tool-call-delta', index: part.index, arguments: '{}' } as const]),
          { type: 'part-end', index: part.index },
        ];
      default:
        return [{ type: 'part-end', index: part.index }];
    }
  };

  /** The block's text or reasoning part; begun where the vendor began none, or where the block changed its kind. */
  const partOf = (block: number, kind: 'text' | 'reasoning'): { index: number; events: StreamEvent[] } => {
    const part = open.get(block);
    if (part?.kind === kind) return { index: part.index, events: [] };
    const events = close(block);
    const index = nextIndex();
    open.set(block, { kind, index });
    return { index, events: [...events, { type: `${kind}-start`, index }] };
  };

  const startBlock = (block: number, start: JsonObject | undefined): StreamEvent[] => {
    const events = close(block);
    const toolUse = objectOf(start?.toolUse);
    if (toolUse === undefined) {
      // Text begins with its first delta; anything else that is announced (a result of the vendor's tool, an image) is not ours.
      if (start !== undefined && Object.keys(start).length > 0) open.set(block, { kind: 'ignored' });
      return [...events, ...leaveOut(start)];
    }
    if (isServerTool(toolUse)) {
      open.set(block, { kind: 'ignored' });
      return [...events, ...leaveOut(start)];
    }
    const index = nextIndex();
    open.set(block, { kind: 'tool-call', index, hasArguments: false });
    const id = textOf(toolUse.toolUseId) ?? '';
    return [...events, { type: 'tool-call-start', index, id, name: toolNameOf(textOf(toolUse.name) ?? '') }];
  };

  const pushReasoning = (block: number, reasoning: JsonObject): StreamEvent[] => {
    const redacted = textOf(reasoning.redactedContent);
    if (redacted !== undefined) {
      const part = open.get(block);
      if (part?.kind === 'redacted') {
        part.blobs.push(redacted);
        return [];
      }
      const events = close(block);
      open.set(block, { kind: 'redacted', blobs: [redacted] });
      return events;
    }
    const text = textOf(reasoning.text) ?? '';
    const signature = textOf(reasoning.signature);
    if (text === '' && signature === undefined) return [];
    const { index, events } = partOf(block, 'reasoning');
    return [
      ...events,
      ...(text === '' ? [] : [{ type: 'reasoning-delta', index, text } as const]),
      ...(signature === undefined ? [] : [{ type: 'signature', index, signature } as const]),
    ];
  };

  const pushDelta = (block: number, delta: JsonObject): StreamEvent[] => {
    if (open.get(block)?.kind === 'ignored') return [];
    const input = textOf(objectOf(delta.toolUse)?.input);
    if (input !== undefined) {
      const part = open.get(block);
      if (part?.kind !== 'tool-call')
        return [{ type: 'error', error: malformedStream('Arguments came for a tool call that never began.') }];
      if (input === '') return [];
      part.hasArguments = true;
      return [{ type: 'tool-call-delta', index: part.index, arguments: input }];
    }
    const reasoning = objectOf(delta.reasoningContent);
    if (reasoning !== undefined) return pushReasoning(block, reasoning);
    const text = textOf(delta.text) ?? '';
    const citation = delta.citation === undefined ? undefined : decodeCitation(delta.citation);
    // Deltas newer than this reader add nothing to the text.
    if (text === '' && citation === undefined) return [];
    const { index, events } = partOf(block, 'text');
    return [
      ...events,
      ...(text === '' ? [] : [{ type: 'text-delta', index, text } as const]),
      ...(citation === undefined ? [] : [{ type: 'citation', index, citation } as const]),
    ];
  };

  const finish = (): StreamEvent[] => {
    if (!stopped || !counted) return [];
    ended = true;
    return [{ type: 'answer-end' }];
  };

  const stop = (data: JsonObject): StreamEvent[] => {
    const raw = textOf(data.stopReason);
    if (raw === undefined) return [{ type: 'error', error: malformedStream('The stop has no reason.') }];
    if (stopped) return [];
    stopped = true;
    const closing = [...open.keys()].flatMap(close);
    return [...closing, { type: 'stop', stop: decodeStop(raw, data.additionalModelResponseFields) }, ...finish()];
  };

  const count = (data: JsonObject): StreamEvent[] => {
    counted = true;
    const usage = decodeUsage(objectOf(data.usage), data.serviceTier);
    return [...(usage === undefined ? [] : [{ type: 'usage', usage } as const]), ...finish()];
  };

  const start = (): StreamEvent[] => {
    if (started) return [];
    started = true;
    return [{ type: 'answer-start', id: '', model: '' }];
  };

  const pushContent = (type: string, data: JsonObject): StreamEvent[] => {
    const block = blockOf(data.contentBlockIndex);
    if (block === undefined) return [{ type: 'error', error: malformedStream(`${type} names no block.`) }];
    if (stopped) return [{ type: 'error', error: malformedStream(`${type} after the stop.`) }];
    if (type === 'contentBlockStart') return startBlock(block, objectOf(data.start));
    if (type === 'contentBlockStop') return close(block);
    return pushDelta(block, objectOf(data.delta) ?? {});
  };

  const read = (type: string, data: JsonObject): StreamEvent[] => {
    switch (type) {
      case 'messageStart':
        return start();
      case 'contentBlockStart':
      case 'contentBlockDelta':
      case 'contentBlockStop':
        return [...start(), ...pushContent(type, data)];
      case 'messageStop':
        return [...start(), ...stop(data)];
      case 'metadata':
        return [...start(), ...count(data)];
      default:
        return [];
    }
  };

  return {
    push: ({ type, data }: WireEvent) => {
      if (ended) return [];
      const payload = readPayload(data);
      const error = decodeStreamException(type, payload);
      if (error !== undefined) return [{ type: 'error', error }];
      return payload === undefined
        ? [{ type: 'error', error: malformedStream(`${type} can't be read.`) }]
        : read(type, payload);
    },
  };
};

const leaveOut = (block: JsonObject | undefined): StreamEvent[] =>
  unsaidOf(block).map((what) => ({ type: 'unsaid', what }));

const blockOf = (value: JsonValue | undefined): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
