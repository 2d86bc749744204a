const DEEPEST = 8;
const MOST_ITEMS = 100;
/** Values of one record, so that a wide and deep one can't hold the process up. */
const MOST_VALUES = 2_000;
const LONGEST_STRING = 8_192;

export type Loggable = string | number | boolean | null | undefined | Loggable[] | { [key: string]: Loggable };

/**
 * Any value as one that JSON can hold: bigints and dates as text, errors with their cause, buffers as their length, what is
 * circular, deep, long or throws when looked at as a word in brackets. Never throws.
 */
export const toLoggable = (value: unknown): Loggable => {
  const path: object[] = [];
  let values = 0;

  const convert = (one: unknown): Loggable => {
    values += 1;
    if (values > MOST_VALUES) return '[more]';
    switch (typeof one) {
      case 'string':
        return one.length > LONGEST_STRING ? `${one.slice(0, LONGEST_STRING)}… [${one.length} characters]` : one;
      case 'number':
        return Number.isFinite(one) ? one : String(one);
      case 'boolean':
      case 'undefined':
        return one;
      case 'object':
        return one === null ? null : convertObject(one);
      case 'function':
        return '[function]';
      default:
        return String(one);
    }
  };

  const convertObject = (one: object): Loggable => {
    if (path.includes(one)) return '[circular]';
    if (path.length >= DEEPEST) return '[too deep]';
    path.push(one);
    try {
      return convertInside(one);
    } catch {
      // A proxy that throws when looked at: the rest of the record still has to be written.
      return '[unreadable]';
    } finally {
      path.pop();
    }
  };

  const convertInside = (one: object): Loggable => {
    if (Array.isArray(one)) return convertItems(one);
    if (isError(one)) return convertError(one);
    if (one instanceof Date) return Number.isNaN(one.getTime()) ? '[invalid date]' : one.toISOString();
    if (one instanceof Map) return convertEntries([...one]);
    if (one instanceof Set) return convertItems([...one]);
    if (ArrayBuffer.isView(one) || one instanceof ArrayBuffer) return `[${one.byteLength} bytes]`;
    if (one instanceof URL) return String(one);
    return convertEntries(fieldsOf(one));
  };

  const convertError = (error: Error): Loggable =>
    convertEntries([
      ['exception.type', error.name],
      ['exception.message', error.message],
      ['exception.stacktrace', error.stack],
      ...('cause' in error ? [['cause', error.cause] as const] : []),
      ...('errors' in error ? [['errors', error.errors] as const] : []),
      ...fieldsOf(error).filter(([key]) => !['name', 'message', 'stack', 'cause', 'errors'].includes(key)),
    ]);

  const convertItems = (items: readonly unknown[]): Loggable => {
    const converted = items.slice(0, MOST_ITEMS).map((item) => convert(item) ?? null);
    return items.length > MOST_ITEMS ? [...converted, `[${items.length - MOST_ITEMS} more]`] : converted;
  };

  const convertEntries = (entries: readonly (readonly [unknown, unknown])[]): Loggable => {
    const converted: [string, Loggable][] = [];
    for (const [key, of] of entries.slice(0, MOST_ITEMS)) converted.push([String(key), convert(of)]);
    if (entries.length > MOST_ITEMS) converted.push(['…', `[${entries.length - MOST_ITEMS} more]`]);
    return Object.fromEntries(converted);
  };

  return convert(value);
};

/** Also those of another realm, whose class is not ours. */
const isError = (value: object): value is Error =>
  value instanceof Error || ('stack' in value && 'message' in value && typeof value.message === 'string');

const fieldsOf = (value: object): [string, unknown][] => Object.keys(value).map((key) => [key, fieldOf(value, key)]);

const fieldOf = (value: object, key: string): unknown => {
  try {
    return (value as Record<string, unknown>)[key];
  } catch {
    // The getter threw; the other fields may still be told.
    return '[threw]';
  }
};
