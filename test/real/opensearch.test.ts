import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type OpenSearch, openOpenSearch } from '../../lambdas/adapters/opensearch/open-search.ts';
import { makeOpenSearchIndex } from '../../lambdas/adapters/opensearch/vector-index.ts';
import { StoreUnavailable } from '../../lambdas/core/ports.ts';
import { describeVectorSuite, entryOf, vectorOf } from '../port-suites/vectors.ts';
import type { LocalServer } from './support/dynamodb-local.ts';
import { startOpenSearch } from './support/opensearch.ts';

let server: LocalServer;
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
const indexOf = (prefix: string, dimensions: number) =>
  makeOpenSearchIndex({ openSearch, prefix, dimensions, replicas: 0, findTimeoutMs: 10_000, writeTimeoutMs: 30_000 });
const refresh = (prefix: string) =>
  openSearch.call({ method: 'POST', path: `/${prefix}-questions/_refresh`, timeoutMs: 30_000 });

describeVectorSuite('OpenSearch 3.5', async (_clock, dimensions) => {
  worlds += 1;
  const prefix = `world-${worlds}`;
  return {
    open: async () => indexOf(prefix, dimensions),
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
  const index = indexOf('many', dimensions);
  await index.prepare();
  for (let tenant = 0; tenant < tenants; tenant++) {
    const body = Array.from({ length: each }, (_, i) => [
      { index: { _index: `many-questions-${dimensions}`, _id: `t${tenant}-${i}` } },
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

test('what has expired is taken out by a sweep', async () => {
  const index = indexOf('sweep', 8);
  await index.put(entryOf('old', 1_000, { expiresAt: 2_000 }), 1_000);
  await index.put(entryOf('new', 1_000, { expiresAt: 9_000 }), 1_000);
  expect(await index.sweep(2_000)).toBe(1);
  expect((await index.stats(0)).map(({ entries }) => entries)).toEqual([1]);
});

test('before anything was kept nothing is found', async () => {
  expect(await indexOf('nothing', 8).find({ ...entryOf('', 0), count: 3 }, 0)).toEqual([]);
});

test('a server that is not there, or too slow, is unavailable', async () => {
  const gone = openOpenSearch({ endpoint: 'http://127.0.0.1:9' });
  const index = makeOpenSearchIndex({ openSearch: gone, prefix: 'x', dimensions: 8, replicas: 0 });
  await expect(index.find({ ...entryOf('', 0), count: 3 }, 0)).rejects.toBeInstanceOf(StoreUnavailable);
  await expect(index.put(entryOf('a', 0), 0)).rejects.toBeInstanceOf(StoreUnavailable);
  const hurried = makeOpenSearchIndex({ openSearch, prefix: 'many', dimensions: 384, replicas: 0, findTimeoutMs: 0 });
  await expect(hurried.find({ ...entryOf('', 0), vector: vectorOf(1, 384), count: 3 }, 0)).rejects.toBeInstanceOf(
    StoreUnavailable,
  );
  gone.close();
});
