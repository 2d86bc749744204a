import type { JsonObject, JsonValue } from './conversation.ts';
import type { Decoded, RequestProblem } from './dialect.ts';

/** Thrown inside a decoder and turned into a `RequestProblem` at its edge by `decoding`; never leaves a codec. */
class ProblemError extends Error {
  readonly problem: RequestProblem;

  constructor(problem: RequestProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

/** Ends the decoding with a problem at `param`. */
export const fail = (param: string | null, message: string): never => {
  throw new ProblemError({ param, message });
};

/** Runs a decoder that uses the readers below; anything but a problem is a bug and goes on up. */
export const decoding = <T>(decode: () => T): Decoded<T> => {
  try {
    return { ok: true, value: decode() };
  } catch (error) {
    if (error instanceof ProblemError) return { ok: false, problem: error.problem };
    throw error;
  }
};

const LONGEST_QUOTE = 60;

/** A value as an error message shows it: its kind, or its text where that is short. */
export const got = (value: unknown): string => {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'string' && value.length > LONGEST_QUOTE) return `a string of ${value.length} characters`;
  return JSON.stringify(value) ?? typeof value;
};

export const readObject = (value: JsonValue | undefined, param: string): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? value
    : fail(param, `${param}: expected an object, got ${got(value)}`);

export const readArray = (
  value: JsonValue | undefined,
  param: string,
  bounds: { min?: number; max: number },
): JsonValue[] => {
  if (!Array.isArray(value)) return fail(param, `${param}: expected an array, got ${got(value)}`);
  const { min = 0, max } = bounds;
  if (value.length < min)
    return fail(param, `${param}: expected at least ${min} ${min === 1 ? 'item' : 'items'}, got ${value.length}`);
  if (value.length > max) return fail(param, `${param}: expected at most ${max} items, got ${value.length}`);
  return value;
};

export const readString = (
  value: JsonValue | undefined,
  param: string,
  bounds?: { min?: number; max?: number },
): string => {
  if (typeof value !== 'string') return fail(param, `${param}: expected a string, got ${got(value)}`);
  const { min = 0, max = Number.POSITIVE_INFINITY } = bounds ?? {};
  if (value.length < min)
    return fail(param, `${param}: expected a string of at least ${min} characters, got ${got(value)}`);
  if (value.length > max)
    return fail(param, `${param}: expected a string of at most ${max} characters, got ${value.length}`);
  return value;
};

export const readNumber = (
  value: JsonValue | undefined,
  param: string,
  bounds: { min?: number; max?: number; integer?: boolean },
): number => {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY, integer = false } = bounds;
  const kind = integer ? 'an integer' : 'a number';
  const range = `${Number.isFinite(min) ? ` from ${min}` : ''}${Number.isFinite(max) ? ` up to ${max}` : ''}`;
  if (typeof value !== 'number' || (integer && !Number.isSafeInteger(value)) || value < min || value > max)
    return fail(param, `${param}: expected ${kind}${range}, got ${got(value)}`);
  return value;
};

export const readBoolean = (value: JsonValue | undefined, param: string): boolean =>
  typeof value === 'boolean' ? value : fail(param, `${param}: expected true or false, got ${got(value)}`);

export const readOneOf = <const T extends string>(
  value: JsonValue | undefined,
  param: string,
  allowed: readonly T[],
): T =>
  (allowed as readonly unknown[]).includes(value)
    ? (value as T)
    : fail(param, `${param}: expected one of ${allowed.map((word) => `"${word}"`).join(', ')}, got ${got(value)}`);

/** Reads a field that may be left out; SDKs write null for "not set". */
export const optional = <T>(value: JsonValue | undefined, read: (value: JsonValue) => T): T | undefined =>
  value === undefined || value === null ? undefined : read(value);

/** `{ [name]: value }`, or nothing where the value is undefined: for building objects under exactOptionalPropertyTypes. */
export const present = <K extends string, T>(name: K, value: T | undefined): { [P in K]?: T } =>
  value === undefined ? {} : ({ [name]: value } as { [P in K]?: T });

/** Nesting that no honest request or answer has; `JSON.stringify` overflows the stack some 3,000 levels down. */
export const MAX_DEPTH = 200;

/** Whether a value is nested deeper than that many levels. Uses no stack of its own. */
export const isDeeperThan = (value: JsonValue, levels: number): boolean => {
  let level: JsonValue[] = [value];
  for (let depth = 0; depth <= levels; depth += 1) {
    const next: JsonValue[] = [];
    for (const container of level) {
      if (typeof container !== 'object' || container === null) continue;
      for (const child of Array.isArray(container) ? container : Object.values(container))
        if (typeof child === 'object' && child !== null) next.push(child);
    }
    if (next.length === 0) return false;
    level = next;
  }
  return true;
};
