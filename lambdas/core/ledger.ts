import type { NanoUsd } from '../contract/money.ts';
import type { ScopeKind } from './budget/budgets.ts';
import type { Receipt } from './receipt.ts';

/** One account that a request must be admitted to. */
export interface AccountRef {
  /** `team#search#2026-11`. */
  key: string;
  scope: ScopeKind;
  id: string;
  /** `2026-11-22`, `2026-W48`, `2026-11`, `all`. */
  period: string;
  /** null = counted, never refused. */
  cap: NanoUsd | null;
  /** `clamp`: a request is not refused while a lower output limit has room. */
  backPressure?: 'clamp';
  warnAt: number;
  downgradeAt?: number;
  withoutStandIn?: 'allow' | 'reject';
  /** Where the period begins and ends; absent = UTC. */
  timeZone?: string;
}

export interface AccountFigures {
  key: string;
  cap: NanoUsd | null;
  capVersion: number;
  /** spent + held, always. */
  committed: NanoUsd;
  spent: NanoUsd;
  held: NanoUsd;
  /** Requests that have ended, settled or lost, and their tokens. */
  requests: number;
  inputTokens: number;
  outputTokens: number;
}

export interface HoldRequest {
  accounts: AccountRef[];
  /** Version of the policy that the caps come from. */
  capVersion: number;
  epoch: number;
  amount: NanoUsd;
}

export type HoldOutcome =
  | { kind: 'held'; figures: AccountFigures[] }
  /** `figures` of an account that had no room; `standing` of all that exist, as they are without this hold: nothing of it is left in any. */
  | { kind: 'refused'; account: AccountRef; figures: AccountFigures | undefined; standing: AccountFigures[] }
  /** The epoch is closed, or not the store's: take the store's time and start again. */
  | { kind: 'wrong-epoch'; storeNow: number };

export type EntryState = 'open' | 'settled' | 'lost' | 'refused';

export interface OpenEntry {
  requestId: string;
  /** Tells a repeat of this very write from another request. */
  nonce: string;
  epoch: number;
  hold: NanoUsd;
  accounts: string[];
  keyId: string;
  org: string;
  team: string;
  user: string;
  tags: Record<string, string>;
  alias: string;
  /** The agent run, and the one that started it. */
  run?: string;
  parentRun?: string;
  receipt: Receipt;
}

export interface Settlement {
  requestId: string;
  nonce: string;
  cost: NanoUsd;
  inputTokens: number;
  outputTokens: number;
  /** The finished receipt. */
  receipt: Receipt;
}

export interface LedgerEntry extends OpenEntry {
  state: EntryState;
  cost: NanoUsd;
  inputTokens: number;
  outputTokens: number;
  /** The store's time. */
  openedAt: number;
  settledAt: number | null;
}

/**
 * What a request asks of the meter (docs/ledger.md). Order of one request: `hold` on all accounts → `open` the entry → call →
 * `settle`. An entry exists only if every account said yes; no entry, no call.
 */
export interface RequestLedger {
  /** All accounts or none. */
  hold(request: HoldRequest): Promise<HoldOutcome>;
  /** Undoes a hold whose entry was not opened (or was refused). At most once a hold. */
  giveBack(request: HoldRequest): Promise<void>;
  /** @returns false when the store's time is outside the entry's epoch: refuse it, give back, start again. */
  open(entry: OpenEntry): Promise<boolean>;
  /** Makes sure that an entry which may exist is dead, before its holds go. @throws {Error} when it has been settled or lost meanwhile: its hold must not be given back */
  refuse(requestId: string, epoch: number): Promise<void>;
  /** Takes more on every account, then raises the entry's hold. The dearer call may be made only on `held`; `wrong-epoch`: the entry is no longer open. */
  topUp(requestId: string, request: HoldRequest, hold: { from: NanoUsd; to: NanoUsd }): Promise<HoldOutcome>;
  /** Once a request, whatever happened. Repeating it changes nothing; after the epoch's close it becomes a correction. */
  settle(settlement: Settlement): Promise<void>;
  /** One that was lost and then settled after all reads as settled, at its true cost. */
  read(requestId: string): Promise<LedgerEntry | undefined>;
  /** In the order asked; an account that nothing was held on has none. */
  figures(accountKeys: string[]): Promise<AccountFigures[]>;
}

/** The whole meter: what is behind requests too. */
export interface Ledger extends RequestLedger {
  /** Newest first, those opened before the request `before`. Nothing where that one is unknown. */
  tail(options: { limit: number; keyId?: string; before?: string }): Promise<LedgerEntry[]>;
  /** Closes every epoch that is due: loses what is still open, heals leaks. @returns the epochs closed. */
  closeDueEpochs(): Promise<number[]>;
}

/** Settlements that the store did not take; entered later, so that nothing spent is forgotten. */
export interface SettleQueue {
  add(settlement: Settlement): void;
}
