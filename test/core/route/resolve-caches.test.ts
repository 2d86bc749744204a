import { describe, expect, test } from '@jest/globals';
import { EMBEDDER_NAME } from '../../../lambdas/adapters/minilm/artefacts.ts';
import { type Catalogue, readCatalogue } from '../../../lambdas/catalogue/catalogue.ts';
import { checkConfig } from '../../../lambdas/contract/check-config.ts';
import { problemText } from '../../../lambdas/contract/config-problem.ts';
import { CALIBRATED, MINILM } from '../../../lambdas/core/cache/calibrated-thresholds.ts';
import { resolveCaches } from '../../../lambdas/core/route/resolve-caches.ts';
import {
  type ResolvedGateway,
  type ResolveOptions,
  resolveGateway,
} from '../../../lambdas/core/route/resolve-gateway.ts';

const catalogue: Catalogue = readCatalogue({
  asOf: '2026-11-22',
  sources: [{ name: 'test', version: '1', file: '', sha256: '', licence: '' }],
  models: {
    openai: {
      'text-embedding-3-small': { in: '0.02', out: '0', can: 'e', context: 8_192, output: 1 },
      'gpt-4o-2024-08-06': { in: '2.5', out: '10', can: 'tvs', context: 128_000, output: 16_384 },
    },
    anthropic: {},
    gemini: {},
    'azure-openai': { 'text-embedding-3-small': { in: '0.02', out: '0', can: 'e', context: 8_192, output: 1 } },
    bedrock: { 'amazon.titan-embed-text-v2:0': { in: '0.02', out: '0', can: 'e', context: 8_192, output: 1 } },
  },
});

const providers = {
  openai: { kind: 'openai', apiKey: 'env:OPENAI_API_KEY' },
  azure: { kind: 'azure-openai', baseUrl: 'https://a.openai.azure.com', apiKey: 'env:KEY' },
  bedrock: { kind: 'bedrock', regions: ['us-east-1', 'us-west-2'] },
  own: { kind: 'openai-compatible', baseUrl: 'http://127.0.0.1:1/v1' },
  demo: { kind: 'simulator' },
  placed: { kind: 'simulator', regions: ['us-east-1', 'us-west-2', 'eu-west-1'] },
};

const resolve = (
  cache: unknown,
  semanticCache?: unknown,
  options: ResolveOptions = {},
  model: object = {},
): ResolvedGateway => {
  const checked = checkConfig({
    providers,
    models: { demo: { targets: [{ provider: 'demo', model: 'echo' }], cache, ...model } },
    ...(semanticCache !== undefined && { semanticCache }),
  });
  if (!checked.ok) throw new Error(checked.problems.map(problemText).join());
  return resolveGateway(checked.config, catalogue, 1, { caches: resolveCaches, ...options });
};
const gatewayOf = (...args: Parameters<typeof resolve>) => {
  const resolved = resolve(...args);
  if (!resolved.ok) throw new Error(resolved.problems.map(problemText).join());
  return resolved.gateway;
};
const problemsOf = (...args: Parameters<typeof resolve>): string[] => {
  const resolved = resolve(...args);
  return resolved.ok ? [] : resolved.problems.map(problemText);
};
const SEMANTIC = { semantic: { ttl: '1h', threshold: 0.9 } };
const embedderOf = (embedder: unknown) => {
  const { semanticCache } = gatewayOf(SEMANTIC, { embedder });
  if (typeof semanticCache?.embedder !== 'object') throw new Error('no target');
  return { ...semanticCache, embedder: semanticCache.embedder };
};

