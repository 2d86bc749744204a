import { describe, expect, test } from '@jest/globals';
import { maxImageTokensOf } from '../../lambdas/catalogue/media-tokens.ts';

describe('maxImageTokensOf', () => {
  /** Measured or published counts of large images; the ceiling must be above each. */
  test.each([
    ['gpt-4o-mini-2024-07-18', 48_169],
    ['gpt-4o-2024-08-06', 1_445],
    ['gpt-4.1-2025-04-14', 1_445],
    ['gpt-4.1-mini-2025-04-14', 2_488],
    ['gpt-4.1-nano-2025-04-14', 3_778],
    ['o4-mini-2025-04-16', 2_641],
    ['o3-2025-04-16', 1_275],
    ['gpt-5-2025-08-07', 1_190],
    ['gpt-5-mini-2025-08-07', 2_334],
    ['gpt-5.5-2026-04-23', 11_868],
    ['gpt-6-astra', 63_281],
    ['us.openai.gpt-6-sol', 63_281],
    ['claude-haiku-4-5-20251001', 1_661],
    ['us.anthropic.claude-sonnet-4-5-20250929-v1:0', 1_661],
    ['claude-opus-4-7', 4_784],
    ['anthropic.claude-sonnet-5-5', 4_784],
    ['amazon.nova-lite-v1:0', 2_600],
    ['qwen.qwen3-vl-235b-a22b', 16_384],
  ])('%s: at least %i', (model, tokens) => {
    expect(maxImageTokensOf(model)).toBeGreaterThanOrEqual(tokens);
  });

  test.each(['gpt-99', 'claude-next', 'something-new'])(
    'an unknown model (%s) is not taken for a cheap one',
    (model) => {
      expect(maxImageTokensOf(model)).toBeGreaterThanOrEqual(5_000);
    },
  );

  test('older Claude models are not charged for the newer ones’ larger images', () => {
    expect(maxImageTokensOf('claude-3-5-sonnet-20241022')).toBeLessThan(2_000);
    expect(maxImageTokensOf('claude-opus-4-6')).toBeLessThan(2_000);
  });
});
