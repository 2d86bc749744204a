import { closeDueAt, epochOf } from '../../contract/timing.ts';
import type { LaneSeal } from '../../core/audit/epoch-seal.ts';
import type { Clock } from '../../core/ports.ts';
import type { Connection, Database } from './database.ts';
import { readUnsealedEpochs, sealClosed, sumLanes } from './entry-seals.ts';
import { addUse, closeAccount, NO_USE, readAccountsOf, readPartEpochs, type Use } from './ledger-accounts.ts';
import {
  accountsOf,
  type EntryRow,
  isCorrection,
  loseEntry,
  readOpenEntriesOf,
  readOpenEpochs,
} from './ledger-entries.ts';
import { clearDeadOwners, noteOwner, type Owner } from './owners.ts';
import { raiseFence, readStoreTime } from './store-time.ts';

/** Rows handled before other requests get their turn. */
const ACCOUNTS_AT_ONCE = 200;

/**
 * Closes every epoch that is due, oldest first: fences it off and loses what is open in it, adds up its entries, which are
 * final from there on, replaces the accounts' figures for it by those sums, and seals it. Every step is a transaction that
 * may be repeated, so two closers may overlap and one may die anywhere. Holds can't enter an epoch behind the fence and
 * every account with figures in an epoch is closed with it, so there is no leak left to heal on sight.
 */
export const closeDueEpochs = async (
  database: Database,
  clock: Clock,
  owner: Owner,
  sweep: (connection: Connection, storeNow: number) => void,
): Promise<number[]> => {
  const dueEpochs = await database.write((connection) => {
    const storeNow = readStoreTime(connection, clock);
    noteOwner(connection, owner, epochOf(storeNow));
    clearDeadOwners(connection, owner, storeNow);
    return readUnclosedEpochs(connection).filter((epoch) => closeDueAt(epoch) <= storeNow);
  });
  for (const epoch of dueEpochs) await closeEpoch(database, clock, epoch);
  await database.write((connection) => {
    sweep(connection, readStoreTime(connection, clock));
  });
  return dueEpochs;
};

/** Epochs with figures that are not closed, or entries that are not sealed. */
const readUnclosedEpochs = (connection: Connection): number[] =>
  [...new Set([...readPartEpochs(connection), ...readOpenEpochs(connection), ...readUnsealedEpochs(connection)])].sort(
    (a, b) => a - b,
  );

const closeEpoch = async (database: Database, clock: Clock, epoch: number): Promise<void> => {
  await database.write((connection) => {
    raiseFence(connection, epoch);
    const storeNow = readStoreTime(connection, clock);
    for (const entry of readOpenEntriesOf(connection, epoch)) loseEntry(connection, entry, storeNow);
  });
  const { lanes, exact } = await sumEntries(database, epoch);
  const accounts = await database.read((connection) => readAccountsOf(connection, epoch));
  const names = [...new Set([...exact.keys(), ...accounts])];
  for (let from = 0; from < names.length; from += ACCOUNTS_AT_ONCE) {
    await database.write((connection) => {
      const storeNow = readStoreTime(connection, clock);
      for (const name of names.slice(from, from + ACCOUNTS_AT_ONCE))
        closeAccount(connection, name, epoch, exact.get(name) ?? NO_USE, storeNow);
    });
  }
  // Last: an epoch that has its seal is done with.
  await database.write((connection) => sealClosed(connection, epoch, lanes));
};

/** What the epoch's entries come to, by account and by lane. Refused ones count nothing, and a correction is no request of its own. */
const sumEntries = async (
  database: Database,
  epoch: number,
): Promise<{ lanes: ReadonlyMap<number, LaneSeal>; exact: Map<string, Use> }> => {
  const byAccounts = new Map<string, Use>();
  const { lanes } = await sumLanes(database, epoch, (row) =>
    byAccounts.set(row.accounts, addUse(byAccounts.get(row.accounts) ?? NO_USE, toUse(row))),
  );
  return { lanes, exact: sumByAccount(byAccounts) };
};

/** From sums by lists of accounts, as entries have them, to sums by account. */
export const sumByAccount = (byAccounts: ReadonlyMap<string, Use>): Map<string, Use> => {
  const byAccount = new Map<string, Use>();
  for (const [accounts, use] of byAccounts) {
    for (const account of accountsOf({ accounts }))
      byAccount.set(account, addUse(byAccount.get(account) ?? NO_USE, use));
  }
  return byAccount;
};

export const toUse = (row: Pick<EntryRow, 'id' | 'cost' | 'input_tokens' | 'output_tokens'>): Use => ({
  cost: row.cost,
  requests: isCorrection(row.id) ? 0n : 1n,
  inputTokens: row.input_tokens,
  outputTokens: row.output_tokens,
});
