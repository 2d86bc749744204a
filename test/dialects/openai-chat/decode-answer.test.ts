import { describe, expect, test } from '@jest/globals';
import type { JsonObject, JsonValue } from '../../../lambdas/core/conversation.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';

const answer = (message: JsonObject, finish: JsonValue = 'stop') =>
  openaiChat.decodeAnswer({ id: 'c/1', model: 'm', choices: [{ message, finish_reason: finish }] });

describe('what vendors do differently', () => {
  test('reasoning, text, refusal and calls come in that order, whatever the order of the fields', () => {
    const parts = answer({
      tool_calls: [{ id: 'a', function: { name: 'f', arguments: '' } }],
      refusal: 'no',
      content: 'so',
      reasoning: 'hm',
    })?.parts;
    expect(parts).toEqual([
      { type: 'reasoning', text: 'hm' },
      { type: 'text', text: 'so' },
      { type: 'refusal', text: 'no' },
      { type: 'tool-call', id: 'a', name: 'f', arguments: '{}' },
    ]);
  });

  test('content as a list of thinking and text (Mistral)', () => {
    const content = [
      { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] },
      { type: 'text', text: 'so' },
      { type: 'reference', reference_ids: [1] },
      { type: 'text', text: ' it is' },
    ];
    expect(answer({ content })?.parts).toEqual([
      { type: 'reasoning', text: 'hm' },
      { type: 'text', text: 'so it is' },
    ]);
  });

  test('calls without ids, with arguments as an object, and the old function_call', () => {
    expect(
      answer({ tool_calls: [{ function: { name: 'f', arguments: { x: 1 } } }, { function: { name: 'g' } }] })?.parts,
    ).toEqual([
      { type: 'tool-call', id: 'call_c_1_0', name: 'f', arguments: '{"x":1}' },
      { type: 'tool-call', id: 'call_c_1_1', name: 'g', arguments: '{}' },
    ]);
    expect(answer({ content: null, function_call: { name: 'f', arguments: '{}' } }, 'function_call')).toMatchObject({
      parts: [{ type: 'tool-call', id: 'call_c_1_0', name: 'f' }],
      stop: { reason: 'tool-calls', raw: 'function_call' },
    });
  });

  test.each<[JsonValue, string, string]>([
    ['stop', 'end', 'stop'],
    ['length', 'length', 'length'],
    ['model_length', 'length', 'model_length'],
    ['content_filter', 'content-filter', 'content_filter'],
    ['eos', 'end', 'eos'],
    ['toString', 'other', 'toString'],
    [null, 'other', ''],
    [7, 'other', ''],
  ])('a finish_reason of %j is %s, and kept', (finish, reason, raw) => {
    expect(answer({ content: 'x' }, finish)?.stop).toEqual({ reason, raw });
  });

  test('all choices are read', () => {
    const choices = ['a', 'b'].map((content) => ({ message: { content }, finish_reason: 'stop' }));
    const stop = { reason: 'end', raw: 'stop' };
    expect(openaiChat.decodeAnswer({ choices })).toMatchObject({
      parts: [{ type: 'text', text: 'a' }],
      stop,
      alternatives: [{ parts: [{ type: 'text', text: 'b' }], stop }],
    });
  });
});

describe('usage', () => {
  const usageOf = (usage: JsonValue) =>
    openaiChat.decodeAnswer({ choices: [{ message: { content: 'x' } }], usage })?.usage;
  const none = {
    inputTokens: 0,
    cachedInputTokens: 0,
    cacheWrite5mTokens: 0,
    cacheWrite1hTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
  };

  test.each<[string, JsonValue, object | undefined]>([
    ['none', null, undefined],
    ['an empty one', {}, undefined],
    ['plain', { prompt_tokens: 5, completion_tokens: 2 }, { inputTokens: 5, outputTokens: 2 }],
    [
      'cached, written and reasoned within',
      {
        prompt_tokens: 100,
        completion_tokens: 20,
        total_tokens: 120,
        prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 30 },
        completion_tokens_details: { reasoning_tokens: 15 },
      },
      { inputTokens: 10, cachedInputTokens: 60, cacheWrite5mTokens: 30, outputTokens: 20, reasoningTokens: 15 },
    ],
    [
      'DeepSeek cache',
      { prompt_tokens: 10, completion_tokens: 1, prompt_cache_hit_tokens: 8 },
      { inputTokens: 2, cachedInputTokens: 8, outputTokens: 1 },
    ],
    [
      'Moonshot cache',
      { prompt_tokens: 10, completion_tokens: 1, cached_tokens: 8 },
      { inputTokens: 2, cachedInputTokens: 8, outputTokens: 1 },
    ],
    [
      'reasoning in the total alone (Gemini)',
      { prompt_tokens: 10, completion_tokens: 5, total_tokens: 40 },
      { inputTokens: 10, outputTokens: 30 },
    ],
    [
      'more cached than there is: as much as there is',
      { prompt_tokens: 5, completion_tokens: 1, prompt_tokens_details: { cached_tokens: 9 } },
      { inputTokens: 0, cachedInputTokens: 5, outputTokens: 1 },
    ],
    ['counts that are none', { prompt_tokens: -5, completion_tokens: 1.5, total_tokens: 'x' }, undefined],
  ])('%s', (_, usage, expected) => {
    expect(usageOf(usage)).toEqual(expected === undefined ? undefined : { ...none, ...expected });
  });
});

test.each<[string, JsonValue]>([
  ['null', null],
  ['a text', 'hello'],
  ['an array', []],
  ['no choices', { id: 'x' }],
  ['empty choices', { choices: [] }],
  ['choices that are no objects', { choices: [null, 1] }],
  ['an error under a 200', { error: { message: 'broke' } }],
  [
    'an error beside a choice',
    { choices: [{ message: { content: '' }, finish_reason: 'error' }], error: { code: 502, message: 'broke' } },
  ],
])('%s is no answer', (_, body) => {
  expect(openaiChat.decodeAnswer(body)).toBeUndefined();
});

test('a filtered answer without a message is an answer (Azure)', () => {
  expect(openaiChat.decodeAnswer({ choices: [{ finish_reason: 'content_filter' }] })).toMatchObject({
    parts: [],
    stop: { reason: 'content-filter' },
  });
});
