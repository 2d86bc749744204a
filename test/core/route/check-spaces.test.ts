import { expect, test } from '@jest/globals';
import { catalogue } from '../../../lambdas/catalogue/catalogue.ts';
import { checkConfig } from '../../../lambdas/contract/check-config.ts';
import type { GatewayConfig, ModelConfig, TargetConfig } from '../../../lambdas/contract/config.ts';
import { resolveGateway } from '../../../lambdas/core/route/resolve-gateway.ts';

const providers: GatewayConfig['providers'] = {
  openai: { kind: 'openai', apiKey: 'env:OPENAI_API_KEY' },
  anthropic: { kind: 'anthropic', apiKey: 'env:ANTHROPIC_API_KEY' },
  bedrock: { kind: 'bedrock', regions: ['us-east-1', 'us-west-2'] },
  vllm: { kind: 'openai-compatible', baseUrl: 'http://vllm/v1' },
  demo: { kind: 'simulator' },
};

const resolve = (models: Record<string, ModelConfig>, available?: (name: string) => boolean) => {
  const checked = checkConfig({ providers, models });
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  return resolveGateway(checked.config, catalogue, 1, available && { available: ({ name }) => available(name) });
};

const problemsOf = (...args: Parameters<typeof resolve>): string[] => {
  const resolved = resolve(...args);
  return resolved.ok ? [] : resolved.problems.map(({ path, message }) => `${path}: ${message}`);
};

const SMALL: TargetConfig = { provider: 'openai', model: 'text-embedding-3-small' };
const LARGE: TargetConfig = { provider: 'openai', model: 'text-embedding-3-large' };
const TITAN: TargetConfig = { provider: 'bedrock', model: 'amazon.titan-embed-text-v2:0' };
const price = { inputPerMTok: 0, outputPerMTok: 0 };
const OWN: TargetConfig = { provider: 'vllm', model: 'served-small', price, contextTokens: 8_000 };

test('models that make vectors are known with their price, size and lengths, in the language that each speaks', () => {
  const resolved = resolve({ small: { targets: [SMALL] }, titan: { targets: [TITAN] } });
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));
  const targets = [...resolved.gateway.aliases.values()].flatMap((alias) => alias.targets);
  expect(targets).toMatchObject([
    {
      id: 'openai/text-embedding-3-small',
      dialect: 'openai-embeddings',
      price: { input: 20_000_000n, output: 0n },
      contextTokens: 8_191,
      embedding: { space: 'text-embedding-3-small', ownDimensions: 1_536, takesTokens: true },
    },
    { id: 'bedrock/amazon.titan-embed-text-v2:0@us-east-1', dialect: 'titan-embeddings' },
    { id: 'bedrock/amazon.titan-embed-text-v2:0@us-west-2', embedding: { ownDimensions: 1_024, takesTokens: false } },
  ]);
  expect([...(targets[0]?.capabilities ?? [])]).toEqual(['embeddings']);
});

test('an alias whose targets make vectors of two models is refused', () => {
  expect(problemsOf({ mixed: { targets: [SMALL, LARGE] } })).toEqual([
    expect.stringMatching(/^models\.mixed\.targets: .*text-embedding-3-small.*text-embedding-3-large/),
  ]);
});

test('and where it is a canary that would, that is said', () => {
  const trying = { ...SMALL, canary: { model: 'text-embedding-3-large', share: 0.1 } };
  expect(problemsOf({ mixed: { targets: [trying] } })).toEqual([
    expect.stringMatching(/^models\.mixed\.targets\[0\]\.canary: .*text-embedding-3-small.*text-embedding-3-large/),
  ]);
});

test('so is one that would only mix once the other provider has its key', () => {
  expect(problemsOf({ mixed: { targets: [SMALL, TITAN] } }, (name) => name === 'bedrock')).toHaveLength(1);
});

test('one that answers with vectors or with words, by what is up, is refused', () => {
  expect(problemsOf({ mixed: { targets: [SMALL, { provider: 'demo', model: 'echo' }] } })).toEqual([
    expect.stringContaining('words'),
  ]);
});

test('the same model by another name is the same where the configuration says so, and another where it does not', () => {
  const named = { ...OWN, embedding: { model: 'text-embedding-3-small' } };
  expect(problemsOf({ same: { targets: [SMALL, named] } })).toEqual([]);
  expect(problemsOf({ same: { targets: [SMALL, { ...OWN, embedding: {} }] } })).toHaveLength(1);
});

test('however slow or broken the simulator is asked to be, its vectors of one length are of one model', () => {
  const of = (model: string): TargetConfig => ({ provider: 'demo', model });
  expect(problemsOf({ demo: { targets: [of('fail-500+embed-64'), of('slow-10+embed-64')] } })).toEqual([]);
  expect(problemsOf({ demo: { targets: [of('embed-64'), of('embed-32')] } })).toHaveLength(1);
});

test('neither a cheaper alias nor a fallback may answer with vectors of another model', () => {
  const large = { targets: [LARGE] };
  expect(problemsOf({ small: { targets: [SMALL], downgradeTo: 'large' }, large })).toEqual([
    expect.stringContaining('models.small.downgradeTo'),
  ]);
  expect(problemsOf({ small: { targets: [SMALL], fallbacks: { any: ['large'] } }, large })).toEqual([
    expect.stringContaining('models.small.fallbacks'),
  ]);
  expect(problemsOf({ small: { targets: [SMALL], fallbacks: { any: ['also'] } }, also: { targets: [SMALL] } })).toEqual(
    [],
  );
});

test.each([
  ['words beside vectors', { ...OWN, capabilities: ['embeddings', 'tools'] }, 'tools'],
  [
    'a provider without vectors',
    { ...OWN, provider: 'anthropic', model: 'claude-haiku-4-5-20251001', capabilities: ['embeddings'] },
    'anthropic',
  ],
  [
    'a model of Bedrock’s that is asked in another way',
    { ...TITAN, model: 'cohere.embed-english-v3', price, contextTokens: 512, capabilities: ['embeddings'] },
    'Titan',
  ],
] as [string, TargetConfig, string][])('%s: refused, and why', (_, target, words) => {
  expect(problemsOf({ one: { targets: [target] } })).toEqual([expect.stringContaining(words)]);
});

test('a deployment on Azure is of the model that it serves, and may stand in for OpenAI’s own', () => {
  const checked = checkConfig({
    providers: {
      ...providers,
      azure: { kind: 'azure-openai', apiKey: 'env:KEY', baseUrl: 'https://r.openai.azure.com' },
    },
    models: {
      vectors: { targets: [SMALL, { provider: 'azure', model: 'mine', deploymentOf: 'text-embedding-3-small' }] },
    },
  });
  if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
  const resolved = resolveGateway(checked.config, catalogue, 1);
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));
  expect(resolved.gateway.aliases.get('vectors')?.targets[1]).toMatchObject({
    id: 'azure/mine',
    dialect: 'openai-embeddings',
    price: { input: 22_000_000n, output: 0n },
    embedding: { space: 'text-embedding-3-small', ownDimensions: 1_536 },
  });
});
