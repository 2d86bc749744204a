import type { JsonObject, JsonValue } from '../../core/conversation.ts';

/** Readers for what a provider sends: anything may come, and what is not as expected is simply not there. */

export const asObject = (value: JsonValue | undefined): JsonObject | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;

export const asText = (value: JsonValue | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;

/** A number of tokens or an index. */
export const asCount = (value: JsonValue | undefined): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;

/** @returns undefined for text that is no JSON object */
export const parseObject = (text: string): JsonObject | undefined => {
  try {
    return asObject(JSON.parse(text) as JsonValue);
  } catch {
    // Text that is no JSON is an expected answer here, not a failure.
    return undefined;
  }
};
