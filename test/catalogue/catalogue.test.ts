import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  type CatalogueData,
  type CatalogueModel,
  type CatalogueVendor,
  catalogue,
  readCatalogue,
} from '../../lambdas/catalogue/catalogue.ts';
import { cutCatalogue } from '../../lambdas/catalogue/deployed-config.ts';
import models from '../../lambdas/catalogue/models.json' with { type: 'json' };
import { parseUsd } from '../../lambdas/contract/money.ts';
import type { Price, Rates } from '../../lambdas/contract/price.ts';

const data: CatalogueData = models;

const VENDORS: CatalogueVendor[] = ['openai', 'anthropic', 'bedrock'];

const everyModel = VENDORS.flatMap((vendor) =>
  catalogue.names(vendor).map((name) => {
    const [model = '', region] = name.split('@');
    const found = catalogue.find(vendor, model, region);
    if (found === undefined) throw new Error(`${vendor}/${name} can't be found by its own name`);
    return { name: `${vendor}/${name}`, vendor, found };
  }),
);

describe('the catalogue', () => {
  test('has enough models of each vendor, and is small enough to travel', () => {
    expect(catalogue.names('openai').length).toBeGreaterThan(60);
    expect(catalogue.names('anthropic').length).toBeGreaterThan(15);
    expect(catalogue.names('bedrock').length).toBeGreaterThan(200);
    expect(statSync(join(import.meta.dirname, '../../lambdas/catalogue/models.json')).size).toBeLessThan(250_000);
  });

  test.each([
    ['openai', 'gpt-4o-mini-2024-07-18', '0.15', '0.075', '0.15', '0.6', 128_000, 16_384],
    ['openai', 'gpt-5-2025-08-07', '1.25', '0.125', '1.25', '10', 400_000, 128_000],
    ['anthropic', 'claude-sonnet-4-5-20250929', '3', '0.3', '3.75', '15', 200_000, 64_000],
    ['anthropic', 'claude-haiku-4-5-20251001', '1', '0.1', '1.25', '5', 200_000, 64_000],
    ['bedrock', 'us.anthropic.claude-sonnet-4-5-20250929-v1:0', '3.3', '0.33', '4.125', '16.5', 200_000, 64_000],
    ['bedrock', 'amazon.nova-micro-v1:0', '0.035', '0.00875', '0.035', '0.14', 128_000, 10_000],
  ] as const)('%s %s costs what the vendor publishes', (vendor, model, input, cached, write, output, context, most) => {
    expect(catalogue.find(vendor, model)).toMatchObject({
      price: {
        input: parseUsd(input),
        cachedInput: parseUsd(cached),
        cacheWrite5m: parseUsd(write),
        output: parseUsd(output),
      },
      contextTokens: context,
      maxOutputTokens: most,
    });
  });

  test('a region’s own price is found by the region, the common one everywhere else', () => {
    const input = (region?: string) => catalogue.find('bedrock', 'amazon.nova-pro-v1:0', region)?.price.input;
    expect(input('us-gov-west-1')).toBe(960_000_000n);
    expect(input('us-east-1')).toBe(800_000_000n);
    expect(input()).toBe(800_000_000n);
  });

  test('a fine-tuned model is found by its base', () => {
    expect(catalogue.find('openai', 'ft:gpt-4o-2024-08-06:acme::abc')?.price.input).toBe(3_750_000_000n);
  });

  test.each(['nothing', 'constructor', '__proto__', ''])('%p is not in it', (model) => {
    expect(catalogue.find('openai', model)).toBeUndefined();
  });

  test('says where its prices come from, and when', () => {
    expect(catalogue.asOf).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(everyModel.every(({ found }) => /litellm \d.*\d{4}-\d\d-\d\d$/.test(found.price.source))).toBe(true);
  });

  const wrong = (isWrong: (model: (typeof everyModel)[number]) => boolean): string[] =>
    everyModel.filter(isWrong).map(({ name }) => name);
  const makesVectors = ({ found }: Pick<(typeof everyModel)[number], 'found'>): boolean =>
    found.capabilities.has('embeddings');
  const ratesOf = ({ found }: (typeof everyModel)[number]): Rates[] => [
    found.price,
    ...found.price.tiers.map(({ rates }) => rates),
  ];

  test('every model has a price for input and output, and none is beyond belief', () => {
    expect(
      wrong((model) =>
        ratesOf(model).some(
          ({ input, output }) =>
            input <= 0n ||
            // Vectors cost nothing beyond the text that they are made of.
            output <= 0n !== makesVectors(model) ||
            output > parseUsd(1_000) ||
            input > parseUsd(1_000),
        ),
      ),
    ).toEqual([]);
  });

  test('reading from the cache is never dearer than fresh input, writing never cheaper', () => {
    expect(
      wrong((model) =>
        ratesOf(model).some(
          ({ input, cachedInput, cacheWrite5m, cacheWrite1h }) =>
            cachedInput > input || cacheWrite5m < input || cacheWrite1h < cacheWrite5m,
        ),
      ),
    ).toEqual([]);
  });

  test('tiers ascend, each dearer than the one below', () => {
    expect(
      wrong(({ found }) => {
        const steps = [{ aboveInputTokens: 0, rates: found.price as Rates }, ...found.price.tiers];
        return steps.some((step, index) => {
          const below = steps[index - 1];
          return (
            below !== undefined &&
            (step.aboveInputTokens <= below.aboveInputTokens || step.rates.input < below.rates.input)
          );
        });
      }),
    ).toEqual([]);
  });

  test('Claude’s cache writes cost at least 1.25 and 2 times the input, to the nano-dollar', () => {
    expect(
      wrong(
        (model) =>
          model.name.includes('claude') &&
          ratesOf(model).some(
            ({ input, cacheWrite5m, cacheWrite1h }) => cacheWrite5m * 100n < input * 125n || cacheWrite1h < input * 2n,
          ),
      ),
    ).toEqual([]);
  });

  test('sizes make sense', () => {
    expect(
      wrong(
        ({ found }) =>
          found.maxOutputTokens < 1 !== makesVectors({ found }) ||
          found.maxOutputTokens > found.contextTokens ||
          found.contextTokens < 2_000 ||
          found.maxImageTokens < 1_000,
      ),
    ).toEqual([]);
  });

  test('dates of retirement are dates', () => {
    const isDate = (date: string) => /^\d{4}-\d\d-\d\d$/.test(date) && !Number.isNaN(Date.parse(date));
    const retiresOn = (found: CatalogueModel) => found.lifecycle?.retiresOn;
    expect(wrong(({ found }) => retiresOn(found) !== undefined && !isDate(retiresOn(found) ?? ''))).toEqual([]);
    expect(catalogue.find('openai', 'gpt-5-2025-08-07')?.lifecycle?.retiresOn).toBe('2026-12-11');
  });
});

