/** What only OpenAI's own dialect can say, though it is old, or sound: kept for targets that speak it, and priced. */
import { describe, expect, test } from '@jest/globals';
import type { Conversation, JsonObject } from '../../../lambdas/core/conversation.ts';
import { whyUnpriced } from '../../../lambdas/core/route/cost-bearing.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';

const user = { role: 'user', content: 'hi' };
const decode = (more: JsonObject): Conversation => {
  const decoded = openaiChat.decodeRequest({ model: 'm', messages: [user], ...more });
  if (!decoded.ok) throw new Error(decoded.problem.message);
  return decoded.value;
};
const CALL = { role: 'assistant', content: null, function_call: { name: 'f', arguments: '{"a":1}' } };

describe('functions as they were before tools', () => {
  test.each<[string, JsonObject, string]>([
    ['functions', { functions: [{ name: 'f', parameters: {} }] }, 'functions'],
    ['function_call', { function_call: 'auto' }, 'function_call'],
    ['a call', { messages: [user, CALL] }, 'messages[1].function_call'],
    ['a result', { messages: [user, CALL, { role: 'function', name: 'f', content: '1' }] }, 'function_call'],
  ])('%s: bound to the dialect, and named', (_, more, what) => {
    const { boundTo } = decode(more);
    expect(boundTo).toEqual({ dialect: 'openai-chat', what: expect.stringContaining(what) });
  });

  test('count with their size', () => {
    const { tools, turns } = decode({
      functions: [{ name: 'f', description: 'd', parameters: { type: 'object' } }],
      messages: [user, CALL, { role: 'function', name: 'f', content: 'the result' }],
    });
    expect(tools).toEqual([{ name: 'f', description: 'd', parameters: { type: 'object' } }]);
    expect(turns.slice(1)).toMatchObject([
      { role: 'assistant', parts: [{ type: 'tool-call', name: 'f', arguments: '{"a":1}' }] },
      { role: 'user', parts: [{ type: 'text', text: 'the result' }] },
    ]);
  });

  test('go as they came', () => {
    const body = { model: 'm', messages: [user, CALL], functions: [{ name: 'f' }], function_call: { name: 'f' } };
    const target = { model: 'gpt', modelMaxOutputTokens: 100, stream: false, reasoningModel: false };
    expect(openaiChat.relayRequest(body, target)).toMatchObject({ ...body, model: 'gpt' });
  });
});

describe('sound', () => {
  const spoken = (data: string) =>
    decode({ messages: [{ role: 'user', content: [{ type: 'input_audio', input_audio: { data, format: 'mp3' } }] }] });
  const price = {
    input: 1n,
    cachedInput: 1n,
    cacheWrite5m: 1n,
    cacheWrite1h: 1n,
    output: 1n,
    tiers: [],
    source: 'test',
  };

  test('is bound to the dialect, and stood for by a text that grows and differs with it', () => {
    const text = (data: string) => {
      const [part] = spoken(data).turns[0]?.parts ?? [];
      return part?.type === 'text' ? part.text : '';
    };
    expect(spoken('AAAA').boundTo?.what).toBe('audio (messages[0].content[0].input_audio)');
    expect(text('A'.repeat(50_000)).length).toBeGreaterThanOrEqual(1_000);
    expect(text(`${'A'.repeat(999)}B`)).not.toBe(text('A'.repeat(1_000)));
  });

  test('is served where it has a price, and by no other target', () => {
    const asked = spoken('AAAA');
    const target = { dialect: 'openai-chat' as const, price };
    expect(whyUnpriced(target, asked)).toContain('audioInputPerMTok');
    expect(whyUnpriced({ ...target, price: { ...price, audioInput: 9n } }, asked)).toBeUndefined();
    // A price for spoken answers says nothing of questions.
    expect(whyUnpriced({ ...target, price: { ...price, audioOutput: 9n } }, asked)).toContain('audioInputPerMTok');
  });
});
