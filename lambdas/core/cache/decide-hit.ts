import type { GuardName } from './guards/guard.ts';
import { findGuardRefusal } from './guards/guards.ts';
import { compareTexts } from './guards/read-once.ts';

export interface Candidate {
  id: string;
  /** Its last turn's words. */
  question: string;
  /** Cosine. */
  score: number;
  /** When its request came; of two that are equally near the newer is taken. */
  createdAt?: number;
}

/** What the receipt keeps of it: no words of anybody's. */
export interface SemanticFacts {
  /** Whose vectors they were. */
  embedder?: string;
  /** What a score has to reach. */
  threshold: number;
  /** Best first; those below the threshold as far as they were looked at. */
  candidates: { score: number; refusedBy?: GuardName | 'length' | 'threshold' }[];
}

export type HitDecision<Found extends Candidate> =
  | { kind: 'hit'; found: Found; score: number; facts: SemanticFacts }
  | { kind: 'miss'; facts: SemanticFacts };

/** Candidates that guards look at. */
export const MOST_CANDIDATES = 5;

/** The best candidate that reaches the threshold and that no guard sets apart from the question. */
export const decideHit = <Found extends Candidate>(
  question: string,
  candidates: readonly Found[],
  threshold: number,
): HitDecision<Found> => {
  const best = [...candidates]
    // A score that is no number is nobody's likeness.
    .filter(({ score }) => Number.isFinite(score))
    // What differs by rounding alone is equally near.
    .sort((a, b) => roundScore(b.score) - roundScore(a.score) || (b.createdAt ?? 0) - (a.createdAt ?? 0))
    .slice(0, MOST_CANDIDATES);
  // The question is the same in every pair.
  return compareTexts(() => findHit(question, best, threshold));
};

/** @param best first */
const findHit = <Found extends Candidate>(
  question: string,
  best: readonly Found[],
  threshold: number,
): HitDecision<Found> => {
  const facts: SemanticFacts = { threshold, candidates: [] };
  for (const found of best) {
    const score = roundScore(found.score);
    if (!(found.score >= threshold)) {
      facts.candidates.push({ score, refusedBy: 'threshold' });
      break;
    }
    const refusal = findGuardRefusal(question, found.question);
    if (refusal === undefined) {
      facts.candidates.push({ score });
      return { kind: 'hit', found, score, facts };
    }
    facts.candidates.push({ score, refusedBy: refusal.guard });
  }
  return { kind: 'miss', facts };
};

const roundScore = (score: number): number => Math.round(score * 10_000) / 10_000;
