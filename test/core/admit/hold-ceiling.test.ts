import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Price, Rates } from '../../../lambdas/contract/price.ts';
import { holdCeiling } from '../../../lambdas/core/admit/hold-ceiling.ts';
import type { CachePoint, Conversation, Turn, Usage } from '../../../lambdas/core/conversation.ts';
import type { DialectName } from '../../../lambdas/core/dialect.ts';
import { priceUsage } from '../../../lambdas/core/settle/price-usage.ts';

const conversation = (more: Partial<Conversation> = {}): Conversation => ({
  model: 'assistant',
  turns: [{ role: 'user', parts: [{ type: 'text', text: 'Hello' }] }],
  tools: [],
  choices: 1,
  stream: false,
  streamUsage: false,
  sameDialectOnly: [],
  costBearing: [],
  ...more,
});

const marked = (ttl: CachePoint['ttl']): Turn => ({
  role: 'user',
  parts: [{ type: 'text', text: 'Hello', cache: { ttl } }],
});

const rates: Rates = { input: 3_000n, cachedInput: 300n, cacheWrite5m: 3_750n, cacheWrite1h: 6_000n, output: 15_000n };
const flat: Price = { ...rates, tiers: [], source: 'test' };
const claude = { price: flat, dialect: 'anthropic-messages' } as const;

describe('holdCeiling', () => {
  test('without a cache point it is input and output limit at their plain rates', () => {
    expect(holdCeiling(claude, conversation(), 2_000_000, 1_000_000)).toBe(21_000n);
  });

  test.each([
    ['5m', 3_750n],
    ['1h', 6_000n],
  ] as const)('a cache point of %s holds its write rate', (ttl, held) => {
    expect(holdCeiling(claude, conversation({ turns: [marked(ttl)] }), 1_000_000, 0)).toBe(held);
  });

  test('cache points on tools and inside tool results are seen', () => {
    const tool = { name: 'search', cache: { ttl: '5m' } } as const;
    const result: Turn = {
      role: 'user',
      parts: [{ type: 'tool-result', callId: '1', content: [{ type: 'text', text: 'x', cache: { ttl: '1h' } }] }],
    };
    expect(holdCeiling(claude, conversation({ tools: [tool] }), 1_000_000, 0)).toBe(3_750n);
    expect(holdCeiling(claude, conversation({ turns: [result] }), 1_000_000, 0)).toBe(6_000n);
  });

  test('a vendor that writes its cache unasked is held at the write rates', () => {
    expect(holdCeiling({ price: flat, dialect: 'openai-chat' }, conversation(), 1_000_000, 0)).toBe(6_000n);
  });

  test('caching asked for by a field that the conversation does not hold is held at the write rates', () => {
    expect(holdCeiling(claude, conversation({ sameDialectOnly: ['cache_control'] }), 1_000_000, 0)).toBe(6_000n);
  });

  test('every choice may use the whole output limit', () => {
    expect(holdCeiling(claude, conversation({ choices: 3 }), 0, 1_000_000)).toBe(45_000n);
  });

  test('a tier within reach of the input is held, one out of reach is not', () => {
    const tiered: Price = { ...flat, tiers: [{ aboveInputTokens: 200_000, rates: { ...rates, input: 6_000n } }] };
    const target = { ...claude, price: tiered };
    expect(holdCeiling(target, conversation(), 200_000, 0)).toBe(600n);
    expect(holdCeiling(target, conversation(), 200_001, 0)).toBe(1_201n);
  });

  test('a tier that is cheaper than the base does not lower the hold', () => {
    const odd: Price = { ...flat, tiers: [{ aboveInputTokens: 100, rates: { ...rates, input: 1n, output: 1n } }] };
    expect(holdCeiling({ ...claude, price: odd }, conversation(), 1_000_000, 1_000_000)).toBe(18_000n);
  });

  test('cached input that costs more than fresh input is held at its own rate', () => {
    const odd: Price = { ...flat, cachedInput: 9_000n };
    expect(holdCeiling({ ...claude, price: odd }, conversation(), 1_000_000, 0)).toBe(9_000n);
  });

  test('what a call costs is never above what was held for it', () => {
    const rate = fc.bigInt({ min: 0n, max: 200_000_000_000n });
    const someRates: fc.Arbitrary<Rates> = fc.record({
      input: rate,
      cachedInput: rate,
      cacheWrite5m: rate,
      cacheWrite1h: rate,
      output: rate,
    });
    const somePrice: fc.Arbitrary<Price> = fc
      .tuple(
        someRates,
        fc.uniqueArray(fc.record({ aboveInputTokens: fc.nat(500_000), rates: someRates }), {
          maxLength: 2,
          selector: ({ aboveInputTokens }) => aboveInputTokens,
        }),
      )
      .map(([base, tiers]) => ({
        ...base,
        tiers: tiers.toSorted((a, b) => a.aboveInputTokens - b.aboveInputTokens),
        source: 'test',
      }));
    const someConversation = fc
      .record({
        turns: fc.constantFrom<Turn[][]>([], [marked('5m')], [marked('1h')], [marked('5m'), marked('1h')]),
        choices: fc.integer({ min: 1, max: 4 }),
      })
      .map(conversation);
    const dialect = fc.constantFrom<DialectName[]>('openai-chat', 'anthropic-messages', 'bedrock-converse');

    fc.assert(
      fc.property(
        somePrice,
        dialect,
        someConversation,
        fc.nat(600_000),
        fc.nat(100_000),
        fc.array(fc.nat(1_000), { minLength: 6, maxLength: 6 }),
        (price, name, asked, inputHigh, limit, shares) => {
          const ttls = new Set(
            asked.turns.flatMap(({ parts }) => parts.map((part) => 'cache' in part && part.cache?.ttl)),
          );
          const writes = (ttl: '5m' | '1h') => name === 'openai-chat' || ttls.has(ttl);
          const [plain = 0, cached = 0, w5 = 0, w1 = 0, whole = 0, out = 0] = shares;
          const parts = [plain, cached, writes('5m') ? w5 : 0, writes('1h') ? w1 : 0];
          const sum = parts.reduce((total, part) => total + part, 0);
          const input = Math.floor((inputHigh * whole) / 1_000);
          const [inputTokens = 0, cachedInputTokens = 0, cacheWrite5mTokens = 0, cacheWrite1hTokens = 0] = parts.map(
            (part) => (sum === 0 ? 0 : Math.floor((input * part) / sum)),
          );
          const usage: Usage = {
            inputTokens,
            cachedInputTokens,
            cacheWrite5mTokens,
            cacheWrite1hTokens,
            outputTokens: Math.floor((limit * asked.choices * out) / 1_000),
            reasoningTokens: 0,
          };
          expect(priceUsage(price, usage)).toBeLessThanOrEqual(
            holdCeiling({ price, dialect: name }, asked, inputHigh, limit),
          );
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
