import type { Conversation, JsonObject } from '../../core/conversation.ts';
import type { Encoded, EncodeTarget, Surface } from '../../core/dialect.ts';
import { embeddingDialect } from '../../core/embedding/embedding-dialect.ts';
import { decodeAnswer, encodeAnswer, relayAnswer } from './answer.ts';
import { decodeRequest } from './decode-request.ts';

/**
 * OpenAI's Embeddings, as spoken by OpenAI and by whoever else serves `/embeddings`.
 *
 * @param errors how errors are told: as in the same vendors' chat
 */
export const makeOpenaiEmbeddings = ({
  decodeError,
  encodeError,
}: Pick<Surface, 'decodeError' | 'encodeError'>): Surface => ({
  name: 'openai-embeddings',
  cannotCarry: new Set(),
  decodeRequest,
  encodeRequest: ({ embedding, sameDialectOnly }: Conversation, { model }: EncodeTarget): Encoded => {
    if (embedding === undefined) throw new TypeError('no vectors were asked for');
    const { inputs, dimensions, format } = embedding;
    const body: JsonObject = {
      model,
      input: inputs,
      encoding_format: format,
      ...(dimensions !== undefined && { dimensions }),
    };
    return { body, dropped: [...sameDialectOnly] };
  },
  relayRequest: ({ stream: _, ...body }, { model }) => ({ ...body, model }),
  decodeAnswer,
  encodeAnswer,
  relayAnswer,
  decodeError,
  encodeError,
  ...embeddingDialect,
});
