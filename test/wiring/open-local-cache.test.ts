import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import type { CacheConfig, SemanticCacheConfig } from '../../lambdas/contract/cache-config.ts';
import { type LocalGateway, openLocalGateway } from '../../lambdas/wiring/open-local-gateway.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const log = { debug() {}, info() {}, warn() {}, error() {} };

const openWith = async (
  cache: CacheConfig | undefined,
  semanticCache: SemanticCacheConfig = {},
): Promise<LocalGateway> => {
  const modelsFolder = mkdtempSync(join(tmpdir(), 'tollgate-models-'));
  closers.push(() => rmSync(modelsFolder, { recursive: true }));
  const opened = await openLocalGateway({
    config: {
      providers: { demo: { kind: 'simulator' }, openai: { kind: 'openai', apiKey: 'env:OPENAI_API_KEY' } },
      models: { demo: { targets: [{ provider: 'demo', model: 'echo' }], ...(cache && { cache }) } },
      semanticCache,
    },
    dataDir: ':memory:',
    env: {},
    log,
    modelsFolder,
  });
  if (!opened.ok) throw new Error(JSON.stringify(opened.problems));
  closers.push(() => opened.gateway.close());
  return opened.gateway;
};

test('a gateway whose models keep nothing has no caches', async () => {
  const { ports, notices } = await openWith(undefined);
  expect(ports.cache).toBeUndefined();
  expect(notices).toEqual([]);
});

test('one that keeps answers alone says nothing of an embedder', async () => {
  const { ports, notices } = await openWith({ exact: '1h' });
  expect(ports.cache).toBeDefined();
  expect(notices).toEqual([]);
});

test('where MiniLM has not been fetched that is said, and the exact cache is there', async () => {
  const { ports, notices } = await openWith({ exact: '1h', semantic: { ttl: '1h' } });
  expect(notices).toEqual(['The semantic cache is off: the local embedder has not been fetched: npm run fetch-model']);
  expect(ports.cache).toBeDefined();
});

test('an embedder whose provider has no key is off likewise', async () => {
  const embedder = { provider: 'openai', model: 'text-embedding-3-small' };
  const { ports, notices } = await openWith({ exact: '1h', semantic: { ttl: '1h', threshold: 0.9 } }, { embedder });
  expect(notices).toEqual(['The semantic cache is off: openai (env:OPENAI_API_KEY) is not set up here.']);
  expect(ports.cache).toBeDefined();
});

test('an embedder of a provider that is there is on, and nothing is said', async () => {
  const embedder = { provider: 'demo', model: 'embed-8' };
  const { ports, notices } = await openWith({ semantic: { ttl: '1h', threshold: 0.9 } }, { embedder });
  expect(notices).toEqual([]);
  expect(ports.gateway.semanticCache).toMatchObject({ embedder: { id: 'demo/embed-8' }, dimensions: 8 });
  expect(Object.keys(ports.dialects)).toContain('openai-embeddings');
});

test('an embedder whose version has retired is told of at the start', async () => {
  const embedder = { provider: 'demo', model: 'embed-8', lifecycle: { retires: '2020-01-01' } };
  const { notices } = await openWith({ semantic: { ttl: '1h', threshold: 0.9 } }, { embedder });
  expect(notices).toEqual([expect.stringMatching(/demo\/embed-8.*2020-01-01/)]);
});
