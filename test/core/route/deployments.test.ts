import { describe, expect, test } from '@jest/globals';
import { catalogue } from '../../../lambdas/catalogue/catalogue.ts';
import { cutCatalogue } from '../../../lambdas/catalogue/deployed-config.ts';
import data from '../../../lambdas/catalogue/models.json' with { type: 'json' };
import type { GatewayConfig, ProviderConfig, TargetConfig } from '../../../lambdas/contract/config.ts';
import { resolveGateway } from '../../../lambdas/core/route/resolve-gateway.ts';
import type { Target } from '../../../lambdas/core/target.ts';

const AZURE: ProviderConfig = {
  kind: 'azure-openai',
  baseUrl: 'https://me.openai.azure.com/',
  apiKey: 'env:AZURE_KEY',
};
const providers: Record<string, ProviderConfig> = {
  azure: AZURE,
  dated: { ...AZURE, apiVersion: '2024-10-21' },
  google: { kind: 'gemini', apiKey: 'env:GEMINI_API_KEY' },
};

const configOf = (target: TargetConfig): GatewayConfig => ({ providers, models: { assistant: { targets: [target] } } });

const resolve = (target: TargetConfig): Target => {
  const resolved = resolveGateway(configOf(target), catalogue, 1);
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));
  const [found] = resolved.gateway.aliases.get('assistant')?.targets ?? [];
  if (found === undefined) throw new Error('no target');
  return found;
};

const problemOf = (target: TargetConfig): string => {
  const resolved = resolveGateway(configOf(target), catalogue, 1);
  return resolved.ok ? '' : resolved.problems.map(({ message }) => message).join();
};

describe('a deployment at Azure', () => {
  test('has price, sizes and abilities of the model that it serves', () => {
    expect(resolve({ provider: 'azure', model: 'my-chat', deploymentOf: 'gpt-4.1-2025-04-14' })).toMatchObject({
      id: 'azure/my-chat',
      dialect: 'openai-chat',
      model: 'my-chat',
      provider: { baseUrl: 'https://me.openai.azure.com' },
      price: { input: 2_000_000_000n, cachedInput: 500_000_000n, output: 8_000_000_000n },
      contextTokens: 1_047_576,
      maxOutputTokens: 32_768,
      reasoningModel: false,
    });
  });

  test('in a data zone has that zone’s price, and the sizes of the model where the zone’s entry has none', () => {
    expect(resolve({ provider: 'azure', model: 'my-chat', deploymentOf: 'eu/gpt-4.1' })).toMatchObject({
      price: { input: 2_200_000_000n, output: 8_800_000_000n },
      contextTokens: 1_047_576,
    });
  });

  test('of a reasoning model is asked in its words', () => {
    expect(resolve({ provider: 'azure', model: 'x', deploymentOf: 'gpt-5-2025-08-07' }).reasoningModel).toBe(true);
  });

  test('of which nothing is told is not called, and the message says what to add', () => {
    expect(problemOf({ provider: 'azure', model: 'gpt-4.1' })).toContain('deploymentOf');
    expect(problemOf({ provider: 'azure', model: 'x', price: { inputPerMTok: 1, outputPerMTok: 2 } })).toContain(
      'contextTokens',
    );
    expect(problemOf({ provider: 'azure', model: 'x', deploymentOf: 'gpt-4.1-2025-04-15' })).toContain(
      'gpt-4.1-2025-04-14',
    );
  });

  test('with a price of its own needs no name; an image is held for at the most that any model makes of it', () => {
    const target = resolve({
      provider: 'azure',
      model: 'x',
      price: { inputPerMTok: 1, outputPerMTok: 2 },
      contextTokens: 100_000,
      capabilities: ['tools', 'reasoning'],
    });
    expect(target).toMatchObject({ reasoningModel: true, maxImageTokens: 72_000, price: { source: 'configuration' } });
    expect(
      resolve({
        provider: 'azure',
        model: 'x',
        price: { inputPerMTok: 1, outputPerMTok: 2 },
        contextTokens: 9,
        capabilities: ['tools'],
      }).reasoningModel,
    ).toBe(false);
  });

  test('may be called by a dated API', () => {
    expect(resolve({ provider: 'dated', model: 'x', deploymentOf: 'gpt-4.1' }).provider.apiVersion).toBe('2024-10-21');
  });

  test('a deployed function carries its model’s row, found by the model’s name', () => {
    const { models } = cutCatalogue(
      data,
      configOf({ provider: 'azure', model: 'my-chat', deploymentOf: 'eu/gpt-4.1' }),
    );
    expect(Object.keys(models['azure-openai'])).toEqual(['eu/gpt-4.1']);
  });
});

describe('a Gemini model', () => {
  test('has its tiers, its cached rate and its public endpoint', () => {
    expect(resolve({ provider: 'google', model: 'gemini-2.5-pro' })).toMatchObject({
      dialect: 'gemini',
      provider: { baseUrl: 'https://generativelanguage.googleapis.com' },
      price: {
        input: 1_250_000_000n,
        cachedInput: 125_000_000n,
        output: 10_000_000_000n,
        tiers: [{ aboveInputTokens: 200_000, rates: { input: 2_500_000_000n, output: 15_000_000_000n } }],
      },
      maxImageTokens: 17 * 258,
    });
  });

  test('that thinks is waited for longer', () => {
    const resolved = resolveGateway(configOf({ provider: 'google', model: 'gemini-2.5-pro' }), catalogue, 1);
    expect(resolved.ok && resolved.gateway.aliases.get('assistant')?.timeouts.firstTokenMs).toBe(60_000);
  });

  test('behind a name that moves is refused', () => {
    expect(problemOf({ provider: 'google', model: 'gemini-flash-latest' })).toContain('can move');
  });
});
