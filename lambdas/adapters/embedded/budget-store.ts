import type { BudgetState } from '../../core/budget/budget-state.ts';
import type { AccountTier, BudgetAccount, BudgetStore, PendingApproval } from '../../core/budget/budget-store.ts';
import type { CapOverride } from '../../core/budget/budgets.ts';
import { isKept } from '../../core/budget/kept-override.ts';
import { ACCOUNT_LIFE_MS } from '../../core/retention.ts';
import { checkAmount } from './amounts.ts';
import type { Connection, Database } from './database.ts';
import { readAccount, stampCap, toFigures } from './ledger-accounts.ts';

interface TierRow {
  state: BudgetState;
  cap: bigint;
  round: bigint;
  at: bigint;
  mover: string;
}

interface ApprovalRow {
  account: string;
  cap: bigint;
  round: bigint;
  token: string | null;
  since: bigint;
}

/** Caps set by hand survive a power cut once somebody was told of them: their writes wait for the disk. */
export const makeEmbeddedBudgetStore = (database: Database): BudgetStore => ({
  readPolicy: () =>
    database.read((connection) => {
      const row = readPolicyRow(connection);
      return {
        version: Number(row?.version ?? 0n),
        fingerprint: row?.fingerprint || undefined,
        overrides: row?.overrides ?? [],
      };
    }),

  override: ({ scope, length }, change, nowMs) => {
    if (change !== null) checkAmount('cap', change.cap);
    return database.writeDurably((connection) => {
      const row = readPolicyRow(connection);
      const kept = (row?.overrides ?? []).filter(
        (one) => !(one.scope === scope && one.length === length) && isKept(one, nowMs),
      );
      const overrides = [...kept, ...(change === null ? [] : [change])].map((one) => ({
        ...one,
        cap: String(one.cap),
      }));
      const version = Number(row?.version ?? 0n) + 1;
      connection.run(
        `INSERT INTO policy (id, version, fingerprint, overrides) VALUES (1, ?1, '', ?2)
         ON CONFLICT (id) DO UPDATE SET version = ?1, overrides = ?2`,
        version,
        JSON.stringify(overrides),
      );
      return version;
    });
  },

  setCap: (key, cap, version, nowMs) =>
    database.writeDurably((connection) => {
      const account = readAccount(connection, key);
      if (account === undefined || account.capVersion >= version) return;
      stampCap(connection, account, checkAmount('cap', cap), version, nowMs);
      const round = (readTier(connection, key)?.round ?? 0) + 1;
      writeTier(connection, key, { state: 'ok', cap, round, at: Math.floor(nowMs), mover: '' });
    }),

  readAccounts: (keys) =>
    database.read((connection) =>
      [...new Set(keys)].flatMap((key): BudgetAccount[] => {
        const account = readAccount(connection, key);
        if (account === undefined) return [];
        const tier = readTier(connection, key);
        return [{ ...toFigures(account), ...(tier && { tier }) }];
      }),
    ),

  moveTier: (key, from, to) =>
    database.write((connection) => {
      const seen = readTier(connection, key);
      if (!isSame(seen, from)) return isSame(seen, to);
      writeTier(connection, key, to);
      return true;
    }),

  putApproval: ({ account, cap, round, token, since }, expiresMs) =>
    database.write((connection) => {
      connection.run(
        `INSERT OR REPLACE INTO approvals (account, cap, round, token, since, expires) VALUES (?, ?, ?, ?, ?, ?)`,
        account,
        cap,
        round,
        token,
        Math.floor(since),
        Math.floor(Math.min(expiresMs, since + ACCOUNT_LIFE_MS)),
      );
      connection.run('DELETE FROM approvals WHERE expires < ?', Math.floor(since));
    }),

  readApproval: (account) =>
    database.read((connection) => {
      const row = connection.get<ApprovalRow>(
        'SELECT account, cap, round, token, since FROM approvals WHERE account = ?',
        account,
      );
      return row && toApproval(row);
    }),

  endApproval: (account, round) =>
    database.writeDurably((connection) => {
      connection.run('DELETE FROM approvals WHERE account = ? AND round = ?', account, round);
    }),
});

const readPolicyRow = (
  connection: Connection,
): { version: bigint; fingerprint: string; overrides: CapOverride[] } | undefined => {
  const row = connection.get<{ version: bigint; fingerprint: string; overrides: string }>(
    'SELECT version, fingerprint, overrides FROM policy WHERE id = 1',
  );
  if (row === undefined) return undefined;
  const overrides = JSON.parse(row.overrides) as (Omit<CapOverride, 'cap'> & { cap: string })[];
  return { ...row, overrides: overrides.map((one) => ({ ...one, cap: BigInt(one.cap) })) };
};

const readTier = (connection: Connection, account: string): AccountTier | undefined => {
  const row = connection.get<TierRow>(
    'SELECT state, cap, round, at, mover FROM account_tiers WHERE account = ?',
    account,
  );
  return row && { state: row.state, cap: row.cap, round: Number(row.round), at: Number(row.at), mover: row.mover };
};

const writeTier = (connection: Connection, account: string, { state, cap, round, at, mover }: AccountTier): void => {
  connection.run(
    'INSERT OR REPLACE INTO account_tiers (account, state, cap, round, at, mover, expires) VALUES (?, ?, ?, ?, ?, ?, ?)',
    account,
    state,
    cap,
    round,
    at,
    mover,
    at + ACCOUNT_LIFE_MS,
  );
  connection.run('DELETE FROM account_tiers WHERE expires < ?', at);
};

const isSame = (a: AccountTier | undefined, b: AccountTier | undefined): boolean =>
  a?.state === b?.state && a?.cap === b?.cap && a?.round === b?.round && a?.at === b?.at && a?.mover === b?.mover;

const toApproval = (row: ApprovalRow): PendingApproval => ({
  ...row,
  round: Number(row.round),
  since: Number(row.since),
});
