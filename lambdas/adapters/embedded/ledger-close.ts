import { closeDueAt, epochOf } from '../../contract/timing.ts';
import type { Clock } from '../../core/ports.ts';
import type { Connection, Database } from './database.ts';
import { closeAccount, type Use } from './ledger-accounts.ts';
import { accountsOf, isCorrection, loseEntry, readOpenEntriesOf } from './ledger-entries.ts';
import { clearDeadOwners, noteOwner, type Owner } from './owners.ts';
import { raiseFence, readStoreTime } from './store-time.ts';

/** Rows handled before other requests get their turn. */
const ENTRIES_AT_ONCE = 2_000;
const ACCOUNTS_AT_ONCE = 200;

const NONE: Use = { cost: 0n, requests: 0n, inputTokens: 0n, outputTokens: 0n };

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
  sweep: (connection: Connection, storeNow: number, epoch: number) => void,
): Promise<number[]> => {
  const dueEpochs = await database.write((connection) => {
    const storeNow = readStoreTime(connection, clock);
    noteOwner(connection, owner, epochOf(storeNow));
    clearDeadOwners(connection, owner, storeNow);
    return readUnclosedEpochs(connection).filter((epoch) => closeDueAt(epoch) <= storeNow);
  });
  for (const epoch of dueEpochs) await closeEpoch(database, clock, epoch);
  await database.write((connection) => {
    const storeNow = readStoreTime(connection, clock);
    sweep(connection, storeNow, epochOf(storeNow));
  });
  return dueEpochs;
};

const readUnclosedEpochs = (connection: Connection): number[] =>
  connection
    .all<{ epoch: bigint }>(
      `SELECT epoch FROM account_epochs UNION SELECT epoch FROM entries WHERE state = 'open' ORDER BY epoch`,
    )
    .map(({ epoch }) => Number(epoch));

const closeEpoch = async (database: Database, clock: Clock, epoch: number): Promise<void> => {
  await database.write((connection) => {
    raiseFence(connection, epoch);
    const storeNow = readStoreTime(connection, clock);
    for (const entry of readOpenEntriesOf(connection, epoch)) loseEntry(connection, entry, storeNow);
  });
  const exact = await sumEntries(database, epoch);
  const accounts = await database.read((connection) =>
    connection.all<{ account: string }>('SELECT DISTINCT account FROM account_epochs WHERE epoch = ?', epoch),
  );
  const names = [...new Set([...exact.keys(), ...accounts.map(({ account }) => account)])];
  for (let from = 0; from < names.length; from += ACCOUNTS_AT_ONCE) {
    await database.write((connection) => {
      const storeNow = readStoreTime(connection, clock);
      for (const name of names.slice(from, from + ACCOUNTS_AT_ONCE))
        closeAccount(connection, name, epoch, exact.get(name) ?? NONE, storeNow);
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
  for (let after = -1n; ; ) {
    const rows = await database.read((connection) =>
      connection.all<SummedRow>(
        `SELECT seq, id, cost, accounts, input_tokens, output_tokens FROM entries
         WHERE epoch = ? AND seq > ? AND state IN ('settled', 'lost') ORDER BY seq LIMIT ${ENTRIES_AT_ONCE}`,
        epoch,
        after,
      ),
    );
    for (const row of rows) byAccounts.set(row.accounts, add(byAccounts.get(row.accounts) ?? NONE, toUse(row)));
    const last = rows.at(-1);
    if (last === undefined || rows.length < ENTRIES_AT_ONCE) break;
    after = last.seq;
    await letOthersRun();
  }
  const byAccount = new Map<string, Use>();
  for (const [accounts, use] of byAccounts) {
    for (const account of accountsOf({ accounts })) byAccount.set(account, add(byAccount.get(account) ?? NONE, use));
  }
  return byAccount;
};

const toUse = (row: SummedRow): Use => ({
  cost: row.cost,
  requests: isCorrection(row.id) ? 0n : 1n,
  inputTokens: row.input_tokens,
  outputTokens: row.output_tokens,
});

const add = (a: Use, b: Use): Use => ({
  cost: a.cost + b.cost,
  requests: a.requests + b.requests,
  inputTokens: a.inputTokens + b.inputTokens,
  outputTokens: a.outputTokens + b.outputTokens,
});

const letOthersRun = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
