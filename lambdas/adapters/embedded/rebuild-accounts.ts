import { epochStart } from '../../contract/timing.ts';
import {
  type AccountDifference,
  type AccountSum,
  MOST_DIFFERENCES,
  type RebuildOptions,
  type RebuildReport,
} from '../../core/audit/ledger-audit.ts';
import { type Clock, StoreUnavailable } from '../../core/ports.ts';
import { ACCOUNT_LIFE_MS, accountExpiresAt, ENTRY_LIFE_MS } from '../../core/retention.ts';
import { advanceSums, isBehind } from './account-sums.ts';
import type { Connection, Database } from './database.ts';
import { readChain, readUnsealedEpochs } from './entry-seals.ts';
import { readStoreTime } from './store-time.ts';

/** Accounts compared in one transaction. */
const ACCOUNTS_AT_ONCE = 200;
/** Times that the sums may fall behind a close. */
const TRIES = 20;
/** A correction may come so long after the last time that the account was held on. */
const LATE_MS = ACCOUNT_LIFE_MS - ENTRY_LIFE_MS;

interface ComparedRow {
  key: string;
  /** null: the account is gone. */
  floor: bigint | null;
  spent: bigint | null;
  requests: bigint | null;
  input_tokens: bigint | null;
  output_tokens: bigint | null;
  sum_spent: bigint;
  sum_requests: bigint;
  sum_input_tokens: bigint;
  sum_output_tokens: bigint;
  last_epoch: bigint | null;
}

/** What one transaction found. */
interface Compared {
  accounts: number;
  skipped: number;
  differences: Omit<AccountDifference, 'isRepaired'>[];
  /** The next one goes on after it; undefined: there are no more. */
  last: string | undefined;
}

/**
 * Compares what accounts say of their closed epochs with the sums of their entries and puts right what differs. Each step
 * is a transaction in which the sums are those of exactly the epochs that are closed, so requests go on between them.
 */
export const rebuildAccounts = async (
  database: Database,
  clock: Clock,
  { account: only, isDryRun = false }: RebuildOptions = {},
): Promise<RebuildReport> => {
  const report: RebuildReport = { accounts: 0, skipped: 0, different: 0, differences: [], epochsRead: 0 };
  let after: string | undefined = '';
  for (let tries = 0; after !== undefined; ) {
    report.epochsRead += await advanceSums(database);
    const from: string = after;
    const compared = await database.write((connection) =>
      isBehind(connection) ? undefined : compareSome(connection, clock, { after: from, only, isDryRun }),
    );
    if (compared === undefined) {
      tries += 1;
      if (tries === TRIES) throw new StoreUnavailable('epochs are closed faster than the audit reads them');
      continue;
    }
    report.accounts += compared.accounts;
    report.skipped += compared.skipped;
    report.different += compared.differences.length;
    for (const difference of compared.differences)
      if (report.differences.length < MOST_DIFFERENCES)
        report.differences.push({ ...difference, isRepaired: !isDryRun });
    after = compared.last;
  }
  return report;
};

const compareSome = (
  connection: Connection,
  clock: Clock,
  { after, only, isDryRun }: { after: string; only: string | undefined; isDryRun: boolean },
): Compared => {
  // What it changes may be remembered.
  connection.rows.release();
  const storeNow = readStoreTime(connection, clock);
  const floor = readChain(connection).closedThrough + 1;
  const [unsealed = Number.POSITIVE_INFINITY] = readUnsealedEpochs(connection);
  const rows = readCompared(connection, after, only);
  const compared: Compared = { accounts: rows.length, skipped: 0, differences: [], last: undefined };
  for (const row of rows) {
    // In the middle of a close: the account has the epoch, and the sums don't yet.
    if (row.floor !== null && Number(row.floor) > unsealed) {
      compared.skipped += 1;
      continue;
    }
    const difference = differenceOf(row, storeNow);
    if (difference === undefined) continue;
    compared.differences.push(difference);
    if (!isDryRun) repair(connection, difference, floor, storeNow);
  }
  if (rows.length === ACCOUNTS_AT_ONCE) compared.last = rows.at(-1)?.key;
  return compared;
};

const readCompared = (connection: Connection, after: string, only: string | undefined): ComparedRow[] =>
  connection.all<ComparedRow>(
    `WITH names AS (
       SELECT key FROM accounts WHERE ${only === undefined ? 'key > ?1' : 'key = ?2 AND key > ?1'}
       UNION SELECT account FROM account_sums WHERE ${only === undefined ? 'account > ?1' : 'account = ?2 AND account > ?1'}
       ORDER BY 1 LIMIT ${ACCOUNTS_AT_ONCE}
     )
     SELECT names.key, accounts.floor, accounts.spent, accounts.requests, accounts.input_tokens, accounts.output_tokens,
       coalesce(account_sums.spent, 0) AS sum_spent, coalesce(account_sums.requests, 0) AS sum_requests,
       coalesce(account_sums.input_tokens, 0) AS sum_input_tokens,
       coalesce(account_sums.output_tokens, 0) AS sum_output_tokens, account_sums.last_epoch
     FROM names LEFT JOIN accounts ON accounts.key = names.key LEFT JOIN account_sums ON account_sums.account = names.key
     ORDER BY names.key`,
    after,
    ...(only === undefined ? [] : [only]),
  );

const differenceOf = (row: ComparedRow, storeNow: number): Omit<AccountDifference, 'isRepaired'> | undefined => {
  const entries: AccountSum = {
    cost: row.sum_spent,
    requests: Number(row.sum_requests),
    inputTokens: Number(row.sum_input_tokens),
    outputTokens: Number(row.sum_output_tokens),
  };
  if (row.floor === null) {
    // An account goes some time after its last entry; until then it can't have expired.
    const mayHaveExpired = accountExpiresAt(row.key, epochStart(Number(row.last_epoch ?? 0n))) - LATE_MS <= storeNow;
    return mayHaveExpired ? undefined : { account: row.key, found: undefined, entries, unbalanced: 0n };
  }
  const found: AccountSum = {
    cost: row.spent ?? 0n,
    requests: Number(row.requests ?? 0n),
    inputTokens: Number(row.input_tokens ?? 0n),
    outputTokens: Number(row.output_tokens ?? 0n),
  };
  const isSame =
    found.cost === entries.cost &&
    found.requests === entries.requests &&
    found.inputTokens === entries.inputTokens &&
    found.outputTokens === entries.outputTokens;
  // What is held is summed up from its parts: there is no figure that could be out of balance.
  return isSame ? undefined : { account: row.key, found, entries, unbalanced: 0n };
};

/** An account that is gone comes back as its entries say; the next hold puts it under its cap. */
const repair = (
  connection: Connection,
  { account, entries }: Omit<AccountDifference, 'isRepaired'>,
  floor: number,
  storeNow: number,
): void => {
  connection.run(
    `INSERT INTO accounts (key, cap, cap_version, floor, spent, requests, input_tokens, output_tokens, expires)
     VALUES (?, NULL, 0, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (key) DO UPDATE SET spent = excluded.spent, requests = excluded.requests,
       input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens`,
    account,
    floor,
    entries.cost,
    entries.requests,
    entries.inputTokens,
    entries.outputTokens,
    accountExpiresAt(account, storeNow),
  );
};
