import type { Target } from '../target.ts';

export type Embedded =
  /** Of length 1. `inputTokens`: what a paid embedder counted. */
  | { kind: 'vector'; vector: Float32Array; inputTokens: number }
  /** Its vector would stand for a part of the text only: `too-long`, or with words that the model does not know. */
  | { kind: 'unreadable'; why: 'too-long' | 'unknown-words' | 'empty' };

/** Makes a text a vector, so that texts which mean alike lie close together. */
export interface Embedder {
  /** Name and version: vectors of different ones are never compared. */
  name: string;
  dimensions: number;
  /** Whose tokens are paid for by its price; absent = it costs nothing. */
  target?: Target;
  /** @throws {EmbedderUnavailable} also where the signal aborts first */
  embed(text: string, signal?: AbortSignal): Promise<Embedded>;
}

/** How alike two texts are, -1 to 1; undefined where one has no vector. @param a of length 1, as `b` is */
export const cosineOf = (a: Float32Array | undefined, b: Float32Array | undefined): number | undefined =>
  a === undefined || b === undefined ? undefined : a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

/** The embedder can't be reached, or did not answer in time. */
export class EmbedderUnavailable extends Error {
  override readonly name = 'EmbedderUnavailable';
  /** What it may bill all the same, estimated high; 0 where surely nothing. */
  readonly inputTokens: number;

  constructor(message: string, { inputTokens = 0, ...options }: ErrorOptions & { inputTokens?: number } = {}) {
    super(message, options);
    this.inputTokens = inputTokens;
  }
}
