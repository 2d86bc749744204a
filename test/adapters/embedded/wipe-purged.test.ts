import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type EmbeddedStores, openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { systemClock } from '../../../lambdas/adapters/system/clock.ts';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';
import type { CachedAnswer, KeepOutcome } from '../../../lambdas/core/cache/cache-stores.ts';
import { packEntry } from '../../../lambdas/core/cache/pack-entry.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { entryOf, vectorOf } from '../../port-suites/vectors.ts';

let folder: string;
let file: string;
const opened: EmbeddedStores[] = [];
const open = (): EmbeddedStores => {
  const stores = openEmbeddedStores({ file, clock: systemClock, random: systemRandom });
  opened.push(stores);
  return stores;
};
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-wipe-'));
  file = join(folder, 'tollgate.db');
});
afterEach(() => {
  for (const stores of opened.splice(0)) stores.close();
  rmSync(folder, { recursive: true, force: true });
});

const NOW = Date.UTC(2026, 10, 22, 12);
const HOUR_MS = 3_600_000;

/** The same numbers whenever it is run. */
const randomOf = (seed: number) => {
  let state = seed;
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
};

const answerOf = (key: string, user: string, text: string, createdAt = NOW): CachedAnswer => ({
  tenant: 't',
  key,
  answer: { id: key, model: 'm', parts: [{ type: 'text', text }], stop: { reason: 'end', raw: 'stop' } },
  dropped: [],
  target: 'demo/echo',
  requestId: `req_${key}`,
  team: 'search',
  user,
  alias: 'assistant',
  createdAt,
  expiresAt: createdAt + HOUR_MS,
});

const bytesOnDisk = (): Buffer => Buffer.concat(['', '-wal'].map((end) => readFileSync(`${file}${end}`)));

/** Those that are somewhere in it, in one pass: there are hundreds, in megabytes. */
const foundIn = (bytes: Buffer, pieces: readonly Buffer[]): Buffer[] => {
  const byStart = Map.groupBy(pieces, (piece) => piece.readUInt32LE(0));
  const found = new Set<Buffer>();
  for (let at = 0; at + 4 <= bytes.length; at++)
    for (const piece of byStart.get(bytes.readUInt32LE(at)) ?? [])
      if (bytes.subarray(at, at + piece.length).equals(piece)) found.add(piece);
  return [...found];
};

/** A handle may be closed between the list and the look. */
const readlinkIfAny = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
};

const SECRET = 'what-ada-said';
/** Enough that SQLite moves rows from page to page. */
const ROWS = 1_000;

test('of what was purged no byte is left in the file or its log, however the rows were moved about before', async () => {
  const stores = open();
  const random = randomOf(2);
  const sounds = Buffer.from(Array.from({ length: 20_000 }, () => 35 + random(90))).toString('latin1');
  const noise = (length: number): string => sounds.slice(random(18_000)).slice(0, length);
  /** A piece of each answer of hers as it lies in the file: compressed, so not in its words. */
  const pieces: Buffer[] = [];
  const writes: Promise<KeepOutcome>[] = [];
  let last: CachedAnswer | undefined;
  for (let i = 0; i < ROWS; i++) {
    const isHers = random(5) < 2;
    const [user, name] = [isHers ? 'ada' : 'bob', `n${random(250)}`];
    // In the place of what was there: longer, shorter, somebody else's.
    const answer = answerOf(name, user, noise(random(1_500)), NOW + i);
    const packed = Buffer.from((await packEntry(answer)) ?? []);
    if (isHers) pieces.push(packed.subarray(packed.length / 2 - 16, packed.length / 2 + 16));
    else last = answer;
    const question = isHers ? SECRET.repeat(1 + random(80)) : noise(random(1_000));
    writes.push(stores.responses.keep(answer, NOW + i));
    void stores.vectors.put(entryOf(name, NOW + i, { question, user, vector: vectorOf(i, random(2) * 32 + 8) }), NOW);
  }
  expect(new Set(await Promise.all(writes))).toEqual(new Set(['kept']));
  const before = bytesOnDisk();
  expect(before.includes(SECRET)).toBe(true);
  expect(foundIn(before, pieces).length).toBeGreaterThan(50);

  expect(await stores.responses.purge({ user: 'ada' }, NOW + ROWS)).toBeGreaterThan(50);
  expect(await stores.vectors.purge({ user: 'ada' }, NOW + ROWS)).toBeGreaterThan(50);
  await stores.wipePurged();

  const after = bytesOnDisk();
  expect(after.includes(SECRET)).toBe(false);
  expect(foundIn(after, pieces)).toEqual([]);
  // The others' are there, and the file is whole.
  expect(await stores.responses.find('t', last?.key ?? '', NOW + ROWS)).toEqual(last);
  const database = new DatabaseSync(file, { readOnly: true });
  expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
  database.close();
}, 30_000);

