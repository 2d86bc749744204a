import type { JsonObject } from '../../core/conversation.ts';
import type { StreamDecoder, WireEvent } from '../../core/dialect.ts';
import { createChunkReader } from './read-chunks.ts';
import { objectOf, parseJson } from './wire.ts';

export const DONE = '[DONE]';

/** Reads a stream of `chat.completion.chunk`s; `createChunkReader` says when it is whole. */
export const decodeStream = (): StreamDecoder => {
  const reader = createChunkReader();
  return {
    push(event) {
      const chunk = chunkOf(event);
      if (chunk === 'done') return reader.done();
      if (chunk === 'nothing') return [];
      return chunk === 'malformed' ? reader.malformed(MALFORMED) : reader.read(chunk);
    },
  };
};

/** Says nothing of the content: it may be the client's. */
export const MALFORMED = 'an event of the stream is not a JSON object';

/** What an event holds. SSE event names mean nothing in this dialect. */
export const chunkOf = ({ data }: WireEvent): JsonObject | 'done' | 'nothing' | 'malformed' => {
  if (typeof data !== 'string') return objectOf(data) ?? 'malformed';
  const first = data.charCodeAt(0);
  // `{` at once: the usual case costs no trim.
  if (first !== 0x7b) {
    const text = data.trim();
    if (text === DONE) return 'done';
    if (text === '') return 'nothing';
  }
  return objectOf(parseJson(data)) ?? 'malformed';
};
