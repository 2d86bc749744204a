import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { countInputTokens, toTokens } from '../../../lambdas/adapters/simulator/tokens.ts';

describe('tokens', () => {
  test('joined are the text again, and there are as many as words', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'é', '😀', ' ', '\n', '\t') }), (text) => {
        const tokens = toTokens(text);
        expect(tokens.join('')).toBe(text);
        expect(tokens).toHaveLength(text.trim() === '' ? Number(text !== '') : text.trim().split(/\s+/).length);
      }),
    );
  });

  test('of a request are its words, its tool calls, its tools and ten for each image', () => {
    expect(
      countInputTokens({
        messages: [
          { role: 'user', content: 'one two' },
          {
            role: 'user',
            content: [
              { type: 'text', text: 'three' },
              { type: 'image_url', image_url: { url: 'x' } },
            ],
          },
          { role: 'assistant', content: null, tool_calls: [{ function: { name: 'f', arguments: '{"a": 1}' } }] },
          'nonsense',
        ],
        tools: [{ type: 'function', function: { name: 'f', description: 'two words' } }],
      }),
    ).toBe(2 + 1 + 10 + 3 + 2);
  });
});
