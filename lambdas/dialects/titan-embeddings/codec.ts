import type { Answer, Conversation, JsonObject, JsonValue, ProviderError, Usage } from '../../core/conversation.ts';
import type { Dialect, Encoded, EncodeTarget } from '../../core/dialect.ts';
import { embeddingDialect } from '../../core/embedding/embedding-dialect.ts';
import { inFormat, readVector } from '../../core/embedding/vectors.ts';
import { decoding, optional, present, readArray, readNumber, readObject, readString } from '../../core/read-json.ts';

/** Calls in one batch, at the most. */
const MOST_CALLS = 2_048;

/**
 * Amazon's Titan Text Embeddings (InvokeModel). The model takes one text a call, so what is written here is a list of calls,
 * and what is read a list of replies: `{ calls }` and `{ replies, error }`, both in the inputs' order (docs/decisions/027).
 *
 * @param errors how Bedrock tells them, whatever is called
 */
export const makeTitanEmbeddings = (errors: Pick<Dialect, 'decodeError'>): Dialect => ({
  name: 'titan-embeddings',
  cannotCarry: new Set(),
  decodeRequest: (body) => decoding(() => readCalls(body)),
  encodeRequest: ({ embedding, sameDialectOnly }: Conversation, { model }: EncodeTarget): Encoded => {
    if (embedding === undefined) throw new TypeError('no vectors were asked for');
    const { inputs, dimensions } = embedding;
    // The first version knows the text alone; its vectors have one length.
    const options: JsonObject = isFirstVersion(model)
      ? {}
      : { normalize: true, ...(dimensions !== undefined && { dimensions }) };
    const calls = inputs.map((input) => ({ inputText: asText(input), ...options }));
    return { body: { calls }, dropped: [...sameDialectOnly] };
  },
  decodeAnswer: (json: JsonValue): Answer | undefined => {
    const body = objectOf(json);
    if (!Array.isArray(body?.replies) || body.error !== undefined) return undefined;
    const vectors = body.replies.map((reply) => readVector(objectOf(reply)?.embedding));
    if (!vectors.every((vector) => vector !== undefined)) return undefined;
    const usage = usageOf(body.replies);
    return {
      id: '',
      model: '',
      parts: [],
      stop: { reason: 'end', raw: '' },
      vectors,
      ...(usage !== undefined && { usage }),
    };
  },
  encodeAnswer: ({ vectors = [] }) => ({
    replies: vectors.map((vector) => ({ embedding: inFormat(vector, 'float') })),
  }),
  decodeError: (status, headers, text): ProviderError => {
    const body = objectOf(parsed(text));
    const error = errors.decodeError(status, headers, typeof body?.error === 'string' ? body.error : text);
    // Calls of the batch that were answered are billed, whatever became of the others.
    const usage = Array.isArray(body?.replies) ? usageOf(body.replies.filter((reply) => reply !== null)) : undefined;
    return usage === undefined ? error : { ...error, usage };
  },
  ...embeddingDialect,
});

/** Reads the calls back: the model stands in the path, so it is ''. */
const readCalls = (json: JsonValue): Conversation => {
  const calls = readArray(readObject(json, 'body').calls, 'calls', { min: 1, max: MOST_CALLS }).map((call, index) =>
    readObject(call, `calls[${index}]`),
  );
  const dimensions = optional(calls[0]?.dimensions, (value) =>
    readNumber(value, 'calls[0].dimensions', { min: 1, integer: true }),
  );
  return {
    model: '',
    embedding: {
      inputs: calls.map(({ inputText }, index) => readString(inputText, `calls[${index}].inputText`, { min: 1 })),
      ...present('dimensions', dimensions),
      format: 'float',
    },
    turns: [],
    tools: [],
    choices: 1,
    maxOutputTokens: 0,
    stream: false,
    streamUsage: false,
    sameDialectOnly: [],
    costBearing: [],
  };
};

const isFirstVersion = (model: string): boolean => /titan-embed-(g1-text-02|text-v1)/.test(model);

/** The planner lets no tokens come this way. */
const asText = (input: string | number[]): string => {
  if (typeof input !== 'string') throw new TypeError('Titan takes texts, no tokens');
  return input;
};

const objectOf = (value: JsonValue | undefined): JsonObject | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;

const parsed = (text: string): JsonValue | undefined => {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
};

/** @returns undefined where one of the replies has no count, or there is none */
const usageOf = (replies: readonly JsonValue[]): Usage | undefined => {
  let inputTokens = 0;
  for (const reply of replies) {
    const count = objectOf(reply)?.inputTextTokenCount;
    if (typeof count !== 'number' || !Number.isSafeInteger(count) || count <= 0) return undefined;
    inputTokens += count;
  }
  if (inputTokens === 0) return undefined;
  return {
    inputTokens,
    cachedInputTokens: 0,
    cacheWrite5mTokens: 0,
    cacheWrite1hTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
  };
};
