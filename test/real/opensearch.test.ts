import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { administerIndex } from '../../lambdas/adapters/opensearch/administer-index.ts';
import { makeIndexKeeper } from '../../lambdas/adapters/opensearch/keep-index.ts';
import { type OpenSearch, openOpenSearch } from '../../lambdas/adapters/opensearch/open-search.ts';
import { makeOpenSearchIndex } from '../../lambdas/adapters/opensearch/vector-index.ts';
import { questionNames } from '../../lambdas/contract/search-index.ts';
import { StoreUnavailable } from '../../lambdas/core/ports.ts';
import { gatewayRights, keeperRights, purgeRights, type SearchRight, statsRights } from '../../lib/search-rights.ts';
import { describeVectorSuite, entryOf, vectorOf } from '../port-suites/vectors.ts';
import type { LocalServer } from './support/dynamodb-local.ts';
import { startOpenSearch } from './support/opensearch.ts';

let server: LocalServer & { dataFolder: string };
let openSearch: OpenSearch;
let worlds = 0;

beforeAll(async () => {
  server = await startOpenSearch();
  openSearch = openOpenSearch({ endpoint: server.endpoint });
}, 600_000);

afterAll(async () => {
  openSearch?.close();
  await server?.stop();
});

/** A busy machine may be slower than a deployed one is let be. */
const TIMEOUTS = { findTimeoutMs: 10_000, writeTimeoutMs: 30_000 };
const indexOf = (prefix: string, dimensions: number) =>
  makeOpenSearchIndex({ openSearch, prefix, dimensions, ...TIMEOUTS });
const keeperOf = (prefix: string, dimensions: number) => makeIndexKeeper({ openSearch, prefix, dimensions });
const preparedIndex = async (prefix: string, dimensions: number) => {
  await keeperOf(prefix, dimensions).prepare();
  return indexOf(prefix, dimensions);
};
const refresh = (prefix: string) =>
  openSearch.call({ method: 'POST', path: `/${prefix}-questions/_refresh`, timeoutMs: 30_000 });

describeVectorSuite('OpenSearch 3.5', async (_clock, dimensions) => {
  worlds += 1;
  const prefix = `world-${worlds}`;
  return {
    open: () => preparedIndex(prefix, dimensions),
    async catchUp() {
      await refresh(prefix);
    },
    async end() {
      await openSearch.call({ method: 'DELETE', path: `/${prefix}-*`, timeoutMs: 30_000 });
    },
  };
});

test('among 10,000 vectors of 10 tenants the nearest are found as exact search finds them, 99 of 100, and no other tenant’s', async () => {
  const [tenants, each, dimensions, now] = [10, 1_000, 384, 1_000_000];
  const index = await preparedIndex('many', dimensions);
  const { questions } = questionNames('many', dimensions);
  for (let tenant = 0; tenant < tenants; tenant++) {
    const body = Array.from({ length: each }, (_, i) => [
      { index: { _index: questions, _id: `t${tenant}-${i}` } },
      {
        tenant: `t${tenant}`,
        scope: 's',
        embedder: 'e/1',
        team: 't',
        user: 'u',
        alias: 'a',
        question: 'q',
        answer_key: 'k',
        created_at: now,
        expires: now + 9_999,
        vector: [...vectorOf(tenant * each + i, dimensions)],
      },
    ]).flat();
    const { body: reply } = await openSearch.call({ method: 'POST', path: '/_bulk', body, timeoutMs: 60_000 });
    expect(reply['errors']).toBe(false);
  }
  await refresh('many');
  let right = 0;
  const took: number[] = [];
  for (let i = 0; i < 200; i++) {
    const tenant = i % tenants;
    const vector = vectorOf(1_000_000 + i, dimensions);
    const begin = process.hrtime.bigint();
    const found = await index.find({ tenant: `t${tenant}`, scope: 's', embedder: 'e/1', vector, count: 5 }, now);
    took.push(Number(process.hrtime.bigint() - begin) / 1e6);
    const exact = Array.from({ length: each }, (_, j) => ({
      id: `t${tenant}-${j}`,
      score: vectorOf(tenant * each + j, dimensions).reduce((sum, value, at) => sum + value * (vector[at] ?? 0), 0),
    }))
      .sort((a, b) => b.score - a.score)
      .slice(0, 5);
    const ids = new Set(found.map(({ id }) => id));
    expect([...ids].every((id) => id.startsWith(`t${tenant}-`))).toBe(true);
    right += exact.filter(({ id }) => ids.has(id)).length;
  }
  took.sort((a, b) => a - b);
  process.stderr.write(
    `find among 10,000: p50 ${took[100]?.toFixed(1)} ms, p99 ${took[197]?.toFixed(1)} ms; recall ${right / 1_000}\n`,
  );
  expect(right / 1_000).toBeGreaterThanOrEqual(0.99);
}, 300_000);