describe('what an alias keeps', () => {
  test('an exact cache needs no embedder, and has defaults', () => {
    const { aliases, semanticCache } = gatewayOf({ exact: '90s' });
    expect(aliases.get('demo')?.cache).toEqual({ sharedBy: 'team', maxTemperature: 1, exact: { ttlMs: 90_000 } });
    expect(semanticCache).toBeUndefined();
  });

  test('a semantic cache has the threshold that MiniLM was calibrated to, and defaults', () => {
    const { aliases, semanticCache } = gatewayOf({ semantic: { ttl: '7d' } });
    expect(aliases.get('demo')?.cache).toEqual({
      sharedBy: 'team',
      maxTemperature: 1,
      semantic: { ttlMs: 604_800_000, threshold: CALIBRATED.get(MINILM), maxWrongShare: 0.01, auditShare: 0.05 },
    });
    expect(semanticCache).toEqual({ embedder: 'minilm', timeoutMs: 150 });
  });

  test('what is said wins', () => {
    const semantic = { ttl: '1s', threshold: 0.93, maxWrongShare: 0, auditShare: 1 };
    const { aliases, semanticCache } = gatewayOf(
      { exact: '1m', semantic, sharedBy: 'user', maxTemperature: 0 },
      { timeoutMs: 300 },
    );
    expect(aliases.get('demo')?.cache).toEqual({
      sharedBy: 'user',
      maxTemperature: 0,
      exact: { ttlMs: 60_000 },
      semantic: { ttlMs: 1_000, threshold: 0.93, maxWrongShare: 0, auditShare: 1 },
    });
    expect(semanticCache?.timeoutMs).toBe(300);
  });

  test('whoever neither answers nor checks has no caches', () => {
    const { aliases, semanticCache } = gatewayOf(SEMANTIC, undefined, { caches: undefined });
    expect(aliases.get('demo')?.cache).toBeUndefined();
    expect(semanticCache).toBeUndefined();
  });

  test('a model that makes vectors keeps none', () => {
    const vectors = { targets: [{ provider: 'demo', model: 'embed-8' }] };
    expect(problemsOf({ exact: '1h' }, undefined, {}, vectors)).toEqual([
      'models.demo.cache: its targets make vectors, which are never kept. Leave cache out',
    ]);
  });

  test('the thresholds are those of the embedder that is there', () => {
    expect(EMBEDDER_NAME).toBe(MINILM);
  });
});

