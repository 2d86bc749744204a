/** Servers that speak OpenAI's dialect in their own way: what their messages may hold, and how they are told what to cache. */
import { describe, expect, test } from '@jest/globals';
import { type ChatVendor, chatQuirksOf } from '../../../lambdas/contract/chat-quirks.ts';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';
import { anthropicMessages } from '../../../lambdas/dialects/anthropic-messages/codec.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';
import { chatBody, chatTarget, encode, OPENAI } from './encode-fixture.ts';

describe('messages as a server takes them', () => {
  /** An answer as OpenAI's SDKs hand it back: with all that the API has. */
  const SDK = { refusal: null, annotations: [], audio: null, function_call: null };
  const messagesOf = ({ body }: { body: JsonObject }) => body['messages'] as JsonObject[];
  const conversation = (assistant: JsonObject): JsonObject => ({
    model: 'assistant',
    messages: [
      { role: 'developer', content: 'Be brief.' },
      { role: 'user', content: 'hi', name: 'ada' },
      { role: 'assistant', content: 'hello', ...assistant },
      { role: 'user', content: [{ type: 'text', text: 'go on', cache_control: { type: 'ephemeral' } }] },
    ],
    tools: [{ type: 'function', function: { name: 'f' }, cache_control: { type: 'ephemeral' } }],
  });

  test.each<ChatVendor>(['mistral', 'groq'])('%s gets the fields that it knows, and no other', (like) => {
    const encoded = encode(openaiChat, conversation({ ...SDK, x_own: 1 }), chatTarget(like), openaiChat);
    expect(messagesOf(encoded)).toEqual([
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: 'hello' },
      { role: 'user', content: [{ type: 'text', text: 'go on' }] },
    ]);
    expect(encoded.body['tools']).toEqual([{ type: 'function', function: { name: 'f' } }]);
    expect(encoded.dropped).toEqual(['messages[].name', 'messages[].x_own']);
  });

  test('Cerebras takes names', () => {
    const encoded = encode(openaiChat, conversation(SDK), chatTarget('cerebras'), openaiChat);
    expect(messagesOf(encoded)[1]).toEqual({ role: 'user', content: 'hi', name: 'ada' });
    expect(messagesOf(encoded)[2]).toEqual({ role: 'assistant', content: 'hello' });
    expect(encoded.dropped).toEqual([]);
  });

  test.each<ChatVendor | undefined>([undefined, 'deepseek', 'openrouter'])(
    '%s gets no role of OpenAI alone and nothing that is null; what else a client says goes on',
    (like) => {
      const encoded = encode(openaiChat, conversation({ ...SDK, x_own: 1 }), chatTarget(like), openaiChat);
      expect(messagesOf(encoded)).toEqual([
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'hi', name: 'ada' },
        { role: 'assistant', content: 'hello', x_own: 1 },
        { role: 'user', content: [{ type: 'text', text: 'go on', cache_control: { type: 'ephemeral' } }] },
      ]);
      expect(encoded.dropped).toEqual([]);
    },
  );

  test('OpenAI gets them as they came', () => {
    const body = conversation(SDK);
    expect(encode(openaiChat, body, OPENAI, openaiChat).body['messages']).toBe(body['messages']);
  });

  test.each<[string, JsonObject, JsonObject]>([
    ['beside nothing', { content: null, refusal: 'No.' }, { content: 'No.' }],
    [
      'beside text',
      { content: 'Well.', refusal: 'No.' },
      {
        content: [
          { type: 'text', text: 'Well.' },
          { type: 'text', text: 'No.' },
        ],
      },
    ],
    ['as a part', { content: [{ type: 'refusal', refusal: 'No.' }] }, { content: 'No.' }],
  ])('a refusal is text to a strict server: %s', (_, said, expected) => {
    const encoded = encode(openaiChat, conversation(said), chatTarget('mistral'), openaiChat);
    expect(messagesOf(encoded)[2]).toEqual({ role: 'assistant', ...expected });
  });

  test('a refusal from a client of messages is text there too', () => {
    const decoded = openaiChat.decodeRequest(conversation({ content: null, refusal: 'No.' }));
    if (!decoded.ok) throw new Error('not decoded');
    const target = { model: 'm', modelMaxOutputTokens: 9, stream: false, reasoningModel: false };
    const { body } = openaiChat.encodeRequest(decoded.value, {
      ...target,
      quirks: chatQuirksOf('', { like: 'mistral' }),
    });
    expect((body['messages'] as JsonObject[])[2]).toEqual({ role: 'assistant', content: 'No.' });
  });

  test('citations that a strict server refuses are named', () => {
    const cited = { annotations: [{ type: 'url_citation', url_citation: { url: 'https://example.com', title: 't' } }] };
    const { dropped } = encode(openaiChat, conversation(cited), chatTarget('mistral'), openaiChat);
    expect(dropped).toContain('citations');
  });

  test('Mistral is not asked what only OpenAI knows', () => {
    const own = { store: true, prompt_cache_key: 'k', verbosity: 'low', safety_identifier: 's', modalities: ['text'] };
    const { body, dropped } = encode(
      openaiChat,
      chatBody({}, { ...own, audio: null }),
      chatTarget('mistral'),
      openaiChat,
    );
    expect(Object.keys(body).sort()).toEqual(['max_tokens', 'messages', 'model']);
    expect(dropped.toSorted()).toEqual(Object.keys(own).toSorted());
  });
});

