import { describe, expect, test } from '@jest/globals';
import type { Conversation, Turn } from '../../../lambdas/core/conversation.ts';
import type { EncodeTarget } from '../../../lambdas/core/dialect.ts';
import { openaiResponses } from '../../../lambdas/dialects/openai-responses/codec.ts';

const target: EncodeTarget = { model: 'gpt-4.1', modelMaxOutputTokens: 1_000, stream: false, reasoningModel: false };
const hello: Turn = { role: 'user', parts: [{ type: 'text', text: 'Hi' }] };
const encode = (more: Partial<Conversation>, to: Partial<EncodeTarget> = {}) =>
  openaiResponses.encodeRequest(
    {
      model: 'alias',
      turns: [hello],
      tools: [],
      choices: 1,
      stream: false,
      streamUsage: false,
      sameDialectOnly: [],
      costBearing: [],
      ...more,
    },
    { ...target, ...to },
  );

test('a plain question keeps nothing at the provider', () => {
  expect(encode({})).toEqual({
    body: { model: 'gpt-4.1', input: [{ role: 'user', content: 'Hi' }], store: false },
    dropped: [],
  });
});

describe('what has no words here is left out and named', () => {
  test.each<[Partial<Conversation>, string[]]>([
    [{ stopSequences: ['END'] }, ['stopSequences']],
    [
      { topK: 5, seed: 1, presencePenalty: 1, frequencyPenalty: 1 },
      ['topK', 'seed', 'presencePenalty', 'frequencyPenalty'],
    ],
    [{ reasoning: { effort: 'high' } }, ['reasoning']],
    [{ sameDialectOnly: ['metadata'] }, ['metadata']],
    [
      {
        turns: [
          { role: 'assistant', parts: [{ type: 'tool-call', id: 'c', name: 'f', arguments: '{}' }] },
          { role: 'user', parts: [{ type: 'tool-result', callId: 'c', content: [], isError: true }] },
        ],
      },
      ['isError'],
    ],
    [{ turns: [hello, { role: 'assistant', parts: [{ type: 'reasoning', text: 'Hm.' }] }] }, ['reasoning parts']],
  ])('%j: %j', (more, names) => {
    expect(encode(more).dropped).toEqual(names);
  });
});

describe('a reasoning model', () => {
  const to = { model: 'gpt-5', reasoningModel: true };

  test('is asked for its reasoning, encrypted, with the effort nearest to a budget', () => {
    const { body, dropped } = encode({ reasoning: { budgetTokens: 10_000 } }, to);
    expect(body).toMatchObject({ reasoning: { effort: 'medium' }, include: ['reasoning.encrypted_content'] });
    expect(dropped).toEqual([]);
  });

  test('gets no sampling, which it refuses', () => {
    const { body, dropped } = encode({ temperature: 0.2, topP: 1, logprobs: { top: 1 } }, to);
    expect(body).not.toHaveProperty('temperature');
    expect(body['include']).toEqual(['reasoning.encrypted_content']);
    expect(dropped).toEqual(['logprobs', 'temperature']);
  });

  test('gets its own thought back before the call that it led to', () => {
    const { body } = encode(
      {
        turns: [
          hello,
          {
            role: 'assistant',
            parts: [
              { type: 'reasoning', id: 'rs_1', text: 'Hm.', signature: 'gAAA', signedBy: 'openai' },
              { type: 'tool-call', id: 'c', name: 'f', arguments: '{}' },
            ],
          },
        ],
      },
      to,
    );
    expect(body['input']).toEqual([
      { role: 'user', content: 'Hi' },
      { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'Hm.' }], encrypted_content: 'gAAA' },
      { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' },
    ]);
  });
});

test('tools keep their schemas as they are, unless the client wants them strict', () => {
  const { body } = encode({
    tools: [
      { name: 'f', parameters: { type: 'object' } },
      { name: 'g', strict: true },
    ],
  });
  expect(body['tools']).toEqual([
    { type: 'function', name: 'f', parameters: { type: 'object' }, strict: false },
    { type: 'function', name: 'g', parameters: null, strict: true },
  ]);
});

test('a system turn alone is input, as there has to be some', () => {
  const { body } = encode({ turns: [{ role: 'system', parts: [{ type: 'text', text: 'Go.' }] }] });
  expect(body).toMatchObject({ input: [{ role: 'system', content: [{ type: 'input_text', text: 'Go.' }] }] });
  expect(body).not.toHaveProperty('instructions');
});
