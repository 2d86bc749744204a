import { createHash } from 'node:crypto';
import type { JsonObject, JsonValue } from '../../core/conversation.ts';
import { toBase64 } from '../../core/embedding/vectors.ts';
import { toTokens } from './tokens.ts';

/** What an embeddings body comes to, or what is wrong with it. */
export type SimulatedEmbeddings =
  | { ok: true; inputTokens: number; body(model: string): JsonObject }
  | { ok: false; message: string };

/**
 * OpenAI's embeddings from a hash: the same text has the same unit vector, whatever the model's name says of its manners, and
 * another text almost surely one that is about orthogonal. A shorter one is the beginning of the longer, made a unit again.
 *
 * @param ownDimensions of the model, and the most that may be asked for
 */
export const embed = (body: JsonObject, ownDimensions: number): SimulatedEmbeddings => {
  const { input, dimensions = ownDimensions, encoding_format: format = 'float' } = body;
  if (typeof dimensions !== 'number' || !Number.isInteger(dimensions) || dimensions < 1 || dimensions > ownDimensions)
    return { ok: false, message: `Invalid "dimensions": expected 1 to ${ownDimensions}.` };
  const inputs = inputsOf(input);
  if (inputs === undefined) return { ok: false, message: 'Invalid "input": expected texts or arrays of tokens.' };
  const inputTokens = inputs.reduce<number>((sum, one) => sum + countOf(one), 0);
  return {
    ok: true,
    inputTokens,
    body: (model) => ({
      object: 'list',
      data: inputs.map((one, index) => {
        const vector = vectorOf(one, dimensions);
        return { object: 'embedding', index, embedding: format === 'base64' ? toBase64(vector) : vector };
      }),
      model,
      usage: { prompt_tokens: inputTokens, total_tokens: inputTokens },
    }),
  };
};

type Input = string | number[];

const inputsOf = (input: JsonValue | undefined): Input[] | undefined => {
  if (isInput(input)) return [input];
  return Array.isArray(input) && input.length > 0 && input.every(isInput) ? (input as Input[]) : undefined;
};

const isInput = (value: JsonValue | undefined): value is string | number[] =>
  typeof value === 'string'
    ? value !== ''
    : Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'number');

/** A text of nothing but white space is a token too. */
const countOf = (input: Input): number =>
  typeof input === 'string' ? Math.max(1, toTokens(input).length) : input.length;

/** 32-bit floats from a digest. */
const IN_DIGEST = 8;
const HALF_RANGE = 2 ** 31;

const vectorOf = (input: Input, dimensions: number): number[] => {
  const text = typeof input === 'string' ? input : JSON.stringify(input);
  const numbers: number[] = [];
  for (let block = 0; numbers.length < dimensions; block++) {
    const digest = createHash('sha256').update(`${block}\n${text}`).digest();
    for (let at = 0; at < IN_DIGEST && numbers.length < dimensions; at++)
      numbers.push(digest.readUInt32LE(at * 4) / HALF_RANGE - 1);
  }
  const length = Math.hypot(...numbers) || 1;
  return numbers.map((number) => Math.fround(number / length));
};