describe('what of a prompt is to be cached, from a client of messages', () => {
  const cache = { cache_control: { type: 'ephemeral' } };
  const hour = { cache_control: { type: 'ephemeral', ttl: '1h' } };
  const body: JsonObject = {
    model: 'assistant',
    max_tokens: 100,
    tools: [{ name: 'f', input_schema: { type: 'object' }, ...hour }],
    system: [{ type: 'text', text: 'Long.', ...hour }],
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'hi', ...cache }] },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'well', ...cache },
          { type: 'tool_use', id: 'c', name: 'f', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'c', content: 'ok', ...cache },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'aGk=' }, ...cache },
        ],
      },
    ],
  };

  test.each(['anthropic/claude-sonnet-4.5', 'google/gemini-2.5-pro'])('is marked for %s by OpenRouter', (model) => {
    const encoded = encode(anthropicMessages, body, chatTarget('openrouter', model), openaiChat);
    expect(encoded.body).toMatchObject({ tools: [{ type: 'function', function: { name: 'f' }, ...hour }] });
    expect((encoded.body['messages'] as JsonObject[]).map(({ content }) => content)).toEqual([
      [{ type: 'text', text: 'Long.', ...hour }],
      [{ type: 'text', text: 'hi', ...cache }],
      [{ type: 'text', text: 'well', ...cache }],
      [{ type: 'text', text: 'ok', ...cache }],
      [{ type: 'image_url', image_url: { url: 'data:image/png;base64,aGk=' }, ...cache }],
    ]);
    expect(encoded.dropped).toEqual([]);
  });

  test.each<[ChatVendor | undefined, string]>([
    ['openrouter', 'openai/gpt-x'],
    ['groq', 'm'],
    [undefined, 'm'],
  ])('is not for %s, %s', (like, model) => {
    const encoded = encode(anthropicMessages, body, chatTarget(like, model), openaiChat);
    expect(JSON.stringify(encoded.body)).not.toContain('cache_control');
    expect((encoded.body['messages'] as JsonObject[])[0]).toEqual({ role: 'system', content: 'Long.' });
  });

  test('is not marked on a result without a word: Claude refuses that', () => {
    const messages = [
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 'c', name: 'f', input: {} }] },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c', ...cache }] },
    ];
    const target = chatTarget('openrouter', 'anthropic/claude-sonnet-4.5');
    const encoded = encode(anthropicMessages, { ...body, messages }, target, openaiChat);
    expect((encoded.body['messages'] as JsonObject[]).at(-1)).toEqual({ role: 'tool', tool_call_id: 'c', content: '' });
  });

  test('a mark on a call has no place there, and is named', () => {
    const call = { type: 'tool_use', id: 'c', name: 'f', input: {}, ...cache };
    const result = { type: 'tool_result', tool_use_id: 'c', content: 'ok' };
    const messages = [
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: [call] },
      { role: 'user', content: [result] },
    ];
    const target = chatTarget('openrouter', 'anthropic/claude-sonnet-4.5');
    expect(encode(anthropicMessages, { ...body, system: 'Long.', messages }, target, openaiChat).dropped).toEqual([
      'cache',
    ]);
  });
});
