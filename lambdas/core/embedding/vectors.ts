import type { Answer, Embedding, Vector, VectorFormat } from '../conversation.ts';

const FLOAT_BYTES = 4;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Numbers as 32-bit floats, little endian, in base64: what OpenAI's `encoding_format: "base64"` means. */
export const toBase64 = (numbers: readonly number[]): string => {
  const bytes = Buffer.allocUnsafe(numbers.length * FLOAT_BYTES);
  for (const [index, number] of numbers.entries()) bytes.writeFloatLE(number, index * FLOAT_BYTES);
  return bytes.toString('base64');
};

/** @returns undefined where it is not base64 of whole, finite floats */
export const fromBase64 = (text: string): number[] | undefined => {
  const bytes = floatBytes(text);
  return (
    bytes && Array.from({ length: bytes.length / FLOAT_BYTES }, (_, index) => bytes.readFloatLE(index * FLOAT_BYTES))
  );
};

/** A batch has millions of numbers: they are looked at in place. */
const floatBytes = (text: string): Buffer | undefined => {
  if (!BASE64.test(text) || text.length % 4 !== 0) return undefined;
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length % FLOAT_BYTES !== 0) return undefined;
  for (let at = 0; at < bytes.length; at += FLOAT_BYTES) if (!Number.isFinite(bytes.readFloatLE(at))) return undefined;
  return bytes;
};

/** Any JSON value → a vector; undefined where it is none, or holds what no 32-bit float can. */
export const readVector = (value: unknown): Vector | undefined => {
  if (typeof value === 'string') return floatBytes(value) === undefined ? undefined : value;
  if (!Array.isArray(value)) return undefined;
  return value.every((one) => typeof one === 'number' && Number.isFinite(Math.fround(one))) ? value : undefined;
};

/** As the client asked for it; what is in that form already stays as the vendor wrote it. */
export const inFormat = (vector: Vector, format: VectorFormat): Vector => {
  if (format === 'base64') return typeof vector === 'string' ? vector : toBase64(vector);
  return typeof vector === 'string' ? (fromBase64(vector) ?? []) : vector;
};

/** Numbers in it. */
export const dimensionsOf = (vector: Vector): number =>
  typeof vector === 'string' ? Buffer.byteLength(vector, 'base64') / FLOAT_BYTES : vector.length;

/** Whether an answer has what was asked for: a vector an input, all of one length, and of that which was named. */
export const fitsEmbedding = ({ inputs, dimensions }: Embedding, { vectors = [] }: Answer): boolean => {
  const length = dimensions ?? (vectors[0] === undefined ? 0 : dimensionsOf(vectors[0]));
  return vectors.length === inputs.length && length > 0 && vectors.every((vector) => dimensionsOf(vector) === length);
};
