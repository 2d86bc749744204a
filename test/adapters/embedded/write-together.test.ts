import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Connection, type Database, openDatabase } from '../../../lambdas/adapters/embedded/database.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { makeFolder } from './embedded-worlds.ts';

const NOTES = 'CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE) STRICT';

describe('writes that come together', () => {
  let folder: ReturnType<typeof makeFolder>;
  let database: Database;

  beforeEach(() => {
    folder = makeFolder();
    const file = join(folder.path, 'notes.db');
    database = openDatabase({ file, migrations: [NOTES], onOpen: () => {}, onClose: () => {} });
  });

  afterEach(() => {
    database.close();
    folder.remove();
  });

  const note = (text: string) => (connection: Connection) =>
    connection.run('INSERT INTO notes (text) VALUES (?)', text);
  const readTexts = (connection: Connection) =>
    connection.all<{ text: string }>('SELECT text FROM notes ORDER BY id').map(({ text }) => text);

  test('each sees what those before it did', async () => {
    const seen = await Promise.all(
      ['a', 'b', 'c'].map((text) =>
        database.write((connection) => {
          const before = readTexts(connection);
          note(text)(connection);
          return before;
        }),
      ),
    );
    expect(seen).toEqual([[], ['a'], ['a', 'b']]);
    expect(await database.read(readTexts)).toEqual(['a', 'b', 'c']);
  });

  test('are committed once: another program sees all of them or none', async () => {
    const other = new DatabaseSync(join(folder.path, 'notes.db'), { readOnly: true });
    const count = () => Number(other.prepare('SELECT count(*) AS n FROM notes').get()?.['n']);
    const seenInside: number[] = [];
    await Promise.all(
      ['a', 'b', 'c'].map((text) =>
        database.write((connection) => {
          note(text)(connection);
          seenInside.push(count());
        }),
      ),
    );
    expect(seenInside).toEqual([0, 0, 0]);
    expect(count()).toBe(3);
    other.close();
  });

  test('one that throws fails alone, with its own error, and leaves nothing behind', async () => {
    const results = await Promise.allSettled([
      database.write(note('a')),
      database.write((connection) => {
        note('half')(connection);
        throw new RangeError('a bug');
      }),
      database.write(note('a')),
      database.writeDurably(note('b')),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: new RangeError('a bug') });
    expect(results[2]).toMatchObject({ reason: { message: expect.stringContaining('UNIQUE') } });
    expect((await database.read(readTexts)).toSorted()).toEqual(['a', 'b']);
  });

  test('more than fit one transaction are all made, in order', async () => {
    const texts = Array.from({ length: 200 }, (_, index) => `note ${index}`);
    expect(await Promise.all(texts.map((text) => database.write(note(text))))).toEqual(texts.map(() => 1));
    expect(await database.read(readTexts)).toEqual(texts);
  });

  test('what waits when the file is closed is written first', async () => {
    const written = database.write(note('last'));
    database.close();
    await expect(written).resolves.toBe(1);
    const other = new DatabaseSync(join(folder.path, 'notes.db'));
    expect(other.prepare('SELECT text FROM notes').all()).toEqual([{ text: 'last' }]);
    other.close();
  });

  test('a write after the close is refused', async () => {
    database.close();
    await expect(database.write(note('late'))).rejects.toBeInstanceOf(StoreUnavailable);
  });
});
