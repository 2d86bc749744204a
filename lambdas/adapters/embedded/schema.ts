import type { Migration } from './migrate.ts';

/** Amounts are nano-USD, times milliseconds since 1970, tags and receipts JSON. */
export const SCHEMA: readonly Migration[] = [
  `
  CREATE TABLE access_keys (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, hash TEXT NOT NULL, team TEXT NOT NULL, user TEXT NOT NULL,
    tags TEXT NOT NULL, aliases TEXT, rights TEXT NOT NULL,
    created_at INTEGER NOT NULL, expires_at INTEGER, revoked_at INTEGER
  ) STRICT, WITHOUT ROWID;

  -- Rate limits of one scope: theoretical arrival time and last write of each, microseconds; requests under way, JSON
  -- [epoch, owner, count][]. From \`idle_at\` on it says nothing that no row would not.
  CREATE TABLE limits (
    scope TEXT PRIMARY KEY, requests_tat_us INTEGER, requests_at_us INTEGER, tokens_tat_us INTEGER, tokens_at_us INTEGER,
    flights TEXT NOT NULL, idle_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE circuits (target TEXT PRIMARY KEY, version INTEGER NOT NULL, record TEXT NOT NULL) STRICT, WITHOUT ROWID;

  -- Processes that have this file open.
  CREATE TABLE owners (id TEXT PRIMARY KEY, process TEXT NOT NULL, seen_epoch INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  -- What the closed epochs of an account (those below the floor) came to; below 0 where a correction's has closed before
  -- its entry's.
  CREATE TABLE accounts (
    key TEXT PRIMARY KEY, cap INTEGER, cap_version INTEGER NOT NULL, floor INTEGER NOT NULL,
    spent INTEGER NOT NULL, requests INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
    expires INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  -- What each account holds and has spent beyond that, by epoch and by the process that holds it.
  CREATE TABLE account_parts (
    account TEXT NOT NULL, epoch INTEGER NOT NULL, owner TEXT NOT NULL,
    held INTEGER NOT NULL CHECK (held >= 0), spent INTEGER NOT NULL,
    requests INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
    PRIMARY KEY (account, epoch, owner)
  ) STRICT, WITHOUT ROWID;

  -- A correction has the id of its entry with a '!'. A tombstone (refused before it was opened) has no receipt.
  -- The upper 31 bits of seq are the epoch, so that an epoch's entries lie together and need no index.
  CREATE TABLE entries (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, epoch INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'lost', 'refused')),
    nonce TEXT NOT NULL, settle_nonce TEXT, owner TEXT NOT NULL,
    hold INTEGER NOT NULL CHECK (hold >= 0), cost INTEGER NOT NULL, accounts TEXT NOT NULL,
    key_id TEXT NOT NULL, org TEXT NOT NULL, team TEXT NOT NULL, user TEXT NOT NULL,
    tags TEXT NOT NULL, alias TEXT NOT NULL, receipt TEXT,
    input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
    opened_at INTEGER NOT NULL, settled_at INTEGER
  ) STRICT;
  CREATE INDEX entries_by_key ON entries (key_id);
  CREATE INDEX entries_open ON entries (epoch) WHERE state = 'open';

  -- 'fence': no entry or hold of that epoch or an earlier one can begin any more.
  CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE policy (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, fingerprint TEXT NOT NULL) STRICT;

  CREATE TABLE cancellations (request_id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  `,
];
