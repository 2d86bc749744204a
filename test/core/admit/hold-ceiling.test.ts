import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Price, Rates } from '../../../lambdas/contract/price.ts';
import { holdCeiling } from '../../../lambdas/core/admit/hold-ceiling.ts';
import { reachOf } from '../../../lambdas/core/admit/reach.ts';
import type { CachePoint, Charge, Turn, Usage } from '../../../lambdas/core/conversation.ts';
import { type DialectName, isOpenaiDialect } from '../../../lambdas/core/dialect.ts';
import { whyUnpriced } from '../../../lambdas/core/route/cost-bearing.ts';
import { attemptCost, inputOf } from '../../../lambdas/core/settle/attempt-cost.ts';
import type { Target } from '../../../lambdas/core/target.ts';
import { makeTarget } from '../call/call-fixture.ts';
import {
  CONTEXT,
  KINDS,
  makeConversation,
  makeCost,
  makeUsage,
  someBilled,
  someConversation,
  someTarget,
} from '../settle/priced-scenes.ts';

const marked = (ttl: CachePoint['ttl']): Turn => ({
  role: 'user',
  parts: [{ type: 'text', text: 'Hello', cache: { ttl } }],
});

const rates: Rates = { input: 3_000n, cachedInput: 300n, cacheWrite5m: 3_750n, cacheWrite1h: 6_000n, output: 15_000n };
const flat: Price = { ...rates, tiers: [], source: 'test' };
const targetOf = (dialect: keyof typeof KINDS, price: Price, more: Partial<Target> = {}): Target =>
  makeTarget('a', { dialect, price, provider: { name: 'a', kind: KINDS[dialect], baseUrl: 'https://a' }, ...more });
const claude = targetOf('anthropic-messages', flat);
const gpt = targetOf('openai-chat', flat);
const asking = (dialect: keyof typeof KINDS, ...charges: Charge[]) =>
  makeConversation({ costBearing: charges.map((charge) => makeCost(dialect, charge)) });

describe('holdCeiling', () => {
  test('without a cache point it is input and output limit at their plain rates', () => {
    expect(holdCeiling(claude, makeConversation(), 2_000_000, 1_000_000)).toBe(21_000n);
  });

  test.each([
    ['5m', 3_750n],
    ['1h', 6_000n],
  ] as const)('a cache point of %s holds its write rate', (ttl, held) => {
    expect(holdCeiling(claude, makeConversation({ turns: [marked(ttl)] }), 1_000_000, 0)).toBe(held);
  });

  test('cache points on tools and inside tool results are seen', () => {
    const tool = { name: 'search', cache: { ttl: '5m' } } as const;
    const result: Turn = {
      role: 'user',
      parts: [{ type: 'tool-result', callId: '1', content: [{ type: 'text', text: 'x', cache: { ttl: '1h' } }] }],
    };
    expect(holdCeiling(claude, makeConversation({ tools: [tool] }), 1_000_000, 0)).toBe(3_750n);
    expect(holdCeiling(claude, makeConversation({ turns: [result] }), 1_000_000, 0)).toBe(6_000n);
  });

  test('a vendor that writes its cache unasked is held at the write rate of short-lived entries', () => {
    expect(holdCeiling(gpt, makeConversation(), 1_000_000, 0)).toBe(3_750n);
  });

  test('entries that are asked to live longer are held at their own write rate', () => {
    expect(holdCeiling(gpt, asking('openai-chat', { kind: 'long-cache' }), 1_000_000, 0)).toBe(6_000n);
  });

  test('caching asked for by a field that the conversation does not hold is held at the write rates', () => {
    expect(holdCeiling(claude, makeConversation({ sameDialectOnly: ['cache_control'] }), 1_000_000, 0)).toBe(6_000n);
  });

  test('every choice may use the whole output limit', () => {
    expect(holdCeiling(claude, makeConversation({ choices: 3 }), 0, 1_000_000)).toBe(45_000n);
  });

  test('a tier within reach of the input is held, one out of reach is not', () => {
    const tiered: Price = { ...flat, tiers: [{ aboveInputTokens: 200_000, rates: { ...rates, input: 6_000n } }] };
    const target = { ...claude, price: tiered };
    expect(holdCeiling(target, makeConversation(), 200_000, 0)).toBe(600n);
    expect(holdCeiling(target, makeConversation(), 200_001, 0)).toBe(1_201n);
  });

  test('a tier that is cheaper than the base does not lower the hold', () => {
    const odd: Price = { ...flat, tiers: [{ aboveInputTokens: 100, rates: { ...rates, input: 1n, output: 1n } }] };
    expect(holdCeiling({ ...claude, price: odd }, makeConversation(), 1_000_000, 1_000_000)).toBe(18_000n);
  });

  test('cached input that costs more than fresh input is held at its own rate', () => {
    const odd: Price = { ...flat, cachedInput: 9_000n };
    expect(holdCeiling({ ...claude, price: odd }, makeConversation(), 1_000_000, 0)).toBe(9_000n);
  });
});

