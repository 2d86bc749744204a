import type { SQLInputValue } from 'node:sqlite';
import type { Connection } from './database.ts';

/** Rows of one kind as objects, which whoever takes them may change. */
export interface RowKind<Row extends object> {
  load(connection: Connection, key: string): Row | undefined;
  /** Writes rows that were changed or are new. */
  save(connection: Connection, rows: readonly Row[]): void;
}

export interface RowCache {
  get<Row extends object>(kind: RowKind<Row>, key: string): Row | undefined;
  /** Keeps a row that is stored by now. */
  keep<Row extends object>(kind: RowKind<Row>, key: string, row: Row): void;
  /** Notes that a row was changed: it is written before the transaction is committed. */
  change<Row extends object>(kind: RowKind<Row>, row: Row): void;
  /** Forgets one row, unwritten. */
  drop<Row extends object>(kind: RowKind<Row>, key: string): void;
  /** Writes what was changed and forgets everything: statements of one's own may follow that read or change such rows. */
  release(): void;
}

/** The cache as the database leads it through transactions. */
export interface LedRowCache extends RowCache {
  /** A transaction has begun. @param version changes with every commit of another connection (`PRAGMA data_version`) */
  begin(version: unknown): void;
  flush(): void;
  clear(): void;
}

/** Beyond it everything is forgotten at the next transaction's beginning. */
const MOST_ROWS = 20_000;

/**
 * Remembers rows between transactions for as long as nobody else has committed anything, and writes each once a
 * transaction however often it was changed: requests that are committed together mostly share their accounts. Within a
 * transaction that has seen an unchanged `data_version` a remembered row is what a read of it would find, just as pages in
 * SQLite's own cache are. A transaction that is undone takes the whole cache along.
 */
export const makeRowCache = (connection: () => Connection): LedRowCache => {
  const kinds = new Map<RowKind<never>, Map<string, object>>();
  const changed = new Map<RowKind<never>, Set<object>>();
  let version: unknown;

  const rowsOf = (kind: RowKind<never>): Map<string, object> => {
    const known = kinds.get(kind);
    if (known !== undefined) return known;
    const rows = new Map<string, object>();
    kinds.set(kind, rows);
    return rows;
  };

  const clear = (): void => {
    kinds.clear();
    changed.clear();
  };

  const flush = (): void => {
    for (const [kind, rows] of changed) if (rows.size > 0) kind.save(connection(), [...rows] as never[]);
    changed.clear();
  };

  const keep = <Row extends object>(kind: RowKind<Row>, key: string, row: Row): void => {
    rowsOf(kind as unknown as RowKind<never>).set(key, row);
  };

  return {
    get<Row extends object>(kind: RowKind<Row>, key: string): Row | undefined {
      const known = rowsOf(kind as unknown as RowKind<never>).get(key);
      if (known !== undefined) return known as Row;
      const row = kind.load(connection(), key);
      if (row !== undefined) keep(kind, key, row);
      return row;
    },
    keep,
    change(kind, row) {
      const rows = changed.get(kind as unknown as RowKind<never>);
      if (rows === undefined) changed.set(kind as unknown as RowKind<never>, new Set([row]));
      else rows.add(row);
    },
    drop(kind, key) {
      rowsOf(kind as unknown as RowKind<never>).delete(key);
    },
    release() {
      flush();
      clear();
    },
    begin(now) {
      let count = 0;
      for (const rows of kinds.values()) count += rows.size;
      if (now !== version || count > MOST_ROWS) clear();
      version = now;
    },
    flush,
    clear,
  };
};

/** Rows written by one statement at most. */
const MOST_AT_ONCE = 16;

/**
 * Makes a function that writes rows by as few statements as it can.
 *
 * @param insert up to `VALUES`
 * @param onConflict the rest of the statement
 */
export const makeRowWriter = (insert: string, onConflict: string) => {
  const texts: string[] = [];
  const textOf = (count: number, width: number): string => {
    const tuple = `(${Array.from({ length: width }, () => '?').join(', ')})`;
    return `${insert} VALUES ${Array.from({ length: count }, () => tuple).join(', ')} ${onConflict}`;
  };
  return (connection: Connection, rows: readonly (readonly SQLInputValue[])[]): void => {
    for (let from = 0; from < rows.length; from += MOST_AT_ONCE) {
      const some = rows.slice(from, from + MOST_AT_ONCE);
      texts[some.length] ??= textOf(some.length, some[0]?.length ?? 0);
      connection.run(texts[some.length] ?? '', ...some.flat());
    }
  };
};
