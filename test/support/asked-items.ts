/** The words in which requests of all vendors are compared (asked.ts). */

// biome-ignore lint/suspicious/noExplicitAny: wire JSON, read by hand
export type Json = any;

export type Item =
  | { text: string; cached?: true }
  | { image: string; cached?: true }
  | { document: string; cached?: true }
  /** Which call of the conversation, from 0: the vendors' ids only need to pair. */
  | { call: number; name: string; input: unknown }
  | { resultOf: number; content: Item[]; failed: boolean; cached?: true }
  | { reasoning: string; signature: string }
  | { redacted: string };

export interface AskedTool {
  name: string;
  description: string;
  schema: Json;
  strict: boolean;
  cached?: true;
}

export interface Asked {
  system: Item[];
  turns: { role: 'user' | 'assistant'; items: Item[] }[];
  tools: AskedTool[];
  toolChoice: 'auto' | 'none' | 'required' | { tool: string };
  limit: number | null;
  sampling: Record<string, number>;
  stop: string[];
  format: { type: string; schema?: Json; name?: string; description?: string; strict?: boolean } | null;
  /** Whether the model is to think, and how much in the vendor's own measure. */
  reasons: boolean;
  effort: Json;
  user: string | null;
  /** Bedrock's own, or what Gemini has outside of the conversation. */
  guardrail: Json;
  stream: boolean;
}

/** Numbers the calls as they come; a result gets the number of the nearest call before it with its id. */
export const makePairs = () => {
  const latest = new Map<string, number>();
  let count = 0;
  return {
    call(id: string): number {
      latest.set(id, count);
      count += 1;
      return count - 1;
    },
    result: (id: string): number => latest.get(id) ?? -1,
  };
};
export type Pairs = ReturnType<typeof makePairs>;

export const cachedIf = (is: boolean): { cached?: true } => (is ? { cached: true } : {});

/** Blank text says nothing; a breakpoint on it stands on what came before it. */
export const withoutBlanks = (items: Item[]): Item[] => {
  const kept: Item[] = [];
  for (const item of items) {
    const last = kept.at(-1);
    if (!('text' in item) || item.text.trim() !== '') kept.push(item);
    else if (item.cached && last !== undefined) Object.assign(last, { cached: true });
  }
  return kept;
};

/** Neighbours of one role as one turn, results first as every vendor wants them, one text of the assistant's as one. */
export const tidyTurns = (turns: Asked['turns']): Asked['turns'] => {
  const tidy: Asked['turns'] = [];
  for (const { role, items } of turns) {
    const last = tidy.at(-1);
    const kept = withoutBlanks(items);
    if (kept.length === 0) continue;
    if (last?.role === role) last.items.push(...kept);
    else tidy.push({ role, items: kept });
  }
  return tidy.map(({ role, items }) => ({
    role,
    items:
      role === 'assistant'
        ? items
        : [...items.filter((item) => 'resultOf' in item), ...items.filter((item) => !('resultOf' in item))],
  }));
};

export const pick = (body: Json, names: Record<string, string>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(names).flatMap(([wire, name]) => (typeof body?.[wire] === 'number' ? [[name, body[wire]]] : [])),
  );