describe('the hold of what costs more than tokens', () => {
  const twice = Object.fromEntries(Object.entries(rates).map(([name, rate]) => [name, rate * 2n])) as unknown as Rates;
  const tiered: Price = {
    ...flat,
    services: { priority: { ...twice, tiers: [] }, flex: { ...rates, input: 1_500n, output: 7_500n, tiers: [] } },
  };
  const held = (target: Target, ...charges: Charge[]) =>
    holdCeiling(target, asking(target.dialect as keyof typeof KINDS, ...charges), 0, 1_000_000);

  test('the tier that is asked for, or the usual one where that is dearer', () => {
    const target = targetOf('openai-chat', tiered);
    expect(held(target)).toBe(15_000n);
    expect(held(target, { kind: 'service', service: 'priority' })).toBe(30_000n);
    expect(held(target, { kind: 'service', service: 'flex' })).toBe(15_000n);
  });

  test('where the project’s setting decides, the dearest tier that has a price', () => {
    expect(held(targetOf('openai-chat', tiered), { kind: 'service', service: 'auto' })).toBe(30_000n);
    expect(held(targetOf('openai-chat', tiered, { serviceTier: 'auto' }))).toBe(30_000n);
    expect(held(targetOf('openai-chat', tiered, { serviceTier: 'default' }))).toBe(15_000n);
  });

  test('a place that is not named may be the dearest one at Anthropic; one that is named is known', () => {
    const target = targetOf('anthropic-messages', { ...flat, geos: { us: 1_100 } });
    expect(held(target)).toBe(16_500n);
    expect(held(target, { kind: 'geo', geo: 'us' })).toBe(16_500n);
    expect(held(target, { kind: 'geo', geo: '' })).toBe(15_000n);
  });

  test('a search is held with its fee and with the whole context read once more', () => {
    const fees = { webSearch: { low: 1n, medium: 10n, high: 100n } };
    const target = targetOf('anthropic-messages', { ...flat, fees }, { contextTokens: 1_000_000 });
    const searches = asking('anthropic-messages', { kind: 'tool', tool: 'web-search', uses: 2, size: 'high' });
    expect(holdCeiling(target, searches, 0, 0)).toBe(2n * 100n + 2n * 3_000n);
  });

  test('where the alias says how much one use can bring in, each round reads that much more', () => {
    const fees = { webSearch: { low: 1n, medium: 10n, high: 100n } };
    const bounds = { tokensPerToolUse: 1_000_000, fields: new Map<string, bigint>() };
    const target = targetOf('anthropic-messages', { ...flat, fees }, { contextTokens: 10_000_000, bounds });
    const searches = asking('anthropic-messages', { kind: 'tool', tool: 'web-search', uses: 2, size: 'low' });
    // 1 + 2 + 3 million tokens
    expect(holdCeiling(target, searches, 1_000_000, 0)).toBe(2n + 6n * 3_000n);
  });

  test('spoken answers are held at the rate of audio', () => {
    const target = targetOf('openai-chat', { ...flat, audioInput: 5n, audioOutput: 40_000n });
    expect(held(target)).toBe(15_000n);
    expect(held(target, { kind: 'audio' })).toBe(40_000n);
  });

  test('a predicted answer may be billed on top of the limit', () => {
    const target = targetOf('openai-chat', { ...flat, output: 1_000_000n });
    const more = held(target, { kind: 'prediction', text: 'x '.repeat(1_000) }) - held(target);
    expect(more).toBeGreaterThanOrEqual(1_000n);
  });

  test('fees by the call and by the image are part of it', () => {
    const target = targetOf('openai-chat', { ...flat, fees: { call: 7n, image: 11n } });
    const image = { type: 'image', source: { type: 'url', url: 'https://example.com/a' } } as const;
    const turns: Turn[] = [{ role: 'user', parts: [image, image] }];
    expect(holdCeiling(target, makeConversation({ turns }), 0, 0)).toBe(7n + 22n);
  });

  test('a field without a price costs its bound, once', () => {
    const bounds = { fields: new Map([['mcp_servers', 5n]]) };
    const target = targetOf('anthropic-messages', flat, { bounds });
    const item = makeCost('anthropic-messages', { kind: 'unpriced' }, { bound: 'mcp_servers' });
    expect(holdCeiling(target, makeConversation({ costBearing: [item, item] }), 0, 0)).toBe(5n);
  });

  test('what another dialect asks for is not sent, and not held', () => {
    const bounds = { fields: new Map([['unpriced', 5n]]) };
    const target = targetOf('anthropic-messages', flat, { bounds });
    expect(holdCeiling(target, asking('openai-chat', { kind: 'unpriced' }), 0, 0)).toBe(0n);
  });
});

