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
  };
  /** Cost beyond the hold, nano-USD, decimal. */
  overrun?: string;
  dropped: string[];
  budget: { state: 'ok' | 'warn' | 'reject'; scope: string | null };
  outputLimit?: { tokens: number; setBy: 'client' | 'alias' | 'model' };
}
