import { readFileSync } from 'node:fs';
import type { Embedder } from '../../lambdas/core/cache/embedder.ts';
import { compareAnswers } from '../../lambdas/core/cache/same-answer.ts';
import { toTable } from './marked-part.ts';

const ANSWERS_FILE = 'test/fixtures/answer-pairs.jsonl';

/** An answer that was kept, one that the model gives now, and whether they say the same. */
export interface AnswerPair {
  kept: string;
  now: string;
  same: boolean;
}

export interface ScoredAnswers extends AnswerPair {
  /** Cosine; undefined where the embedder can't read one of them. */
  score: number | undefined;
}

type Verdict = ReturnType<typeof compareAnswers>;

/** @throws {Error} with the line's number, where one is no pair of answers */
const readAnswers = (): AnswerPair[] =>
  readFileSync(ANSWERS_FILE, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line, i) => {
      const { kept, now, same } = JSON.parse(line) as Record<string, unknown>;
      if (typeof kept !== 'string' || typeof now !== 'string' || typeof same !== 'boolean')
        throw new Error(`${ANSWERS_FILE}: line ${i + 1} is no pair of answers`);
      return { kept, now, same };
    });

export const measureAnswers = async (embedder: Embedder): Promise<ScoredAnswers[]> => {
  const scored: ScoredAnswers[] = [];
  for (const pair of readAnswers()) {
    const [kept, now] = [await embedder.embed(pair.kept), await embedder.embed(pair.now)];
    const score =
      kept.kind === 'vector' && now.kind === 'vector'
        ? kept.vector.reduce((sum, value, i) => sum + value * (now.vector[i] ?? 0), 0)
        : undefined;
    scored.push({ ...pair, score });
  }
  return scored;
};

/** A threshold alone, as it was before. */
const byCosine =
  (threshold: number) =>
  ({ score }: ScoredAnswers): Verdict =>
    score === undefined ? 'unknown' : score >= threshold ? 'same' : 'wrong';

const RULES: readonly (readonly [string, (pair: ScoredAnswers) => Verdict])[] = [
  ...[0.7, 0.8, 0.85, 0.9, 0.95].map((threshold) => [`cosine ≥ ${threshold} alone`, byCosine(threshold)] as const),
  ['as shipped', ({ kept, now, score }) => compareAnswers(kept, now, score)],
];

export const answersTable = (pairs: readonly ScoredAnswers[]): string => {
  const [same, other] = [pairs.filter((pair) => pair.same), pairs.filter((pair) => !pair.same)];
  const count = (of: readonly ScoredAnswers[], rule: (pair: ScoredAnswers) => Verdict, verdict: Verdict) =>
    String(of.filter((pair) => rule(pair) === verdict).length);
  return `${pairs.length} pairs of answers, ${same.length} that say the same and ${other.length} that do not.\n\n${toTable(
    [
      'rule',
      'same: found same',
      'same: unknown',
      'same: found wrong (false alarm)',
      'other: found wrong',
      'other: unknown',
      'other: found same (missed)',
    ],
    RULES.map(([name, rule]) => [
      name,
      count(same, rule, 'same'),
      count(same, rule, 'unknown'),
      count(same, rule, 'wrong'),
      count(other, rule, 'wrong'),
      count(other, rule, 'unknown'),
      count(other, rule, 'same'),
    ]),
  )}`;
};
