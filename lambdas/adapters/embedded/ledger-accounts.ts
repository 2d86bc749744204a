import type { AccountFigures, AccountRef, HoldOutcome, HoldRequest } from '../../core/ledger.ts';
import { accountExpiresAt } from '../../core/retention.ts';
import { checkAmount } from './amounts.ts';
import type { Connection } from './database.ts';
import { makeRowWriter, type RowKind } from './row-cache.ts';

/** What an entry, or many, add to an account. */
export interface Use {
  cost: bigint;
  requests: bigint;
  inputTokens: bigint;
  outputTokens: bigint;
}

/** What one owner holds of an account and has used of it in one epoch that is not closed yet. */
interface Part {
  account: string;
  epoch: number;
  owner: string;
  held: bigint;
  use: Use;
}

/** An account: what its closed epochs came to, and its parts in those that are open. `committed = spent + held` by its make. */
export interface Account {
  key: string;
  cap: bigint | null;
  capVersion: number;
  /** Epochs below it are closed. */
  floor: number;
  closed: Use;
  parts: Part[];
  /** Sum of the parts. */
  held: bigint;
  /** Sum of the closed epochs and the parts. */
  total: Use;
  expires: number;
}

export const NO_USE: Use = { cost: 0n, requests: 0n, inputTokens: 0n, outputTokens: 0n };

export const addUse = (a: Use, b: Use): Use => ({
  cost: a.cost + b.cost,
  requests: a.requests + b.requests,
  inputTokens: a.inputTokens + b.inputTokens,
  outputTokens: a.outputTokens + b.outputTokens,
});

export const isSameUse = (a: Use, b: Use): boolean =>
  a.cost === b.cost &&
  a.requests === b.requests &&
  a.inputTokens === b.inputTokens &&
  a.outputTokens === b.outputTokens;

interface UseColumns {
  spent: bigint;
  requests: bigint;
  input_tokens: bigint;
  output_tokens: bigint;
}

const toUse = (row: UseColumns): Use => ({
  cost: row.spent,
  requests: row.requests,
  inputTokens: row.input_tokens,
  outputTokens: row.output_tokens,
});

const fromUse = (use: Use): bigint[] => [use.cost, use.requests, use.inputTokens, use.outputTokens];

const writeAccounts = makeRowWriter(
  'INSERT INTO accounts (key, cap, cap_version, floor, spent, requests, input_tokens, output_tokens, expires)',
  `ON CONFLICT (key) DO UPDATE SET cap = excluded.cap, cap_version = excluded.cap_version, floor = excluded.floor,
     spent = excluded.spent, requests = excluded.requests, input_tokens = excluded.input_tokens,
     output_tokens = excluded.output_tokens, expires = excluded.expires`,
);

const ACCOUNTS: RowKind<Account> = {
  load(connection, key) {
    const row = connection.get<
      UseColumns & { cap: bigint | null; cap_version: bigint; floor: bigint; expires: bigint }
    >(
      `SELECT cap, cap_version, floor, spent, requests, input_tokens, output_tokens, expires FROM accounts WHERE key = ?`,
      key,
    );
    if (row === undefined) return undefined;
    const parts = connection
      .all<UseColumns & { epoch: bigint; owner: string; held: bigint }>(
        `SELECT epoch, owner, held, spent, requests, input_tokens, output_tokens FROM account_parts WHERE account = ?`,
        key,
      )
      .map((part) => ({
        account: key,
        epoch: Number(part.epoch),
        owner: part.owner,
        held: part.held,
        use: toUse(part),
      }));
    const closed = toUse(row);
    return {
      key,
      cap: row.cap,
      capVersion: Number(row.cap_version),
      floor: Number(row.floor),
      closed,
      parts,
      held: parts.reduce((sum, part) => sum + part.held, 0n),
      total: parts.reduce((sum, part) => addUse(sum, part.use), closed),
      expires: Number(row.expires),
    };
  },
  save: (connection, rows) =>
    writeAccounts(
      connection,
      rows.map((row) => [row.key, row.cap, row.capVersion, row.floor, ...fromUse(row.closed), row.expires]),
    ),
};

const writeParts = makeRowWriter(
  'INSERT INTO account_parts (account, epoch, owner, held, spent, requests, input_tokens, output_tokens)',
  `ON CONFLICT (account, epoch, owner) DO UPDATE SET held = excluded.held, spent = excluded.spent,
     requests = excluded.requests, input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens`,
);

