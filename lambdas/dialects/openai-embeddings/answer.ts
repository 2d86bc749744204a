import type { Answer, JsonObject, JsonValue, Usage, Vector } from '../../core/conversation.ts';
import type { AnswerContext } from '../../core/dialect.ts';
import { inFormat, readVector } from '../../core/embedding/vectors.ts';

const objectOf = (value: JsonValue | undefined): JsonObject | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;

/** Reads `{ data: [{ index, embedding }], usage }`. Vendors answer in order, or say by `index` in which. */
export const decodeAnswer = (json: JsonValue): Answer | undefined => {
  const body = objectOf(json);
  if (!Array.isArray(body?.data)) return undefined;
  const vectors: Vector[] = [];
  for (const [at, one] of body.data.entries()) {
    const item = objectOf(one);
    const vector = readVector(item?.embedding);
    const index = item?.index ?? at;
    if (vector === undefined || !isFreeIndex(index, body.data.length, vectors)) return undefined;
    vectors[index] = vector;
  }
  const usage = readUsage(objectOf(body.usage));
  return {
    id: '',
    model: typeof body.model === 'string' ? body.model : '',
    parts: [],
    stop: { reason: 'end', raw: '' },
    vectors,
    ...(usage !== undefined && { usage }),
  };
};

const isFreeIndex = (index: JsonValue, count: number, taken: readonly Vector[]): index is number =>
  typeof index === 'number' && Number.isInteger(index) && index >= 0 && index < count && taken[index] === undefined;

/** No text is nothing: a count of 0 is none. Some vendors give `total_tokens` alone. */
const readUsage = (usage: JsonObject | undefined): Usage | undefined => {
  const tokens = [usage?.prompt_tokens, usage?.total_tokens].find(
    (count): count is number => typeof count === 'number' && Number.isSafeInteger(count) && count > 0,
  );
  return tokens === undefined ? undefined : usageOf(tokens);
};

export const usageOf = (inputTokens: number): Usage => ({
  inputTokens,
  cachedInputTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
});

export const encodeAnswer = ({ vectors = [], usage }: Answer, { alias, embedding }: AnswerContext): JsonObject => {
  const tokens = usage?.inputTokens ?? 0;
  return {
    object: 'list',
    data: vectors.map((vector, index) => ({
      object: 'embedding',
      index,
      embedding: inFormat(vector, embedding?.format ?? 'float'),
    })),
    model: alias,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
};

/** The vendor's own answer, fields unknown to us kept. One that did not heed the format is put right. */
export const relayAnswer = (body: JsonObject, { alias, embedding }: AnswerContext): JsonObject => ({
  ...body,
  model: alias,
  data: (Array.isArray(body.data) ? body.data : []).map((one) => {
    const item = objectOf(one);
    const vector = item?.embedding as Vector | undefined;
    return item === undefined || vector === undefined
      ? one
      : { ...item, embedding: inFormat(vector, embedding?.format ?? 'float') };
  }),
});
