/** Names that Bedrock takes, made from names that it may not take. Deterministic: the same history gives the same names, so prompt caches hold. */
interface Space {
  clean(name: string): string;
  fallback: string;
  maxLength: number;
}

/** API reference, DocumentBlock: letters, digits, single white space, hyphens, parentheses, square brackets; up to 200. */
const DOCUMENT_NAMES: Space = {
  clean: (name) =>
    name
      .replace(/[^A-Za-z0-9\s\-()[\]]/g, '-')
      .replace(/\s+/g, ' ')
      .trim(),
  fallback: 'document',
  maxLength: 200,
};

/** API reference, ToolUseBlock: `[a-zA-Z0-9_-]+`, up to 64. Other vendors' ids have dots and colons, and are longer. */
const CALL_IDS: Space = {
  clean: (id) => id.replace(/[^A-Za-z0-9_-]/g, '_'),
  fallback: 'call',
  maxLength: 64,
};

const ESCAPE = /_x([0-9a-f]{1,6})_/g;

/**
 * API reference, ToolSpecification: `[a-zA-Z0-9_-]+`, up to 64. Gemini's clients and MCP servers have dots and colons in theirs;
 * each other character goes as its code (`a.b` as `a_x2e_b`), so that `toolNameOf` knows the client's name again in the answer.
 */
export const fitToolName = (name: string): string =>
  name
    // Before a character that becomes `_x…_` too.
    .replace(/_(?=x[0-9a-f]{1,6}(?:_|[^A-Za-z0-9_-]))/gu, '_x5f_')
    .replace(/[^A-Za-z0-9_-]/gu, (character) => `_x${(character.codePointAt(0) ?? 0).toString(16)}_`);

/** The client's name of a tool, from the one that Bedrock was told. */
export const toolNameOf = (fitted: string): string =>
  fitted.replace(ESCAPE, (escaped, code: string) => {
    const point = Number.parseInt(code, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : escaped;
  });

/** Gives each call of the returned function a name of its own. */
const makeNamer = ({ clean, fallback, maxLength }: Space): ((name: string) => string) => {
  const taken = new Set<string>();
  const nextSuffix = new Map<string, number>();
  return (name) => {
    const cleaned = clean(name).slice(0, maxLength).trim();
    const base = /[A-Za-z0-9]/.test(cleaned) ? cleaned : fallback;
    let fitted = base;
    for (let suffix = nextSuffix.get(base) ?? 2; taken.has(fitted); suffix += 1) {
      fitted = `${base.slice(0, maxLength - String(suffix).length - 1).trim()}-${suffix}`;
      nextSuffix.set(base, suffix + 1);
    }
    taken.add(fitted);
    return fitted;
  };
};

/** Every document gets a name that no other has, also where two came with the same one. */
export const makeDocumentNamer = (): ((name: string | undefined) => string) => {
  const namer = makeNamer(DOCUMENT_NAMES);
  return (name) => namer(name ?? '');
};

export interface CallIds {
  /** The id for a call, unlike all before it: some vendors count their calls anew in every answer (`call_0`). */
  ofCall(id: string): string;
  /** The id for a result: that of the nearest call before it with the same original id. */
  ofResult(id: string): string;
}

export const makeCallIds = (): CallIds => {
  const namer = makeNamer(CALL_IDS);
  const latest = new Map<string, string>();
  const ofCall = (id: string): string => {
    const fitted = namer(id);
    latest.set(id, fitted);
    return fitted;
  };
  return { ofCall, ofResult: (id) => latest.get(id) ?? ofCall(id) };
};