/** Kept with their accounts. */
const PARTS: RowKind<Part> = {
  load: () => undefined,
  save: (connection, parts) =>
    writeParts(
      connection,
      parts.map((part) => [part.account, part.epoch, part.owner, part.held, ...fromUse(part.use)]),
    ),
};

export const readAccount = (connection: Connection, key: string): Account | undefined =>
  connection.rows.get(ACCOUNTS, key);

const makeAccount = (connection: Connection, key: string, storeNow: number): Account => {
  const account = {
    key,
    cap: null,
    capVersion: 0,
    floor: 0,
    closed: NO_USE,
    parts: [],
    held: 0n,
    total: NO_USE,
    expires: accountExpiresAt(key, storeNow),
  };
  connection.rows.keep(ACCOUNTS, key, account);
  connection.rows.change(ACCOUNTS, account);
  return account;
};

/**
 * Adds to what is held and used of an account by one owner in one epoch.
 *
 * @throws {RangeError} where the account has grown beyond what can be stored; nothing of the transaction is then kept.
 */
const addToPart = (connection: Connection, account: Account, part: Part, held: bigint, use: Use): void => {
  account.held += held;
  part.held += held;
  if (use !== NO_USE) {
    account.total = addUse(account.total, use);
    part.use = addUse(part.use, use);
    checkAmount(`spent of ${account.key}`, account.total.cost);
  }
  checkAmount(`committed of ${account.key}`, account.total.cost + account.held);
  connection.rows.change(PARTS, part);
};

const findPart = (account: Account, epoch: number, owner: string): Part | undefined =>
  account.parts.find((part) => part.epoch === epoch && part.owner === owner);

const partOf = (account: Account, epoch: number, owner: string): Part => {
  const known = findPart(account, epoch, owner);
  if (known !== undefined) return known;
  const part = { account: account.key, epoch, owner, held: 0n, use: NO_USE };
  account.parts.push(part);
  return part;
};

const figuresOf = (account: Account, cap: bigint | null, capVersion: number): AccountFigures => ({
  key: account.key,
  cap,
  capVersion,
  committed: account.total.cost + account.held,
  spent: account.total.cost,
  held: account.held,
  requests: Number(account.total.requests),
  inputTokens: Number(account.total.inputTokens),
  outputTokens: Number(account.total.outputTokens),
});

export const toFigures = (account: Account): AccountFigures => figuresOf(account, account.cap, account.capVersion);

/** Puts the account under the caller's policy, unless the one it is stamped with is newer or the same. */
export const stampCap = (
  connection: Connection,
  account: Account,
  cap: bigint | null,
  capVersion: number,
  storeNow: number,
) => {
  if (account.capVersion > capVersion || (account.capVersion === capVersion && account.cap === cap)) return;
  account.cap = cap;
  account.capVersion = capVersion;
  account.expires = accountExpiresAt(account.key, storeNow);
  connection.rows.change(ACCOUNTS, account);
};

/** An account as it stands under the newer of its own policy and the caller's; nothing where there is none yet. */
const standingOf = (connection: Connection, ref: AccountRef, capVersion: number): AccountFigures[] => {
  const account = readAccount(connection, ref.key);
  if (account === undefined) return [];
  return [account.capVersion > capVersion ? toFigures(account) : figuresOf(account, ref.cap, capVersion)];
};

const capOf = ({ key, cap }: AccountRef): bigint | null => (cap === null ? null : checkAmount(`cap of ${key}`, cap));

/** Holds on every account, or on none. Whether the epoch itself is open has been seen to by the caller. */
export const holdOnAccounts = (
  connection: Connection,
  request: HoldRequest,
  owner: string,
  storeNow: number,
): HoldOutcome => {
  const { accounts, epoch, capVersion } = request;
  const amount = checkAmount('amount', request.amount);
  if (new Set(accounts.map(({ key }) => key)).size !== accounts.length)
    throw new TypeError(`an account is named twice: ${accounts.map(({ key }) => key).join(', ')}`);

  const found: (Account | undefined)[] = [];
  for (const ref of accounts) {
    const account = readAccount(connection, ref.key);
    if (account !== undefined && account.floor > epoch) return { kind: 'wrong-epoch', storeNow };
    const own = capOf(ref);
    const isOurs = account === undefined || account.capVersion <= capVersion;
    const cap = isOurs ? own : account.cap;
    const committed = account === undefined ? 0n : account.total.cost + account.held;
    if (cap !== null && committed + amount > cap) {
      const standing = accounts.flatMap((one) => standingOf(connection, one, capVersion));
      if (account === undefined) return { kind: 'refused', account: ref, figures: undefined, standing };
      // The newer policy has been seen: from now on older writers are held to it. A cap may also have ended under the same one.
      if (isOurs) stampCap(connection, account, own, capVersion, storeNow);
      return {
        kind: 'refused',
        account: ref,
        figures: figuresOf(account, cap, isOurs ? capVersion : account.capVersion),
        standing,
      };
    }
    found.push(account);
  }
  const figures = accounts.map((ref, i) => {
    const account = found[i] ?? makeAccount(connection, ref.key, storeNow);
    stampCap(connection, account, ref.cap, capVersion, storeNow);
    addToPart(connection, account, partOf(account, epoch, owner), amount, NO_USE);
    return toFigures(account);
  });
  return { kind: 'held', figures };
};

