import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type EmbeddedStores, openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { answerOf, cachedOf } from '../../port-suites/cached-answers.ts';
import { makeWorldClock } from '../../port-suites/store-world.ts';
import { makeFolder, seededRandom } from './embedded-worlds.ts';

const clock = makeWorldClock();
const now = clock.now();
let folder: ReturnType<typeof makeFolder>;
let opened: EmbeddedStores[];
let warnings: unknown[];

beforeEach(() => {
  folder = makeFolder();
  opened = [];
  warnings = [];
});

afterEach(() => {
  for (const stores of opened) stores.close();
  folder.remove();
});

const open = (): EmbeddedStores => {
  const log = { warn: (...told: unknown[]) => void warnings.push(told) };
  const stores = openEmbeddedStores({
    file: join(folder.path, 'a.db'),
    clock,
    random: seededRandom(opened.length),
    log,
  });
  opened.push(stores);
  return stores;
};

/** Past the stores, as another version or a bad disk would. */
const inFile = <T>(work: (database: DatabaseSync) => T): T => {
  const database = new DatabaseSync(join(folder.path, 'a.db'));
  try {
    return work(database);
  } finally {
    database.close();
  }
};

test('a row of another version, a torn one, one that swells and another’s are misses, and the log hears of the first', async () => {
  const { responses } = open();
  const entry = cachedOf('a', now);
  await responses.keep(entry, now);
  await responses.keep(cachedOf('b', now), now);
  const other = inFile((database) => database.prepare(`SELECT body FROM responses WHERE key = 'b'`).get()?.['body']);
  const bodies = [
    Buffer.of(2, 31, 139),
    Buffer.concat([Buffer.of(2), gzipSync(Buffer.alloc(100 * 1024 * 1024))]),
    Buffer.of(7),
    Buffer.from('\u0001[]'),
    Buffer.from('\u0001null'),
    Buffer.alloc(0),
    other as Uint8Array,
  ];
  for (const body of bodies) {
    inFile((database) => database.prepare(`UPDATE responses SET body = ? WHERE key = 'a'`).run(body));
    expect(await responses.find(entry.tenant, 'a', now)).toBeUndefined();
  }
  const next = cachedOf('a', now + 1);
  expect(await responses.keep(next, now + 1)).toBe('kept');
  expect(await responses.find(entry.tenant, 'a', now + 1)).toEqual(next);
  inFile((database) => database.exec('UPDATE responses SET version = 99'));
  expect(await responses.find(entry.tenant, 'a', now + 1)).toBeUndefined();
  expect(warnings).toHaveLength(1);
});

test('marks that can’t be read keep all that is under way from being kept, and are written anew by the next purge', async () => {
  const { responses } = open();
  await responses.purge({ user: 'ada' }, now);
  inFile((database) => database.exec(`UPDATE response_purges SET marks = '{"version":2}'`));
  expect(await responses.keep(cachedOf('a', now, { user: 'bob' }), now + 5)).toBe('purged');
  await responses.purge({ user: 'nobody' }, now + 5);
  expect(await responses.keep(cachedOf('a', now, { user: 'bob' }), now + 6)).toBe('purged');
  expect(await responses.keep(cachedOf('a', now + 6, { user: 'bob' }), now + 7)).toBe('kept');
});

test('of a purged user no text is left in the files', async () => {
  const stores = open();
  const user = 'ada.lovelace@example.com';
  const tenant = `["user","acme","search",${JSON.stringify(user)}]`;
  const filesHold = (text: string) =>
    readdirSync(folder.path).some((name) => readFileSync(join(folder.path, name)).includes(text));
  for (let i = 0; i < 200; i++) {
    const answer = answerOf('x'.repeat(i * 50));
    await stores.responses.keep(cachedOf(`k${i}`, now, { tenant, user, answer }), now);
    await stores.responses.keep(cachedOf(`b${i}`, now, { user: 'bob', answer }), now);
  }
  expect(filesHold('lovelace')).toBe(true);
  expect(await stores.responses.purge({ user }, now)).toBe(200);
  for (const one of opened.splice(0)) one.close();
  expect(filesHold('lovelace')).toBe(false);
  expect(filesHold('bob')).toBe(true);
});

test('of more than 100,000 entries those that expire first make room', async () => {
  const { responses } = open();
  await responses.keep(cachedOf('soon', now, { expiresAt: now + 1_000 }), now);
  inFile((database) =>
    database.exec(`
      INSERT INTO responses (tenant, key, version, team, user, alias, created_at, expires, body)
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
      SELECT 't', i, 1, 'search', 'ada', 'assistant', ${now}, ${now} + 5000 + i, zeroblob(1) FROM n`),
  );
  for (let i = 0; i < 63; i++) await responses.keep(cachedOf(`late${i}`, now), now);
  const [count] = await responses.stats(now);
  expect(count?.entries).toBe(100_000);
  expect(await responses.find(cachedOf('', now).tenant, 'soon', now)).toBeUndefined();
  expect(await responses.find(cachedOf('', now).tenant, 'late0', now)).toBeDefined();
});

test('what has expired is taken out of the file, a hundred with each keep', async () => {
  const { responses } = open();
  for (let i = 0; i < 150; i++) await responses.keep(cachedOf(`k${i}`, now, { expiresAt: now + 5 }), now);
  const rows = () => inFile((database) => database.prepare('SELECT count(*) AS n FROM responses').get()?.['n']);
  await responses.keep(cachedOf('a', now + 5), now + 5);
  expect(rows()).toBe(51);
  await responses.keep(cachedOf('b', now + 5), now + 5);
  expect(rows()).toBe(2);
});
