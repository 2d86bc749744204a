import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Connection, type Database, openDatabase } from '../../../lambdas/adapters/embedded/database.ts';
import { makeRowWriter, type RowKind } from '../../../lambdas/adapters/embedded/row-cache.ts';
import { makeFolder } from './embedded-worlds.ts';

interface Counter {
  name: string;
  count: number;
}

const COUNTERS = 'CREATE TABLE counters (name TEXT PRIMARY KEY, count INTEGER NOT NULL CHECK (count < 1000)) STRICT';

describe('rows that are remembered', () => {
  let folder: ReturnType<typeof makeFolder>;
  let database: Database;
  let other: DatabaseSync;
  let loads = 0;
  let saves = 0;

  const writeCounters = makeRowWriter(
    'INSERT INTO counters (name, count)',
    'ON CONFLICT (name) DO UPDATE SET count = excluded.count',
  );
  const counters: RowKind<Counter> = {
    load(connection, name) {
      loads += 1;
      const row = connection.get<{ count: bigint }>('SELECT count FROM counters WHERE name = ?', name);
      return row === undefined ? undefined : { name, count: Number(row.count) };
    },
    save(connection, rows) {
      saves += rows.length;
      writeCounters(
        connection,
        rows.map(({ name, count }) => [name, count]),
      );
    },
  };

  beforeEach(() => {
    folder = makeFolder();
    const file = join(folder.path, 'counters.db');
    database = openDatabase({ file, migrations: [COUNTERS], onOpen: () => {}, onClose: () => {} });
    other = new DatabaseSync(file);
    [loads, saves] = [0, 0];
  });

  afterEach(() => {
    other.close();
    database.close();
    folder.remove();
  });

  const raise = (name: string, by = 1) =>
    database.write((connection) => {
      const known = connection.rows.get(counters, name);
      const row = known ?? { name, count: 0 };
      if (known === undefined) connection.rows.keep(counters, name, row);
      row.count += by;
      connection.rows.change(counters, row);
      return row.count;
    });
  const stored = (name: string) => other.prepare('SELECT count FROM counters WHERE name = ?').get(name)?.['count'];
  const readTotal = (connection: Connection) =>
    connection.get<{ total: bigint }>('SELECT sum(count) AS total FROM counters')?.total;

  test('are read once and written once a transaction', async () => {
    expect(await Promise.all([raise('a'), raise('a'), raise('b'), raise('a')])).toEqual([1, 2, 1, 3]);
    expect([stored('a'), stored('b')]).toEqual([3, 1]);
    expect(await raise('a')).toBe(4);
    expect({ loads, saves }).toEqual({ loads: 2, saves: 3 });
  });

  test('are read anew when somebody else has committed, in writes and in reads', async () => {
    await raise('a');
    other.exec(`UPDATE counters SET count = 70`);
    expect(await database.read((connection) => connection.rows.get(counters, 'a')?.count)).toBe(70);
    other.exec(`UPDATE counters SET count = 80`);
    expect(await raise('a')).toBe(81);
    expect(stored('a')).toBe(81);
  });

  test('are forgotten with a transaction that was undone', async () => {
    await raise('a', 5);
    const broken = database.write((connection) => {
      const row = connection.rows.get(counters, 'a') as Counter;
      row.count += 100;
      connection.rows.change(counters, row);
      throw new RangeError('broken off');
    });
    const results = await Promise.allSettled([raise('a'), broken, raise('a')]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await raise('a', 0)).toBe(7);
    expect(stored('a')).toBe(7);
  });

  test('that can not be written undo the transaction, and are forgotten', async () => {
    await raise('a', 5);
    await expect(raise('a', 1_000)).rejects.toThrow('CHECK');
    expect(await raise('a')).toBe(6);
    expect(stored('a')).toBe(6);
  });

  test('are written before statements that go past them, and read anew after', async () => {
    await raise('a', 5);
    const total = await database.write((connection) => {
      const row = connection.rows.get(counters, 'a') as Counter;
      row.count = 9;
      connection.rows.change(counters, row);
      connection.rows.release();
      const before = readTotal(connection);
      connection.run('UPDATE counters SET count = count * 2');
      return [before, connection.rows.get(counters, 'a')?.count];
    });
    expect(total).toEqual([9n, 18]);
    expect(await raise('a')).toBe(19);
  });

  test('are all written, however many a transaction has changed', async () => {
    await Promise.all(Array.from({ length: 50 }, (_, i) => raise(`c${i}`, i)));
    expect(await database.read(readTotal)).toBe(1_225n);
  });
});
