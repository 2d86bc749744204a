/** What leaves for a target: signatures that it can check, what was thought where its server takes that, and no field that it refuses. */
import { describe, expect, test } from '@jest/globals';
import type { ChatVendor } from '../../../lambdas/contract/chat-quirks.ts';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';
import type { Target } from '../../../lambdas/core/target.ts';
import { anthropicMessages } from '../../../lambdas/dialects/anthropic-messages/codec.ts';
import { bedrockConverse } from '../../../lambdas/dialects/bedrock-converse/codec.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';
import { makeTarget } from './call-fixture.ts';
import { assistantOf, call, chatBody, chatTarget, encode, OPENAI } from './encode-fixture.ts';

const CLAUDE = makeTarget('a', {
  dialect: 'anthropic-messages',
  model: 'claude-sonnet-4-5-20250929',
  provider: { name: 'a', kind: 'anthropic', baseUrl: 'https://api.anthropic.com' },
});
const NOVA = makeTarget('b', {
  dialect: 'bedrock-converse',
  model: 'amazon.nova-pro-v1:0',
  provider: { name: 'b', kind: 'bedrock', baseUrl: '' },
});

const detail = (format: string, text: string) => ({ type: 'reasoning.text', text, signature: 's', format, index: 0 });
const ofAnthropic = detail('anthropic-claude-v1', 'by Claude');
const ofGoogle = detail('google-gemini-v1', 'by Gemini');

const signedCall = { ...call, extra_content: { google: { thought_signature: 'gs' } } };
describe('signatures', () => {
  test('Claude gets its own back from a client of chat completions, and no other', () => {
    const message = { reasoning_details: [ofAnthropic, ofGoogle], tool_calls: [signedCall] };
    const encoded = encode(openaiChat, chatBody(message), CLAUDE, anthropicMessages);
    expect(assistantOf(encoded)['content']).toEqual([
      { type: 'thinking', thinking: 'by Claude', signature: 's' },
      { type: 'tool_use', id: 'call_1', name: 'f', input: {} },
    ]);
    // What Gemini thought is left without its proof, and Anthropic takes nothing unsigned.
    expect(encoded.dropped).toEqual(['google signatures', 'reasoning parts']);
  });

  test('a model that checks none gets none, and each maker is named', () => {
    const message = { reasoning_details: [ofAnthropic, ofGoogle], tool_calls: [signedCall] };
    const encoded = encode(openaiChat, chatBody(message), NOVA, bedrockConverse);
    expect(assistantOf(encoded)['content']).toEqual([{ toolUse: { toolUseId: 'call_1', name: 'f', input: {} } }]);
    expect(encoded.dropped).toEqual(['anthropic signatures', 'google signatures', 'reasoning parts']);
  });

  test('OpenAI gets none of the fields that it does not know, out of a body that is passed through', () => {
    const message = {
      reasoning_content: 'hm',
      reasoning: 'hm',
      reasoning_details: [ofAnthropic],
      extra_content: { google: { thought_signature: 'x' } },
      tool_calls: [signedCall],
    };
    const encoded = encode(openaiChat, chatBody(message), { ...OPENAI }, openaiChat);
    expect(assistantOf(encoded)).toEqual({
      role: 'assistant',
      content: null,
      tool_calls: [call],
    });
    expect(encoded.dropped).toEqual(['anthropic signatures', 'google signatures', 'reasoning parts']);
  });

  test('a body without any is passed through as it came', () => {
    const body = chatBody({});
    expect(encode(openaiChat, body, chatTarget(), openaiChat).body['messages']).toBe(body['messages']);
  });
});

describe('what was thought, of a body that is passed through', () => {
  const message = {
    reasoning_content: 'hm',
    reasoning_details: [ofAnthropic, ofGoogle, { type: 'reasoning.text', text: 'plain', format: 'xai-responses-v1' }],
    tool_calls: [signedCall],
  };
  const kept = (like: ChatVendor | undefined, model?: string) => {
    const {
      role,
      content,
      tool_calls: calls,
      ...rest
    } = assistantOf(encode(openaiChat, chatBody(message), chatTarget(like, model), openaiChat));
    const [first] = calls as JsonObject[];
    return { ...rest, ...(first?.['extra_content'] !== undefined && { isCallSigned: true }) };
  };

  test.each<[ChatVendor | undefined, string, JsonObject]>([
    [undefined, 'm', { reasoning_content: 'hm' }],
    ['groq', 'm', {}],
    ['mistral', 'm', {}],
    ['deepseek', 'm', { reasoning_content: 'hm' }],
    ['google', 'm', { isCallSigned: true }],
    [
      'openrouter',
      'anthropic/claude',
      { reasoning: 'hm', reasoning_details: [ofAnthropic, message.reasoning_details[2] as JsonObject] },
    ],
    ['openrouter', 'x-ai/grok', { reasoning: 'hm', reasoning_details: [message.reasoning_details[2] as JsonObject] }],
  ])('%s, %s', (like, model, expected) => {
    expect(kept(like, model)).toEqual(expected);
  });
});

