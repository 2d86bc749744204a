import type { NanoUsd } from '../../contract/money.ts';
import type { AccountFigures } from '../ledger.ts';
import type { BudgetState, Thresholds } from './budget-state.ts';
import type { BudgetPeriod, CapOverride } from './budgets.ts';

/** How far up its thresholds an account's spending has been seen to come, and under which cap. */
export interface AccountTier {
  state: BudgetState;
  cap: NanoUsd;
  /** Counts the caps that something was crossed under: the same threshold crossed again after a raise is news. */
  round: number;
  at: number;
  /** Who moved it there: tells a repeat of that from another's move. */
  mover: string;
}

/** An account as its escalation sees it. */
export interface BudgetAccount extends AccountFigures {
  /** As the last hold said; absent where none has said so. */
  thresholds?: Thresholds & { timeZone: string };
  /** Absent = nothing has been crossed yet. */
  tier?: AccountTier;
}

/** The caps that hold: the file's and those set by hand, and the number of that policy. */
export interface BudgetPolicy {
  version: number;
  /** The file's budgets as JSON, as they were numbered last; undefined before any gateway began. */
  fingerprint: string | undefined;
  overrides: CapOverride[];
}

/** An account at its cap, whose raise somebody may approve. */
export interface PendingApproval {
  account: string;
  cap: NanoUsd;
  round: number;
  /** What answers the workflow that waits; null where none does (local). */
  token: string | null;
  since: number;
}

/** Caps set by hand and where each account stands on its way up. No request waits for it. */
export interface BudgetStore {
  readPolicy(): Promise<BudgetPolicy>;
  /** Takes the next number of the policy, in one write with the override (null takes one away); those that ended an hour ago go. @returns the number */
  override(key: { scope: string; length: BudgetPeriod }, change: CapOverride | null, nowMs: number): Promise<number>;
  /** Stamps the account with the cap at once and begins a new round, if it exists and nobody newer was there. */
  setCap(account: string, cap: NanoUsd, version: number, nowMs: number): Promise<void>;
  /** Those that exist, consistently read. */
  readAccounts(keys: string[]): Promise<BudgetAccount[]>;
  /** Writes `to` if the tier is still `from`. */
  moveTier(account: string, from: AccountTier | undefined, to: AccountTier): Promise<boolean>;
  putApproval(approval: PendingApproval, expiresMs: number): Promise<void>;
  readApproval(account: string): Promise<PendingApproval | undefined>;
  /** Takes it away if it is that round's. */
  endApproval(account: string, round: number): Promise<void>;
}