describe('a paid embedder', () => {
  test('is a target with a price, of its own length', () => {
    const { embedder, dimensions } = embedderOf({ provider: 'openai', model: 'text-embedding-3-small' });
    expect(embedder).toMatchObject({ id: 'openai/text-embedding-3-small', dialect: 'openai-embeddings' });
    expect(embedder.price.input).toBe(20_000_000n);
    expect(dimensions).toBe(1_536);
  });

  test('has the length that is asked for', () => {
    expect(embedderOf({ provider: 'openai', model: 'text-embedding-3-small', dimensions: 256 }).dimensions).toBe(256);
  });

  test('is asked in the first region of its provider', () => {
    const { embedder } = embedderOf({ provider: 'bedrock', model: 'amazon.titan-embed-text-v2:0' });
    expect(embedder).toMatchObject({ region: 'us-east-1', dialect: 'titan-embeddings' });
  });

  test('of a server of one’s own needs price, context and length, and no more', () => {
    const asked = {
      provider: 'own',
      model: 'bge-base',
      price: { inputPerMTok: 0, outputPerMTok: 0 },
      contextTokens: 512,
      dimensions: 768,
    };
    const { embedder, dimensions } = embedderOf(asked);
    expect(embedder).toMatchObject({ contextTokens: 512, embedding: { space: 'bge-base' } });
    expect(dimensions).toBe(768);
    const { price: _, ...unpriced } = asked;
    expect(problemsOf(SEMANTIC, { embedder: unpriced })).toEqual([
      expect.stringMatching(/^semanticCache\.embedder: .*A model without a price is never called/),
    ]);
    const { dimensions: __, ...endless } = asked;
    expect(problemsOf(SEMANTIC, { embedder: endless })).toEqual([
      expect.stringMatching(/^semanticCache\.embedder\.dimensions: nothing says how many/),
    ]);
  });

  test('of a deployment is priced by its model', () => {
    const asked = { provider: 'azure', model: 'vectors', deploymentOf: 'text-embedding-3-small' };
    expect(embedderOf(asked)).toMatchObject({ dimensions: 1_536, embedder: { model: 'vectors' } });
    const { deploymentOf: _, ...untold } = asked;
    expect(problemsOf(SEMANTIC, { embedder: untold })).toEqual([
      expect.stringContaining('nothing says what model the deployment "vectors" serves'),
    ]);
  });

  test.each([
    [
      { provider: 'openai', model: 'gpt-4o-2024-08-06' },
      'semanticCache.embedder.model: "gpt-4o-2024-08-06" makes no vectors',
    ],
    [
      { provider: 'openai', model: 'text-embedding-9' },
      'semanticCache.embedder: "text-embedding-9" is not in the catalogue',
    ],
    [{ provider: 'demo', model: 'echo' }, 'semanticCache.embedder.model: "echo" makes no vectors'],
    [
      { provider: 'openai', model: 'text-embedding-3-small', dimensions: 2_000 },
      'semanticCache.embedder.dimensions: "text-embedding-3-small": dimensions of 2000 are not supported: expected 1 to 1536',
    ],
    [{ provider: 'bedrock', model: 'amazon.titan-embed-text-v2:0', dimensions: 300 }, 'expected 256 or 512 or 1024'],
  ])('%j is refused', (embedder, message) => {
    expect(problemsOf(SEMANTIC, { embedder })).toEqual([expect.stringContaining(message)]);
  });

  test('has to be calibrated before it is used', () => {
    const embedder = { provider: 'openai', model: 'text-embedding-3-small' };
    const [problem, ...others] = problemsOf({ semantic: { ttl: '1h' } }, { embedder });
    expect(problem).toMatch(
      /^models\.demo\.cache\.semantic\.threshold: .*"openai\/text-embedding-3-small@1536\/1".*tollgate cache calibrate/,
    );
    expect(others).toEqual([]);
  });

  describe('may read only what may be served where it is', () => {
    const PLACED = { targets: [{ provider: 'placed', model: 'echo' }] };
    const TITAN = { provider: 'bedrock', model: 'amazon.titan-embed-text-v2:0' };
    test.each([['us'], ['us-east-1']])('which %s allows', (place) => {
      expect(problemsOf(SEMANTIC, { embedder: TITAN }, {}, { allowRegions: [place], ...PLACED })).toEqual([]);
    });
    test.each([
      ['us-west-2', 'region: us-east-1 is not among those allowed, us-west-2'],
      ['eu', 'region: us-east-1 is not among those allowed, eu'],
    ])('which %s does not', (place, why) => {
      expect(problemsOf(SEMANTIC, { embedder: TITAN }, {}, { allowRegions: [place], ...PLACED })).toEqual([
        expect.stringContaining(
          `models.demo.allowRegions: its questions are sent to the embedder "bedrock/amazon.titan-embed-text-v2:0@us-east-1" (${why})`,
        ),
      ]);
    });
    test('a provider that does not say where it is may read none', () => {
      const embedder = { provider: 'openai', model: 'text-embedding-3-small' };
      expect(problemsOf(SEMANTIC, { embedder }, {}, { allowRegions: ['eu'], ...PLACED })).toHaveLength(1);
    });
    test('a model that compares nothing may have stand-ins that do', () => {
      const checked = checkConfig({
        providers,
        models: {
          strict: { ...PLACED, allowRegions: ['eu'], downgradeTo: 'small' },
          small: { targets: [{ provider: 'demo', model: 'echo' }], cache: SEMANTIC },
        },
        semanticCache: { embedder: TITAN },
      });
      if (!checked.ok) throw new Error(checked.problems.map(problemText).join());
      expect(resolveGateway(checked.config, catalogue, 1, { caches: resolveCaches })).toMatchObject({ ok: true });
    });
    test('MiniLM may read all, as it sends nothing anywhere', () => {
      expect(problemsOf(SEMANTIC, { embedder: 'minilm' }, {}, { allowRegions: ['eu'], ...PLACED })).toEqual([]);
    });
  });

  test('is not looked at where nothing is compared', () => {
    const { semanticCache } = gatewayOf(
      { exact: '1h' },
      { embedder: { provider: 'openai', model: 'text-embedding-9' } },
    );
    expect(semanticCache).toBeUndefined();
  });

  test('whose provider has no key here turns the semantic cache off, which is said', () => {
    const resolved = resolve(
      SEMANTIC,
      { embedder: { provider: 'openai', model: 'text-embedding-3-small' } },
      {
        available: ({ name }) => name !== 'openai',
      },
    );
    expect(resolved).toMatchObject({
      ok: true,
      notices: ['The semantic cache is off: openai (env:OPENAI_API_KEY) is not set up here.'],
    });
    expect(resolved.ok && resolved.gateway.semanticCache).toBeUndefined();
    expect(resolved.ok && resolved.gateway.aliases.get('demo')?.cache?.semantic?.threshold).toBe(0.9);
  });
});
