import type { WrongHitRecord, WrongHitStore } from '../../core/cache/cache-stores.ts';
import { UNAUDITED } from '../../core/cache/wrong-hits.ts';
import type { Database } from './database.ts';

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

  write: ({ alias, embedder, version, state, changedAt }) =>
    database.write((connection) => {
      const { tightened, isOff, audited, wrong } = state;
      const values = [version, tightened, isOff ? 1 : 0, audited, wrong, changedAt, alias, embedder];
      const changed =
        version === 1
          ? connection.run(
              `INSERT INTO wrong_hits (version, tightened, is_off, audited, wrong, changed_at, alias, embedder)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
              ...values,
            )
          : connection.run(
              `UPDATE wrong_hits SET version = ?, tightened = ?, is_off = ?, audited = ?, wrong = ?, changed_at = ?
               WHERE alias = ? AND embedder = ? AND version = ?`,
              ...values,
              version - 1,
            );
      return changed === 1;
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
