import { expect, test } from '@jest/globals';
import { systemRandom } from '../../lambdas/adapters/system/random.ts';
import { catalogue } from '../../lambdas/catalogue/catalogue.ts';
import type { CacheConfig, SemanticCacheConfig } from '../../lambdas/contract/cache-config.ts';
import type { Embedder } from '../../lambdas/core/cache/embedder.ts';
import type { Gateway } from '../../lambdas/core/ports.ts';
import { resolveGateway } from '../../lambdas/core/route/resolve-gateway.ts';
import { loadSurface } from '../../lambdas/wiring/codecs.ts';
import { loadCacheRules } from '../../lambdas/wiring/load-cache-rules.ts';
import { type CachePorts, type CacheStores, openAnswerCache } from '../../lambdas/wiring/open-answer-cache.ts';
import { openDeployedCache } from '../../lambdas/wiring/open-deployed-cache.ts';
import { makeFakeClock } from '../support/fake-clock.ts';

const gatewayOf = async (cache?: CacheConfig, semanticCache: SemanticCacheConfig = {}): Promise<Gateway> => {
  const config = {
    providers: { demo: { kind: 'simulator' as const } },
    models: { demo: { targets: [{ provider: 'demo', model: 'echo' }], ...(cache && { cache }) } },
    semanticCache,
  };
  const resolved = resolveGateway(config, catalogue, 1, await loadCacheRules(config));
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));
  return resolved.gateway;
};

/** Nothing of it is asked before a request comes, but for how wrong the hits were so far. */
const unasked = (): never => {
  throw new Error('asked');
};
const responses = { find: unasked, keep: unasked, purge: unasked, stats: unasked };
const index = { put: unasked, find: unasked, purge: unasked, stats: unasked };
const wrongHits = { read: unasked, write: unasked, list: async () => [] };

const opening = () => {
  const asked: [number, number][] = [];
  const stores: CacheStores = {
    responses,
    wrongHits,
    openIndex: async (dimensions, timeoutMs) => {
      asked.push([dimensions, timeoutMs]);
      return index;
    },
  };
  const said: string[] = [];
  const say = (message: string): void => void said.push(message);
  const ports: CachePorts = {
    clock: makeFakeClock(),
    random: systemRandom,
    secrets: { read: async () => undefined },
    upstream: { send: unasked },
    log: { debug: say, info: say, warn: say, error: say },
    loadSurface,
    dialects: {},
    providers: {},
  };
  return { asked, stores, ports, said };
};

const EXACT: CacheConfig = { exact: '1h' };
const BOTH: CacheConfig = { exact: '1h', semantic: { ttl: '1h', threshold: 0.9 } };
const PAID: SemanticCacheConfig = { embedder: { provider: 'demo', model: 'embed-8' }, timeoutMs: 300 };
const local: Embedder = { name: 'local/1', dimensions: 4, embed: unasked };

test('where no model keeps answers there is no cache, and nothing is opened', async () => {
  const { asked, stores, ports } = opening();
  expect(await openAnswerCache(await gatewayOf(), stores, ports)).toBeUndefined();
  expect(asked).toEqual([]);
});

test('an exact cache opens no index and no embedder', async () => {
  const { asked, stores, ports } = opening();
  expect(await openAnswerCache(await gatewayOf(EXACT, PAID), stores, ports, unasked)).toBeDefined();
  expect(asked).toEqual([]);
});

test('an index is opened for the length and the time of what the configuration names', async () => {
  const { asked, stores, ports } = opening();
  expect(await openAnswerCache(await gatewayOf(BOTH, PAID), stores, ports, unasked)).toBeDefined();
  expect(asked).toEqual([[8, 300]]);
});

test('or of the embedder of this machine', async () => {
  const { asked, stores, ports } = opening();
  expect(await openAnswerCache(await gatewayOf(BOTH), stores, ports, async () => local)).toBeDefined();
  expect(asked).toEqual([[4, 150]]);
});

test('without that the exact cache is left', async () => {
  const { asked, stores, ports } = opening();
  expect(await openAnswerCache(await gatewayOf(BOTH), stores, ports)).toBeDefined();
  expect(asked).toEqual([]);
});

test('a deployed gateway whose environment names no index says so, and keeps answers all the same', async () => {
  const { ports, said } = opening();
  const stores = { loadCacheStores: async () => ({ responses, wrongHits }) };
  const { cache } = await openDeployedCache(await gatewayOf(BOTH, PAID), stores, {}, ports);
  expect(cache).toBeDefined();
  expect(said).toEqual(['the semantic cache is off: the environment names no index']);
});

test('and one that names an index asks it for nothing while it starts', async () => {
  const { ports, said } = opening();
  const stores = { loadCacheStores: async () => ({ responses, wrongHits }) };
  const env = {
    TOLLGATE_SEARCH_ENDPOINT: 'https://search.invalid',
    TOLLGATE_SEARCH_REGION: 'eu-central-1',
    TOLLGATE_SEARCH_PREFIX: 'tollgate',
  };
  const { cache } = await openDeployedCache(await gatewayOf(BOTH, PAID), stores, env, ports);
  expect(cache).toBeDefined();
  expect(said).toEqual([]);
});
