/** Stands for the comparison that is running. */
let comparison: object | undefined;

/**
 * Compares texts, of which no reader of `readOnce` reads one twice. It has forgotten all of them when it returns: they are
 * people's words, and whoever has theirs deleted leaves nothing behind. One within another is part of that one.
 */
export const compareTexts = <Result>(compare: () => Result): Result => {
  if (comparison !== undefined) return compare();
  comparison = {};
  try {
    return compare();
  } finally {
    comparison = undefined;
  }
};

/** @param read gives the same for the same text, and its callers leave what it gives as it is: they share it */
export const readOnce = <Read>(read: (text: string) => Read): ((text: string) => Read) => {
  const known = new WeakMap<object, Map<string, { read: Read }>>();
  return (text) => {
    if (comparison === undefined) return read(text);
    const texts = known.get(comparison) ?? new Map<string, { read: Read }>();
    known.set(comparison, texts);
    const found = texts.get(text) ?? { read: read(text) };
    texts.set(text, found);
    return found.read;
  };
};
