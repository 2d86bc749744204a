import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Price, type RateCard, timesPerMille } from '../../../lambdas/contract/price.ts';
import type { Usage } from '../../../lambdas/core/conversation.ts';
import { cardOf, priceUsage } from '../../../lambdas/core/settle/price-usage.ts';
import { somePrice } from './priced-scenes.ts';

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

describe('audio and images', () => {
  const spoken: Price = {
    ...price,
    audioInput: 40_000_000_000n,
    audioOutput: 80_000_000_000n,
    imageInput: 5_000_000_000n,
  };

  test('have rates of their own, and are parts of the counts', () => {
    const counts = usage({
      inputTokens: 1_000,
      outputTokens: 100,
      billed: { audioInputTokens: 200, imageInputTokens: 300, audioOutputTokens: 60 },
    });
    // 500 × $3 + 200 × $40 + 300 × $5 + 40 × $15 + 60 × $80, a million
    expect(priceUsage(spoken, counts)).toBe(1_500_000n + 8_000_000n + 1_500_000n + 600_000n + 4_800_000n);
  });

  test('are plain tokens where the price has no rate for them', () => {
    const counts = usage({ inputTokens: 1_000, billed: { audioInputTokens: 200, imageInputTokens: 300 } });
    expect(priceUsage(price, counts)).toBe(priceUsage(price, usage({ inputTokens: 1_000 })));
  });

  test('beyond the counts they are billed all the same', () => {
    const counts = usage({ inputTokens: 1, cachedInputTokens: 1, billed: { audioInputTokens: 5 } });
    expect(priceUsage(spoken, counts)).toBe(200_000n);
  });
});

describe('ways of serving and places', () => {
  const served: Price = { ...price, services: { priority: timesPerMille(price, 2_500) }, geos: { us: 1_100 } };

  test('multiply every rate, long inputs’ too, and each other', () => {
    const counts = usage({ inputTokens: 300_000, outputTokens: 1_000 });
    const card = cardOf(served, { service: 'priority', geo: 'us' });
    expect(card && priceUsage(card, counts)).toBe((priceUsage(price, counts) * 2_750n) / 1_000n);
  });

  test.each([
    ['flex', ''],
    ['standard', 'eu'],
    ['priority', 'constructor'],
  ] as const)('%s at %p has no price', (service, geo) => {
    expect(cardOf(served, { service, geo })).toBeUndefined();
  });

  test('a factor rounds up: never a nano-dollar less than the vendor asks', () => {
    expect(timesPerMille({ ...price, output: 1n }, 1).output).toBe(1n);
    expect(timesPerMille({ ...price, output: 1n }, 1_100).output).toBe(2n);
  });

  test('more tokens of any kind never cost less, in any way of serving', () => {
    const counts = fc.nat(500_000);
    fc.assert(
      fc.property(
        somePrice,
        fc.array(counts, { minLength: 5, maxLength: 5 }),
        fc.nat(4),
        fc.nat(10_000),
        (any, start, at, more) => {
          // Tiers that ascend, as every list's do: without that, more would be cheaper at a threshold.
          const cards = [any, ...Object.values(any.services ?? {})].map((card) => ({ ...card, tiers: [] }));
          const of = (card: RateCard, list: number[]) => {
            const [inputTokens = 0, cachedInputTokens = 0, cacheWrite5mTokens = 0, cacheWrite1hTokens = 0, out = 0] =
              list;
            const tokens = {
              inputTokens,
              cachedInputTokens,
              cacheWrite5mTokens,
              cacheWrite1hTokens,
              outputTokens: out,
            };
            return priceUsage(card, usage(tokens));
          };
          const grown = start.map((count, index) => (index === at ? count + more : count));
          for (const card of cards) expect(of(card, grown)).toBeGreaterThanOrEqual(of(card, start));
        },
      ),
    );
  });
});
