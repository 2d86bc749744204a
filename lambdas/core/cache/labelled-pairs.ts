import { canonicalText } from '../audit/canonical-text.ts';
import { digestOf } from '../digest.ts';
import type { Half, ScoredPair } from './calibrate.ts';
import { cosineOf, type Embedder } from './embedder.ts';
import { findGuardRefusal } from './guards/guards.ts';

/** Two questions, and whether one answer serves both. */
export interface LabelledPair {
  a: string;
  b: string;
  same: boolean;
  /** What it tries: the guard that should tell the two apart, `paraphrase`, `topic`. */
  kind: string;
  language?: string;
  domain?: string;
  /** Questions written together: pairs of one group share their words and are no independent trials. */
  group?: string;
  /** What of the hard filter is another for the second: `system`, `tenant`. */
  differs?: string;
}

/**
 * Reads pairs, one JSON object a line; empty lines are passed over.
 *
 * @throws {Error} with the line's number, where one is no pair.
 */
export const parsePairs = (jsonLines: string): LabelledPair[] =>
  jsonLines.split('\n').flatMap((line, i) => {
    if (line.trim() === '') return [];
    try {
      return [toPair(JSON.parse(line))];
    } catch (error) {
      throw new Error(`line ${i + 1}: ${(error as Error).message}`, { cause: error });
    }
  });

const toPair = (value: unknown): LabelledPair => {
  if (typeof value !== 'object' || value === null) throw new Error('expected an object with a, b, same, kind');
  const { a, b, same, kind, language, domain, group, differs } = value as Record<string, unknown>;
  if (typeof a !== 'string' || typeof b !== 'string' || a === '' || b === '') throw new Error('a and b are texts');
  if (typeof same !== 'boolean') throw new Error('same is true or false');
  return {
    a,
    b,
    same,
    kind: typeof kind === 'string' ? kind : 'other',
    ...(typeof language === 'string' && { language }),
    ...(typeof domain === 'string' && { domain }),
    ...(typeof group === 'string' && { group }),
    ...(typeof differs === 'string' && { differs }),
  };
};

/** Which half a pair is in: chosen by its words alone, so that nobody chooses it. */
export const halfOf = ({ a, b, differs }: LabelledPair): Half =>
  digestOf(canonicalText([a, b, differs ?? '']), 8) < 'V' ? 'tune' : 'test';

/**
 * Asks the embedder for every text once, and the guards for every pair.
 *
 * @param isInScope whether the hard filter lets a pair's two requests meet
 */
export const scorePairs = async (
  pairs: readonly LabelledPair[],
  embedder: Embedder,
  isInScope: (pair: LabelledPair) => boolean,
): Promise<ScoredPair[]> => {
  const vectors = new Map<string, Float32Array | undefined>();
  for (const text of new Set(pairs.flatMap(({ a, b }) => [a, b]))) {
    const embedded = await embedder.embed(text);
    vectors.set(text, embedded.kind === 'vector' ? embedded.vector : undefined);
  }
  return pairs.map((pair) => ({
    half: halfOf(pair),
    kind: pair.kind,
    isSame: pair.same,
    score: cosineOf(vectors.get(pair.a), vectors.get(pair.b)),
    isInScope: isInScope(pair),
    guard: findGuardRefusal(pair.a, pair.b)?.guard,
  }));
};
