import type { JsonObject, JsonValue } from '../../core/conversation.ts';

/** Lenient readers for what a vendor sent: an absent or odd field is `undefined`, never an exception. */
export const objectOf = (value: JsonValue | undefined): JsonObject | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;

export const listOf = (value: JsonValue | undefined): JsonValue[] => (Array.isArray(value) ? value : []);

export const textOf = (value: JsonValue | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;

/** A token count as the vendor told it; what is no count is 0. */
export const countOf = (value: JsonValue | undefined): number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;

/** Bedrock refuses text blocks of nothing but white space. */
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
