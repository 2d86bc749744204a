import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type CatalogueVendor, catalogue } from '../../lambdas/catalogue/catalogue.ts';
import { parseUsd } from '../../lambdas/contract/money.ts';
import type { Rates } from '../../lambdas/contract/price.ts';

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
  const ratesOf = ({ found }: (typeof everyModel)[number]): Rates[] => [
    found.price,
    ...found.price.tiers.map(({ rates }) => rates),
  ];

  test('every model has a price for input and output, and none is beyond belief', () => {
    expect(
      wrong((model) =>
        ratesOf(model).some(
          ({ input, output }) => input <= 0n || output <= 0n || output > parseUsd(1_000) || input > parseUsd(1_000),
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
          found.maxOutputTokens < 1 ||
          found.maxOutputTokens > found.contextTokens ||
          found.contextTokens < 2_000 ||
          found.maxImageTokens < 1_000,
      ),
    ).toEqual([]);
  });

  test('dates of retirement are dates', () => {
    const isDate = (date: string) => /^\d{4}-\d\d-\d\d$/.test(date) && !Number.isNaN(Date.parse(date));
    expect(wrong(({ found }) => found.retiresOn !== undefined && !isDate(found.retiresOn))).toEqual([]);
    expect(catalogue.find('openai', 'gpt-5-2025-08-07')?.retiresOn).toBe('2026-12-11');
  });
});
