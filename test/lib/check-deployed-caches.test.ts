import { describe, expect, test } from '@jest/globals';
import { App, Stack } from 'aws-cdk-lib';
import { readCatalogue } from '../../lambdas/catalogue/catalogue.ts';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { resolveCaches } from '../../lambdas/core/route/resolve-caches.ts';
import { resolveGateway } from '../../lambdas/core/route/resolve-gateway.ts';
import { bedrockStatements } from '../../lib/bedrock-access.ts';
import { checkDeployedConfig } from '../../lib/check-deployed-config.ts';
import { cachedDeployable } from '../support/cached-deployable.ts';
import { DEPLOYABLE } from '../support/deployable.ts';

const { semanticCache, ...bare } = cachedDeployable();

test('a semantic cache needs a provider’s embedder and an index, and both are asked for at once', () => {
  const checking = (config: GatewayConfig) => () => checkDeployedConfig(config);
  expect(checking(bare)).toThrow(
    /semanticCache\.embedder: "minilm" runs in the local server alone.*\n.*semanticCache\.index: in a deployed stack models with cache: \{ semantic \}, such as "assistant", need/,
  );
  expect(checking({ ...bare, semanticCache: { ...semanticCache, embedder: 'minilm' } })).toThrow(
    /semanticCache\.embedder: "minilm" runs/,
  );
  const { index: _, ...homeless } = semanticCache ?? {};
  expect(checking({ ...bare, semanticCache: homeless })).toThrow(/semanticCache\.index: in a deployed stack/);
  expect(checking({ ...bare, semanticCache: homeless })).not.toThrow(/semanticCache\.embedder/);
});

test('an exact cache needs neither', () => {
  const { demo, ...models } = DEPLOYABLE.models;
  const config = { ...DEPLOYABLE, models: { ...models, demo: { targets: [], ...demo, cache: { exact: '1h' } } } };
  expect(checkDeployedConfig(config).deployed.config).toEqual(config);
});

test('a threshold that is nowhere is found at synth', () => {
  const config = cachedDeployable();
  const assistant = { targets: [], ...config.models['assistant'], cache: { semantic: { ttl: '1h' } } };
  expect(() => checkDeployedConfig({ ...config, models: { ...config.models, assistant } })).toThrow(
    /models\.assistant\.cache\.semantic\.threshold: .*tollgate cache calibrate/,
  );
});

test('the embedder’s price travels along, so that it is resolved as at synth', () => {
  const { config, catalogue } = checkDeployedConfig(cachedDeployable()).deployed;
  const resolved = resolveGateway(config, readCatalogue(catalogue), 1, { caches: resolveCaches });
  expect(resolved.ok && resolved.gateway.semanticCache).toMatchObject({
    embedder: { id: 'bedrock/amazon.titan-embed-text-v2:0@us-east-1' },
    dimensions: 1_024,
    timeoutMs: 150,
  });
  expect(Object.keys(checkDeployedConfig(DEPLOYABLE).deployed.catalogue.models.bedrock).join()).not.toContain('titan');
});

test('it may be called where it is asked, in the first region, and only where something is compared', () => {
  const stack = new Stack(new App(), 'S', { env: { account: '123456789012', region: 'us-east-1' } });
  const titans = (config: GatewayConfig): string[] =>
    bedrockStatements(stack, config)
      .flatMap(({ resources }) => resources.map((resource) => JSON.stringify(stack.resolve(resource))))
      .filter((resource) => resource.includes('titan'));
  expect(titans(cachedDeployable())).toEqual([
    expect.stringContaining(':bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v2:0'),
  ]);
  expect(titans({ ...cachedDeployable(), models: DEPLOYABLE.models })).toEqual([]);
});

describe('an embedder that has retired', () => {
  const gemini = (more: object = {}): GatewayConfig => ({
    ...cachedDeployable(),
    providers: { ...DEPLOYABLE.providers, gemini: { kind: 'gemini', apiKey: 'secret:tollgate/gemini' } },
    semanticCache: { ...semanticCache, embedder: { provider: 'gemini', model: 'gemini-embedding-001', ...more } },
  });
  const LATER = Date.UTC(2028, 5, 1);
  /** Whatever else has retired by then. */
  const problems = (config: GatewayConfig): string => {
    try {
      checkDeployedConfig(config, LATER);
      return '';
    } catch (error) {
      return String(error);
    }
  };

  test('fails the synth like any version', () => {
    expect(problems(gemini())).toMatch(/semanticCache\.embedder\.model: "gemini-embedding-001" retired on 2028-05-14/);
    expect(() => checkDeployedConfig(gemini(), Date.UTC(2026, 10, 22))).not.toThrow();
  });

  test('unless it is said to be served on', () => {
    expect(problems(gemini({ lifecycle: { retires: 'never' } }))).not.toContain('semanticCache');
  });

  test('and is nobody’s concern where nothing is compared', () => {
    expect(problems({ ...gemini(), models: DEPLOYABLE.models })).not.toContain('semanticCache');
  });
});
