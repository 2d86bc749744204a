import type { JsonObject, JsonValue } from '../../core/conversation.ts';

/** Lenient readers for what a vendor sent: an absent or odd field is `undefined`, never an exception. */
export const objectOf = (value: JsonValue | undefined): JsonObject | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;

export const listOf = (value: JsonValue | undefined): JsonValue[] => (Array.isArray(value) ? value : []);

export const objectsOf = (value: JsonValue | undefined): JsonObject[] =>
  listOf(value).flatMap((one) => {
    const object = objectOf(one);
    return object === undefined ? [] : [object];
  });

export const textOf = (value: JsonValue | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;

/** A count as protobuf's JSON has it: 0 is left out, and a large one may come as text. */
export const countOf = (value: JsonValue | undefined): number => {
  const count = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof count === 'number' && Number.isSafeInteger(count) && count > 0 ? count : 0;
};

/** Google refuses contents and parts of nothing but white space. */
export const isBlank = (text: string): boolean => text.trim() === '';

/** @returns undefined for text that is no JSON object */
export const parseObject = (text: string): JsonObject | undefined => {
  try {
    return objectOf(JSON.parse(text) as JsonValue);
  } catch {
    // Text that is no JSON is an expected answer here, not a failure.
    return undefined;
  }
};

/** What can't be read ends the stream. */
export const MALFORMED = 'an event of the stream is not a JSON object';
