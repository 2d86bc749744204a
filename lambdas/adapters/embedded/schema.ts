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
  `
  -- Answers for idempotency keys: claimed, then answered; without a body where that was too large.
  CREATE TABLE answers (
    key TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, owner TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('claimed', 'answered')), lease_until INTEGER NOT NULL,
    request_id TEXT, headers TEXT, body TEXT, expires INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX answers_by_expiry ON answers (expires);
  `,
  `
  -- Agent runs. Without \`started_at\` one was killed before it began.
  CREATE TABLE runs (
    team TEXT NOT NULL, id TEXT NOT NULL, parent TEXT, started_at INTEGER, calls INTEGER NOT NULL,
    killed_at INTEGER, killed_because TEXT, expires INTEGER NOT NULL, PRIMARY KEY (team, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX runs_by_expiry ON runs (expires);
  ALTER TABLE entries ADD COLUMN run TEXT;
  ALTER TABLE entries ADD COLUMN parent_run TEXT;
  `,
  `
  -- Caps set by hand, JSON.
  ALTER TABLE policy ADD COLUMN overrides TEXT NOT NULL DEFAULT '[]';
  -- How far up its thresholds an account's spending has been seen to come, and under which cap.
  CREATE TABLE account_tiers (
    account TEXT PRIMARY KEY, state TEXT NOT NULL, cap INTEGER NOT NULL, round INTEGER NOT NULL, at INTEGER NOT NULL,
    mover TEXT NOT NULL, expires INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX account_tiers_by_expiry ON account_tiers (expires);
  -- Accounts at their cap, whose raise somebody may approve.
  CREATE TABLE approvals (
    account TEXT PRIMARY KEY, cap INTEGER NOT NULL, round INTEGER NOT NULL, token TEXT, since INTEGER NOT NULL,
    expires INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- One digest of each closed epoch's entries, chained to the one before; lanes: JSON {lane: [entries, cost, digest]}.
  CREATE TABLE seals (
    epoch INTEGER PRIMARY KEY, digest TEXT NOT NULL, previous_epoch INTEGER, previous_digest TEXT, since INTEGER,
    lanes TEXT NOT NULL
  ) STRICT;

  -- Every epoch up to closed_through is closed, and sealed where it has entries; the last seal.
  CREATE TABLE chain (
    id INTEGER PRIMARY KEY CHECK (id = 1), closed_through INTEGER NOT NULL, epoch INTEGER, digest TEXT
  ) STRICT;

  -- Accounts whose figures did not fit the entries of an epoch at its close: one had gone or changed.
  CREATE TABLE disputes (
    epoch INTEGER NOT NULL, account TEXT NOT NULL, PRIMARY KEY (epoch, account)
  ) STRICT, WITHOUT ROWID;

  -- What each account's entries come to, of the sealed epochs below the mark 'summed': the audit's own.
  CREATE TABLE account_sums (
    account TEXT PRIMARY KEY, spent INTEGER NOT NULL, requests INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, last_epoch INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  `
  -- The opening of the file that claimed it: the claims of one that has died are free.
  ALTER TABLE answers ADD COLUMN opener TEXT;
  `,
  `
  CREATE TABLE feedback (
    request_id TEXT PRIMARY KEY, score REAL NOT NULL, label TEXT, at INTEGER NOT NULL, expires INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX feedback_by_expiry ON feedback (expires);
  `,
  `
  -- How each target has been doing of late, JSON.
  CREATE TABLE statistics (target TEXT PRIMARY KEY, statistics TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  -- Questions of the semantic cache. A vector is 32-bit floats, little endian; a seq is never used again.
  CREATE TABLE vectors (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL, scope TEXT NOT NULL,
    embedder TEXT NOT NULL, vector BLOB NOT NULL, question TEXT NOT NULL, answer_key TEXT NOT NULL,
    team TEXT NOT NULL, user TEXT NOT NULL, alias TEXT NOT NULL, created_at INTEGER NOT NULL, expires INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX vectors_by_scope ON vectors (scope, seq);
  CREATE INDEX vectors_by_expiry ON vectors (expires);

  -- What was taken out: an answer under way meanwhile is not kept, and processes that remember vectors forget them.
  CREATE TABLE vector_purges (
    id INTEGER PRIMARY KEY AUTOINCREMENT, team TEXT, user TEXT, alias TEXT, created_before INTEGER NOT NULL,
    expires INTEGER NOT NULL
  ) STRICT;
  `,
  `
  -- What the calendar was last seen to say of each pinned version, and what people were told of it, JSON.
  CREATE TABLE pins (pin TEXT PRIMARY KEY, version INTEGER NOT NULL, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  -- Shares of canaries set by hand, and who set them, JSON.
  CREATE TABLE pin_overrides (
    id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, record TEXT NOT NULL
  ) STRICT;
  `,
  `
  -- Answers of the caches, whole in the body (core/cache/pack-entry.ts), which is last, so that who counts passes over it.
  CREATE TABLE responses (
    id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, key TEXT NOT NULL, version INTEGER NOT NULL, team TEXT NOT NULL,
    user TEXT NOT NULL, alias TEXT NOT NULL, created_at INTEGER NOT NULL, expires INTEGER NOT NULL, body BLOB NOT NULL,
    UNIQUE (tenant, key)
  ) STRICT;
  CREATE INDEX responses_by_expiry ON responses (expires);

  -- What was taken out: an answer under way meanwhile is not kept. JSON, without names (core/cache/purge-marks.ts).
  CREATE TABLE response_purges (id INTEGER PRIMARY KEY CHECK (id = 1), marks TEXT NOT NULL) STRICT;

  -- What audits have found of each alias's semantic cache.
  CREATE TABLE wrong_hits (
    alias TEXT NOT NULL, embedder TEXT NOT NULL, version INTEGER NOT NULL, tightened INTEGER NOT NULL,
    is_off INTEGER NOT NULL, audited INTEGER NOT NULL, wrong INTEGER NOT NULL, changed_at INTEGER NOT NULL,
    PRIMARY KEY (alias, embedder)
  ) STRICT, WITHOUT ROWID;
  `,
];
