import { waitAtMost } from '../call/with-patience.ts';
import type { Ports } from '../ports.ts';
import type { CacheReceipt } from '../receipt.ts';
import type { SemanticParts } from './answer-cache.ts';
import type { CacheDesk, CacheQuestion } from './cache-question.ts';
import type { CachedAnswer } from './cache-stores.ts';
import type { Embedder } from './embedder.ts';
import { embeddingTokensHigh } from './embedding-cost.ts';
import { type EmbeddedQuestion, embedQuestion, type LookedUp, lookUpExact, lookUpSemantic } from './look-up.ts';

export interface Hit {
  found: CachedAnswer;
  result: 'hit-exact' | 'hit-semantic';
  /** Cosine of a semantic one. */
  score?: number;
}

/** Looks for one request's answer: the same request's, then that of one that means the same. Nothing of it rejects. */
export interface Finder {
  /** Begins, where that costs nothing. More than once is once. */
  start(): void;
  findSame(): Promise<Hit | undefined>;
  findAlike(): Promise<Hit | undefined>;
  /** What came of the question's vector; undefined where none was asked for. */
  embedded(): Promise<EmbeddedQuestion> | undefined;
  /** The call has ended: a vector that has still not come is not waited for. */
  giveUpEmbedding(): void;
}

/** @param note gets what was compared, and what could not be asked */
export const makeFinder = (question: CacheQuestion, desk: CacheDesk, note: CacheReceipt, ports: Ports): Finder => {
  const { exact, semantic, policy, tenant, key, asked } = question;
  const { parts, breakers, flights, wrongHits } = desk;
  let same: Promise<LookedUp> | undefined;
  let alike: Promise<LookedUp> | undefined;
  let embedding: Promise<EmbeddedQuestion> | undefined;
  const embeddingStop = new AbortController();

  const lookForSame = (): Promise<LookedUp> => {
    same ??=
      exact.reads && policy.exact !== undefined
        ? lookUpExact({ tenant, key, ttlMs: policy.exact.ttlMs }, parts.responses, breakers.exact, ports)
        : NOTHING;
    return same;
  };

  const lookForAlike = (): Promise<LookedUp> => {
    alike ??= semantic.may && parts.semantic !== undefined ? compare(parts.semantic) : NOTHING;
    return alike;
  };

  /** Makes the question's vector and, where the client lets it, looks for one that is near. */
  const compare = async (by: SemanticParts): Promise<LookedUp> => {
    const { embedder } = by;
    const threshold = policy.semantic && wrongHits?.thresholdOf(asked.alias.name, policy.semantic, embedder.name);
    if (policy.semantic === undefined || threshold === undefined) {
      note.whyNotSemantic = 'turned-off';
      return {};
    }
    // Without a search nobody would hear what came of a trial.
    const isShut = semantic.reads ? !breakers.semantic.mayAsk() : breakers.semantic.isShut();
    if (isShut) return { failure: 'shut' };
    const most = mostTokens(semantic.question, embedder);
    embedding = embedQuestion(semantic.question, embedder, most, ports, embeddingStop);
    // The answer is to be kept under it: a call that is faster would leave it behind.
    if (!semantic.reads) return inTime(embedding, by.timeoutMs);
    const query = {
      tenant,
      scope: semantic.scope,
      question: semantic.question,
      ttlMs: policy.semantic.ttlMs,
      threshold,
    };
    const looked = await lookUpSemantic(query, embedding, by, parts.responses, ports);
    breakers.semantic.note(looked.failure === undefined);
    return looked;
  };

  const inTime = async (vector: Promise<unknown>, mostMs: number): Promise<LookedUp> => {
    await waitAtMost(vector, mostMs, ports.clock);
    return {};
  };

  const take = ({ semantic: facts, failure, ...looked }: LookedUp): Omit<LookedUp, 'semantic' | 'failure'> => {
    if (facts !== undefined) note.semantic = facts;
    if (failure !== undefined) note.failures = [...(note.failures ?? []), failure];
    return looked;
  };

  return {
    start() {
      void lookForSame().then(({ found }) => {
        const isFree = parts.semantic?.embedder.target === undefined;
        // What is paid for waits for the entry; who will wait for another's call need not compare.
        if (found === undefined && isFree && flights.under(tenant, key) === undefined) void lookForAlike();
      });
    },
    async findSame() {
      const { found } = take(await lookForSame());
      return found && { found, result: 'hit-exact' };
    },
    async findAlike() {
      const { found, score } = take(await lookForAlike());
      return found && { found, result: 'hit-semantic', ...(score !== undefined && { score }) };
    },
    embedded: () => embedding,
    giveUpEmbedding: () => embeddingStop.abort(),
  };
};

const NOTHING: Promise<LookedUp> = Promise.resolve({});

/** What an embedder may count at most; nothing where nobody is paid. */
const mostTokens = (question: string, { target }: Embedder): number =>
  target === undefined ? 0 : embeddingTokensHigh(question, target);
