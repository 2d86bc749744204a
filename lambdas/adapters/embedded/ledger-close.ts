import { closeDueAt, epochOf } from '../../contract/timing.ts';
import type { Clock } from '../../core/ports.ts';
import type { Connection, Database } from './database.ts';
import { addUse, closeAccount, NO_USE, readAccountsOf, readPartEpochs, type Use } from './ledger-accounts.ts';
import { accountsOf, isCorrection, loseEntry, readOpenEntriesOf, readOpenEpochs, seqOf } from './ledger-entries.ts';
import { clearDeadOwners, noteOwner, type Owner } from './owners.ts';
import { raiseFence, readStoreTime } from './store-time.ts';

/** Rows handled before other requests get their turn. */
const ENTRIES_AT_ONCE = 2_000;
const ACCOUNTS_AT_ONCE = 200;

/**
 * Closes every epoch that is due, oldest first: fences it off and loses what is open in it, adds up its entries, which are
 * final from there on, and replaces the accounts' figures for it by those sums. Every step is a transaction that may be
 * repeated, so two closers may overlap and one may die anywhere. Holds can't enter an epoch behind the fence and every
 * account with figures in an epoch is closed with it, so there is no leak left to heal on sight.
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

const readUnclosedEpochs = (connection: Connection): number[] =>
  [...new Set([...readPartEpochs(connection), ...readOpenEpochs(connection)])].sort((a, b) => a - b);

const closeEpoch = async (database: Database, clock: Clock, epoch: number): Promise<void> => {
  await database.write((connection) => {
    raiseFence(connection, epoch);
    const storeNow = readStoreTime(connection, clock);
    for (const entry of readOpenEntriesOf(connection, epoch)) loseEntry(connection, entry, storeNow);
  });
  const exact = await sumEntries(database, epoch);
  const accounts = await database.read((connection) => readAccountsOf(connection, epoch));
  const names = [...new Set([...exact.keys(), ...accounts])];
  for (let from = 0; from < names.length; from += ACCOUNTS_AT_ONCE) {
    await database.write((connection) => {
      const storeNow = readStoreTime(connection, clock);
      for (const name of names.slice(from, from + ACCOUNTS_AT_ONCE))
        closeAccount(connection, name, epoch, exact.get(name) ?? NO_USE, storeNow);
    });
  }
};

interface SummedRow {
  seq: bigint;
  id: string;
  cost: bigint;
  accounts: string;
  input_tokens: bigint;
  output_tokens: bigint;
}

/** What the epoch's entries come to, by account. Refused ones count nothing, and a correction is no request of its own. */
const sumEntries = async (database: Database, epoch: number): Promise<Map<string, Use>> => {
  const byAccounts = new Map<string, Use>();
  for (let after = seqOf(epoch); ; ) {
    const rows = await database.read((connection) =>
      connection.all<SummedRow>(
        `SELECT seq, id, cost, accounts, input_tokens, output_tokens FROM entries
         WHERE seq > ? AND seq < ? AND state IN ('settled', 'lost') ORDER BY seq LIMIT ${ENTRIES_AT_ONCE}`,
        after,
        seqOf(epoch + 1),
      ),
    );
    for (const row of rows) byAccounts.set(row.accounts, addUse(byAccounts.get(row.accounts) ?? NO_USE, toUse(row)));
    const last = rows.at(-1);
    if (last === undefined || rows.length < ENTRIES_AT_ONCE) break;
    after = last.seq;
    await letOthersRun();
  }
  const byAccount = new Map<string, Use>();
  for (const [accounts, use] of byAccounts) {
    for (const account of accountsOf({ accounts }))
      byAccount.set(account, addUse(byAccount.get(account) ?? NO_USE, use));
  }
  return byAccount;
};

const toUse = (row: SummedRow): Use => ({
  cost: row.cost,
  requests: isCorrection(row.id) ? 0n : 1n,
  inputTokens: row.input_tokens,
  outputTokens: row.output_tokens,
});

const letOthersRun = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
