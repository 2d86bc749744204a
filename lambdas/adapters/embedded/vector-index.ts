import type { FoundVector, VectorCount, VectorEntry, VectorIndex, VectorQuery } from '../../core/cache/vector-index.ts';
import type { Connection, Database } from './database.ts';
import { whereSelected } from './where-selected.ts';

/** Entries of one scope; the oldest make room. */
const MOST_IN_SCOPE = 10_000;
/** Of all scopes, as many as there are answers; those that would expire first make room. */
const MOST_ENTRIES = 100_000;
/** Looked after by one put in so many: counting a full scope takes a third of a millisecond. */
const PUTS_A_TRIM = 64n;
/** Expired entries that one put takes out: after a quiet night there are many. */
const EXPIRED_AT_ONCE = 100;
/** Vectors remembered by a process, of all scopes together: 384 floats each are 77 MB. */
const MOST_REMEMBERED = 50_000;
/** Longer than any request is under way. */
const PURGE_LASTS_MS = 24 * 60 * 60_000;

interface VectorRow {
  seq: bigint;
  id: string;
  tenant: string;
  embedder: string;
  vector: Uint8Array;
  question: string;
  answer_key: string;
  created_at: bigint;
  expires: bigint;
}

interface Remembered extends Omit<FoundVector, 'score'> {
  tenant: string;
  embedder: string;
  vector: Float32Array;
  expiresAt: number;
}

/** The entries of one scope as they were at a moment. */
interface Snapshot {
  /** Every entry up to this one has been read. */
  lastSeq: bigint;
  entries: Map<string, Remembered>;
}

export interface EmbeddedVectorIndex extends VectorIndex {
  /** Takes out of this process's memory what a purge, whichever process made it, has taken out of the file: a find does so too. */
  forgetPurged(): Promise<void>;
}

/**
 * Compares with every vector of the scope, in memory. The file is the truth: a find asks it for the last entry and the
 * last purge, reads what came since and forgets everything after a purge, whichever process made it.
 */
