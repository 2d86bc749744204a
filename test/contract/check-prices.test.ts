import { describe, expect, test } from '@jest/globals';
import { checkConfig } from '../../lambdas/contract/check-config.ts';
import { type BoundsConfig, defineGateway, type PriceConfig } from '../../lambdas/contract/config.ts';

const withPrice = (price: unknown) => ({
  providers: { vllm: { kind: 'openai-compatible', baseUrl: 'http://vllm:8000/v1' } },
  models: { m: { targets: [{ provider: 'vllm', model: 'x', price }] } },
});
const withBounds = (bounds: unknown) => ({
  providers: { demo: { kind: 'simulator' } },
  models: { m: { targets: [{ provider: 'demo', model: 'echo' }], bounds } },
});
const problemsOf = (value: unknown): Record<string, string> => {
  const checked = checkConfig(value);
  return checked.ok ? {} : Object.fromEntries(checked.problems.map(({ path, message }) => [path, message]));
};
const rates = { inputPerMTok: 1, outputPerMTok: 2 };
const AT = 'models.m.targets[0].price';

describe('prices in the configuration', () => {
  test('one with every field is right', () => {
    const price: PriceConfig = {
      ...rates,
      cachedInputPerMTok: '0.1',
      cacheWrite5mPerMTok: '1.25',
      cacheWrite1hPerMTok: 2,
      audioInputPerMTok: 32,
      audioOutputPerMTok: 64,
      imageInputPerMTok: 3,
      aboveInputTokens: { tokens: 200_000, inputPerMTok: 2, outputPerMTok: 4 },
      serviceTiers: { flex: '0.5', priority: 2, fast: { ...rates }, ultrafast: 6 },
      inferenceGeo: { us: 1.1 },
      webSearchPerCall: { low: '0.01', medium: '0.02', high: '0.03' },
      perImage: 0.001,
      perCall: '$0.005',
    };
    const bounds: BoundsConfig = {
      webSearches: 5,
      webFetches: 3,
      tokensPerToolUse: 20_000,
      fields: { mcp_servers: '$0.05', code_execution: 0.1 },
    };
    const config = defineGateway({
      providers: { o: { kind: 'openai', apiKey: 'env:KEY' } },
      models: { m: { targets: [{ provider: 'o', model: 'x', price, serviceTier: 'flex' }], bounds } },
    });
    expect(problemsOf(config)).toEqual({});
  });

  test.each<[unknown, string, RegExp]>([
    [{ ...rates, serviceTiers: { flex: 0 } }, 'serviceTiers.flex', /a factor such as 2, or rates/],
    [{ ...rates, serviceTiers: { flex: 1.23456 } }, 'serviceTiers.flex', /factor/],
    [{ ...rates, serviceTiers: { turbo: 2 } }, 'serviceTiers.turbo', /unknown field/],
    [{ ...rates, inferenceGeo: { us: '1.1x' } }, 'inferenceGeo.us', /a factor above 0/],
    [{ ...rates, inferenceGeo: { US: 1.1 } }, 'inferenceGeo.US', /a part of the world/],
    [{ ...rates, webSearchPerCall: -1 }, 'webSearchPerCall', /US dollars a search/],
    [{ ...rates, webSearchPerCall: { low: 1 } }, 'webSearchPerCall', /low, medium, high/],
    [{ ...rates, perCall: 'free' }, 'perCall', /US dollars/],
    [{ ...rates, perSecond: 1 }, 'perSecond', /unknown field/],
  ])('%j is refused with its path', (price, path, message) => {
    const problems = problemsOf(withPrice(price));
    expect(Object.keys(problems)).toEqual([`${AT}.${path}`]);
    expect(Object.values(problems)[0]).toMatch(message);
  });

  test('a service tier is OpenAI’s alone', () => {
    const config = withPrice(rates);
    const [target] = config.models.m.targets;
    const problems = problemsOf({ ...config, models: { m: { targets: [{ ...target, serviceTier: 'flex' }] } } });
    expect(problems).toEqual({ 'models.m.targets[0].serviceTier': expect.stringContaining('kind "openai"') });
  });

  test.each<[unknown, string]>([
    [{ webSearches: 0 }, 'webSearches'],
    [{ webSearches: 1.5 }, 'webSearches'],
    [{ fields: { mcp_servers: 'lots' } }, 'fields.mcp_servers'],
    [{ searches: 1 }, 'searches'],
  ])('bounds of %j are refused with their path', (bounds, path) => {
    expect(Object.keys(problemsOf(withBounds(bounds)))).toEqual([`models.m.bounds.${path}`]);
  });
});