test('what a call costs is never above what was held for it, whatever it asks for and whatever the vendor bills by', () => {
  const scene = someTarget.chain((target) =>
    fc
      .record({
        conversation: someConversation(target.dialect as DialectName),
        inputHigh: fc.nat(600_000),
        limit: fc.nat(100_000),
        shares: fc.array(fc.nat(1_000), { minLength: 12, maxLength: 12 }),
      })
      .filter(({ conversation }) => whyUnpriced(target, conversation) === undefined)
      .chain((given) => {
        const reach = reachOf(target, given.conversation);
        return someBilled(reach.services, reach.geos).map((billed) => ({ ...given, billed, reach, target }));
      }),
  );

  fc.assert(
    fc.property(scene, ({ target, conversation, inputHigh, limit, shares, billed, reach }) => {
      const [a = 0, b = 0, c = 0, d = 0, whole = 0, out = 0, audioIn = 0, audioOut = 0, images = 0, found = 0] = shares;
      const share = (of: number, permille: number): number => Math.floor((of * permille) / 1_000);
      const output = limit * conversation.choices + reach.predictionTokens;
      // Round by round, as a vendor's loop over its own tools reads its input again.
      const perUse = target.bounds?.tokensPerToolUse ?? CONTEXT;
      let most = inputHigh;
      for (let use = 1; use <= reach.toolUses; use++)
        most += Math.max(inputHigh, Math.min(CONTEXT, inputHigh + output + use * perUse));
      const input = share(most, whole);
      // OpenAI tells all writes as one; elsewhere only those that were asked for are made.
      const mayWrite = (ttl: CachePoint['ttl']): boolean =>
        isOpenaiDialect(target.dialect) ? ttl === '5m' : reach.cacheWrites.has(ttl);
      const parts = [a + 1, b, mayWrite('5m') ? c : 0, mayWrite('1h') ? d : 0];
      const sum = parts.reduce((total, part) => total + part, 0);
      const [inputTokens = 0, cachedInputTokens = 0, cacheWrite5mTokens = 0, cacheWrite1hTokens = 0] = parts.map(
        (part) => Math.floor((input * part) / sum),
      );
      const outputTokens = share(output, out);
      const usage: Usage = makeUsage({
        inputTokens,
        cachedInputTokens,
        cacheWrite5mTokens,
        cacheWrite1hTokens,
        outputTokens,
        billed: {
          ...billed,
          ...(reach.hasAudio && {
            audioInputTokens: share(inputTokens, Math.min(audioIn, 500)),
            audioOutputTokens: share(outputTokens, audioOut),
          }),
          ...(reach.hasImages && { imageInputTokens: share(inputTokens, Math.min(images, 500)) }),
          ...(reach.searches > 0 && { webSearches: Math.round((reach.searches * found) / 1_000) }),
        },
      });
      const admission = {
        isBudgeted: true,
        asked: { conversation: { ...conversation, maxOutputTokens: limit }, alias: { defaultOutputTokens: 1 } },
        plan: { estimateOf: () => ({ inputTokensLow: 0, inputTokensHigh: inputHigh }) },
      } as unknown as Parameters<typeof attemptCost>[1];
      const attempt = { target, usage, startedAt: 0, durationMs: 0, seenOutputTokens: 0 };
      const { cost, isEstimated } = attemptCost(attempt, admission);
      // Nothing is made up where both sides were counted: the figure is the vendor's own.
      expect(isEstimated && outputTokens > 0 && inputOf(usage) > 0).toBe(false);
      expect(cost).toBeLessThanOrEqual(holdCeiling(target, conversation, inputHigh, limit));
    }),
    { numRuns: 2_000 },
  );
});
