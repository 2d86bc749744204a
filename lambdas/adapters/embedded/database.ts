import { closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { StoreUnavailable } from '../../core/ports.ts';
import { type LogFile, openLogFile } from './log-file.ts';
import { type Migration, migrate, schemaVersion } from './migrate.ts';
import { type LedRowCache, makeRowCache, type RowCache } from './row-cache.ts';
import { isBusy, isStoreFault, isSystemError, toStoreUnavailable } from './sqlite-faults.ts';
import { makeWriteQueue } from './write-together.ts';

/** An open database inside one transaction. Statements are prepared once; every integer is read as a bigint. */
export interface Connection {
  get<Row>(sql: string, ...values: SQLInputValue[]): Row | undefined;
  all<Row>(sql: string, ...values: SQLInputValue[]): Row[];
  /** @returns the number of rows changed. */
  run(sql: string, ...values: SQLInputValue[]): number;
  /** @returns the new row's id, undefined where none was made. */
  insert(sql: string, ...values: SQLInputValue[]): bigint | undefined;
  /** Rows that are remembered between transactions, and written once at the end of one. */
  rows: RowCache;
}

export interface Database {
  /**
   * In one `BEGIN IMMEDIATE`: the work sees and changes a state that nobody else changes meanwhile, whole or not at all. Writes
   * that come together are committed together; one that throws fails alone. @throws {StoreUnavailable}
   */
  write<T>(work: (connection: Connection) => T): Promise<T>;
  /** One consistent snapshot. @throws {StoreUnavailable} */
  read<T>(work: (connection: Connection) => T): Promise<T>;
  /** As `write`; and resolves only when the change, and all before it, would survive a power cut. @throws {StoreUnavailable}, also where the change may have been made */
  writeDurably<T>(work: (connection: Connection) => T): Promise<T>;
  /** Moves the write-ahead log into the file and empties it: older states of the pages are in it. @throws {StoreUnavailable}, also where other processes do not let it */
  emptyLog(): Promise<void>;
  close(): void;
}

export interface DatabaseOptions {
  /** A path, or `:memory:`. */
  file: string;
  migrations: readonly Migration[];
  /** Runs in a transaction of its own whenever the file has been opened, before anything else. */
  onOpen(connection: Connection): void;
  /** Runs before the file is closed for good. */
  onClose(connection: Connection): void;
}

type LedConnection = Connection & { rows: LedRowCache };

interface Handle {
  database: DatabaseSync;
  connection: LedConnection;
  /** Device and inode: a path may come to mean another file. */
  identity: string;
  log: LogFile | undefined;
}

export const IN_MEMORY = ':memory:';

/** How long a lock is waited for inside SQLite, where it stops the whole process … */
const BLOCKING_WAIT_MS = 4;
/** … when opening, which happens once … */
const OPENING_WAIT_MS = 5_000;
const OPENING_PAUSE_MS = 10;
/** … and outside of it, where other requests go on. */
const LONGEST_WAIT_MS = 2_000;
const LONGEST_PAUSE_MS = 64;
/** The log is moved into the file when it has grown to so many pages of 4 KB; rarely enough that nobody feels it. */
const LOG_PAGES = 4_000;
const LOG_BYTES = 2 * LOG_PAGES * 4096;

/**
 * A SQLite file that several processes may share, or a database in memory.
 *
 * **Durability.** Write-ahead log with `synchronous=NORMAL`: a commit is handed to the system and survives the death of
 * this process, but a power cut may take the last ones. `writeDurably` survives that too: it waits until the log is on
 * disk. Measured on a virtual disk: a transaction takes 10 µs with NORMAL and 213 µs with FULL, all of it with the process
 * at a standstill; syncing the log from a thread takes as long, but other requests go on meanwhile and those that come
 * together share it (36 µs each with 64 at once). The log is in order, so whatever is synced takes all before it along.
 *
 * **Deletion.** What is deleted is overwritten with zeros (`secure_delete`), but for what SQLite itself leaves in the unused
 * parts of pages and in the log: `wipeTables` takes that too.
 *
 * **Faults.** Any error of the file or disk becomes `StoreUnavailable` and drops the handle; the next call opens the file
 * again. It never makes a new file where there was one: a budget must not begin anew because somebody moved the ledger.
 *
 * @throws {StoreUnavailable} when the file can't be opened.
 */
export const openDatabase = ({ file, migrations, onOpen, onClose }: DatabaseOptions): Database => {
  const isInMemory = file === IN_MEMORY;
  const path = isInMemory ? IN_MEMORY : resolve(file);
  /** Handles whose file was moved or replaced. Closing one would delete `-wal` by name, by now perhaps another file's. */
  const abandoned: DatabaseSync[] = [];
  let handle: Handle | undefined;
  let isClosed = false;

  const openHandle = (isFirst: boolean): Handle => {
    const identity = isInMemory ? path : identify(path);
    if (identity === undefined)
      throw new StoreUnavailable(`The database file ${path} is gone. Put it back, or restart.`);
    const database = new DatabaseSync(isInMemory ? path : `${pathToFileURL(path)}?mode=rw`, {
      timeout: isFirst ? OPENING_WAIT_MS : BLOCKING_WAIT_MS,
      readBigInts: true,
    });
    let log: LogFile | undefined;
    try {
      if (!isInMemory) whileBusy(() => useLog(database, path), isFirst ? OPENING_WAIT_MS : 0);
      // Files of SQLite's own, which nothing overwrites, would hold what is sorted or may have to be undone.
      database.exec('PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY');
      if (isFirst) migrate(database, migrations);
      else if (schemaVersion(database) !== migrations.length)
        throw new StoreUnavailable(`The database file ${path} is not the one that was open: its schema is another.`);
      const connection = makeConnection(database);
      transact(database, connection, 'BEGIN IMMEDIATE', () => onOpen(connection));
      if (!isInMemory) log = openLogFile(`${path}-wal`);
      database.exec(`PRAGMA busy_timeout = ${BLOCKING_WAIT_MS}`);
      return { database, connection, identity, log };
    } catch (error) {
      log?.close();
      database.close();
      throw error;
    }
  };

  const dropHandle = (isFileOurs: boolean): void => {
    if (handle === undefined) return;
    const { database, log } = handle;
    handle = undefined;
    log?.close();
    if (isFileOurs) database.close();
    else abandoned.push(database);
  };

  const connect = (): Handle => {
    if (isClosed) throw new StoreUnavailable('The embedded store has been closed.');
    try {
      if (handle !== undefined && !isInMemory && identify(path) !== handle.identity) dropHandle(false);
      handle ??= openHandle(false);
      return handle;
    } catch (error) {
      throw error instanceof StoreUnavailable ? error : toStoreUnavailable(error);
    }
  };

  const attempt = <T>(begin: string, work: (connection: Connection) => T): T => {
    try {
      const { database, connection } = connect();
      return transact(database, connection, begin, () => work(connection));
    } catch (error) {
      if (!isStoreFault(error)) throw error;
      // A database in memory has no file to open again: it would come back empty.
      if (!isBusy(error) && !isInMemory) dropHandle(true);
      throw toStoreUnavailable(error);
    }
  };

  const run = async <T>(begin: string, work: (connection: Connection) => T): Promise<T> => {
    let waitedMs = 0;
    for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        return attempt(begin, work);
      } catch (error) {
        const isLocked = error instanceof StoreUnavailable && isBusy(error.cause);
        if (!isLocked || waitedMs >= LONGEST_WAIT_MS) throw error;
      }
      // Real time: another process's lock knows nothing of a test's clock.
      await sleep(pauseMs);
      waitedMs += pauseMs + BLOCKING_WAIT_MS;
    }
  };

  /** @returns false where another process reads or writes meanwhile */
  const tryToEmptyLog = (): boolean => {
    try {
      const { database } = connect();
      // It does not throw then but says so. In memory there is no log to be busy.
      return database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'] !== 1n;
    } catch (error) {
      throw isStoreFault(error) ? toStoreUnavailable(error) : error;
    }
  };

  const writes = makeWriteQueue(
    (work) => run('BEGIN IMMEDIATE', work),
    (work) => attempt('BEGIN IMMEDIATE', work),
  );

  try {
    if (!isInMemory) makeFile(path);
    handle = openHandle(true);
  } catch (error) {
    throw isStoreFault(error) || isSystemError(error) ? toStoreUnavailable(error) : error;
  }

  return {
    write: writes.add,
    read: (work) => run('BEGIN', work),
    async writeDurably(work) {
      const { result, log } = await writes.add((connection) => ({
        result: work(connection),
        log: handle?.log,
      }));
      await log?.sync();
      return result;
    },
    async emptyLog() {
      let waitedMs = 0;
      for (let pauseMs = 1; !tryToEmptyLog(); pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
        if (waitedMs >= LONGEST_WAIT_MS)
          throw new StoreUnavailable(`The log of ${path} could not be emptied: other processes were at work on it.`);
        await sleep(pauseMs);
        waitedMs += pauseMs + BLOCKING_WAIT_MS;
      }
    },
    close() {
      if (isClosed) return;
      writes.flush();
      try {
        attempt('BEGIN IMMEDIATE', onClose);
      } catch (error) {
        // What it would have written only saves the next process some work.
        if (!(error instanceof StoreUnavailable)) throw error;
      } finally {
        isClosed = true;
        dropHandle(true);
      }
    },
  };
};