test('a sweep takes out what has expired, however much it is, and what has not stays', async () => {
  const index = await preparedIndex('sweep', 8);
  const { questions } = questionNames('sweep', 8);
  const entries = 11_000;
  const { tenant, scope, embedder, team, user, alias, vector } = entryOf('', 0);
  const body = Array.from({ length: entries }, (_, i) => [
    { index: { _index: questions, _id: `old-${i}` } },
    {
      ...{ tenant, scope, embedder, team, user, alias, vector: [...vector] },
      ...{ question: 'q', answer_key: 'k', created_at: 1_000, expires: 2_000 },
    },
  ]).flat();
  const { body: reply } = await openSearch.call({ method: 'POST', path: '/_bulk', body, timeoutMs: 60_000 });
  expect(reply['errors']).toBe(false);
  await index.put(entryOf('new', 1_000, { expiresAt: 9_000 }), 1_000);
  const keeper = keeperOf('sweep', 8);
  expect(await keeper.sweep(2_000)).toBe(entries);
  expect(await keeper.sweep(2_000)).toBe(0);
  expect((await index.stats(0)).map(({ entries }) => entries)).toEqual([1]);
}, 120_000);

test('marks of purges stay for a day, and go with the sweep after it', async () => {
  const day = 24 * 60 * 60_000;
  const index = await preparedIndex('marks', 8);
  const keeper = keeperOf('marks', 8);
  await index.purge({ user: 'ada' }, 5_000);
  const late = () => index.put(entryOf('late', 4_000, { expiresAt: 9 * day }), 5_000);
  await keeper.sweep(5_000 + day - 1);
  expect(await late()).toBe(false);
  await keeper.sweep(5_000 + day);
  expect(await late()).toBe(true);
});

test('a purge goes by no clock: what a gateway’s has dated ahead goes too, and what it keeps in the minute after is not kept', async () => {
  const index = await preparedIndex('clocks', 8);
  const { purge } = administerIndex({ openSearch, prefix: 'clocks', clocksApartMs: 60_000 });
  const ahead = (id: string, byMs: number) => entryOf(id, 1_000 + byMs, { expiresAt: 9_000_000 });
  for (const [id, byMs] of [
    ['seconds', 30_000],
    ['an hour', 3_600_000],
  ] as const)
    expect(await index.put(ahead(id, byMs), 1_000 + byMs)).toBe(true);
  // By age only what is of that age.
  expect(await purge({ user: 'ada', createdBefore: 40_000 }, 1_000)).toBe(1);
  expect(await purge({ user: 'ada' }, 1_000)).toBe(1);
  expect(await index.put(ahead('under way', 30_000), 31_000)).toBe(false);
  expect(await index.put(ahead('later', 61_000), 62_000)).toBe(true);
});

describe('an index that has not been made', () => {
  test('finds, keeps and counts nothing, refuses a purge, and is not made by any of it', async () => {
    const index = indexOf('nothing', 8);
    expect(await index.find({ ...entryOf('', 0), count: 3 }, 0)).toEqual([]);
    expect(await index.put(entryOf('a', 0), 0)).toBe(false);
    expect(await index.stats(0)).toEqual([]);
    await expect(index.purge({}, 0)).rejects.toThrow(/has not been made yet/);
    expect(await keeperOf('nothing', 8).sweep(0)).toBe(0);
    const { body } = await openSearch.call({ method: 'GET', path: '/nothing*/_alias', timeoutMs: 5_000 });
    expect(body).toEqual({});
  });

  test('without the marks of purges alone: nothing is found or kept either', async () => {
    const index = await preparedIndex('unmarked', 8);
    await index.put(entryOf('a', 0), 0);
    await openSearch.call({ method: 'DELETE', path: '/unmarked-purges-index', timeoutMs: 30_000 });
    expect(await index.find({ ...entryOf('', 0), count: 3 }, 0)).toEqual([]);
    expect(await index.put(entryOf('b', 0), 0)).toBe(false);
  });

  test('is made once, by many at once and again, and keeps what is in it', async () => {
    await Promise.all(Array.from({ length: 4 }, () => keeperOf('again', 8).prepare()));
    const index = indexOf('again', 8);
    await index.put(entryOf('a', 0), 0);
    await refresh('again');
    await keeperOf('again', 8).prepare();
    expect(await index.find({ ...entryOf('', 0), count: 3 }, 0)).toHaveLength(1);
  });

  test('says whose name stands in its place', async () => {
    const { questions } = questionNames('taken', 8);
    await openSearch.call({ method: 'PUT', path: `/${questions}`, timeoutMs: 30_000 });
    await expect(keeperOf('taken', 8).prepare()).rejects.toThrow(
      /would not make taken-questions-v1-8-index: invalid_alias_name_exception/,
    );
    // Nor does a put take that other index for its own.
    expect(await indexOf('taken', 8).put(entryOf('a', 0), 0)).toBe(false);
  });
});

