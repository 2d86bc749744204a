import { expect, test } from '@jest/globals';
import { catalogue } from '../../../lambdas/catalogue/catalogue.ts';
import { betasAt } from '../../../lambdas/core/call/betas-at.ts';
import { readPrice } from '../../../lambdas/core/route/read-price.ts';
import { makeTarget } from './call-fixture.ts';

const LONG = 'context-1m-2025-08-07';
const flat = readPrice({ inputPerMTok: 3, outputPerMTok: 15 });
const tiered = readPrice({
  inputPerMTok: 3,
  outputPerMTok: 15,
  aboveInputTokens: { tokens: 200_000, inputPerMTok: 6, outputPerMTok: 22.5 },
});

test.each([
  ['one rate, and the usual context', flat, 200_000, false],
  ['a rate for long inputs', tiered, 200_000, true],
  ['one rate for a context that is long by itself', flat, 1_000_000, true],
])('a longer context with %s', (_, price, contextTokens, isSent) => {
  const target = makeTarget('a', { dialect: 'anthropic-messages', price, contextTokens });
  expect(betasAt(target, { betas: [LONG, 'other-1'] })).toEqual({
    sent: isSent ? [LONG, 'other-1'] : ['other-1'],
    dropped: isSent ? [] : [`anthropic-beta: ${LONG}`],
  });
});

test('the catalogue’s Claudes with a long context need no beta that has no price', () => {
  for (const name of catalogue.names('anthropic')) {
    const model = catalogue.find('anthropic', name);
    if (model === undefined || model.contextTokens <= 200_000) continue;
    expect(betasAt({ dialect: 'anthropic-messages', model: name, ...model }, { betas: [LONG] }).sent).toEqual([LONG]);
  }
});

test('other models on Bedrock, and other languages, get none', () => {
  const nova = makeTarget('a', { dialect: 'bedrock-converse', model: 'us.amazon.nova-lite-v1:0' });
  const chat = makeTarget('a', { dialect: 'openai-chat' });
  for (const target of [nova, chat])
    expect(betasAt(target, { betas: ['effort-2025-11-24'] })).toEqual({
      sent: [],
      dropped: ['anthropic-beta: effort-2025-11-24'],
    });
  expect(betasAt(chat, {})).toEqual({ sent: [], dropped: [] });
});
