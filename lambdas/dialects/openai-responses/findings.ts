/** What a decoder comes across in depth and the conversation as a whole must know. */
export interface Findings {
  /** Paths of fields that only this dialect has, each once: `reasoning.summary`. */
  readonly sameDialectOnly: Set<string>;
  /** What only a target of this dialect can be asked, and where; the first one found. */
  bound: string | undefined;
  /** Whether part of the input lies with the provider, so that nobody here knows its size. */
  hasRemoteInput: boolean;
}

export const createFindings = (): Findings => ({
  sameDialectOnly: new Set(),
  bound: undefined,
  hasRemoteInput: false,
});
