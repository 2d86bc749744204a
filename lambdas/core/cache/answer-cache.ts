import type { Admission } from '../admit/admission.ts';
import type { CallRequest, LateResult } from '../call/call.ts';
import type { Asked } from '../decode/decode.ts';
import { type Refusal, refuse } from '../failures.ts';
import type { Ports } from '../ports.ts';
import type { Plan } from '../route/plan.ts';
import type { ResponseCache, WrongHitStore } from './cache-stores.ts';
import type { Embedder } from './embedder.ts';
import type { VectorIndex } from './vector-index.ts';

/** What the caches are made of. */
export interface CacheParts {
  responses: ResponseCache;
  /** Absent where no alias has a semantic cache, or it is off here. */
  semantic?: SemanticParts;
}

export interface SemanticParts {
  embedder: Embedder;
  index: VectorIndex;
  wrongHits: WrongHitStore;
  /** How long a request waits for embedder, index and answer together. */
  timeoutMs: number;
}

/** Kept answers, loaded where an alias has any (docs/decisions/041). */
export interface AnswerCache {
  /** Reads nothing yet. A refusal where the client wants a kept answer alone and there can be none. */
  consult(asked: Asked, plan: Plan, ports: Ports): Consulted;
  /** Resolves when nothing goes on behind the answers any more; where the signal aborts, what goes on is cut short. */
  settled(signal?: AbortSignal): Promise<void>;
}

export type Consulted = { ok: true; consultation?: Consultation } | { ok: false; refusal: Refusal };

/** One request's dealings with the caches. Nothing of it rejects by itself: whatever breaks is a miss, counted in the receipt. */
export interface Consultation {
  /** What the question's vector may cost at most, nano-USD: held with the rest. */
  readonly ceiling: bigint;
  /** Begins to look, beside the trip that writes the entry. More than once is once. */
  start(): void;
  /** A kept answer, the refusal of a request that wants nothing else, or what the call comes to. */
  answerOr(
    request: CallRequest,
    admission: Admission,
    call: (request: CallRequest) => Promise<LateResult>,
  ): Promise<LateResult>;
  /** Resolves when the answer has been kept, was not to be, or has been waited for long enough. */
  kept(): Promise<void>;
}

/** What the caches can do for a planned request; nothing where its alias keeps no answers. */
export const consultCache = (asked: Asked, plan: Plan, ports: Ports): Consulted => {
  const { alias, labels } = asked;
  if (ports.cache !== undefined && alias.cache !== undefined) return ports.cache.consult(asked, plan, ports);
  return labels.cache === 'only' ? { ok: false, refusal: notCached(`"${alias.name}" keeps no answers`) } : { ok: true };
};

/** @param why why there is no kept answer */
export const notCached = (why: string): Refusal =>
  refuse(
    'not_cached',
    `${why}, and with x-tollgate-cache: only nothing else is asked. Leave the header out to have it answered.`,
    { param: 'x-tollgate-cache', shouldRetry: false },
  );

/** What a request came to, once its answer has been kept too: whoever has read it to its end and asks again is given it. */
export const afterKeeping = async <Settled>(
  settled: Promise<Settled>,
  consultation: Consultation | undefined,
): Promise<Settled> => {
  const end = await settled;
  await consultation?.kept();
  return end;
};
