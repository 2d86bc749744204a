import type { JsonObject, JsonValue } from '../../core/conversation.ts';

/** Lenient readers for what a vendor sent: a field that is absent or odd is `undefined`, never an exception. */
export const objectOf = (value: unknown): JsonObject | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;

export const listOf = (value: JsonValue | undefined): JsonValue[] => (Array.isArray(value) ? value : []);

export const objectsOf = (value: JsonValue | undefined): JsonObject[] => {
  if (!Array.isArray(value)) return NONE;
  const objects: JsonObject[] = [];
  for (const one of value) {
    const object = objectOf(one);
    if (object !== undefined) objects.push(object);
  }
  return objects;
};

/** Most deltas have no tool calls: this is read a few times for each token. */
const NONE: JsonObject[] = [];

/** A text that says something: '' is the same as none. */
export const textOf = (value: JsonValue | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

export const countOf = (value: JsonValue | undefined): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;

/** A JSON text, or undefined where it is none. */
export const parseJson = (text: string): JsonValue | undefined => {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
};

/** Undefined where the value is nested too deeply to be written: a parser takes depths that no writer does. */
export const stringifyJson = (value: JsonValue): string | undefined => {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
};

/** Function arguments as text. Some servers (Ollama) send the object itself. */
export const argumentsOf = (value: JsonValue | undefined): string | undefined => {
  if (typeof value === 'string') return value;
  const object = objectOf(value);
  return object === undefined ? undefined : stringifyJson(object);
};
