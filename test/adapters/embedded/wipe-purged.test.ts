import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type EmbeddedStores, openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { systemClock } from '../../../lambdas/adapters/system/clock.ts';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';
import type { CachedAnswer } from '../../../lambdas/core/cache/cache-stores.ts';
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

const bytesOnDisk = (): string => ['', '-wal'].map((end) => readFileSync(`${file}${end}`, 'latin1')).join('\n');

/** What an answer is in the file: compressed, so other bytes than its words. Taken from the middle, where they are its own. */
const bodiesOf = (user: string): string[] => {
  const database = new DatabaseSync(file, { readOnly: true });
  const rows = database.prepare('SELECT body FROM responses WHERE user = ?').all(user) as { body: Uint8Array }[];
  database.close();
  return rows.map(({ body }) => Buffer.from(body).subarray(-48, -16).toString('latin1'));
};

test('of what was purged no byte is left in the file or its log, however the rows were moved about before', async () => {
  const stores = open();
  const random = randomOf(7);
  const secretOf = (i: number): string => `${vectorOf(i + 1, 4).join('')}-of-ada-${i}`;
  const said = (i: number, user: string): string =>
    user === 'ada' ? secretOf(i) : `nothing that matters ${i}`.repeat(1 + random(60));
  const ids: string[] = [];
  for (let i = 0; i < 1_500; i++) {
    const user = random(3) === 0 ? 'ada' : `user-${random(20)}`;
    const id = `id-${random(1_000_000)}`;
    const question = said(i, user);
    await stores.vectors.put(
      entryOf(id, NOW, { question, user, vector: vectorOf(i, random(2) === 0 ? 8 : 384), answerKey: id }),
      NOW,
    );
    await stores.responses.keep(answerOf(id, user, `${question} ${vectorOf(i, 4 + random(300)).join(' ')}`), NOW);
    ids.push(id);
    // Others take the place of what was there: longer, shorter, somebody else's.
    if (random(4) === 0) {
      const again = ids[random(ids.length)] ?? id;
      await stores.vectors.put(entryOf(again, NOW, { question: 'x'.repeat(random(2_000)), user: 'bob' }), NOW);
      await stores.responses.keep(answerOf(again, 'bob', 'y'.repeat(random(4_000)), NOW + i), NOW);
    }
  }
  const secrets = Array.from({ length: 1_500 }, (_, i) => secretOf(i));
  const bodies = bodiesOf('ada');
  const others = bodiesOf('bob');
  const before = bytesOnDisk();
  expect(secrets.filter((secret) => before.includes(secret)).length).toBeGreaterThan(300);
  expect(bodies.length).toBeGreaterThan(300);
  expect(bodies.filter((body) => !before.includes(body))).toEqual([]);

  await stores.responses.purge({ user: 'ada' }, NOW + 1_500);
  await stores.vectors.purge({ user: 'ada' }, NOW + 1_500);
  await stores.wipePurged();

  const after = bytesOnDisk();
  expect(secrets.filter((secret) => after.includes(secret))).toEqual([]);
  expect(bodies.filter((body) => after.includes(body))).toEqual([]);
  // The others' are all there, and the file is whole.
  expect(others.filter((body) => !after.includes(body))).toEqual([]);
  const database = new DatabaseSync(file, { readOnly: true });
  expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
  database.close();
}, 60_000);

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
