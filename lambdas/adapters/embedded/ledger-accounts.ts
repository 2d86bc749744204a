import type { AccountFigures, AccountRef, HoldOutcome, HoldRequest } from '../../core/ports.ts';
import { checkAmount } from './amounts.ts';
import type { Connection } from './database.ts';
import { ACCOUNT_LIFE_MS } from './retention.ts';

export interface AccountRow {
  key: string;
  cap: bigint | null;
  cap_version: bigint;
  committed: bigint;
  spent: bigint;
  requests: bigint;
  input_tokens: bigint;
  output_tokens: bigint;
  /** Epochs below it are closed. */
  floor: bigint;
}

/** What an entry, or many, add to an account. */
export interface Use {
  cost: bigint;
  requests: bigint;
  inputTokens: bigint;
  outputTokens: bigint;
}

export interface EpochRow {
  owner: string;
  held: bigint;
  spent: bigint;
  requests: bigint;
  input_tokens: bigint;
  output_tokens: bigint;
}

export const readAccount = (connection: Connection, key: string): AccountRow | undefined =>
  connection.get<AccountRow>(
    `SELECT key, cap, cap_version, committed, spent, requests, input_tokens, output_tokens, floor
     FROM accounts WHERE key = ?`,
    key,
  );

export const makeAccount = (key: string): AccountRow => ({
  key,
  cap: null,
  cap_version: 0n,
  committed: 0n,
  spent: 0n,
  requests: 0n,
  input_tokens: 0n,
  output_tokens: 0n,
  floor: 0n,
});

/** @throws {RangeError} where an amount has grown beyond what can be stored; nothing of the transaction is then kept. */
export const writeAccount = (connection: Connection, row: AccountRow, storeNow: number): void => {
  checkAmount(`spent of ${row.key}`, row.spent);
  checkAmount(`committed of ${row.key}`, row.committed);
  connection.run(
    `INSERT INTO accounts (key, cap, cap_version, committed, spent, requests, input_tokens, output_tokens, floor, expires)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (key) DO UPDATE SET cap = excluded.cap, cap_version = excluded.cap_version,
       committed = excluded.committed, spent = excluded.spent, requests = excluded.requests,
       input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens,
       floor = excluded.floor, expires = excluded.expires`,
    row.key,
    row.cap,
    row.cap_version,
    row.committed,
    row.spent,
    row.requests,
    row.input_tokens,
    row.output_tokens,
    row.floor,
    storeNow + ACCOUNT_LIFE_MS,
  );
};

const readEpoch = (connection: Connection, epoch: number, account: string, owner: string): EpochRow =>
  connection.get<EpochRow>(
    `SELECT owner, held, spent, requests, input_tokens, output_tokens FROM account_epochs
     WHERE epoch = ? AND account = ? AND owner = ?`,
    epoch,
    account,
    owner,
  ) ?? { owner, held: 0n, spent: 0n, requests: 0n, input_tokens: 0n, output_tokens: 0n };

const writeEpoch = (connection: Connection, epoch: number, account: string, row: EpochRow): void => {
  connection.run(
    `INSERT INTO account_epochs (epoch, account, owner, held, spent, requests, input_tokens, output_tokens)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (epoch, account, owner) DO UPDATE SET held = excluded.held, spent = excluded.spent,
       requests = excluded.requests, input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens`,
    epoch,
    account,
    row.owner,
    row.held,
    row.spent,
    row.requests,
    row.input_tokens,
    row.output_tokens,
  );
};

export const toFigures = (row: AccountRow): AccountFigures => ({
  key: row.key,
  cap: row.cap,
  capVersion: Number(row.cap_version),
  committed: row.committed,
  spent: row.spent,
  held: row.committed - row.spent,
  requests: Number(row.requests),
  inputTokens: Number(row.input_tokens),
  outputTokens: Number(row.output_tokens),
});

/** Puts the account under the caller's policy, unless the one it is stamped with is newer. @returns whether its version grew */
const stamp = (row: AccountRow, ref: AccountRef, capVersion: bigint): boolean => {
  const { cap_version: stampedVersion } = row;
  if (stampedVersion > capVersion) return false;
  row.cap = ref.cap === null ? null : checkAmount(`cap of ${ref.key}`, ref.cap);
  row.cap_version = capVersion;
  return capVersion > stampedVersion;
};

/** Adds to what an owner holds of an account in an epoch, nearly always in one statement. */
const addHeld = (connection: Connection, epoch: number, account: string, owner: string, amount: bigint): void => {
  const changed = connection.run(
    'UPDATE account_epochs SET held = held + ? WHERE epoch = ? AND account = ? AND owner = ?',
    amount,
    epoch,
    account,
    owner,
  );
  if (changed > 0) return;
  const part = readEpoch(connection, epoch, account, owner);
  writeEpoch(connection, epoch, account, { ...part, held: part.held + amount });
};

/** Turns a hold that is there into its use. @returns false where less is held; nothing has changed then */
const useHeld = (
  connection: Connection,
  { epoch, account, owner, hold, use }: { epoch: number; account: string; owner: string; hold: bigint; use: Use },
): boolean =>
  connection.run(
    `UPDATE account_epochs SET held = held - ?, spent = spent + ?, requests = requests + ?,
       input_tokens = input_tokens + ?, output_tokens = output_tokens + ?
     WHERE epoch = ? AND account = ? AND owner = ? AND held >= ?`,
    hold,
    use.cost,
    use.requests,
    use.inputTokens,
    use.outputTokens,
    epoch,
    account,
    owner,
    hold,
  ) > 0;

