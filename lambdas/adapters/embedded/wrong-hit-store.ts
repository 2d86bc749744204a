import type { WrongHitRecord, WrongHitStore } from '../../core/cache/cache-stores.ts';
import { UNAUDITED } from '../../core/cache/wrong-hits.ts';
import type { Database } from './database.ts';
import { writeVersioned } from './write-versioned.ts';

interface WrongHitRow {
  alias: string;
  embedder: string;
  version: bigint;
  tightened: bigint;
  is_off: bigint;
  audited: bigint;
  wrong: bigint;
  changed_at: bigint;
}

/** One record an alias and embedder, written only by who has seen the version before it. */
export const makeEmbeddedWrongHitStore = (database: Database): WrongHitStore => ({
  read: (alias, embedder) =>
    database.read((connection) => {
      const row = connection.get<WrongHitRow>(
        'SELECT * FROM wrong_hits WHERE alias = ? AND embedder = ?',
        alias,
        embedder,
      );
      return row === undefined ? { alias, embedder, version: 0, state: UNAUDITED, changedAt: 0 } : toRecord(row);
    }),

  write: ({ alias, embedder, version, state: { tightened, isOff, audited, wrong }, changedAt }) =>
    writeVersioned(database, 'wrong_hits', { alias, embedder }, version, {
      tightened,
      is_off: isOff ? 1 : 0,
      audited,
      wrong,
      changed_at: changedAt,
    }),

  list: () =>
    database.read((connection) =>
      connection.all<WrongHitRow>('SELECT * FROM wrong_hits ORDER BY alias, embedder').map(toRecord),
    ),
});

const toRecord = (row: WrongHitRow): WrongHitRecord => ({
  alias: row.alias,
  embedder: row.embedder,
  version: Number(row.version),
  state: {
    tightened: Number(row.tightened),
    isOff: row.is_off === 1n,
    audited: Number(row.audited),
    wrong: Number(row.wrong),
  },
  changedAt: Number(row.changed_at),
});
