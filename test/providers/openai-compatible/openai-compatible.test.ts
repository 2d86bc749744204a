import { describe, expect, test } from '@jest/globals';
import { chatQuirksOf } from '../../../lambdas/contract/chat-quirks.ts';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';
import type { Target } from '../../../lambdas/core/target.ts';
import { openaiCompatible } from '../../../lambdas/providers/openai-compatible/openai-compatible.ts';

const sent = (
  baseUrl: string,
  body: JsonObject,
  reasoningModel = false,
): { url: string; headers: object; body: unknown } => {
  const provider = { name: 'x', kind: 'openai-compatible', baseUrl, quirks: chatQuirksOf(baseUrl) };
  const target = { provider, reasoningModel } as Target;
  const call = openaiCompatible.call({ target, body, stream: false, apiKey: 'k', requestId: 'r' });
  if (call.transport !== 'http') throw new Error('not over HTTP');
  return { url: call.url, headers: call.headers, body: JSON.parse(call.body) };
};

const toolTurn = (...ids: string[]): JsonObject[] => [
  {
    role: 'assistant',
    tool_calls: ids.map((id) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } })),
  },
  ...ids.map((id) => ({ role: 'tool', tool_call_id: id, content: 'ok' })),
];

describe('the call', () => {
  test('goes below the base URL that the configuration names, with or without a slash', () => {
    for (const baseUrl of ['https://llm.example.com/openai/v1', 'https://llm.example.com/openai/v1/'])
      expect(sent(baseUrl, {})).toEqual({
        url: 'https://llm.example.com/openai/v1/chat/completions',
        headers: { 'content-type': 'application/json', accept: 'application/json', authorization: 'Bearer k' },
        body: {},
      });
  });
});

describe('quirks', () => {
  test('the limit has the name that every server knows, so that it holds', () => {
    expect(sent('https://api.deepseek.com', { max_completion_tokens: 5, a: 1 }).body).toEqual({ max_tokens: 5, a: 1 });
    expect(sent('https://llm.example.com/v1', { max_tokens: 5 }).body).toEqual({ max_tokens: 5 });
  });

  test('reasoning models keep the newer name', () => {
    expect(sent('https://llm.example.com/v1', { max_completion_tokens: 5 }, true).body).toEqual({
      max_completion_tokens: 5,
    });
  });

  test('Mistral has names of its own', () => {
    const body = { stream: true, seed: 7, max_completion_tokens: 5, temperature: 0 };
    expect(sent('https://api.mistral.ai/v1', body).body).toEqual({
      stream: true,
      random_seed: 7,
      max_tokens: 5,
      temperature: 0,
    });
  });

  test.each(['https://api.deepseek.com', 'https://api.moonshot.ai/v1'])(
    '%s is told of every earlier call what was thought before it, were it nothing',
    (baseUrl) => {
      const [asked = {}, ...rest] = toolTurn('call_1');
      const thought = { ...asked, reasoning_content: 'hm' };
      const messages = [{ role: 'user', content: 'hi' }, asked, ...rest, thought, { role: 'assistant', content: 'x' }];
      const { body } = sent(baseUrl, { messages });
      expect((body as { messages: JsonObject[] }).messages.map((message) => message['reasoning_content'])).toEqual([
        undefined,
        '',
        undefined,
        'hm',
        undefined,
      ]);
    },
  );

  test('Mistral is sent ids of nine letters and digits, the same for a call and its result', () => {
    const { body } = sent('https://api.mistral.ai/v1', { messages: toolTurn('call_1', 'Abc123xyz') });
    const [{ tool_calls: calls }, first, second] = (
      body as { messages: [{ tool_calls: { id: string }[] }, ...{ tool_call_id: string }[]] }
    ).messages;
    expect(calls[0]?.id).toMatch(/^[A-Za-z0-9]{9}$/);
    expect([first?.tool_call_id, second?.tool_call_id]).toEqual(calls.map(({ id }) => id));
    expect(calls[1]?.id).toBe('Abc123xyz');
  });

  test('a host that only looks like it is another', () => {
    const body = { seed: 7 };
    expect(sent('https://api.mistral.ai.example.com/v1', body).body).toEqual(body);
    expect(sent('https://example.com/api.mistral.ai', body).body).toEqual(body);
  });
});
