import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { embed } from '../../../lambdas/adapters/simulator/embed.ts';
import { estimateConversation } from '../../../lambdas/core/admit/estimate.ts';
import type { Conversation, EmbeddingInput } from '../../../lambdas/core/conversation.ts';
import { makeTarget } from '../call/call-fixture.ts';

const target = makeTarget('a', { dialect: 'openai-embeddings', model: 'text-embedding-3-small' });

const estimate = (inputs: EmbeddingInput[]) =>
  estimateConversation(
    { turns: [], tools: [], embedding: { inputs, format: 'float' } } as unknown as Conversation,
    target,
  );

const texts = fc.array(fc.string({ minLength: 1, unit: 'grapheme' }), { minLength: 1, maxLength: 50 });
const tokens = fc.array(fc.array(fc.nat(100_000), { minLength: 1, maxLength: 50 }), { minLength: 1, maxLength: 50 });

test('what is held is never less than what a batch of any texts or tokens counts as', () => {
  fc.assert(
    fc.property(fc.oneof(texts, tokens), (inputs) => {
      const counted = embed({ input: inputs }, 4);
      const { inputTokensHigh, inputTokensLow } = estimate(inputs);
      expect(counted.ok && counted.inputTokens).toBeLessThanOrEqual(inputTokensHigh);
      expect(inputTokensLow).toBeLessThanOrEqual(inputTokensHigh);
    }),
  );
});

test('tokens that come as tokens are counted as many, and no text makes the batch cheaper', () => {
  fc.assert(
    fc.property(tokens, (inputs) => {
      const count = inputs.reduce((sum, { length }) => sum + length, 0);
      expect(estimate(inputs).inputTokensLow).toBe(count);
    }),
  );
  fc.assert(
    fc.property(texts, fc.string({ minLength: 1 }), (inputs, more) => {
      expect(estimate([...inputs, more]).inputTokensHigh).toBeGreaterThan(estimate(inputs).inputTokensHigh);
    }),
  );
});
