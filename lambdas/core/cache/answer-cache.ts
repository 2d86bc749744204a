import type { Admission } from '../admit/admission.ts';
import type { CallRequest, LateResult } from '../call/call.ts';
import type { Asked } from '../decode/decode.ts';
import type { Embedder, VectorIndex } from '../ports.ts';
import type { Plan } from '../route/plan.ts';
import type { ResponseCache, WrongHitStore } from './cache-stores.ts';

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
  /** For embedder, index and answer together. */
  timeoutMs: number;
}

/** Answers from the caches, loaded where an alias has one (docs/decisions/041). */
export interface AnswerCache {
  /** Reads nothing yet. Undefined where the alias keeps nothing. */
  consult(asked: Asked, plan: Plan): Consultation | undefined;
}

/** One request's dealings with the caches. Nothing of it ever rejects: whatever breaks is a miss. */
export interface Consultation {
  /** What the question's vector may cost at most, nano-USD: held with the rest. */
  readonly ceiling: bigint;
  /** Begins to look, beside the trip that writes the entry. More than once is once. */
  start(): void;
  /** A kept answer, the refusal of a request that wanted nothing else, or undefined: call. Notes what it found in the receipt. */
  answer(admission: Admission, signal: AbortSignal): Promise<LateResult | undefined>;
  /** Makes a call gather its answer, so that it can be kept. */
  gather(request: CallRequest): CallRequest;
  /** Keeps what a call has come to, once it has ended; tells who waits for the same. */
  keep(result: LateResult, admission: Admission): Promise<void>;
}
