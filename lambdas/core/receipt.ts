import type { BudgetState } from './budget/budget-state.ts';
import type { SemanticFacts } from './cache/decide-hit.ts';
import type { WhyNotCached } from './cache/eligibility.ts';
import type { Stop, Usage } from './conversation.ts';
import type { AnySurfaceName } from './dialect.ts';
import type { AttemptReason } from './failures.ts';
import type { OrderFacts } from './route/order-facts.ts';
import type { FallbackCause } from './target.ts';

/** How a request ended. */
export type Outcome =
  | 'answered'
  /** Every target failed, or none could be tried. */
  | 'failed'
  /** A vendor refused it as the client's own mistake (400). */
  | 'refused-by-provider'
  /** The stream broke after content had been sent. */
  | 'cut'
  | 'client-gone'
  | 'cancelled'
  | 'deadline'
  /** The client wanted a kept answer, and there was none. */
  | 'not-cached';

/** What can be seen of an answer's quality without reading it as people do. `invalid-output`: JSON was asked for, or a schema, and it is not that. */
export type Flaw = 'refused' | 'truncated' | 'invalid-output';

export interface Attempt {
  target: string;
  startedAt: number;
  durationMs: number;
  firstTokenMs?: number;
  status?: number;
  /** Absent = it answered. */
  failure?: AttemptReason;
  message?: string;
  usage?: Usage;
  /** Its circuit was open: it was asked as the least bad of targets that were all shut. */
  leastBad?: true;
  /** Nano-USD, decimal. */
  cost: string;
}

/** Another alias whose targets were asked, or would have been. */
export interface FallbackNote {
  alias: string;
  because: FallbackCause;
  targets: string[];
}

/** Why the targets stand in the order in which they do; absent where that is the configuration's, whatever is asked. */
export interface RouteReceipt {
  /** The rule that chose the route, counted from 0. */
  rule?: number;
  /** Of each target in turn its number in the configuration's order, which the facts go by. */
  from?: number[];
  facts?: OrderFacts;
}

/** What the caches had to do with a request; absent where its alias has none. No words of anybody's are in it. */
export interface CacheReceipt {
  /** `off`: neither was asked. */
  result: 'hit-exact' | 'hit-semantic' | 'miss' | 'off';
  /** Why nothing was asked or kept. */
  why?: WhyNotCached;
  /** Why the semantic cache was not asked where the exact one was. */
  whyNotSemantic?: WhyNotCached;
  /** Hits: whose answer it was. */
  requestId?: string;
  /** Hits: what it would have cost, nano-USD, decimal. */
  saved?: string;
  /** Cosine of a semantic hit. */
  score?: number;
  /** What the semantic cache compared. */
  semantic?: SemanticFacts;
  /** What could not be asked: each counted as a miss. */
  failures?: CacheFailure[];
  /** What making the question's vector cost: nano-USD, decimal, within `cost` of the entry. */
  embedding?: { target: string; inputTokens: number; cost: string };
  /** The answer was not kept, and why. */
  notKept?: string;
}

/** A part of the cache that had no answer in time, or none at all. */
export type CacheFailure = 'exact' | 'embedder' | 'index' | 'answer' | 'shut';

/** The request is no client's: it asks anew what a semantic hit has answered, to see whether that was right. */
export interface CacheAudit {
  /** The hit. */
  of: string;
  verdict: 'same' | 'wrong' | 'unknown';
  /** Wrong hits among those audited under the present threshold, this one counted, 0..1; and where the truth lies with 95 %. */
  share?: number;
  low?: number;
  high?: number;
  change?: 'tightened' | 'turned-off';
}

/** Whether a conversation was drawn for a canary: by `place` below `share`, times `slowStart` where its circuit closed of late. */
export interface CanaryNote {
  /** The alias that they are of, where it is not the one that was asked for. */
  alias?: string;
  /** `provider/model` of both: the canary, and the target whose place it takes. */
  target: string;
  of: string;
  /** In [0, 1): the conversation's, for this pair. */
  place: number;
  /** In force when it was planned: the configuration's, or what somebody has set. */
  share: number;
  byHand?: true;
  slowStart?: number;
  /** It was not known whether somebody has set another share: the canary is asked only where its target fails. */
  unread?: true;
  /** Nothing says which conversation it belongs to, which has begun at the vendor's: it stays with the target, and counts for neither side. */
  unnamed?: true;
}

/** The whole decision of one request, kept in its ledger entry and shown by `GET /v1/receipts/{id}`. Amounts are decimal nano-USD, since JSON has no bigint. */
export interface Receipt {
  surface: AnySurfaceName;
  stream: boolean;
  plan: {
    targets: string[];
    passedOver: { target: string; reason: string }[];
    route?: RouteReceipt;
    /** Of each target that has one; absent where none has. */
    canaries?: CanaryNote[];
  };
  /** Where the alias's own targets could not serve the request, or none of them answered. */
  fallbacks?: FallbackNote[];
  estimate: { inputTokensLow: number; inputTokensHigh: number; outputTokens: number };
  attempts: Attempt[];
  outcome?: Outcome;
  /** The target that answered. */
  answeredBy?: string;
  stop?: Stop;
  /** Absent = none was seen in a whole answer. */
  flaw?: Flaw;
  usage?: Usage;
  /** The vendor gave no count, so the usage is Tollgate's estimate, within the hold. */
  usageEstimated?: boolean;
  /** Nano-USD per million tokens used for the cost, by field, decimal; and where they come from. */
  price?: {
    input: string;
    cachedInput: string;
    cacheWrite5m: string;
    cacheWrite1h: string;
    output: string;
    source: string;
    /** Another way of serving than the standard one, by whose rates it was billed. */
    service?: string;
    /** Where it was processed, where that has rates of its own. */
    geo?: string;
    /** Fees beside the tokens, in all: nano-USD, decimal. */
    fees?: string;
  };
  /** Cost beyond the hold, nano-USD, decimal. */
  overrun?: string;
  dropped: string[];
  cache?: CacheReceipt;
  cacheAudit?: CacheAudit;
  /** `usedPerMille`: how much of the scope's cap was spent or held when the request came, its own hold not counted, where it is near. */
  budget: { state: BudgetState; scope: string | null; usedPerMille?: number };
  /** A budget let a cheaper alias answer. `ceiling`: what that can cost at most, decimal nano-USD; the hold may be the dearer one's. */
  downgrade?: { from: string; to: string; scope: string; ceiling: string };
  /** `clamp`: lowered to what a budget with back-pressure had left. */
  outputLimit?: { tokens: number; setBy: 'client' | 'alias' | 'model' | 'clamp'; loweredFrom?: number };
}
