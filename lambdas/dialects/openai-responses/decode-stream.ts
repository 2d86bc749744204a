import type { StreamDecoder } from '../../core/dialect.ts';
import { chunkOf } from '../openai-chat/decode-stream.ts';
import { createEventReader } from './read-events.ts';

/** Says nothing of the content: it may be the client's. */
export const MALFORMED = 'an event of the stream is not a JSON object';

/** Reads a stream of typed events; `createEventReader` says when it is whole. */
export const decodeStream = (): StreamDecoder => {
  const reader = createEventReader();
  return {
    push(event) {
      const data = chunkOf(event);
      // Some compatible servers end with Chat Completions' mark; it says nothing here.
      if (data === 'nothing' || data === 'done') return [];
      return data === 'malformed' ? reader.malformed(MALFORMED) : reader.read(data);
    },
  };
};