test('wiping leaves every other entry as it was, and numbers that were used are not used again', async () => {
  const stores = open();
  for (const [i, user] of ['ada', 'bob', 'ada'].entries()) {
    await stores.vectors.put(entryOf(`v${i}`, NOW, { user, vector: vectorOf(i) }), NOW);
    await stores.responses.keep(answerOf(`k${i}`, user, `answer ${i}`), NOW);
  }
  const query = {
    tenant: entryOf('', 0).tenant,
    scope: 'scope-1',
    embedder: 'minilm/1',
    vector: vectorOf(1),
    count: 9,
  };
  const [best] = await stores.vectors.find(query, NOW);
  const kept = await stores.responses.find('t', 'k1', NOW);
  await stores.vectors.purge({ user: 'ada' }, NOW);
  await stores.responses.purge({ user: 'ada' }, NOW);
  await stores.wipePurged();
  expect(await stores.vectors.find(query, NOW)).toEqual([best]);
  expect(await stores.responses.find('t', 'k1', NOW)).toEqual(kept);
  // What another process puts next is new to who has seen the last one.
  const other = open();
  await other.vectors.put(entryOf('v9', NOW + 5, { vector: vectorOf(1), createdAt: NOW + 5 }), NOW + 5);
  expect((await stores.vectors.find(query, NOW)).map(({ id }) => id).sort()).toEqual(['v1', 'v9']);
});

test('no file of SQLite’s own is left with what was taken out, and the space that it took holds nothing', async () => {
  const stores = open();
  const puts = [];
  // More than SQLite keeps of a temporary table in memory.
  for (let i = 0; i < 80; i++)
    puts.push(
      stores.vectors.put(
        entryOf(`v${i}`, NOW, { user: i % 2 === 0 ? 'ada' : 'bob', question: SECRET.repeat(10_000) }),
        NOW,
      ),
    );
  await Promise.all(puts);
  await stores.vectors.purge({ user: 'ada' }, NOW);
  await stores.wipePurged();
  expect(bytesOnDisk().includes(SECRET)).toBe(true);
  // Linux shows the files that are open though they have no name any more.
  const handles = existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd') : [];
  for (const handle of handles) expect(readlinkIfAny(`/proc/self/fd/${handle}`)).not.toContain('etilqs');
  await stores.vectors.purge({ user: 'bob' }, NOW);
  await stores.wipePurged();
  expect(bytesOnDisk().includes(SECRET)).toBe(false);
});

test('while gateways write it goes on, and nothing of theirs is lost', async () => {
  const [one, other] = [open(), open()];
  for (let i = 0; i < 200; i++) await one.responses.keep(answerOf(`a${i}`, 'ada', `answer ${i}`), NOW);
  let isDone = false;
  let kept = 0;
  const writing = (async () => {
    for (; !isDone; kept++) await other.responses.keep(answerOf(`b${kept}`, 'bob', `answer ${kept}`, NOW + 9), NOW + 9);
  })();
  await one.responses.purge({ user: 'ada' }, NOW);
  await one.wipePurged();
  isDone = true;
  await writing;
  const [count] = await one.responses.stats(NOW);
  expect(count?.entries).toBe(kept);
});

test('while somebody reads an older state the log can not be emptied: it says so, and can be done again', async () => {
  const stores = open();
  await stores.responses.keep(answerOf('a', 'ada', 'answer'), NOW);
  const reader = new DatabaseSync(file, { readOnly: true });
  reader.exec('BEGIN');
  reader.prepare('SELECT count(*) FROM responses').get();
  await stores.responses.purge({}, NOW);
  await expect(stores.wipePurged()).rejects.toBeInstanceOf(StoreUnavailable);
  reader.exec('COMMIT');
  reader.close();
  await stores.wipePurged();
  expect(readFileSync(`${file}-wal`)).toHaveLength(0);
});

test('a process that asks nothing forgets what another has purged; one that slept for longer than marks last does so too', async () => {
  const [gateway, cli] = [open(), open()];
  const day = 24 * HOUR_MS;
  const lasting = { expiresAt: NOW + 20 * day, vector: vectorOf(1) };
  await gateway.vectors.put(entryOf('a', NOW, lasting), NOW);
  const query = {
    tenant: entryOf('', 0).tenant,
    scope: 'scope-1',
    embedder: 'minilm/1',
    vector: vectorOf(1),
    count: 9,
  };
  expect(await gateway.vectors.find(query, NOW)).toHaveLength(1);
  await cli.vectors.purge({}, NOW);
  // Takes the mark of the purge away.
  await cli.vectors.put(entryOf('b', NOW + 2 * day, { ...lasting, scope: 'another' }), NOW + 2 * day);
  expect(await gateway.vectors.find(query, NOW + 2 * day)).toEqual([]);
});