/** Runs the work between `begin` and commit; whatever it throws undoes it. */
const transact = <T>(database: DatabaseSync, connection: LedConnection, begin: string, work: () => T): T => {
  connection.run(begin);
  try {
    // Inside the transaction: the snapshot that it sees is the one that it asks about.
    connection.rows.begin(connection.get<{ data_version: bigint }>('PRAGMA data_version')?.data_version);
    const result = work();
    connection.rows.flush();
    connection.run('COMMIT');
    return result;
  } catch (error) {
    connection.rows.clear();
    // Some faults have SQLite undo the transaction itself.
    if (database.isTransaction) connection.run('ROLLBACK');
    throw error;
  }
};

const makeConnection = (database: DatabaseSync): LedConnection => {
  const statements = new Map<string, StatementSync>();
  const prepare = (sql: string): StatementSync => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = database.prepare(sql);
    statements.set(sql, statement);
    return statement;
  };
  const connection: LedConnection = {
    get: <Row>(sql: string, ...values: SQLInputValue[]) => prepare(sql).get(...values) as Row | undefined,
    all: <Row>(sql: string, ...values: SQLInputValue[]) => prepare(sql).all(...values) as Row[],
    run: (sql, ...values) => Number(prepare(sql).run(...values).changes),
    insert(sql, ...values) {
      const { changes, lastInsertRowid } = prepare(sql).run(...values);
      return Number(changes) === 0 ? undefined : BigInt(lastInsertRowid);
    },
    rows: makeRowCache(() => connection),
  };
  return connection;
};

/** Creates the file readable to its owner only (it holds key hashes and who spent what); its log takes over the mode. */
const makeFile = (path: string): void => {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, 'a', 0o600));
};

const useLog = (database: DatabaseSync, path: string): void => {
  const mode = database.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode'];
  if (mode !== 'wal')
    throw new StoreUnavailable(`No write-ahead log can be kept for ${path}: its file system lacks locks.`);
  database.exec(
    `PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${LOG_PAGES}; PRAGMA journal_size_limit = ${LOG_BYTES}`,
  );
};

/** Where two open a new file at once, SQLite does not wait for the one that makes its log: it says at once that it is busy. */
const whileBusy = (work: () => void, mostMs: number): void => {
  for (let waitedMs = 0; ; waitedMs += OPENING_PAUSE_MS) {
    try {
      work();
      return;
    } catch (error) {
      if (!isBusy(error) || waitedMs >= mostMs) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, OPENING_PAUSE_MS);
    }
  }
};

const identify = (path: string): string | undefined => {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}`;
};
