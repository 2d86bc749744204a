import { describe, expect, test } from '@jest/globals';
import { keepSignatures } from '../../../lambdas/core/call/keep-signatures.ts';
import type { AssistantPart, Conversation, SignatureMaker } from '../../../lambdas/core/conversation.ts';

const of = (...parts: AssistantPart[]): Conversation =>
  ({
    turns: [
      { role: 'user', parts: [{ type: 'text', text: 'hi' }] },
      { role: 'assistant', parts },
    ],
  }) as never;

const MAKERS: SignatureMaker[] = ['anthropic', 'google', 'openai'];

const signedBy = (maker: SignatureMaker): AssistantPart[] => [
  { type: 'reasoning', id: 'r', text: `${maker} thought`, signature: 's', signedBy: maker },
  { type: 'redacted-reasoning', data: maker, madeBy: maker },
  { type: 'text', text: maker, signature: 's', signedBy: maker, citations: [] },
  { type: 'tool-call', id: maker, name: 'f', arguments: '{}', signature: 's', signedBy: maker },
];

const unsigned = (maker: SignatureMaker): AssistantPart[] => [
  { type: 'reasoning', text: `${maker} thought` },
  { type: 'text', text: maker, citations: [] },
  { type: 'tool-call', id: maker, name: 'f', arguments: '{}' },
];

describe('signatures', () => {
  test.each(MAKERS)('a target that checks %s’s keeps those and no others, and they are named', (maker) => {
    const conversation = of(...MAKERS.flatMap(signedBy));
    const { conversation: kept, dropped } = keepSignatures(conversation, maker);
    expect(kept.turns[1]?.parts).toEqual(MAKERS.flatMap((one) => (one === maker ? signedBy(one) : unsigned(one))));
    expect(dropped).toEqual(MAKERS.filter((one) => one !== maker).map((one) => `${one} signatures`));
  });

  test('a target that checks none keeps none', () => {
    const { conversation, dropped } = keepSignatures(of(...MAKERS.flatMap(signedBy)), undefined);
    expect(conversation.turns[1]?.parts).toEqual(MAKERS.flatMap(unsigned));
    expect(dropped).toEqual(MAKERS.map((one) => `${one} signatures`));
  });

  test('where no maker is told it is Anthropic', () => {
    const conversation = of(
      { type: 'reasoning', text: 'x', signature: 's' },
      { type: 'redacted-reasoning', data: 'd' },
    );
    expect(keepSignatures(conversation, 'anthropic')).toEqual({ conversation, dropped: [] });
    expect(keepSignatures(conversation, 'google').conversation.turns[1]?.parts).toEqual([
      { type: 'reasoning', text: 'x' },
    ]);
  });

  test('a thought without words is nothing without its signature', () => {
    const conversation = of({ type: 'reasoning', text: '', signature: 's' });
    expect(keepSignatures(conversation, undefined).conversation.turns[1]?.parts).toEqual([]);
  });

  test('a conversation that has none is the same object', () => {
    const conversation = of({ type: 'reasoning', text: 'x' }, { type: 'text', text: 'y' });
    expect(keepSignatures(conversation, undefined).conversation).toBe(conversation);
  });
});
