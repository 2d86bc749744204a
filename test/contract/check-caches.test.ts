import { describe, expect, test } from '@jest/globals';
import { checkConfig } from '../../lambdas/contract/check-config.ts';
import { defineGateway } from '../../lambdas/contract/config.ts';
import { problemText } from '../../lambdas/contract/config-problem.ts';

const providers = {
  demo: { kind: 'simulator' },
  anthropic: { kind: 'anthropic', apiKey: 'env:KEY' },
  openai: { kind: 'openai', apiKey: 'env:KEY' },
  azure: { kind: 'azure-openai', baseUrl: 'https://a.openai.azure.com', apiKey: 'env:KEY' },
};
const target = { provider: 'demo', model: 'echo' } as const;
const withCache = (cache: unknown, more: object = {}) => ({
  providers,
  models: { demo: { targets: [target], cache } },
  ...more,
});
const withShared = (semanticCache: unknown) => withCache({ semantic: { ttl: '1h' } }, { semanticCache });
const problems = (value: unknown): string[] => {
  const checked = checkConfig(value);
  return checked.ok ? [] : checked.problems.map(problemText);
};

describe('what a model keeps', () => {
  test.each([
    { exact: '1s' },
    { exact: '30d' },
    { exact: '15m', sharedBy: 'user', maxTemperature: 0 },
    { semantic: { ttl: '7d' } },
    { semantic: { ttl: '1h', threshold: 1, maxWrongShare: 0, auditShare: 1 } },
    { exact: '90s', semantic: { ttl: '1h', threshold: 0.5 }, sharedBy: 'org', maxTemperature: 2 },
  ])('%j is right', (cache) => {
    expect(problems(withCache(cache))).toEqual([]);
  });

  test('neither of the two keeps nothing', () => {
    expect(problems(withCache({ sharedBy: 'team' }))).toEqual([
      expect.stringMatching(/^models\.demo\.cache: keeps nothing: expected exact, semantic or both/),
    ]);
  });

  test.each([
    [{ exact: '999ms' }, 'models.demo.cache.exact: expected how long', 'from 1s to 30d, got "999ms"'],
    [{ exact: '31d' }, 'models.demo.cache.exact', 'got "31d"'],
    [{ exact: 3600 }, 'models.demo.cache.exact', 'got 3600'],
    [{ exact: 'an hour' }, 'models.demo.cache.exact', 'got "an hour"'],
    [{ semantic: {} }, 'models.demo.cache.semantic.ttl', 'got nothing'],
    [{ semantic: '1h' }, 'models.demo.cache.semantic', 'expected an object'],
    [{ semantic: { ttl: '1h', threshold: 0.49 } }, 'models.demo.cache.semantic.threshold', 'from 0.5 to 1, got 0.49'],
    [{ semantic: { ttl: '1h', threshold: Number.NaN } }, 'models.demo.cache.semantic.threshold', 'got NaN'],
    [{ semantic: { ttl: '1h', maxWrongShare: 1.01 } }, 'models.demo.cache.semantic.maxWrongShare', 'got 1.01'],
    [{ semantic: { ttl: '1h', auditShare: -0.1 } }, 'models.demo.cache.semantic.auditShare', 'got -0.1'],
    [{ semantic: { ttl: '1h', treshold: 0.9 } }, 'models.demo.cache.semantic.treshold', 'Did you mean "threshold"?'],
    [{ exact: '1h', sharedBy: 'key' }, 'models.demo.cache.sharedBy', 'one of "user", "team", "org", got "key"'],
    [{ exact: '1h', maxTemperature: 2.1 }, 'models.demo.cache.maxTemperature', 'from 0 to 2, got 2.1'],
    [{ exakt: '1h' }, 'models.demo.cache.exakt', 'Did you mean "exact"?'],
  ])('%j is refused where it is wrong', (cache, path, message) => {
    const [first, ...others] = problems(withCache(cache));
    expect(first).toContain(path);
    expect(first).toContain(message);
    expect(others).toEqual([]);
  });
});