describe('thoughts that have no place are named, of a body that is passed through', () => {
  const thoughtOnly = { reasoning_details: [{ type: 'reasoning.text', text: 'hm', format: 'xai-responses-v1' }] };
  test.each<[string, Target, JsonObject, string[]]>([
    ['OpenAI', OPENAI, { reasoning_content: 'hm' }, ['reasoning parts']],
    ['Groq', chatTarget('groq'), { reasoning: 'hm' }, ['reasoning parts']],
    ['Mistral', chatTarget('mistral'), thoughtOnly, ['reasoning parts']],
    ['Google', chatTarget('google'), { reasoning_content: 'hm' }, ['reasoning parts']],
    ['a server of which nothing is known', chatTarget(), thoughtOnly, ['reasoning parts']],
    ['a server of which nothing is known, as text', chatTarget(), { reasoning: 'hm' }, []],
    ['DeepSeek', chatTarget('deepseek'), { reasoning: 'hm' }, []],
    ['OpenRouter', chatTarget('openrouter'), thoughtOnly, []],
    ['Mistral, where nothing was thought', chatTarget('mistral'), { reasoning_content: null }, []],
  ])('%s', (_, target, message, dropped) => {
    expect(encode(openaiChat, chatBody(message), target, openaiChat).dropped).toEqual(dropped);
  });

  test('DeepSeek gets what only the details tell', () => {
    const encoded = encode(openaiChat, chatBody(thoughtOnly), chatTarget('deepseek'), openaiChat);
    expect(assistantOf(encoded)).toMatchObject({ reasoning_content: 'hm' });
  });
});

describe('what was thought, from a client of messages', () => {
  const body: JsonObject = {
    model: 'assistant',
    max_tokens: 100,
    messages: [
      { role: 'user', content: 'hi' },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm', signature: 's' },
          { type: 'text', text: 'well' },
        ],
      },
      { role: 'user', content: 'go on' },
    ],
  };
  const thought = (target: Target) => {
    const encoded = encode(anthropicMessages, body, target, openaiChat);
    const { role, content, ...rest } = assistantOf(encoded);
    return { ...rest, dropped: encoded.dropped };
  };

  test('goes to a server that takes it as text', () => {
    expect(thought(chatTarget('deepseek'))).toEqual({ reasoning_content: 'hm', dropped: ['anthropic signatures'] });
  });

  test('goes to Claude by OpenRouter with its signature', () => {
    expect(thought(chatTarget('openrouter', 'anthropic/claude'))).toEqual({
      reasoning: 'hm',
      reasoning_details: [
        { type: 'reasoning.text', text: 'hm', signature: 's', format: 'anthropic-claude-v1', index: 0 },
      ],
      dropped: [],
    });
  });

  test.each<ChatVendor | undefined>([undefined, 'groq'])('is left out for %s, and named', (like) => {
    expect(thought(chatTarget(like))).toEqual({ dropped: ['anthropic signatures', 'reasoning parts'] });
  });
});

describe('fields that a server refuses', () => {
  test('are left out and named, but for what the gateway itself asks', () => {
    const more = { logprobs: true, user: 'u', stream: true, seed: 7, x_own: 1 };
    const { body, dropped } = encode(openaiChat, chatBody({}, more), chatTarget('mistral'), openaiChat);
    expect(Object.keys(body).sort()).toEqual(['max_tokens', 'messages', 'model', 'seed', 'stream', 'x_own']);
    expect(dropped.toSorted()).toEqual(['logprobs', 'user']);
  });

  test('null is nothing that was asked', () => {
    const { dropped } = encode(openaiChat, chatBody({}, { user: null }), chatTarget('mistral'), openaiChat);
    expect(dropped).toEqual([]);
  });
});

test('a server whose model reasons is told how much', () => {
  const target = { ...chatTarget('groq'), capabilities: new Set(['reasoning'] as const) };
  const body = {
    model: 'a',
    max_tokens: 9,
    thinking: { type: 'enabled', budget_tokens: 2_000 },
    messages: [{ role: 'user', content: 'hi' }],
  };
  expect(encode(anthropicMessages, body, target, openaiChat)).toMatchObject({
    body: { reasoning_effort: 'low' },
    dropped: [],
  });
});
