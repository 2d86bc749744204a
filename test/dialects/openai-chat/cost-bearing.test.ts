import { describe, expect, test } from '@jest/globals';
import type { Billed, JsonObject } from '../../../lambdas/core/conversation.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';

const minimal = { model: 'assistant', messages: [{ role: 'user', content: 'hi' }] };
const decoded = (more: JsonObject) => {
  const result = openaiChat.decodeRequest({ ...minimal, ...more });
  if (!result.ok) throw new Error(result.problem.message);
  return result.value;
};
const part = (more: JsonObject): JsonObject => ({
  messages: [{ role: 'user', content: [{ type: 'text', text: 'hi', ...more }] }],
});

/** Every field of this dialect that can cost money, and how. */
describe('what a request asks for beyond its tokens', () => {
  test.each<[JsonObject, object]>([
    [{ service_tier: 'flex' }, { kind: 'service', service: 'flex' }],
    [{ service_tier: 'priority' }, { kind: 'service', service: 'priority' }],
    [{ service_tier: 'fast' }, { kind: 'service', service: 'priority' }],
    [{ service_tier: 'ultrafast' }, { kind: 'service', service: 'ultrafast' }],
    [{ service_tier: 'auto' }, { kind: 'service', service: 'auto' }],
    [{ service_tier: 'gold' }, { kind: 'unpriced', bound: 'service_tier' }],
    [{ service_tier: 7 }, { kind: 'unpriced' }],
    [{ web_search_options: {} }, { kind: 'tool', tool: 'web-search', size: 'medium' }],
    [{ web_search_options: { search_context_size: 'high' } }, { kind: 'tool', size: 'high' }],
    [{ modalities: ['text', 'audio'] }, { kind: 'audio', bound: 'audio' }],
    [{ modalities: ['video'] }, { kind: 'unpriced' }],
    [{ audio: { voice: 'alloy', format: 'wav' } }, { kind: 'audio' }],
    [{ prediction: { type: 'content', content: 'abc' } }, { kind: 'prediction', text: '"abc"' }],
    [{ prediction: 7 }, { kind: 'prediction', text: '7' }],
    [{ prompt_cache_options: { ttl: '24h' } }, { kind: 'long-cache' }],
    [part({ prompt_cache_breakpoint: { ttl: '24h' } }), { kind: 'long-cache', field: 'prompt_cache_breakpoint' }],
    [{ moderation: { model: 'gpt-x' } }, { kind: 'unpriced' }],
    [{ plugins: [{ id: 'web' }] }, { kind: 'unpriced' }],
    [{ models: ['a'] }, { kind: 'unpriced' }],
    [{ provider: {} }, { kind: 'unpriced' }],
    [{ route: 'fallback' }, { kind: 'unpriced' }],
    [{ search_parameters: {} }, { kind: 'unpriced' }],
    [{ enable_search: true }, { kind: 'unpriced' }],
    [{ web_search: {} }, { kind: 'unpriced' }],
    [{ compound_custom: {} }, { kind: 'unpriced' }],
    [{ search_settings: {} }, { kind: 'unpriced' }],
  ])('%j', (fields, expected) => {
    const { costBearing } = decoded(fields);
    const field = Object.keys(fields)[0];
    expect(costBearing).toEqual([
      expect.objectContaining({ ...(field !== 'messages' && { field }), dialect: 'openai-chat', ...expected }),
    ]);
  });

  test.each<JsonObject>([
    { service_tier: 'default' },
    { service_tier: 'scale' },
    { service_tier: null },
    { modalities: ['text'] },
    { prompt_cache_retention: '24h' },
    { prompt_cache_retention: 'in_memory' },
    { prompt_cache_options: { mode: 'explicit', ttl: '30m' } },
    part({ prompt_cache_breakpoint: {} }),
    { moderation: { model: 'omni-moderation-latest' } },
    { plugins: [] },
    { models: [] },
    { enable_search: false },
    { web_search: false },
    { n: 3 },
    { store: true, metadata: { a: 'b' }, logprobs: true, verbosity: 'low', prompt_cache_key: 'k' },
  ])('%j costs its tokens at standard rates', (fields) => {
    expect(decoded(fields).costBearing).toEqual([]);
  });

  test('what changes only how fast an answer comes is left out elsewhere and told; what changes the answer is not', () => {
    expect(decoded({ service_tier: 'flex' }).sameDialectOnly).toEqual(['service_tier']);
    expect(decoded({ service_tier: 'auto' }).sameDialectOnly).toEqual([]);
    expect(decoded({ web_search_options: {} })).toMatchObject({
      sameDialectOnly: [],
      costBearing: [{ isDispensable: false }],
    });
  });
});

describe('what an answer says it was billed by', () => {
  const answer = (more: JsonObject, details: JsonObject = {}): Billed | undefined =>
    openaiChat.decodeAnswer({
      id: 'c',
      model: 'm',
      choices: [{ message: { content: 'hi' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15, ...details },
      ...more,
    })?.usage?.billed;

  test.each([
    ['default', 'standard'],
    ['scale', 'standard'],
    ['priority', 'priority'],
    ['flex', 'flex'],
  ])('service_tier %p is %p', (tier, service) => {
    expect(answer({ service_tier: tier })).toEqual({ service });
  });

  test.each([['auto'], [null], ['on_demand'], [7]])('service_tier %p says nothing', (tier) => {
    expect(answer({ service_tier: tier })).toBeUndefined();
  });

  test('audio and image tokens are parts of the counts', () => {
    const details = {
      prompt_tokens_details: { audio_tokens: 4, image_tokens: 3 },
      completion_tokens_details: { audio_tokens: 2 },
    };
    expect(answer({}, details)).toEqual({ audioInputTokens: 4, imageInputTokens: 3, audioOutputTokens: 2 });
  });

  test('a stream may name the tier in its first chunk alone', () => {
    const decoder = openaiChat.decodeStream();
    const push = (data: object) => decoder.push({ type: '', data: JSON.stringify(data) });
    push({ id: 'c', model: 'm', service_tier: 'priority', choices: [{ index: 0, delta: { content: 'hi' } }] });
    const events = push({ id: 'c', model: 'm', choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } });
    expect(events).toMatchObject([{ type: 'usage', usage: { billed: { service: 'priority' } } }]);
  });

  test('what a spoken answer says is text', () => {
    const audio = { id: 'a', transcript: 'hello', data: '' };
    expect(openaiChat.decodeAnswer({ choices: [{ message: { content: null, audio } }] })?.parts).toEqual([
      { type: 'text', text: 'hello' },
    ]);
  });
});

describe('the tier that is set', () => {
  const target = { model: 'm', modelMaxOutputTokens: 10, stream: false, reasoningModel: false };

  test('where the client names none, relayed or translated', () => {
    const set = { ...target, serviceTier: 'default' };
    expect(openaiChat.relayRequest(minimal, set)).toMatchObject({ service_tier: 'default' });
    expect(openaiChat.relayRequest({ ...minimal, service_tier: 'flex' }, set)).toMatchObject({ service_tier: 'flex' });
    expect(openaiChat.encodeRequest(decoded({}), set).body).toMatchObject({ service_tier: 'default' });
  });

  test('nowhere else', () => {
    expect(openaiChat.relayRequest(minimal, target)).not.toHaveProperty('service_tier');
    expect(openaiChat.encodeRequest(decoded({}), target).body).not.toHaveProperty('service_tier');
  });
});
