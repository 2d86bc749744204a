import type { Asked } from '../decode/decode.ts';
import type { Refusal } from '../failures.ts';
import type { AnswerClaim } from '../idempotency/answer-store.ts';
import type { AccountRef, HoldRequest } from '../ledger.ts';
import type { Receipt } from '../receipt.ts';
import type { Plan } from '../route/plan.ts';
import type { Target } from '../target.ts';
import type { LimitFigures, LimitTake } from './limit-store.ts';
import type { LoweredLimits, OutputLimit } from './output-limit.ts';
import type { RunEntry, RunLimits } from './run-store.ts';
import type { QuotaTake } from './target-quota.ts';

/**
 * A request that every scope has admitted: its entry is open in the ledger, and from here on only settling ends it. Before
 * that, the draft of one.
 */
export interface Admission {
  asked: Asked;
  plan: Plan;
  requestId: string;
  /** Tells a repeat of this request's writes from another request's. */
  nonce: string;
  epoch: number;
  accounts: AccountRef[];
  takes: LimitTake[];
  /** Nano-USD held on each account; grows with top-ups. */
  hold: bigint;
  /** Number of the policy that the accounts' caps come from; a top-up holds under the same. */
  capVersion: number;
  isBudgeted: boolean;
  /** The target that was expected to be asked first: the hold, the takes and the output limit are for it. */
  firstTarget: Target;
  outputLimit: OutputLimit;
  /** What back-pressure has lowered. */
  lowered: LoweredLimits;
  /** What targets' own quotas said in advance, until an attempt asks for it. */
  quotas: QuotaTake[];
  /** Corrections of targets' quotas under way: settling waits for them. */
  quotaWrites: Promise<void>[];
  /** Standing of the rate limits after this request. */
  limits: LimitFigures[];
  receipt: Receipt;
  /** The agent run that it is part of, with what started it. */
  run?: RunEntry;
  /** When that run is over, the store's time; null = it does not end by itself. */
  runEndsAt: number | null;
  /** Of them the run that ends first. */
  runEndsBy?: RunLimits;
  /** When the request came, by this process's clock, milliseconds since 1970; absent where none came from outside. */
  arrivedAt?: number;
  /** The idempotency key that its answer is kept under. */
  claim?: AnswerClaim;
}

export type Admitted = { ok: true; admission: Admission } | { ok: false; refusal: Refusal };

export const holdRequestOf = (
  { accounts, capVersion, epoch, hold }: Pick<Admission, 'accounts' | 'capVersion' | 'epoch' | 'hold'>,
  amount = hold,
): HoldRequest => ({ accounts, capVersion, epoch, amount });
