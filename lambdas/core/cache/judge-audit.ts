import type { NanoUsd } from '../../contract/money.ts';
import type { CallResult } from '../call/call.ts';
import { withPatience } from '../call/with-patience.ts';
import type { Answer } from '../conversation.ts';
import type { Clock, Log } from '../ports.ts';
import type { CacheAudit, CacheReceipt } from '../receipt.ts';
import type { AuditableHit, AuditorParts } from './auditor.ts';
import { judgeAnswer } from './eligibility.ts';
import { cosineOf, type Embedder } from './embedder.ts';
import { embeddingCeiling, embeddingCost, embeddingTokensHigh } from './embedding-cost.ts';
import { embedQuestion } from './look-up.ts';
import { compareAnswers } from './same-answer.ts';

/** For noting a verdict. */
const PATIENCE_MS = 10_000;

export interface Comparison {
  verdict: CacheAudit['verdict'];
  /** What the two answers' vectors have cost, where they are paid for. */
  embedding?: NonNullable<CacheReceipt['embedding']>;
}

/**
 * Whether the kept answer is what the model says now. What can't be compared is unknown: no answer, half of one, a refusal,
 * a tool call, a text that its vector would not stand for, an embedder that does not answer. Never rejects.
 */
export const compareWithKept = async (
  kept: Answer,
  result: CallResult,
  embedder: Embedder,
  ports: { clock: Clock; log: Log },
): Promise<Comparison> => {
  if (result.kind !== 'answered' || judgeAnswer(result.answer, 'semantic') !== undefined) return { verdict: 'unknown' };
  const texts = [textOf(kept), textOf(result.answer)] as const;
  // Where the words are enough nothing is asked, or paid.
  const byWords = compareAnswers(...texts, undefined);
  if (byWords !== 'unknown') return { verdict: byWords };
  const { target } = embedder;
  const embed = (text: string) =>
    embedQuestion(text, embedder, target === undefined ? 0 : embeddingTokensHigh(text, target), ports);
  const [before, now] = await Promise.all([embed(texts[0]), embed(texts[1])]);
  const verdict = compareAnswers(...texts, cosineOf(before.vector, now.vector));
  const inputTokens = before.inputTokens + now.inputTokens;
  if (target === undefined || inputTokens === 0) return { verdict };
  // Two calls, each rounded, and charged its fee, by itself.
  const cost = embeddingCost(target, before.inputTokens) + embeddingCost(target, now.inputTokens);
  return { verdict, embedding: { target: target.id, inputTokens, cost: cost.toString() } };
};

/**
 * Whether a vector can stand for the kept answer: without one an audit could only ever find it right. Asks only an embedder
 * that costs nothing. Never rejects.
 */
export const isComparable = async (
  kept: Answer,
  embedder: Embedder,
  ports: { clock: Clock; log: Log },
): Promise<boolean> => {
  const text = textOf(kept);
  const { target } = embedder;
  if (target !== undefined) return embeddingTokensHigh(text, target) <= target.contextTokens;
  return (await embedQuestion(text, embedder, 0, ports)).vector !== undefined;
};

/** The most that comparing may cost, nano-USD: the vector of a text that is there, and of one that nobody has said yet. */
export const comparisonCeiling = (kept: Answer, { target }: Embedder): NanoUsd =>
  target === undefined ? 0n : embeddingCeiling(textOf(kept), target) + embeddingCost(target, target.contextTokens);

const textOf = ({ parts }: Answer): string =>
  parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');

/**
 * What a verdict makes of its alias's wrong-hit rate, for all processes. What is unknown counts for nothing.
 *
 * @throws {StoreUnavailable} {OutOfPatience} whether it was counted is not known then
 */
export const noteVerdict = async (
  { admission, score }: AuditableHit,
  verdict: CacheAudit['verdict'],
  { embedder, book }: AuditorParts,
  { clock }: { clock: Clock },
): Promise<Pick<CacheAudit, 'share' | 'low' | 'high' | 'change'>> => {
  const { name: alias, cache } = admission.asked.alias;
  const policy = cache?.semantic;
  if (verdict === 'unknown' || policy === undefined) return {};
  const isWrong = verdict === 'wrong';
  const noted = await withPatience(
    () => book.note({ alias, embedder: embedder.name, policy, score, isWrong }),
    PATIENCE_MS,
    clock,
  );
  if (noted === undefined) return {};
  const { change, ...share } = noted;
  return { ...share, ...(change !== 'none' && { change }) };
};