/** Gives one account a hold back, unless its epoch is closed or an open entry stands on it: `entered` is what such entries hold. */
export const releaseHold = (
  connection: Connection,
  {
    epoch,
    account: key,
    owner,
    amount,
    entered,
  }: { epoch: number; account: string; owner: string; amount: bigint; entered: bigint },
): void => {
  const account = readAccount(connection, key);
  if (account === undefined || account.floor > epoch) return;
  const part = findPart(account, epoch, owner);
  if (part === undefined || part.held - entered < amount) return;
  addToPart(connection, account, part, -amount, NO_USE);
};

/** Turns an entry's hold into its use, on one account. */
export const applyUse = (
  connection: Connection,
  { epoch, account: key, owner, hold, use }: { epoch: number; account: string; owner: string; hold: bigint; use: Use },
  storeNow: number,
): void => {
  const account = readAccount(connection, key) ?? makeAccount(connection, key, storeNow);
  const part = partOf(account, epoch, owner);
  // The hold is there whenever the rules were kept. Where it is not, the use is entered all the same: it was real.
  addToPart(connection, account, part, hold < part.held ? -hold : -part.held, use);
};

/** Drops every hold of owners that are not among the living (a JSON array of ids). Their open entries must be lost by now. */
export const dropHolds = (connection: Connection, living: string): void => {
  connection.rows.release();
  connection.run(
    'UPDATE account_parts SET held = 0 WHERE held > 0 AND owner NOT IN (SELECT value FROM json_each(?))',
    living,
  );
};

/** The accounts with anything in an epoch that is not closed. */
export const readAccountsOf = (connection: Connection, epoch: number): string[] => {
  connection.rows.release();
  return connection
    .all<{ account: string }>('SELECT DISTINCT account FROM account_parts WHERE epoch = ?', epoch)
    .map(({ account }) => account);
};

/** The epochs in which any account has anything, and which are not closed. */
export const readPartEpochs = (connection: Connection): number[] => {
  connection.rows.release();
  return connection
    .all<{ epoch: bigint }>('SELECT DISTINCT epoch FROM account_parts')
    .map(({ epoch }) => Number(epoch));
};

/**
 * Replaces what an account has of an epoch by the exact sum of the epoch's entries: leaked holds end here. Once an account
 * and epoch. Accounts follow their entries at once, so both must say the same of what was used: where they don't, an entry
 * has gone or changed, and that is noted.
 */
export const closeAccount = (
  connection: Connection,
  key: string,
  epoch: number,
  exact: Use,
  storeNow: number,
): void => {
  const account = readAccount(connection, key) ?? makeAccount(connection, key, storeNow);
  if (account.floor > epoch) return;
  const own = account.parts.filter((part) => part.epoch === epoch);
  if (
    !isSameUse(
      own.reduce((sum, part) => addUse(sum, part.use), NO_USE),
      exact,
    )
  )
    connection.run('INSERT INTO disputes (epoch, account) VALUES (?, ?) ON CONFLICT DO NOTHING', epoch, key);
  const closed = addUse(account.closed, exact);
  const parts = account.parts.filter((part) => part.epoch !== epoch);
  const total = parts.reduce((sum, part) => addUse(sum, part.use), closed);
  checkAmount(`spent of ${key}`, total.cost);
  account.closed = closed;
  account.total = total;
  account.held = parts.reduce((sum, part) => sum + part.held, 0n);
  account.floor = epoch + 1;
  account.expires = accountExpiresAt(account.key, storeNow);
  connection.rows.change(ACCOUNTS, account);
  // Read again when it is next wanted: a part that was changed in this very transaction must not be written after it has gone.
  connection.rows.release();
  connection.run('DELETE FROM account_parts WHERE account = ? AND epoch = ?', key, epoch);
};
