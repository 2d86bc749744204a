import type { NanoUsd } from '../../contract/money.ts';
import type { AccountFigures, AccountRef } from '../ledger.ts';

/** A capped account, and what is left of it. */
export interface AccountRoom {
  account: AccountRef;
  /** Absent where nothing was ever held on it. */
  figures: AccountFigures | undefined;
  cap: NanoUsd;
  committed: NanoUsd;
  room: NanoUsd;
}

/**
 * Every capped account as it stands. The figures' cap counts, where there are any: a newer policy may have stamped them.
 *
 * @param standing figures of those that exist
 */
export const roomsOf = (accounts: readonly AccountRef[], standing: readonly AccountFigures[]): AccountRoom[] => {
  const byKey = new Map(standing.map((figures) => [figures.key, figures]));
  return accounts.flatMap((account) => {
    const figures = byKey.get(account.key);
    const cap = figures === undefined ? account.cap : figures.cap;
    const committed = figures?.committed ?? 0n;
    return cap === null ? [] : [{ account, figures, cap, committed, room: cap - committed }];
  });
};

/** The cap that the next hold is held to: this process's, unless a newer policy than its own has stamped the account. */
export const capInForce = (
  account: AccountRef,
  figures: AccountFigures | undefined,
  policyVersion: number,
): NanoUsd | null => (figures !== undefined && figures.capVersion > policyVersion ? figures.cap : account.cap);