/** Holds on every account, or on none. Whether the epoch itself is open has been seen to by the caller. */
export const holdOnAccounts = (
  connection: Connection,
  request: HoldRequest,
  owner: string,
  storeNow: number,
): HoldOutcome => {
  const { accounts, epoch } = request;
  const amount = checkAmount('amount', request.amount);
  const capVersion = BigInt(request.capVersion);
  if (new Set(accounts.map(({ key }) => key)).size !== accounts.length)
    throw new TypeError(`an account is named twice: ${accounts.map(({ key }) => key).join(', ')}`);

  const rows: AccountRow[] = [];
  for (const account of accounts) {
    const stored = readAccount(connection, account.key);
    if (stored !== undefined && stored.floor > BigInt(epoch)) return { kind: 'wrong-epoch', storeNow };
    const row = stored ?? makeAccount(account.key);
    const isNewer = stamp(row, account, capVersion);
    if (row.cap !== null && row.committed + amount > row.cap) {
      // The newer policy has been seen: from now on older writers are held to it.
      if (stored !== undefined && isNewer) writeAccount(connection, row, storeNow);
      return { kind: 'refused', account, figures: stored === undefined ? undefined : toFigures(row) };
    }
    row.committed += amount;
    rows.push(row);
  }
  for (const row of rows) {
    writeAccount(connection, row, storeNow);
    addHeld(connection, epoch, row.key, owner, amount);
  }
  return { kind: 'held', figures: rows.map(toFigures) };
};

/** Gives one account a hold back, unless its epoch is closed or an open entry stands on it: `entered` is what such entries hold. */
export const releaseHold = (
  connection: Connection,
  {
    epoch,
    account,
    owner,
    amount,
    entered,
  }: { epoch: number; account: string; owner: string; amount: bigint; entered: bigint },
  storeNow: number,
): void => {
  const row = readAccount(connection, account);
  const part = readEpoch(connection, epoch, account, owner);
  if (row === undefined || row.floor > BigInt(epoch) || part.held - entered < amount) return;
  writeAccount(connection, { ...row, committed: row.committed - amount }, storeNow);
  writeEpoch(connection, epoch, account, { ...part, held: part.held - amount });
};

/** Turns an entry's hold into its use, on one account. */
export const applyUse = (
  connection: Connection,
  { epoch, account, owner, hold, use }: { epoch: number; account: string; owner: string; hold: bigint; use: Use },
  storeNow: number,
): void => {
  const row = readAccount(connection, account) ?? makeAccount(account);
  let released = hold;
  if (!useHeld(connection, { epoch, account, owner, hold, use })) {
    // The hold is there whenever the rules were kept. Where it is not, the use is entered all the same: it was real.
    const part = readEpoch(connection, epoch, account, owner);
    released = hold < part.held ? hold : part.held;
    writeEpoch(connection, epoch, account, {
      owner,
      held: part.held - released,
      spent: part.spent + use.cost,
      requests: part.requests + use.requests,
      input_tokens: part.input_tokens + use.inputTokens,
      output_tokens: part.output_tokens + use.outputTokens,
    });
  }
  row.spent += use.cost;
  row.committed += use.cost - released;
  row.requests += use.requests;
  row.input_tokens += use.inputTokens;
  row.output_tokens += use.outputTokens;
  writeAccount(connection, row, storeNow);
};

/** Drops every hold of owners that are not among the living (a JSON array of ids). Their open entries must be lost by now. */
export const dropHolds = (connection: Connection, living: string, storeNow: number): void => {
  const dead = connection.all<EpochRow & { epoch: bigint; account: string }>(
    `SELECT epoch, account, owner, held, spent, requests, input_tokens, output_tokens FROM account_epochs
     WHERE held > 0 AND owner NOT IN (SELECT value FROM json_each(?))`,
    living,
  );
  for (const { epoch, account, ...part } of dead) {
    const row = readAccount(connection, account);
    if (row !== undefined) writeAccount(connection, { ...row, committed: row.committed - part.held }, storeNow);
    writeEpoch(connection, Number(epoch), account, { ...part, held: 0n });
  }
};

/** Replaces what an account has of an epoch by the exact sum of the epoch's entries: leaked holds end here. Once an account and epoch. */
export const closeAccount = (
  connection: Connection,
  account: string,
  epoch: number,
  exact: Use,
  storeNow: number,
): void => {
  const row = readAccount(connection, account) ?? makeAccount(account);
  if (row.floor > BigInt(epoch)) return;
  const parts = connection.all<EpochRow>(
    `SELECT owner, held, spent, requests, input_tokens, output_tokens FROM account_epochs WHERE epoch = ? AND account = ?`,
    epoch,
    account,
  );
  const sum = (pick: (part: EpochRow) => bigint): bigint => parts.reduce((total, part) => total + pick(part), 0n);
  const spent = row.spent + exact.cost - sum((part) => part.spent);
  writeAccount(
    connection,
    {
      ...row,
      spent,
      committed: row.committed - row.spent - sum((part) => part.held) + spent,
      requests: row.requests + exact.requests - sum((part) => part.requests),
      input_tokens: row.input_tokens + exact.inputTokens - sum((part) => part.input_tokens),
      output_tokens: row.output_tokens + exact.outputTokens - sum((part) => part.output_tokens),
      floor: BigInt(epoch) + 1n,
    },
    storeNow,
  );
  connection.run('DELETE FROM account_epochs WHERE epoch = ? AND account = ?', epoch, account);
};
