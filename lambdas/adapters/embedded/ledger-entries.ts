import type { EntryState, LedgerEntry, OpenEntry, Settlement } from '../../core/ports.ts';
import type { Connection } from './database.ts';
import { applyUse } from './ledger-accounts.ts';
import { ENTRY_LIFE_MS } from './retention.ts';

export interface EntryRow {
  id: string;
  epoch: bigint;
  state: EntryState;
  nonce: string;
  settle_nonce: string | null;
  owner: string;
  hold: bigint;
  cost: bigint;
  accounts: string;
  key_id: string;
  org: string;
  team: string;
  user: string;
  tags: string;
  alias: string;
  /** null: a tombstone, refused before it was opened. */
  receipt: string | null;
  input_tokens: bigint;
  output_tokens: bigint;
  opened_at: bigint;
  settled_at: bigint | null;
}

const COLUMNS = `id, epoch, state, nonce, settle_nonce, owner, hold, cost, accounts, key_id, org, team, user, tags, alias,
  receipt, input_tokens, output_tokens, opened_at, settled_at`;

/** Key of the entry that puts a lost request's cost right. No request id ends so. */
export const correctionId = (requestId: string): string => `${requestId}!`;
export const isCorrection = (id: string): boolean => id.endsWith('!');

export const accountsOf = (row: Pick<EntryRow, 'accounts'>): string[] => JSON.parse(row.accounts) as string[];

export const readEntry = (connection: Connection, id: string): EntryRow | undefined =>
  connection.get<EntryRow>(`SELECT ${COLUMNS} FROM entries WHERE id = ?`, id);

export const readOpenEntries = (connection: Connection): EntryRow[] =>
  connection.all<EntryRow>(`SELECT ${COLUMNS} FROM entries WHERE state = 'open'`);

export const readOpenEntriesOf = (connection: Connection, epoch: number): EntryRow[] =>
  connection.all<EntryRow>(`SELECT ${COLUMNS} FROM entries WHERE state = 'open' AND epoch = ?`, epoch);

export const insertEntry = (connection: Connection, row: EntryRow): void => {
  connection.run(
    `INSERT INTO entries (${COLUMNS}, expires) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    row.id,
    row.epoch,
    row.state,
    row.nonce,
    row.settle_nonce,
    row.owner,
    row.hold,
    row.cost,
    row.accounts,
    row.key_id,
    row.org,
    row.team,
    row.user,
    row.tags,
    row.alias,
    row.receipt,
    row.input_tokens,
    row.output_tokens,
    row.opened_at,
    row.settled_at,
    row.opened_at + BigInt(ENTRY_LIFE_MS),
  );
};

export const toOpenRow = (entry: OpenEntry, owner: string, storeNow: number): EntryRow => ({
  id: entry.requestId,
  epoch: BigInt(entry.epoch),
  state: 'open',
  nonce: entry.nonce,
  settle_nonce: null,
  owner,
  hold: entry.hold,
  cost: 0n,
  accounts: JSON.stringify(entry.accounts),
  key_id: entry.keyId,
  org: entry.org,
  team: entry.team,
  user: entry.user,
  tags: JSON.stringify(entry.tags),
  alias: entry.alias,
  receipt: JSON.stringify(entry.receipt),
  input_tokens: 0n,
  output_tokens: 0n,
  opened_at: BigInt(storeNow),
  settled_at: null,
});

/** A refused entry that never was: a late `open` of it must fail. */
export const toTombstone = (requestId: string, epoch: number, owner: string, storeNow: number): EntryRow => ({
  id: requestId,
  epoch: BigInt(epoch),
  state: 'refused',
  nonce: '',
  settle_nonce: null,
  owner,
  hold: 0n,
  cost: 0n,
  accounts: '[]',
  key_id: '',
  org: '',
  team: '',
  user: '',
  tags: '{}',
  alias: '',
  receipt: null,
  input_tokens: 0n,
  output_tokens: 0n,
  opened_at: BigInt(storeNow),
  settled_at: BigInt(storeNow),
});

/** What was charged whole is put right by an entry of its own, in the epoch that is open now: a closed one never changes. */
export const toCorrection = (
  entry: EntryRow,
  settlement: Settlement,
  epoch: number,
  owner: string,
  storeNow: number,
): EntryRow => ({
  ...entry,
  id: correctionId(entry.id),
  epoch: BigInt(epoch),
  state: 'settled',
  settle_nonce: settlement.nonce,
  owner,
  hold: 0n,
  cost: settlement.cost - entry.cost,
  receipt: JSON.stringify(settlement.receipt),
  input_tokens: BigInt(settlement.inputTokens),
  output_tokens: BigInt(settlement.outputTokens),
  opened_at: BigInt(storeNow),
  settled_at: BigInt(storeNow),
});

/** Moves an open entry to its end and its accounts with it. A request counts once it has ended, settled or lost. */
export const endEntry = (
  connection: Connection,
  entry: EntryRow,
  end: {
    state: 'settled' | 'lost';
    nonce: string;
    cost: bigint;
    inputTokens: number;
    outputTokens: number;
    receipt: string | null;
  },
  storeNow: number,
): void => {
  connection.run(
    `UPDATE entries SET state = ?, settle_nonce = ?, cost = ?, input_tokens = ?, output_tokens = ?, receipt = ?, settled_at = ?
     WHERE id = ?`,
    end.state,
    end.nonce,
    end.cost,
    end.inputTokens,
    end.outputTokens,
    end.receipt,
    storeNow,
    entry.id,
  );
  const use = {
    cost: end.cost,
    requests: 1n,
    inputTokens: BigInt(end.inputTokens),
    outputTokens: BigInt(end.outputTokens),
  };
  for (const account of accountsOf(entry))
    applyUse(connection, { epoch: Number(entry.epoch), account, owner: entry.owner, hold: entry.hold, use }, storeNow);
};

/** Ends an entry whose process died or whose epoch closes: it may have been billed, so it is charged its whole hold. */
export const loseEntry = (connection: Connection, entry: EntryRow, storeNow: number): void =>
  endEntry(
    connection,
    entry,
    { state: 'lost', nonce: 'lost', cost: entry.hold, inputTokens: 0, outputTokens: 0, receipt: entry.receipt },
    storeNow,
  );

/** An entry as the port shows it; one that was lost and put right since shows what is true. */
export const toLedgerEntry = (row: EntryRow, correction: EntryRow | undefined): LedgerEntry => {
  const last = correction ?? row;
  return {
    requestId: row.id,
    nonce: row.nonce,
    epoch: Number(row.epoch),
    hold: row.hold,
    accounts: accountsOf(row),
    keyId: row.key_id,
    org: row.org,
    team: row.team,
    user: row.user,
    tags: JSON.parse(row.tags) as Record<string, string>,
    alias: row.alias,
    receipt: JSON.parse(last.receipt ?? 'null') as LedgerEntry['receipt'],
    state: last.state,
    cost: correction === undefined ? row.cost : row.cost + correction.cost,
    inputTokens: Number(last.input_tokens),
    outputTokens: Number(last.output_tokens),
    openedAt: Number(row.opened_at),
    settledAt: last.settled_at === null ? null : Number(last.settled_at),
  };
};
