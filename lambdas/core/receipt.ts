import type { BudgetState } from './budget/budget-state.ts';
import type { Stop, Usage } from './conversation.ts';
import type { SurfaceName } from './dialect.ts';
import type { AttemptReason } from './failures.ts';

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
  | 'deadline';

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
  /** Nano-USD, decimal. */
  cost: string;
}

/** The whole decision of one request, kept in its ledger entry and shown by `GET /v1/receipts/{id}`. Amounts are decimal nano-USD, since JSON has no bigint. */
export interface Receipt {
  surface: SurfaceName;
  stream: boolean;
  plan: { targets: string[]; passedOver: { target: string; reason: string }[] };
  estimate: { inputTokensLow: number; inputTokensHigh: number; outputTokens: number };
  attempts: Attempt[];
  outcome?: Outcome;
  /** The target that answered. */
  answeredBy?: string;
  stop?: Stop;
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
  /** `usedPerMille`: how much of the scope's cap was spent or held when the request came, its own hold not counted, where it is near. */
  budget: { state: BudgetState; scope: string | null; usedPerMille?: number };
  /** A budget let a cheaper alias answer. `ceiling`: what that can cost at most, decimal nano-USD; the hold may be the dearer one's. */
  downgrade?: { from: string; to: string; scope: string; ceiling: string };
  /** `clamp`: lowered to what a budget with back-pressure had left. */
  outputLimit?: { tokens: number; setBy: 'client' | 'alias' | 'model' | 'clamp'; loweredFrom?: number };
}
