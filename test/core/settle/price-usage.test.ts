import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Price } from '../../../lambdas/contract/price.ts';
import type { Usage } from '../../../lambdas/core/conversation.ts';
import { priceUsage } from '../../../lambdas/core/settle/price-usage.ts';

/** $3 in, $0.30 cached, $3.75 and $6 written, $15 out; twice that above 200,000 input tokens. */
const price: Price = {
  input: 3_000_000_000n,
  cachedInput: 300_000_000n,
  cacheWrite5m: 3_750_000_000n,
  cacheWrite1h: 6_000_000_000n,
  output: 15_000_000_000n,
  tiers: [
    {
      aboveInputTokens: 200_000,
      rates: {
        input: 6_000_000_000n,
        cachedInput: 600_000_000n,
        cacheWrite5m: 7_500_000_000n,
        cacheWrite1h: 12_000_000_000n,
        output: 22_500_000_000n,
      },
    },
  ],
  source: 'test',
};

const usage = (counts: Partial<Usage>): Usage => ({
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  ...counts,
});

describe('priceUsage', () => {
  test('each count has its own rate, and the cost is their sum', () => {
    const counts = usage({
      inputTokens: 1_000,
      cachedInputTokens: 2_000,
      cacheWrite5mTokens: 4_000,
      cacheWrite1hTokens: 8_000,
      outputTokens: 500,
    });
    // 0.003 + 0.0006 + 0.015 + 0.048 + 0.0075 dollars
    expect(priceUsage(price, counts)).toBe(74_100_000n);
  });

  test('reasoning is inside the output and costs nothing on top', () => {
    expect(priceUsage(price, usage({ outputTokens: 100, reasoningTokens: 90 }))).toBe(
      priceUsage(price, usage({ outputTokens: 100 })),
    );
  });

  test('nothing used costs nothing', () => {
    expect(priceUsage(price, usage({}))).toBe(0n);
  });

  test('the sum is rounded up once, not each part', () => {
    const thirds: Price = { ...price, input: 1n, cachedInput: 1n, output: 1n, tiers: [] };
    expect(priceUsage(thirds, usage({ inputTokens: 1, cachedInputTokens: 1, outputTokens: 1 }))).toBe(1n);
    expect(priceUsage(thirds, usage({ inputTokens: 1_000_000, outputTokens: 1 }))).toBe(2n);
  });

  test.each([
    [200_000, 600_000_000n],
    [200_001, 1_200_006_000n],
  ])(
    '%i input tokens cost %d: the long-context rates hold above the threshold, for the whole request',
    (tokens, cost) => {
      expect(priceUsage(price, usage({ inputTokens: tokens }))).toBe(cost);
    },
  );

  test('cached and written input count towards the threshold', () => {
    const counts = usage({
      cachedInputTokens: 100_000,
      cacheWrite5mTokens: 100_000,
      inputTokens: 1,
      outputTokens: 1_000_000,
    });
    expect(priceUsage(price, counts)).toBe(60_000_000n + 750_000_000n + 6_000n + 22_500_000_000n);
  });

  test('the dearest tier within reach holds where there are several', () => {
    const second = { aboveInputTokens: 400_000, rates: { ...price, input: 9_000_000_000n } };
    const tiered: Price = { ...price, tiers: [...price.tiers, second] };
    expect(priceUsage(tiered, usage({ inputTokens: 300_000 }))).toBe(1_800_000_000n);
    expect(priceUsage(tiered, usage({ inputTokens: 500_000 }))).toBe(4_500_000_000n);
  });

  test('a fraction counts as the next whole token and a negative count as none', () => {
    expect(priceUsage(price, usage({ inputTokens: 0.2 }))).toBe(3_000n);
    expect(priceUsage(price, usage({ inputTokens: 10, outputTokens: -5 }))).toBe(30_000n);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('%d tokens have no price', (tokens) => {
    expect(() => priceUsage(price, usage({ outputTokens: tokens }))).toThrow(RangeError);
  });

  test('no floating point: counts and rates far beyond doubles come out exact', () => {
    const huge: Price = { ...price, output: 123_456_789_012_345_678_901n, tiers: [] };
    expect(priceUsage(huge, usage({ outputTokens: 9_007_199_254_740_991 }))).toBe(
      (9_007_199_254_740_991n * 123_456_789_012_345_678_901n + 999_999n) / 1_000_000n,
    );
  });

  test('more of anything never costs less', () => {
    const counts = fc.nat(500_000);
    fc.assert(
      fc.property(fc.tuple(counts, counts, counts, counts, counts), fc.nat(4), fc.nat(10_000), (start, at, more) => {
        const of = ([
          inputTokens = 0,
          cachedInputTokens = 0,
          cacheWrite5mTokens = 0,
          cacheWrite1hTokens = 0,
          outputTokens = 0,
        ]: number[]) =>
          priceUsage(
            price,
            usage({ inputTokens, cachedInputTokens, cacheWrite5mTokens, cacheWrite1hTokens, outputTokens }),
          );
        expect(of(start.map((count, index) => (index === at ? count + more : count)))).toBeGreaterThanOrEqual(
          of(start),
        );
      }),
    );
  });
});
