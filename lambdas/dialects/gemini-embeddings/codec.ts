import type { Answer, Conversation, JsonObject, JsonValue } from '../../core/conversation.ts';
import type { Dialect, Encoded, EncodeTarget } from '../../core/dialect.ts';
import { embeddingDialect } from '../../core/embedding/embedding-dialect.ts';
import { inFormat, readVector } from '../../core/embedding/vectors.ts';
import { decoding, optional, present, readArray, readNumber, readObject, readString } from '../../core/read-json.ts';

/** Texts in one request (ai.google.dev/api/embeddings). */
const MOST_TEXTS = 100;

/**
 * Gemini's `batchEmbedContents`. The vendor tells no count, so the input is billed here by its high estimate, which the receipt
 * says.
 *
 * @param errors how Google tells them, whatever is called
 */
export const makeGeminiEmbeddings = ({ decodeError }: Pick<Dialect, 'decodeError'>): Dialect => ({
  name: 'gemini-embeddings',
  cannotCarry: new Set(),
  decodeRequest: (body) => decoding(() => readRequests(body)),
  encodeRequest: ({ embedding, sameDialectOnly }: Conversation, { model }: EncodeTarget): Encoded => {
    if (embedding === undefined) throw new TypeError('no vectors were asked for');
    const { inputs, dimensions } = embedding;
    const requests = inputs.map((input) => ({
      model: model.includes('/') ? model : `models/${model}`,
      content: { parts: [{ text: asText(input) }] },
      ...(dimensions !== undefined && { outputDimensionality: dimensions }),
    }));
    return { body: { requests }, dropped: [...sameDialectOnly] };
  },
  decodeAnswer: (json: JsonValue): Answer | undefined => {
    const body = objectOf(json);
    if (!Array.isArray(body?.embeddings)) return undefined;
    const vectors = body.embeddings.map((one) => readVector(objectOf(one)?.values));
    if (!vectors.every((vector) => vector !== undefined)) return undefined;
    const tokens = objectOf(body.usageMetadata)?.promptTokenCount;
    const isCounted = typeof tokens === 'number' && Number.isSafeInteger(tokens) && tokens > 0;
    return {
      id: '',
      model: '',
      parts: [],
      stop: { reason: 'end', raw: '' },
      vectors,
      ...(isCounted && { usage: { ...NO_TOKENS, inputTokens: tokens } }),
    };
  },
  encodeAnswer: ({ vectors = [], usage }): JsonObject => ({
    embeddings: vectors.map((vector) => ({ values: inFormat(vector, 'float') })),
    ...(usage !== undefined && { usageMetadata: { promptTokenCount: usage.inputTokens } }),
  }),
  decodeError,
  ...embeddingDialect,
});

/** Reads the batch back. */
const readRequests = (json: JsonValue): Conversation => {
  const requests = readArray(readObject(json, 'body').requests, 'requests', { min: 1, max: MOST_TEXTS }).map(
    (request, index) => readObject(request, `requests[${index}]`),
  );
  const dimensions = optional(requests[0]?.outputDimensionality, (value) =>
    readNumber(value, 'requests[0].outputDimensionality', { min: 1, integer: true }),
  );
  return {
    model: readString(requests[0]?.model, 'requests[0].model', { min: 1 }).replace(/^models\//, ''),
    embedding: {
      inputs: requests.map(({ content }, index) => readText(content, `requests[${index}].content`)),
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

const readText = (content: JsonValue | undefined, param: string): string => {
  const [part] = readArray(readObject(content, param).parts, `${param}.parts`, { min: 1, max: 1 });
  return readString(readObject(part, `${param}.parts[0]`).text, `${param}.parts[0].text`, { min: 1 });
};

/** The planner lets no tokens come this way. */
const asText = (input: string | number[]): string => {
  if (typeof input !== 'string') throw new TypeError('Gemini takes texts, no tokens');
  return input;
};

const objectOf = (value: JsonValue | undefined): JsonObject | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;

const NO_TOKENS = {
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
};
