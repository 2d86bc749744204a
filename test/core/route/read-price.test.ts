import { describe, expect, test } from '@jest/globals';
import { catalogue } from '../../../lambdas/catalogue/catalogue.ts';
import type { GatewayConfig, PriceConfig, TargetConfig } from '../../../lambdas/contract/config.ts';
import { parseUsd } from '../../../lambdas/contract/money.ts';
import { readPrice } from '../../../lambdas/core/route/read-price.ts';
import { resolveGateway } from '../../../lambdas/core/route/resolve-gateway.ts';

const usd = parseUsd;
const RATES = { inputPerMTok: '2', outputPerMTok: '10' };

describe('a price in the configuration', () => {
  test('what is left out costs what fresh input does', () => {
    const rates = { input: usd(2), cachedInput: usd(2), cacheWrite5m: usd(2), cacheWrite1h: usd(2), output: usd(10) };
    expect(readPrice(RATES)).toEqual({ ...rates, tiers: [], source: 'configuration' });
  });

  test.each(['claude-sonnet-9-20290101', 'us.anthropic.claude-opus-9'])(
    '%s writes its cache at Anthropic’s surcharge',
    (model) => {
      expect(readPrice(RATES, model)).toMatchObject({ cacheWrite5m: usd('2.5'), cacheWrite1h: usd(4) });
      expect(readPrice({ ...RATES, cacheWrite5mPerMTok: 2 }, model)).toMatchObject({ cacheWrite5m: usd(2) });
    },
  );

  test('other ways of serving are a factor of every rate, or have their own', () => {
    const price: PriceConfig = {
      ...RATES,
      aboveInputTokens: { tokens: 1_000, inputPerMTok: 4, outputPerMTok: 20 },
      serviceTiers: { flex: '0.5', priority: { inputPerMTok: 5, outputPerMTok: 30 } },
    };
    expect(readPrice(price).services).toMatchObject({
      flex: { input: usd(1), output: usd(5), tiers: [{ aboveInputTokens: 1_000, rates: { output: usd(10) } }] },
      priority: { input: usd(5), output: usd(30), tiers: [] },
    });
  });

  test('fees and places: its own, else the catalogue’s', () => {
    const known = catalogue.find('anthropic', 'claude-sonnet-5-5')?.price;
    expect(readPrice(RATES, 'claude-sonnet-5-5', known)).toMatchObject({
      geos: { us: 1_100 },
      fees: { webSearch: { medium: usd('0.01') } },
    });
    const own = { ...RATES, inferenceGeo: { eu: 1.25 }, webSearchPerCall: 1, perImage: 2, perCall: 3 };
    expect(readPrice(own, 'claude-sonnet-5-5', known)).toMatchObject({
      geos: { eu: 1_250 },
      fees: { webSearch: { low: usd(1), medium: usd(1), high: usd(1) }, image: usd(2), call: usd(3) },
    });
  });
});

describe('a target’s price in the gateway', () => {
  const resolve = (target: Partial<TargetConfig>, baseUrl?: string) => {
    const config: GatewayConfig = {
      providers: { o: { kind: 'openai', apiKey: 'env:KEY', ...(baseUrl !== undefined && { baseUrl }) } },
      models: {
        m: {
          targets: [{ provider: 'o', model: 'gpt-5-2025-08-07', ...target }],
          bounds: { webSearches: 3, fields: { container: '$0.25' } },
        },
      },
    };
    return resolveGateway(config, catalogue, 1);
  };
  const targetOf = (...given: Parameters<typeof resolve>) => {
    const resolved = resolve(...given);
    if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));
    return resolved.gateway.aliases.get('m')?.targets[0];
  };

  test('has the tiers of the catalogue, its alias’s bounds, and OpenAI’s standard tier unless it says otherwise', () => {
    expect(targetOf({})).toMatchObject({
      price: { services: { flex: { input: usd('0.625') }, priority: { output: usd(20) } } },
      bounds: { webSearches: 3, fields: new Map([['container', usd('0.25')]]) },
      serviceTier: 'default',
    });
    expect(targetOf({ serviceTier: 'flex' })?.serviceTier).toBe('flex');
  });

  test('a tier without a price can’t be its own', () => {
    expect(resolve({ serviceTier: 'priority', price: RATES, contextTokens: 1_000 })).toMatchObject({
      ok: false,
      problems: [{ path: 'models.m.targets[0].serviceTier', message: expect.stringContaining('serviceTiers') }],
    });
  });

  test('a regional address raises the rates of every way of serving, and no fee', () => {
    const model = 'gpt-5.4-mini-2026-03-17';
    const [here, there] = [targetOf({ model }), targetOf({ model }, 'https://eu.api.openai.com/v1')];
    const priority = (target: typeof here) => target?.price.services?.priority?.output ?? 0n;
    expect(priority(there) * 10n).toBe(priority(here) * 11n);
    expect(there?.price.fees).toEqual(here?.price.fees);
    expect(there?.price.source).toContain('regional surcharge');
  });
});