export const makeEmbeddedVectorIndex = (database: Database): EmbeddedVectorIndex => {
  /** By scope, the least recently used first. */
  const snapshots = new Map<string, Snapshot>();
  /** Entries in all of them. */
  let remembered = 0;
  /** The last one before any of them was read. */
  let lastPurge = 0n;

  const forget = (connection: Connection): void => {
    // Not the largest id that is left: a process that has slept for longer than a purge is noted would miss it.
    const last = lastOf(connection, `SELECT seq AS last FROM sqlite_sequence WHERE name = 'vector_purges'`);
    if (last !== lastPurge) {
      snapshots.clear();
      remembered = 0;
    }
    lastPurge = last;
  };

  /** Taken out, until `keepSnapshot` puts it back. */
  const takeSnapshot = (connection: Connection, scope: string): Snapshot => {
    forget(connection);
    const snapshot = snapshots.get(scope) ?? { lastSeq: 0n, entries: new Map() };
    if (snapshots.delete(scope)) remembered -= snapshot.entries.size;
    const lastSeq = lastOf(connection, 'SELECT max(seq) AS last FROM vectors WHERE scope = ?', scope);
    if (lastSeq > snapshot.lastSeq) {
      const rows = connection.all<VectorRow>(
        `SELECT seq, id, tenant, embedder, vector, question, answer_key, created_at, expires
         FROM vectors WHERE scope = ? AND seq > ? ORDER BY seq`,
        scope,
        snapshot.lastSeq,
      );
      for (const row of rows) {
        // Anew at its end, so that the oldest come first.
        snapshot.entries.delete(row.id);
        snapshot.entries.set(row.id, remember(row));
      }
      snapshot.lastSeq = lastSeq;
      for (const id of snapshot.entries.keys()) {
        if (snapshot.entries.size <= MOST_IN_SCOPE) break;
        snapshot.entries.delete(id);
      }
    }
    return snapshot;
  };

  const keepSnapshot = (scope: string, snapshot: Snapshot): void => {
    // Every turn of a conversation is a scope of its own, and in most nothing lies.
    if (snapshot.entries.size === 0) return;
    snapshots.set(scope, snapshot);
    remembered += snapshot.entries.size;
    for (const [leastUsed, { entries }] of snapshots) {
      if (remembered <= MOST_REMEMBERED || snapshots.size === 1) return;
      snapshots.delete(leastUsed);
      remembered -= entries.size;
    }
  };

  return {
    put: (entry, nowMs) =>
      database.write((connection) => {
        connection.run(
          `DELETE FROM vectors WHERE seq IN (SELECT seq FROM vectors WHERE expires <= ? LIMIT ${EXPIRED_AT_ONCE})`,
          nowMs,
        );
        connection.run('DELETE FROM vector_purges WHERE expires <= ?', nowMs);
        if (isPurged(connection, entry)) return false;
        connection.run('DELETE FROM vectors WHERE id = ?', entry.id);
        const seq = connection.insert(
          `INSERT INTO vectors (id, tenant, scope, embedder, vector, question, answer_key, team, user, alias, created_at, expires)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
          entry.id,
          entry.tenant,
          entry.scope,
          entry.embedder,
          bytesOf(entry.vector),
          entry.question,
          entry.answerKey,
          entry.team,
          entry.user,
          entry.alias,
          entry.createdAt,
          entry.expiresAt,
        );
        if (seq !== undefined && seq % PUTS_A_TRIM === 0n) trim(connection, entry.scope);
        return true;
      }),

    forgetPurged: () => database.read(forget),

    find: (query, nowMs) =>
      database.read((connection) => {
        const snapshot = takeSnapshot(connection, query.scope);
        const found = nearest(snapshot.entries, query, nowMs);
        keepSnapshot(query.scope, snapshot);
        return found;
      }),

    purge: (selection, nowMs) =>
      database.writeDurably((connection) => {
        const createdBefore = selection.createdBefore ?? nowMs + 1;
        const { team = null, user = null, alias = null } = selection;
        connection.run(
          'INSERT INTO vector_purges (team, user, alias, created_before, expires) VALUES (?, ?, ?, ?, ?)',
          team,
          user,
          alias,
          createdBefore,
          nowMs + PURGE_LASTS_MS,
        );
        const { where, values } = whereSelected(selection);
        return connection.run(`DELETE FROM vectors WHERE ${where}`, ...values);
      }),

    stats: (nowMs) =>
      database.read((connection) =>
        connection
          .all<Omit<VectorCount, 'entries' | 'oldestAt'> & { entries: bigint; oldest: bigint }>(
            `SELECT team, alias, embedder, count(*) AS entries, min(created_at) AS oldest FROM vectors WHERE expires > ?
             GROUP BY team, alias, embedder ORDER BY team, alias, embedder`,
            nowMs,
          )
          .map(({ team, alias, embedder, entries, oldest }) => ({
            team,
            alias,
            embedder,
            entries: Number(entries),
            oldestAt: Number(oldest),
          })),
      ),
  };
};

const trim = (connection: Connection, scope: string): void => {
  connection.run(
    `DELETE FROM vectors WHERE scope = ?1 AND seq <= (
       SELECT seq FROM vectors WHERE scope = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ${MOST_IN_SCOPE})`,
    scope,
  );
  // Every turn of a conversation is a scope of its own.
  connection.run(
    `DELETE FROM vectors WHERE seq IN (SELECT seq FROM vectors ORDER BY expires DESC LIMIT -1 OFFSET ${MOST_ENTRIES})`,
  );
};

const lastOf = (connection: Connection, sql: string, ...values: string[]): bigint =>
  connection.get<{ last: bigint | null }>(sql, ...values)?.last ?? 0n;

const isPurged = (connection: Connection, { team, user, alias, createdAt }: VectorEntry): boolean =>
  connection.get(
    `SELECT 1 FROM vector_purges WHERE created_before > ? AND (team IS NULL OR team = ?) AND (user IS NULL OR user = ?)
     AND (alias IS NULL OR alias = ?) LIMIT 1`,
    createdAt,
    team,
    user,
    alias,
  ) !== undefined;

const bytesOf = (vector: Float32Array): Uint8Array =>
  new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);

const remember = (row: VectorRow): Remembered => ({
  id: row.id,
  tenant: row.tenant,
  embedder: row.embedder,
  // Copied: a view of floats has to begin at a multiple of four.
  vector: new Float32Array(new Uint8Array(row.vector).buffer),
  question: row.question,
  answerKey: row.answer_key,
  createdAt: Number(row.created_at),
  expiresAt: Number(row.expires),
});

const nearest = (entries: Map<string, Remembered>, query: VectorQuery, nowMs: number): FoundVector[] => {
  const found: FoundVector[] = [];
  for (const [id, entry] of entries) {
    if (entry.expiresAt <= nowMs) {
      entries.delete(id);
      continue;
    }
    // The scope holds both already; a wrong row must not become a wrong answer.
    if (entry.tenant !== query.tenant || entry.embedder !== query.embedder) continue;
    const score = dot(entry.vector, query.vector);
    if (!Number.isFinite(score)) continue;
    const worst = found.at(-1);
    if (found.length >= query.count && (worst === undefined || score <= worst.score)) continue;
    const { question, answerKey, createdAt } = entry;
    const place = found.findIndex((one) => one.score < score);
    found.splice(place === -1 ? found.length : place, 0, { id, question, answerKey, createdAt, score });
    found.length = Math.min(found.length, query.count);
  }
  return found;
};

/** Of vectors of length 1: their cosine. NaN where they have not as many numbers. */
const dot = (a: Float32Array, b: Float32Array): number => {
  if (a.length !== b.length) return Number.NaN;
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
};
