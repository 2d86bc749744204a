/** Bytes of a stream, cut anywhere, read as the gateway reads them; and the official SDK over a fetch that answers from memory. */
import Anthropic from '@anthropic-ai/sdk';
import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import type { StreamEvent } from '../../../lambdas/core/conversation.ts';
import type { WireEvent } from '../../../lambdas/core/dialect.ts';

export const readSse = (chunks: readonly Uint8Array[]): WireEvent[] => {
  const events: WireEvent[] = [];
  const parser = createParser({ onEvent: ({ event = '', data }) => events.push({ type: event, data }) });
  const decoder = new TextDecoder();
  for (const chunk of chunks) parser.feed(decoder.decode(chunk, { stream: true }));
  return events;
};

/** Some cutting of these bytes, in the middle of characters too. */
export const cuttingsOf = (text: string): fc.Arbitrary<Uint8Array[]> => {
  const bytes = new TextEncoder().encode(text);
  return fc.array(fc.nat(bytes.length), { maxLength: 12 }).map((cuts) => {
    const ends = [...cuts, bytes.length].sort((a, b) => a - b);
    return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
  });
};

/**
 * The same parts, mixed: what one part says keeps its order, and parts still start in the order of their index.
 *
 * @param picks numbers that choose which part goes on
 */
export const interleave = (events: readonly StreamEvent[], picks: readonly number[]): StreamEvent[] => {
  const indexed = events.filter((event) => 'index' in event);
  const queues = new Map<number, StreamEvent[]>();
  for (const event of indexed) queues.set(event.index, [...(queues.get(event.index) ?? []), event]);
  const mixed: StreamEvent[] = [];
  let started = 0;
  for (let turn = 0; queues.size > 0; turn += 1) {
    const ready = [...queues.keys()].filter((index) => index <= started).sort((a, b) => a - b);
    const index = ready[(picks[turn % Math.max(1, picks.length)] ?? 0) % ready.length] as number;
    const queue = queues.get(index) as StreamEvent[];
    mixed.push(queue.shift() as StreamEvent);
    if (index === started) started += 1;
    if (queue.length === 0) queues.delete(index);
  }
  const first = events.findIndex((event) => 'index' in event);
  const others = events.filter((event) => !('index' in event));
  return [...others.slice(0, Math.max(first, 1)), ...mixed, ...others.slice(Math.max(first, 1))];
};

/** The SDK, answered by this response and never trying again. */
export const sdkAnsweredBy = (response: () => Response): Anthropic =>
  new Anthropic({ apiKey: 'k', maxRetries: 0, fetch: async () => response() });

export const streamResponse = (text: string): Response =>
  new Response(text, { status: 200, headers: { 'content-type': 'text/event-stream', 'request-id': 'req_1' } });