describe('what the semantic caches share', () => {
  test.each([
    {},
    { embedder: 'minilm', timeoutMs: 10 },
    { embedder: { provider: 'openai', model: 'text-embedding-3-small', dimensions: 512 } },
    { embedder: { provider: 'azure', model: 'vectors', deploymentOf: 'text-embedding-3-small' } },
    {
      embedder: {
        provider: 'openai',
        model: 'm',
        price: { inputPerMTok: 0.02, outputPerMTok: 0 },
        contextTokens: 512,
        dimensions: 768,
      },
    },
    { index: { domain: {} } },
    { index: { domain: { instanceType: 't3.small.search', instances: 2, volumeGiB: 20 } } },
    {
      index: {
        endpoint: 'https://search-a-abc.eu-central-1.es.amazonaws.com',
        arn: 'arn:aws:es:eu-central-1:123456789012:domain/answers',
      },
    },
  ])('%j is right', (shared) => {
    expect(problems(withShared(shared))).toEqual([]);
  });

  test.each([
    [{ embedder: 'mini' }, 'semanticCache.embedder: expected "minilm" or { provider, model }, got "mini"'],
    [{ embedder: { provider: 'openai' } }, 'semanticCache.embedder.model: expected'],
    [
      { embedder: { provider: 'openai', model: 'm', dimension: 5 } },
      'semanticCache.embedder.dimension: unknown field. Did you mean "dimensions"?',
    ],
    [
      { embedder: { provider: 'openai', model: 'm', price: { inputPerMTok: -1, outputPerMTok: 0 } } },
      'semanticCache.embedder.price.inputPerMTok: expected US dollars',
    ],
    [
      { embedder: { provider: 'opnai', model: 'm' } },
      'semanticCache.embedder.provider: expected one of the providers (demo, anthropic, openai, azure), got "opnai". Did you mean "openai"?',
    ],
    [
      { embedder: { provider: 'anthropic', model: 'm' } },
      'semanticCache.embedder.provider: "anthropic" is of kind "anthropic", whose models make no vectors',
    ],
    [
      { embedder: { provider: 'openai', model: 'm', deploymentOf: 'x' } },
      'semanticCache.embedder.deploymentOf: is for providers of kind "azure-openai"',
    ],
    [{ index: {} }, 'semanticCache.index.domain: expected an object, got nothing'],
    [
      { index: { endpoint: 'https://a.example/x', arn: 'arn:aws:es:eu-central-1:123456789012:domain/answers' } },
      'semanticCache.index.endpoint: expected the https URL of a domain, without a path',
    ],
    [
      { index: { domain: { instances: 0 } } },
      'semanticCache.index.domain.instances: expected a whole number of instances from 1 to 3',
    ],
    [
      { index: { domain: { instanceType: 't3.small' } } },
      'semanticCache.index.domain.instanceType: expected a type of instances',
    ],
    [
      { index: { endpoint: 'http://a', arn: 'arn:aws:es:eu-central-1:123456789012:domain/answers' } },
      'semanticCache.index.endpoint: expected the https URL of a domain',
    ],
    [
      { index: { endpoint: 'https://a.example', arn: 'arn:aws:rds:eu-central-1:123456789012:cluster/x' } },
      'semanticCache.index.arn: expected the ARN of a domain',
    ],
    [
      {
        index: {
          endpoint: 'https://a.example',
          arn: 'arn:aws:es:eu-central-1:123456789012:domain/answers',
          domain: {},
        },
      },
      'semanticCache.index.domain: unknown field.',
    ],
    ...[
      { collection: {} },
      { endpoint: 'https://x.eu-central-1.aoss.amazonaws.com', arn: 'arn:aws:es:eu-central-1:444455556666:domain/x' },
      { endpoint: 'https://search.example.com', arn: 'arn:aws:aoss:eu-central-1:444455556666:collection/abc' },
    ].map((index): [object, string] => [
      { index },
      'semanticCache.index: expected a domain of OpenSearch Service, { domain } or { endpoint, arn }. A collection of OpenSearch Serverless can not hold the index:',
    ]),
    [{ timeoutMs: 0 }, 'semanticCache.timeoutMs: expected a whole number of milliseconds from 10 to 10000'],
  ])('%j is refused where it is wrong', (shared, message) => {
    const [first, ...others] = problems(withShared(shared));
    expect(first).toContain(message);
    expect(others).toEqual([]);
  });

  test('a password in an endpoint is not shown', () => {
    const index = {
      endpoint: 'https://u:hunter2@a.example',
      arn: 'arn:aws:es:eu-central-1:123456789012:domain/answers',
    };
    expect(problems(withShared({ index })).join()).not.toContain('hunter2');
  });

  test('nothing hides in it', () => {
    const shared = JSON.parse('{"embedder":{"provider":"openai","model":"m","__proto__":{"price":1}}}');
    expect(problems(withShared(shared))).toEqual([expect.stringContaining('__proto__')]);
  });

  test('defineGateway underlines an embedder whose provider does not exist', () => {
    const wrong = defineGateway({
      providers: { demo: { kind: 'simulator' } },
      models: { demo: { targets: [target], cache: { semantic: { ttl: '1h', threshold: 0.9 } } } },
      // @ts-expect-error there is no such provider
      semanticCache: { embedder: { provider: 'dmo', model: 'embed-8' } },
    });
    expect(problems(wrong)).toEqual([expect.stringContaining('semanticCache.embedder.provider')]);
  });
});
