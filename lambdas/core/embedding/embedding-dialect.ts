import { MAX_REPLY_BYTES } from '../../contract/bounds.ts';
import type { Dialect, Surface } from '../dialect.ts';
import { fitsEmbedding } from './vectors.ts';
import { whyNoVectors } from './why-no-vectors.ts';

const MALFORMED = {
  type: 'error',
  error: { status: 502, type: 'malformed_stream', message: 'a stream came where vectors were asked for' },
} as const;

/**
 * What all languages have in common in which vectors are asked for. They have no streams: no request asks for one, so whatever
 * comes as one is malformed, and nothing is ever written as one.
 */
export const embeddingDialect: Pick<Surface, 'decodeStream' | 'encodeStream' | 'relayStream'> &
  Required<Pick<Dialect, 'vectors'>> = {
  decodeStream: () => ({ push: () => [MALFORMED] }),
  encodeStream: () => ({ push: () => '', fail: () => '' }),
  relayStream: () => ({ push: () => ({ text: '', events: [MALFORMED] }), end: () => '', fail: () => '' }),
  vectors: {
    whyNot: (target, conversation, inputTokensLow) =>
      whyNoVectors(target, conversation, inputTokensLow, MAX_REPLY_BYTES),
    isWhole: fitsEmbedding,
  },
};
