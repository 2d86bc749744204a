import type { NanoUsd } from '../../contract/money.ts';
import type { LedgerEntry } from '../ledger.ts';
import type { Dispute, EpochSeal, LaneSeal, SealHead } from './epoch-seal.ts';

/** Where the ledger stands, as an audit needs to know it. Epochs are numbers. */
export interface LedgerStanding {
  /** Every epoch up to it is closed and, where it has entries, sealed. −1 = none. */
  closedThrough: number;
  /** The last seal. */
  head: SealHead | null;
  /** Entries of earlier epochs may have expired. */
  keptFrom: number;
  /** From here on every ended entry is in a seal. */
  sealedFrom: number;
}

/** What an epoch's entries come to as they are now. */
export interface EpochSum {
  lanes: ReadonlyMap<number, LaneSeal>;
  /** Entries still open. In a closed epoch: a process opened it too late, saw that, and died before it could take it back. Nothing was called. */
  open: number;
  /** Requests whose lost entry and the correction of it do not say the same. */
  uncorrected: string[];
}

/** An entry as it counts: a lost one at its whole hold, and what put it right as a record of its own. */
export interface LedgerRecord extends LedgerEntry {
  /** `cost` is then the difference to what the lost entry was charged. */
  isCorrection: boolean;
}

export interface AccountSum {
  cost: NanoUsd;
  requests: number;
  inputTokens: number;
  outputTokens: number;
}

export interface AccountDifference {
  account: string;
  /** What the account says of its closed epochs; undefined: the account is gone. */
  found: AccountSum | undefined;
  /** What its entries come to. */
  entries: AccountSum;
  /** By how much `committed` is not `spent` and what is held. */
  unbalanced: NanoUsd;
  isRepaired: boolean;
}

export interface RebuildReport {
  /** Accounts compared. */
  accounts: number;
  /** Not compared: in the middle of a close, or changed too often. The next run compares them. */
  skipped: number;
  /** Accounts that differ. */
  different: number;
  /** The first thousand of them that were found, by account. */
  differences: AccountDifference[];
  /** Epochs whose entries were read by this run. */
  epochsRead: number;
}

export interface RebuildOptions {
  /** Only this one. */
  account?: string;
  /** Changes no account. */
  isDryRun?: boolean;
}

export const MOST_DIFFERENCES = 1_000;

/** What counting all entries anew found in the notes of earlier counts. */
export interface RecountReport {
  /** Entries and corrections that were counted. */
  records: number;
  /** Accounts whose note was not what their entries come to; it has been put right. */
  corrected: string[];
  /** Accounts with entries that may have expired: only the note knows of those, and it was left as it is. */
  unknowable: number;
}

/** The ledger as an auditor uses it; never on the way of a request. One adapter each beside `Ledger`'s. */
export interface LedgerAudit {
  /** undefined: nothing was ever held. */
  standing(): Promise<LedgerStanding | undefined>;
  /** Seals of these epochs, inclusive, ascending; as stored, whether they hold or not. */
  seals(from: number, to: number): Promise<EpochSeal[]>;
  disputes(from: number, to: number): Promise<Dispute[]>;
  /** Epochs of these, inclusive, ascending, that may have entries. */
  epochs(from: number, to: number): AsyncIterable<number>;
  sumEpoch(epoch: number): Promise<EpochSum>;
  /** Every entry and correction of these epochs, inclusive, by epoch; read as they are taken. */
  records(from: number, to: number): AsyncIterable<LedgerRecord>;
  /**
   * Recomputes accounts from their entries, in live traffic: only closed epochs are touched, and they do not move. Twice is
   * as once. What was read is noted, so that the next run reads only what is new, and one that was stopped goes on.
   */
  rebuild(options?: RebuildOptions): Promise<RebuildReport>;
  /** Counts every closed entry anew and puts the notes right that `rebuild` compares accounts with. Changes no account. */
  recount(): Promise<RecountReport>;
}
