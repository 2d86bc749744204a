import type { CachedAnswer, CachedCount, ResponseCache } from '../../core/cache/cache-stores.ts';
import { makeUnreadableNoter } from '../../core/cache/note-unreadable.ts';
import { ENTRY_VERSION, packEntry, unpackEntry } from '../../core/cache/pack-entry.ts';
import {
  addPurgeMark,
  arrivalByStore,
  isPurged,
  type PurgeMark,
  readPurgeMarks,
  writePurgeMarks,
} from '../../core/cache/purge-marks.ts';
import type { CacheSelection } from '../../core/cache/vector-index.ts';
import type { Log } from '../../core/ports.ts';
import type { Connection, Database } from './database.ts';
import { whereSelected } from './where-selected.ts';

/** Compressed. */
const MOST_BYTES = 1024 * 1024;
/** Entries in one file; those that would expire first make room. */
const MOST_ENTRIES = 100_000;
/** Looked after by one keep in so many: counting a full table takes milliseconds. */
const KEEPS_A_TRIM = 64;
/** Expired entries that one keep takes out: after a quiet night there are many. */
const EXPIRED_AT_ONCE = 100;
/** Entries that a purge looks at in one transaction, so that requests get in between. */
const PURGED_AT_ONCE = 1_000;

/** One row a key. A keep looks for marks of purges in the transaction that writes the row. */
export const makeEmbeddedResponseCache = (database: Database, log: Pick<Log, 'warn'>): ResponseCache => {
  const noteUnreadable = makeUnreadableNoter(log);
  let keeps = 0;
  return {
    find: async (tenant, key, nowMs) => {
      const row = await database.read((connection) =>
        connection.get<{ version: bigint; body: Uint8Array }>(
          'SELECT version, body FROM responses WHERE tenant = ? AND key = ? AND expires > ?',
          tenant,
          key,
          nowMs,
        ),
      );
      if (row === undefined) return undefined;
      const entry = Number(row.version) === ENTRY_VERSION ? await unpackEntry(row.body, tenant, key) : undefined;
      if (entry === undefined) noteUnreadable(key);
      return entry;
    },

    keep: async (entry, nowMs) => {
      const body = await packEntry(entry);
      if (body === undefined || body.length > MOST_BYTES) return 'too-large';
      return database.write((connection) => {
        connection.run(
          `DELETE FROM responses WHERE id IN (SELECT id FROM responses WHERE expires <= ? LIMIT ${EXPIRED_AT_ONCE})`,
          nowMs,
        );
        if (isPurged(readMarks(connection, nowMs), entry, arrivalByStore(entry.createdAt, nowMs, nowMs)))
          return 'purged';
        writeRow(connection, entry, body, nowMs);
        keeps += 1;
        if (keeps % KEEPS_A_TRIM === 0) trim(connection);
        return 'kept';
      });
    },

    purge: async (selection, nowMs) => {
      const last = await database.writeDurably((connection) => {
        writeMark(connection, selection, nowMs);
        // What comes later is not meant; without an end, a busy user's purge would have none.
        return lastId(connection, 'SELECT max(id) AS last FROM responses');
      });
      let count = 0;
      for (let from = 0n; from < last; ) {
        const after = from;
        const taken = await database.writeDurably((connection) =>
          takeOutSelected(connection, selection, after, last, nowMs),
        );
        count += taken.live;
        from = taken.to;
      }
      return count;
    },

    stats: (nowMs) =>
      database.read((connection) =>
        connection
          .all<{ team: string; alias: string; entries: bigint; bytes: bigint; oldest: bigint }>(
            `SELECT team, alias, count(*) AS entries, sum(length(body)) AS bytes, min(created_at) AS oldest
             FROM responses WHERE expires > ? GROUP BY team, alias ORDER BY team, alias`,
            nowMs,
          )
          .map(
            ({ team, alias, entries, bytes, oldest }): CachedCount => ({
              team,
              alias,
              entries: Number(entries),
              bytes: Number(bytes),
              oldestAt: Number(oldest),
            }),
          ),
      ),
  };
};

const writeRow = (connection: Connection, entry: CachedAnswer, body: Uint8Array, nowMs: number): void => {
  connection.run(
    `INSERT INTO responses (tenant, key, version, team, user, alias, created_at, expires, body)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
     ON CONFLICT (tenant, key) DO UPDATE SET version = ?3, team = ?4, user = ?5, alias = ?6, created_at = ?7,
       expires = ?8, body = ?9
     WHERE created_at < ?7 OR expires <= ?10`,
    entry.tenant,
    entry.key,
    ENTRY_VERSION,
    entry.team,
    entry.user,
    entry.alias,
    entry.createdAt,
    entry.expiresAt,
    body,
    nowMs,
  );
};

/** Of the next entries after `from`, up to `last`. What had expired goes too, and is not counted: nobody could find it. */
const takeOutSelected = (
  connection: Connection,
  selection: CacheSelection,
  from: bigint,
  last: bigint,
  nowMs: number,
) => {
  const to = lastId(
    connection,
    `SELECT max(id) AS last FROM (SELECT id FROM responses WHERE id > ? AND id <= ? ORDER BY id LIMIT ${PURGED_AT_ONCE})`,
    from,
    last,
  );
  const { where, values } = whereSelected(selection);
  const range = [from, to, ...values];
  const live = connection.run(
    `DELETE FROM responses WHERE id > ? AND id <= ? AND ${where} AND expires > ?`,
    ...range,
    nowMs,
  );
  connection.run(`DELETE FROM responses WHERE id > ? AND id <= ? AND ${where}`, ...range);
  return { live, to: to === 0n ? last : to };
};

/** 0 where there is none. */
const lastId = (connection: Connection, sql: string, ...values: bigint[]): bigint =>
  connection.get<{ last: bigint | null }>(sql, ...values)?.last ?? 0n;

const trim = (connection: Connection): void => {
  connection.run(
    `DELETE FROM responses WHERE id IN (
       SELECT id FROM responses ORDER BY expires DESC LIMIT -1 OFFSET ${MOST_ENTRIES})`,
  );
};

const readMarks = (connection: Connection, nowMs: number): PurgeMark[] =>
  readPurgeMarks(connection.get<{ marks: string }>('SELECT marks FROM response_purges')?.marks, nowMs);

const writeMark = (connection: Connection, selection: CacheSelection, nowMs: number): void => {
  const marks = addPurgeMark(readMarks(connection, nowMs), selection, selection.createdBefore ?? nowMs + 1, nowMs);
  connection.run(
    'INSERT INTO response_purges (id, marks) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET marks = excluded.marks',
    writePurgeMarks(marks),
  );
};
