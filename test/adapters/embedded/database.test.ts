import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Database, type DatabaseOptions, openDatabase } from '../../../lambdas/adapters/embedded/database.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { makeFolder } from './embedded-worlds.ts';

const NOTES = 'CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT';

describe('database', () => {
  let folder: ReturnType<typeof makeFolder>;
  let file = '';
  let opened: Database[] = [];
  let others: DatabaseSync[] = [];

  beforeEach(() => {
    folder = makeFolder();
    file = join(folder.path, 'new', 'notes.db');
    opened = [];
    others = [];
  });

  afterEach(() => {
    for (const other of others) other.close();
    for (const database of opened) database.close();
    folder.remove();
  });

  const open = (options: Partial<DatabaseOptions> = {}): Database => {
    const database = openDatabase({ file, migrations: [NOTES], onOpen: () => {}, onClose: () => {}, ...options });
    opened.push(database);
    return database;
  };

  /** A connection of another program, which keeps to nothing. */
  const openOther = (): DatabaseSync => {
    const other = new DatabaseSync(file);
    others.push(other);
    return other;
  };

  const write = (database: Database, text: string) =>
    database.write((connection) => connection.run('INSERT INTO notes (text) VALUES (?)', text));
  const read = (database: Database) =>
    database.read((connection) =>
      connection.all<{ text: string }>('SELECT text FROM notes ORDER BY id').map(({ text }) => text),
    );

  test('what is written is there when the file is opened again', async () => {
    const database = open();
    await write(database, 'one');
    await database.writeDurably((connection) => connection.run(`INSERT INTO notes (text) VALUES ('two')`));
    database.close();
    expect(await read(open())).toEqual(['one', 'two']);
  });

  test('file and log are for their owner only, in a folder that it makes', async () => {
    await write(open(), 'one');
    for (const name of readdirSync(join(folder.path, 'new'))) {
      expect(statSync(join(folder.path, 'new', name)).mode & 0o077).toBe(0);
    }
    expect(readdirSync(join(folder.path, 'new'))).toContain('notes.db-wal');
  });

  test('a new file that somebody else is writing to, without a log yet, is waited for', async () => {
    mkdirSync(dirname(file));
    // SQLite itself does not wait for such a lock before it changes to a log.
    const other = new Worker(
      `const { DatabaseSync } = require('node:sqlite');
       const { parentPort, workerData } = require('node:worker_threads');
       const database = new DatabaseSync(workerData);
       database.exec('BEGIN IMMEDIATE');
       parentPort.postMessage('locked');
       setTimeout(() => { database.exec('COMMIT'); database.close(); }, 200);`,
      { eval: true, workerData: file },
    );
    const ended = once(other, 'exit');
    await once(other, 'message');
    const database = open();
    await write(database, 'one');
    expect(await read(database)).toEqual(['one']);
    await ended;
  });

  test('work that throws is undone whole, and the next goes on', async () => {
    const database = open();
    const broken = database.write((connection) => {
      connection.run(`INSERT INTO notes (text) VALUES ('half')`);
      throw new TypeError('broken off');
    });
    await expect(broken).rejects.toThrow(TypeError);
    await write(database, 'whole');
    expect(await read(database)).toEqual(['whole']);
  });

  test("the code's own mistakes are no outage", async () => {
    const database = open();
    await write(database, 'one');
    await expect(write(database, 'one')).rejects.not.toBeInstanceOf(StoreUnavailable);
    await expect(database.read((connection) => connection.all('SELECT * FROM nowhere'))).rejects.toThrow(
      'no such table',
    );
  });

  test('integers come back whole, up to 2^63 − 1', async () => {
    const database = open();
    const largest = 2n ** 63n - 1n;
    await database.write((connection) => connection.run('INSERT INTO notes (id, text) VALUES (?, ?)', largest, 'x'));
    expect(await database.read((connection) => connection.get('SELECT id FROM notes'))).toEqual({ id: largest });
  });

  test('a write waits for the lock of another program', async () => {
    const database = open();
    const other = openOther();
    other.exec('BEGIN IMMEDIATE');
    const waiting = write(database, 'waited');
    await new Promise((resolve) => setImmediate(resolve));
    other.exec('COMMIT');
    await waiting;
    expect(await read(database)).toEqual(['waited']);
  });

  test('a lock that does not go is an outage; reads go on, and writes once it has gone', async () => {
    const database = open();
    await write(database, 'one');
    const other = openOther();
    other.exec('BEGIN IMMEDIATE');
    await expect(write(database, 'two')).rejects.toThrow(StoreUnavailable);
    expect(await read(database)).toEqual(['one']);
    other.exec('ROLLBACK');
    await write(database, 'two');
    expect(await read(database)).toEqual(['one', 'two']);
  }, 15_000);

  test('a full disk is an outage that undoes the write, until there is room again', async () => {
    let pages = 12;
    const database = open({ onOpen: (connection) => connection.get(`PRAGMA max_page_count = ${pages}`) });
    await write(database, 'one');
    await expect(write(database, 'x'.repeat(100_000))).rejects.toThrow(StoreUnavailable);
    pages = 1_000_000;
    expect(await read(database)).toEqual(['one']);
    await expect(write(database, 'x'.repeat(100_000))).resolves.toBe(1);
    expect(await read(database)).toHaveLength(2);
  });

  test('a file that is moved away is an outage until it is back, and none is made in its place', async () => {
    const database = open();
    await write(database, 'one');
    for (const end of ['', '-wal', '-shm']) renameSync(`${file}${end}`, `${file}${end}.moved`);
    await expect(write(database, 'lost')).rejects.toThrow(StoreUnavailable);
    await expect(read(database)).rejects.toThrow('gone');
    expect(existsSync(file)).toBe(false);
    for (const end of ['', '-wal', '-shm']) renameSync(`${file}${end}.moved`, `${file}${end}`);
    await write(database, 'two');
    expect(await read(database)).toEqual(['one', 'two']);
  });

  test('a file that is replaced is the one that is used from then on', async () => {
    const database = open();
    await write(database, 'one');
    database.close();
    copyFileSync(file, `${file}.backup`);
    const again = open();
    await write(again, 'after the backup');
    for (const end of ['', '-wal', '-shm']) renameSync(`${file}${end}`, `${file}${end}.moved`);
    renameSync(`${file}.backup`, file);
    expect(await read(again)).toEqual(['one']);
    await write(again, 'two');
    expect(await read(open())).toEqual(['one', 'two']);
  });

  test('a damaged file is an outage until it is whole again', async () => {
    const database = open();
    await write(database, 'one');
    database.close();
    const whole = readFileSync(file);
    const again = open();
    expect(await read(again)).toEqual(['one']);
    // In place, as a failing disk would: the file stays the same file.
    writeFileSync(file, Buffer.alloc(whole.length, 0x5a));
    writeFileSync(`${file}-wal`, Buffer.alloc(4096, 0x5a));
    let outage: unknown;
    for (let i = 0; i < 3 && outage === undefined; i++)
      await write(again, `damaged ${i}`).catch((error: unknown) => {
        outage = error;
      });
    expect(outage).toBeInstanceOf(StoreUnavailable);
    await expect(read(again)).rejects.toBeInstanceOf(StoreUnavailable);
    writeFileSync(file, whole);
    writeFileSync(`${file}-wal`, '');
    expect(await read(again)).toEqual(['one']);
  });

  test('a file that was emptied is not begun anew', async () => {
    const database = open();
    await write(database, 'one');
    database.close();
    const again = open();
    truncateSync(file, 0);
    truncateSync(`${file}-wal`, 0);
    let outage: unknown;
    for (let i = 0; i < 3; i++)
      await read(again).catch((error: unknown) => {
        outage = error;
      });
    expect(outage).toBeInstanceOf(StoreUnavailable);
    await expect(write(again, 'anew')).rejects.toThrow(StoreUnavailable);
  });

  test('what is no database can not be opened', () => {
    expect(() => open({ file: join(folder.path) })).toThrow(StoreUnavailable);
    writeFileSync(join(folder.path, 'text'), 'no database '.repeat(500));
    expect(() => open({ file: join(folder.path, 'text') })).toThrow(StoreUnavailable);
    expect(() => open({ file: join(folder.path, 'text', 'below') })).toThrow(StoreUnavailable);
  });

  test('once closed, everything is an outage; closing again is nothing', async () => {
    const database = open();
    database.close();
    database.close();
    await expect(read(database)).rejects.toThrow(StoreUnavailable);
    await expect(database.writeDurably(() => {})).rejects.toThrow(StoreUnavailable);
  });

  test('closing a file that is gone ends quietly', () => {
    const database = open();
    for (const end of ['', '-wal', '-shm']) renameSync(`${file}${end}`, `${file}${end}.moved`);
    expect(() => database.close()).not.toThrow();
  });

  test('durable writes side by side are all there', async () => {
    const database = open();
    await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        database.writeDurably((connection) => connection.run('INSERT INTO notes (text) VALUES (?)', `n${i}`)),
      ),
    );
    expect(await read(database)).toHaveLength(50);
  });

  test('in memory, work that is broken off is undone and nothing else', async () => {
    const database = open({ file: ':memory:' });
    await write(database, 'one');
    await database.writeDurably((connection) => connection.run(`INSERT INTO notes (text) VALUES ('two')`));
    await expect(write(database, 'one')).rejects.toThrow();
    expect(await read(database)).toEqual(['one', 'two']);
  });

  describe('schema', () => {
    const STEPS = [
      NOTES,
      `ALTER TABLE notes ADD COLUMN at INTEGER; UPDATE notes SET at = 7`,
      'CREATE INDEX notes_at ON notes (at)',
    ];

    test('is brought forward step by step, keeping what is there', async () => {
      const first = open();
      await write(first, 'one');
      first.close();
      const second = open({ migrations: STEPS });
      expect(await second.read((connection) => connection.all('SELECT text, at FROM notes'))).toEqual([
        { text: 'one', at: 7n },
      ]);
      second.close();
      expect(await read(open({ migrations: STEPS }))).toEqual(['one']);
    });

    test('stays as it was when a step fails', async () => {
      const first = open();
      await write(first, 'one');
      first.close();
      expect(() => open({ migrations: [...STEPS, 'CREATE NONSENSE'] })).toThrow('NONSENSE');
      expect(await read(open())).toEqual(['one']);
    });

    test('of a later version is refused, not misread', async () => {
      await write(open({ migrations: STEPS }), 'one');
      expect(() => open()).toThrow('later');
    });

    test('several processes may bring it forward at once', async () => {
      const databases = Array.from({ length: 3 }, () => open({ migrations: STEPS }));
      await Promise.all(databases.map((database, i) => write(database, `n${i}`)));
      expect(await read(databases[0] as Database)).toHaveLength(3);
    });
  });
});
