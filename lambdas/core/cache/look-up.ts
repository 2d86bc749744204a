import { OutOfPatience, withPatience } from '../call/with-patience.ts';
import { type Clock, type Log, StoreUnavailable } from '../ports.ts';
import type { CacheFailure } from '../receipt.ts';
import type { SemanticParts } from './answer-cache.ts';
import type { Breaker } from './breaker.ts';
import type { CachedAnswer, ResponseCache } from './cache-stores.ts';
import { decideHit, MOST_CANDIDATES, type SemanticFacts } from './decide-hit.ts';
import { judgeAnswer } from './eligibility.ts';
import { type Embedder, EmbedderUnavailable } from './embedder.ts';

interface LookUpPorts {
  clock: Clock;
  log: Log;
}

/** What came of asking a cache. */
export interface LookedUp {
  found?: CachedAnswer;
  /** Of a semantic hit: its cosine. */
  score?: number;
  semantic?: SemanticFacts;
  failure?: CacheFailure;
}

/** The store beside which a request waits anyway; past this it has no answer. */
const EXACT_MS = 150;

/** The answer to the very same request, if it is not too old. Never rejects. */
export const lookUpExact = async (
  { tenant, key, ttlMs }: { tenant: string; key: string; ttlMs: number },
  responses: ResponseCache,
  breaker: Breaker,
  { clock, log }: LookUpPorts,
): Promise<LookedUp> => {
  if (!breaker.mayAsk()) return { failure: 'shut' };
  try {
    const found = await withPatience(() => responses.find(tenant, key, clock.now()), EXACT_MS, clock);
    breaker.note(true);
    return found === undefined || isOlder(found, ttlMs, clock) ? {} : { found };
  } catch (error) {
    breaker.note(false);
    noteFailure('exact', error, log);
    return { failure: 'exact' };
  }
};

const isOlder = ({ createdAt }: { createdAt: number }, ttlMs: number, clock: Clock): boolean =>
  clock.now() - createdAt >= ttlMs;

/** What came of making a question's vector. */
export interface EmbeddedQuestion {
  vector?: Float32Array;
  /** What is to be paid. */
  inputTokens: number;
  /** Its vector would not stand for all of it: no failure, but no vector either. */
  isUnreadable?: true;
}

/**
 * How long an embedder is heard. Longer than a request waits for it: the vector is of use when the answer is kept, and what
 * is paid for is counted.
 */
const EMBED_MS = 5_000;

/**
 * Never rejects.
 *
 * @param mostTokens what is charged where nobody can tell what was billed
 * @param controller gives it up
 */
export const embedQuestion = async (
  question: string,
  embedder: Embedder,
  mostTokens: number,
  { clock, log }: LookUpPorts,
  controller = new AbortController(),
): Promise<EmbeddedQuestion> => {
  const clear = clock.after(EMBED_MS, () => controller.abort());
  try {
    const embedded = await withPatience(() => embedder.embed(question, controller.signal), 2 * EMBED_MS, clock);
    if (embedded.kind === 'unreadable') return { inputTokens: 0, isUnreadable: true };
    return { vector: embedded.vector, inputTokens: embedded.inputTokens };
  } catch (error) {
    noteFailure('embedder', error, log);
    return { inputTokens: error instanceof EmbedderUnavailable ? error.inputTokens : mostTokens };
  } finally {
    clear();
  }
};

export interface SemanticQuery {
  tenant: string;
  scope: string;
  question: string;
  ttlMs: number;
  threshold: number;
}

/**
 * The answer to a question that means the same, in the time that there is for it: vector, neighbours, guards, answer. Never
 * rejects.
 */
export const lookUpSemantic = async (
  query: SemanticQuery,
  embedding: Promise<EmbeddedQuestion>,
  { index, embedder, timeoutMs }: SemanticParts,
  responses: ResponseCache,
  { clock, log }: LookUpPorts,
): Promise<LookedUp> => {
  /** What has not answered, should time be up. */
  let at: CacheFailure = 'embedder';
  const facts: { semantic?: SemanticFacts } = {};
  const work = async (): Promise<LookedUp> => {
    const { tenant, scope, question, ttlMs, threshold } = query;
    const { vector, isUnreadable } = await embedding;
    if (vector === undefined) return isUnreadable ? {} : { failure: 'embedder' };
    at = 'index';
    const near = await index.find(
      { tenant, scope, embedder: embedder.name, vector, count: MOST_CANDIDATES },
      clock.now(),
    );
    const fresh = near.filter((found) => !isOlder(found, ttlMs, clock));
    const decision = decideHit(question, fresh, threshold);
    facts.semantic = { embedder: embedder.name, ...decision.facts };
    if (decision.kind === 'miss') return { ...facts };
    at = 'answer';
    const found = await responses.find(tenant, decision.found.answerKey, clock.now());
    // Expired, purged, or written a moment after its vector: nothing is broken.
    if (found === undefined || isOlder(found, ttlMs, clock)) return { ...facts };
    // The very words may have been answered anew since their vector was put: by the call of a tool, which is for them alone.
    if (judgeAnswer(found.answer, 'semantic') !== undefined) return { ...facts };
    return { ...facts, found, score: decision.found.score };
  };
  try {
    return await withPatience(work, timeoutMs, clock);
  } catch (error) {
    noteFailure(at, error, log);
    return { ...facts, failure: at };
  }
};

/** Slow or away is what caches may be; anything else is a bug, and still no reason to fail a request. */
const noteFailure = (what: CacheFailure, error: unknown, log: Log): void => {
  const isExpected =
    error instanceof StoreUnavailable || error instanceof EmbedderUnavailable || error instanceof OutOfPatience;
  if (isExpected) log.debug('cache not asked in time', { what, error });
  else log.error('cache broke', { what, error });
};