describe('what the catalogue says beyond tokens', () => {
  const services = everyModel.flatMap(({ name, found }) =>
    Object.entries(found.price.services ?? {}).map(([service, card]) => ({
      name,
      service,
      card,
      standard: found.price,
    })),
  );

  test('every tier costs what its name says: flex less than the standard rates, the others more', () => {
    expect(services.length).toBeGreaterThan(200);
    const odd = services.filter(({ service, card, standard }) =>
      service === 'flex'
        ? card.input > standard.input || card.output > standard.output
        : card.input < standard.input || card.output < standard.output,
    );
    expect(odd.map(({ name, service }) => `${name} ${service}`)).toEqual([]);
  });

  test('no tier is without rates for inputs as long as the standard ones know', () => {
    const short = services.filter(({ card, standard }) => card.tiers.length !== standard.tiers.length);
    expect(short.map(({ name, service }) => `${name} ${service}`)).toEqual([]);
  });

  test.each([
    [
      'openai',
      'gpt-5-2025-08-07',
      { services: { priority: { output: parseUsd(20) }, flex: { input: parseUsd('0.625') } } },
    ],
    ['openai', 'gpt-6-astra', { cacheWrite5m: parseUsd('12.5'), cacheWrite1h: parseUsd(25) }],
    ['openai', 'gpt-audio-2025-08-28', { audioInput: parseUsd(32), audioOutput: parseUsd(64) }],
    [
      'openai',
      'gpt-4.1-2025-04-14',
      { fees: { webSearch: { medium: parseUsd('0.025') } }, batch: { input: parseUsd(1) } },
    ],
    ['anthropic', 'claude-opus-5', { services: { fast: { output: parseUsd(50) } }, geos: { us: 1_100 } }],
    ['anthropic', 'claude-haiku-4-5-20251001', { fees: { webSearch: { high: parseUsd('0.01') } } }],
    ['bedrock', 'us.amazon.nova-pro-v1:0', { services: { priority: { input: parseUsd('1.4') } } }],
  ] as const)('%s %s has the rates that its vendor publishes', (vendor, model, price) => {
    expect(catalogue.find(vendor, model)?.price).toMatchObject(price);
  });

  test('a tier that the source prices for short inputs alone costs the dearer of its own and the standard rates above', () => {
    const { price } = readCatalogue({
      asOf: '2026-01-01',
      sources: [],
      models: {
        openai: {
          m: {
            in: '2',
            out: '10',
            can: '',
            context: 1,
            output: 1,
            above: [{ tokens: 100, in: '4', out: '15' }],
            services: { priority: { in: '3', out: '20' }, flex: { in: '1', out: '5' } },
          },
        },
        anthropic: {},
        gemini: {},
        'azure-openai': {},
        bedrock: {},
      },
    }).find('openai', 'm') as { price: Price };
    expect(price.services).toMatchObject({
      priority: { tiers: [{ aboveInputTokens: 100, rates: { input: parseUsd(4), output: parseUsd(20) } }] },
      flex: { tiers: [{ aboveInputTokens: 100, rates: { input: parseUsd(4), output: parseUsd(15) } }] },
    });
  });

  test('what is deployed holds the configured models alone, without what is never sent', () => {
    const config = { providers: {}, models: { m: { targets: [{ provider: 'o', model: 'gpt-5-2025-08-07' }] } } };
    const cut = cutCatalogue(data, config);
    expect(Object.keys(cut.models.openai)).toEqual(['gpt-5-2025-08-07']);
    expect(cut.models.openai['gpt-5-2025-08-07']).not.toHaveProperty('batch');
    expect(readCatalogue(cut).find('openai', 'gpt-5-2025-08-07')?.price.services).toEqual(
      catalogue.find('openai', 'gpt-5-2025-08-07')?.price.services,
    );
  });
});
