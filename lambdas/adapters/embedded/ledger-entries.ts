import type { EntryState, LedgerEntry, OpenEntry, Settlement } from '../../core/ledger.ts';
import type { Connection } from './database.ts';
import { applyUse } from './ledger-accounts.ts';
import type { RowKind } from './row-cache.ts';

/** What ending an entry needs to know of it. */
export interface EntryHead {
  seq: bigint;
  id: string;
  epoch: bigint;
  state: EntryState;
  nonce: string;
  settle_nonce: string | null;
  owner: string;
  hold: bigint;
  accounts: string;
}

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
  run: string | null;
  parent_run: string | null;
  /** null: a tombstone, refused before it was opened. */
  receipt: string | null;
  input_tokens: bigint;
  output_tokens: bigint;
  opened_at: bigint;
  settled_at: bigint | null;
}

export const ENTRY_COLUMNS = `id, epoch, state, nonce, settle_nonce, owner, hold, cost, accounts, key_id, org, team, user, tags, alias,
  run, parent_run, receipt, input_tokens, output_tokens, opened_at, settled_at`;

/** Key of the entry that puts a lost request's cost right. No request id ends so. */
export const correctionId = (requestId: string): string => `${requestId}!`;
export const isCorrection = (id: string): boolean => id.endsWith('!');

export const accountsOf = (row: Pick<EntryRow, 'accounts'>): string[] => JSON.parse(row.accounts) as string[];

export const readEntry = (connection: Connection, id: string): EntryRow | undefined =>
  connection.get<EntryRow>(`SELECT ${ENTRY_COLUMNS} FROM entries WHERE id = ?`, id);

const HEAD = 'seq, id, epoch, state, nonce, settle_nonce, owner, hold, accounts';

/** Written at once, each change by itself. */
const HEADS: RowKind<EntryHead> = {
  load: (connection, id) => connection.get<EntryHead>(`SELECT ${HEAD} FROM entries WHERE id = ?`, id),
  save: () => {},
};

export const readHead = (connection: Connection, id: string): EntryHead | undefined => connection.rows.get(HEADS, id);

export const readOpenEntries = (connection: Connection): EntryHead[] =>
  connection.all<EntryHead>(`SELECT ${HEAD} FROM entries WHERE state = 'open'`);

export const readOpenEntriesOf = (connection: Connection, epoch: number): EntryHead[] =>
  connection.all<EntryHead>(`SELECT ${HEAD} FROM entries WHERE state = 'open' AND epoch = ?`, epoch);

export const readOpenEpochs = (connection: Connection): number[] =>
  connection
    .all<{ epoch: bigint }>(`SELECT DISTINCT epoch FROM entries WHERE state = 'open'`)
    .map(({ epoch }) => Number(epoch));

/** An epoch's entries are numbered from here, exclusive, to where the next one's begin. */
export const seqOf = (epoch: number): bigint => BigInt(epoch) << 32n;

/** The last number given in an epoch. Taken anew wherever it may have been given by somebody else. */
const LAST_SEQS: RowKind<{ seq: bigint }> = {
  load(connection, epoch) {
    const first = seqOf(Number(epoch));
    const next = seqOf(Number(epoch) + 1);
    const row = connection.get<{ seq: bigint }>(
      'SELECT coalesce(max(seq), ?1) AS seq FROM entries WHERE seq > ?1 AND seq < ?2',
      first,
      next,
    );
    return row;
  },
  save: () => {},
};

/** @returns false where there is an entry of that id; nothing has changed then */
export const insertEntry = (connection: Connection, row: EntryRow): boolean => {
  const last = connection.rows.get(LAST_SEQS, String(row.epoch)) ?? { seq: seqOf(Number(row.epoch)) };
  const seq = connection.insert(
    `INSERT INTO entries (seq, ${ENTRY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO NOTHING`,
    last.seq + 1n,
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
    row.run,
    row.parent_run,
    row.receipt,
    row.input_tokens,
    row.output_tokens,
    row.opened_at,
    row.settled_at,
  );
  if (seq === undefined) return false;
  last.seq = seq;
  const { id, epoch, state, nonce, settle_nonce, owner, hold, accounts } = row;
  if (state === 'open')
    connection.rows.keep(HEADS, id, {
      seq,
      id,
      epoch,
      state,
      nonce,
      settle_nonce,
      owner,
      hold,
      accounts,
    });
  return true;
};

export const raiseEntry = (connection: Connection, head: EntryHead, hold: bigint): void => {
  connection.run('UPDATE entries SET hold = ? WHERE seq = ?', hold, head.seq);
  head.hold = hold;
  connection.rows.keep(HEADS, head.id, head);
};

export const refuseEntry = (connection: Connection, head: EntryHead, storeNow: number): void => {
  connection.run(`UPDATE entries SET state = 'refused', settled_at = ? WHERE seq = ?`, storeNow, head.seq);
  connection.rows.drop(HEADS, head.id);
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
  run: entry.run ?? null,
  parent_run: entry.parentRun ?? null,
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
  run: null,
  parent_run: null,
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
  entry: EntryHead,
  end: {
    state: 'settled' | 'lost';
    nonce: string;
    cost: bigint;
    inputTokens: number;
    outputTokens: number;
    /** null = the one that it was opened with. */
    receipt: string | null;
  },
  storeNow: number,
): void => {
  connection.run(
    `UPDATE entries SET state = ?, settle_nonce = ?, cost = ?, input_tokens = ?, output_tokens = ?,
       receipt = coalesce(?, receipt), settled_at = ?
     WHERE seq = ?`,
    end.state,
    end.nonce,
    end.cost,
    end.inputTokens,
    end.outputTokens,
    end.receipt,
    storeNow,
    entry.seq,
  );
  connection.rows.drop(HEADS, entry.id);
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
export const loseEntry = (connection: Connection, entry: EntryHead, storeNow: number): void =>
  endEntry(
    connection,
    entry,
    { state: 'lost', nonce: 'lost', cost: entry.hold, inputTokens: 0, outputTokens: 0, receipt: null },
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
    ...(row.run !== null && { run: row.run }),
    ...(row.parent_run !== null && { parentRun: row.parent_run }),
    receipt: JSON.parse(last.receipt ?? 'null') as LedgerEntry['receipt'],
    state: last.state,
    cost: correction === undefined ? row.cost : row.cost + correction.cost,
    inputTokens: Number(last.input_tokens),
    outputTokens: Number(last.output_tokens),
    openedAt: Number(row.opened_at),
    settledAt: last.settled_at === null ? null : Number(last.settled_at),
  };
};
