import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from '@jest/globals';
import { openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { makeWorldClock } from '../../port-suites/store-world.ts';
import { checkAgainstSort, describeVectorSuite, entryOf, vectorOf } from '../../port-suites/vectors.ts';

const random = { bytes: (count: number) => new Uint8Array(count).fill(7), fraction: () => 0.5 };

describeVectorSuite('SQLite', async (clock) => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-vectors-'));
  const opened: { close(): void }[] = [];
  return {
    async open() {
      const stores = openEmbeddedStores({ file: join(folder, 'state.db'), clock, random });
      opened.push(stores);
      return stores.vectors;
    },
    async catchUp() {},
    async end() {
      for (const stores of opened) stores.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});

const inMemory = () => {
  const clock = makeWorldClock();
  return { clock, stores: openEmbeddedStores({ file: ':memory:', clock, random }) };
};

test('finds what a plain sort finds, whatever the entries', async () => {
  const { clock, stores } = inMemory();
  await checkAgainstSort(stores.vectors, clock.now());
  stores.close();
});

test('a vector of another length, or of no numbers, is never the nearest', async () => {
  const { clock, stores } = inMemory();
  const now = clock.now();
  await stores.vectors.put(entryOf('short', now, { vector: Float32Array.of(1) }), now);
  await stores.vectors.put(entryOf('none', now, { vector: new Float32Array(8).fill(Number.NaN) }), now);
  await stores.vectors.put(entryOf('right', now), now);
  const found = await stores.vectors.find({ ...entryOf('', now), vector: vectorOf(1), count: 5 }, now);
  expect(found.map(({ id }) => id)).toEqual(['right']);
  stores.close();
});

test('what has expired is taken out of the file, a hundred with each put', async () => {
  const { clock, stores } = inMemory();
  const now = clock.now();
  for (let i = 0; i < 150; i++) await stores.vectors.put(entryOf(`v${i}`, now, { expiresAt: now + 5 }), now);
  const rows = async () => (await stores.vectors.stats(now))[0]?.entries;
  await stores.vectors.put(entryOf('a', now + 5), now + 5);
  expect(await rows()).toBe(51);
  await stores.vectors.put(entryOf('b', now + 5), now + 5);
  expect(await rows()).toBe(2);
  stores.close();
});

test('of more than 100,000 entries those that expire first make room, whatever their scope', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-vectors-'));
  const file = join(folder, 'state.db');
  const clock = makeWorldClock();
  const now = clock.now();
  const stores = openEmbeddedStores({ file, clock, random });
  await stores.vectors.put(entryOf('soon', now, { expiresAt: now + 1_000 }), now);
  const database = new DatabaseSync(file);
  database.exec(`
    INSERT INTO vectors (id, tenant, scope, embedder, vector, question, answer_key, team, user, alias, created_at, expires)
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
    SELECT i, 't', i, 'minilm/1', zeroblob(4), 'q', i, 'search', 'ada', 'assistant', ${now}, ${now} + 5000 + i FROM n`);
  database.close();
  for (let i = 0; i < 64; i++) await stores.vectors.put(entryOf(`late${i}`, now), now);
  const count = (await stores.vectors.stats(now)).reduce((sum, { entries }) => sum + entries, 0);
  expect(count).toBeLessThanOrEqual(100_064);
  expect(count).toBeGreaterThanOrEqual(100_000);
  const found = await stores.vectors.find({ ...entryOf('', now), vector: vectorOf(1), count: 100 }, now);
  expect(found.map(({ id }) => id)).not.toContain('soon');
  expect(found.map(({ id }) => id)).toContain('late0');
  stores.close();
  rmSync(folder, { recursive: true, force: true });
});

test('a purge that names no age takes what a clock that was set back since has dated later', async () => {
  const { clock, stores } = inMemory();
  const now = clock.now();
  await stores.vectors.put(entryOf('ahead', now + 60_000), now);
  await stores.vectors.put(entryOf('bea', now + 60_000, { user: 'bea' }), now);
  expect(await stores.vectors.purge({ user: 'ada' }, now)).toBe(1);
  const found = await stores.vectors.find({ ...entryOf('', now), vector: vectorOf(1), count: 5 }, now);
  expect(found.map(({ id }) => id)).toEqual(['bea']);
  stores.close();
});

test('scopes in which nothing lies leave nothing in memory: each turn of a conversation is one', () => {
  const script = join(import.meta.dirname, 'ask-scopes-process.ts');
  const flags = ['--disable-warning=ExperimentalWarning'];
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, script, '1000'], { encoding: 'utf8' });
  expect({ stdout, stderr }).toEqual({ stdout: JSON.stringify({ left: 0, found: ['kept'] }), stderr: '' });
});

test('of a scope’s entries the 10,000 latest are found, and few more are kept', async () => {
  const { clock, stores } = inMemory();
  const now = clock.now();
  const vector = Float32Array.of(1);
  const put = (from: number, count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, i) => stores.vectors.put(entryOf(`e${from + i}`, now, { vector }), now)),
    );
  const find = () => stores.vectors.find({ ...entryOf('', now), vector, count: 20_000 }, now);
  await put(0, 10_000);
  expect(await find()).toHaveLength(10_000);
  await put(10_000, 2);
  const ids = new Set((await find()).map(({ id }) => id));
  expect([ids.size, ids.has('e1'), ids.has('e2'), ids.has('e10001')]).toEqual([10_000, false, true, true]);
  await put(10_002, 200);
  const [kept] = await stores.vectors.stats(now);
  expect(kept?.entries).toBeGreaterThanOrEqual(10_000);
  expect(kept?.entries).toBeLessThan(10_064);
  stores.close();
});
