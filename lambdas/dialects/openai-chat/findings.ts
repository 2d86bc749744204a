/** What a decoder comes across in depth and the conversation as a whole must know. */
export interface Findings {
  /** Paths of fields below the top level that only this dialect has, each once: `messages[].name`. */
  readonly sameDialectOnly: Set<string>;
  /** What only a target of this dialect can be asked, and where; the first one found. */
  bound: string | undefined;
  /** Whether the client sends sound, which has a rate of its own. */
  audioInput: boolean;
}

export const createFindings = (): Findings => ({ sameDialectOnly: new Set(), bound: undefined, audioInput: false });