test('another length of vector is another index; both are purged and swept', async () => {
  const short = await preparedIndex('lengths', 8);
  const long = await preparedIndex('lengths', 16);
  await short.put(entryOf('a', 0), 0);
  await long.put(entryOf('b', 0, { vector: vectorOf(1, 16) }), 0);
  await refresh('lengths');
  expect((await short.find({ ...entryOf('', 0), count: 3 }, 0)).map(({ id }) => id)).toEqual(['a']);
  expect(await short.purge({ user: 'ada' }, 1)).toBe(2);
});

test('what was purged is in no file of the server once it is wiped; what stays is found as before', async () => {
  const index = await preparedIndex('wiped', 8);
  // Files are compressed, in blocks: nothing in these comes twice, and a part of one will do.
  const secrets = Array.from({ length: 40 }, (_, i) => createHash('sha256').update(`${i}`).digest('base64url'));
  for (const [i, question] of secrets.entries()) {
    await index.put(entryOf(`s${i}`, 0, { question, user: i < 39 ? 'ada' : 'bob', vector: vectorOf(i) }), 0);
    // Several files, some of which lose all and some a part.
    if (i % 15 === 0) await openSearch.call({ method: 'POST', path: '/wiped-questions/_flush', timeoutMs: 30_000 });
  }
  const written = (): string[] => {
    const bytes = globSync('**/*', { cwd: server.dataFolder, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
    const isIn = (part: string): boolean => bytes.some((text) => text.includes(part));
    return secrets.filter((secret) => [0, 14, 28].some((at) => isIn(secret.slice(at, at + 15))));
  };
  await openSearch.call({ method: 'POST', path: '/wiped-questions/_flush', timeoutMs: 30_000 });
  expect(written()).toEqual(secrets);
  expect(await index.purge({ user: 'ada' }, 1)).toBe(39);
  await index.wipe();
  expect(written()).toEqual(secrets.slice(39));
  const found = await index.find({ ...entryOf('', 0), vector: vectorOf(39), count: 50 }, 1);
  expect(found.map(({ id }) => id)).toEqual(['s39']);
}, 180_000);

test('each user of the domain asks what it has a right to, and has a right to nothing that it does not ask', async () => {
  const asked = new Set<string>();
  const recording: OpenSearch = {
    ...openSearch,
    call: (call) => {
      asked.add(`${call.method} ${call.path.replace(/(?<=\/_doc\/).+/, '*')}`);
      return openSearch.call(call);
    },
  };
  const seen = async (run: () => Promise<unknown>): Promise<string[]> => {
    asked.clear();
    await run();
    return [...asked].sort();
  };
  const textOf = (rights: readonly SearchRight[]): string[] =>
    rights.map(([method, path]) => `${method.toUpperCase()} /${path}`).sort();
  const keeper = makeIndexKeeper({ openSearch: recording, prefix: 'rights', dimensions: 8 });
  const index = makeOpenSearchIndex({ openSearch: recording, prefix: 'rights', dimensions: 8, ...TIMEOUTS });
  const keep = async () => {
    await keeper.prepare();
    await keeper.sweep(0);
  };
  expect(await seen(keep)).toEqual(textOf(keeperRights('rights', 8)));
  const purgedInBetween: OpenSearch = {
    ...recording,
    call: async (call) => {
      const reply = await recording.call(call);
      if (call.method === 'PUT') await indexOf('rights', 8).purge({}, 1);
      return reply;
    },
  };
  const request = async () => {
    await index.find({ ...entryOf('', 0), count: 3 }, 0);
    const unlucky = makeOpenSearchIndex({ openSearch: purgedInBetween, prefix: 'rights', dimensions: 8, ...TIMEOUTS });
    expect(await unlucky.put(entryOf('a', 0), 0)).toBe(false);
  };
  expect(await seen(request)).toEqual(textOf(gatewayRights('rights', 8)));
  const purge = async () => {
    await index.purge({}, 1);
    await index.wipe();
  };
  expect(await seen(purge)).toEqual(textOf(purgeRights('rights')));
  expect(await seen(() => index.stats(1))).toEqual(textOf(statsRights('rights')));
}, 180_000);

test('a server that is not there, or too slow, is unavailable', async () => {
  const gone = openOpenSearch({ endpoint: 'http://127.0.0.1:9' });
  const index = makeOpenSearchIndex({ openSearch: gone, prefix: 'x', dimensions: 8 });
  await expect(index.find({ ...entryOf('', 0), count: 3 }, 0)).rejects.toBeInstanceOf(StoreUnavailable);
  await expect(index.put(entryOf('a', 0), 0)).rejects.toBeInstanceOf(StoreUnavailable);
  await expect(makeIndexKeeper({ openSearch: gone, prefix: 'x', dimensions: 8 }).prepare()).rejects.toBeInstanceOf(
    StoreUnavailable,
  );
  const hurried = makeOpenSearchIndex({ openSearch, prefix: 'many', dimensions: 384, findTimeoutMs: 0 });
  await expect(hurried.find({ ...entryOf('', 0), vector: vectorOf(1, 384), count: 3 }, 0)).rejects.toBeInstanceOf(
    StoreUnavailable,
  );
  gone.close();
});
