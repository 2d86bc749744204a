import type { StreamDecoder } from '../../core/dialect.ts';
import { decodeStreamError, malformedStream } from './errors.ts';
import { createResponseReader } from './read-response.ts';
import { MALFORMED, objectOf, parseObject } from './wire.ts';

/**
 * Reads the events of streamGenerateContent with `alt=sse`. Gemini closes after its last event without a mark, so no
 * `answer-end` is told, and the `stop` not before the connection's regular close; a close without one is a cut.
 */
export const decodeStream = (): StreamDecoder => {
  const reader = createResponseReader(false);
  let isBroken = false;
  return {
    push({ data }) {
      if (isBroken || (typeof data === 'string' && data.trim() === '')) return [];
      const event = typeof data === 'string' ? parseObject(data) : objectOf(data);
      const error = event === undefined ? malformedStream(MALFORMED) : decodeStreamError(event);
      if (error !== undefined || event === undefined) {
        isBroken = true;
        return error === undefined ? [] : [{ type: 'error', error }];
      }
      return reader.read(event);
    },
    end: () => (isBroken ? [] : reader.end()),
  };
};
