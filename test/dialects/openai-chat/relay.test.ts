import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';
import type { EncodeTarget } from '../../../lambdas/core/dialect.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';

const target = (more: Partial<EncodeTarget> = {}): EncodeTarget => ({
  model: 'gpt-x-2026-01-01',
  modelMaxOutputTokens: 4096,
  stream: false,
  reasoningModel: false,
  ...more,
});
const body: JsonObject = { model: 'assistant', messages: [{ role: 'user', content: 'hi' }] };
const { messages } = body;

describe('requests', () => {
  test.each<[string, JsonObject, Partial<EncodeTarget>, JsonObject]>([
    ['no limit: none is sent', {}, {}, {}],
    ['the client limit stays', { max_tokens: 5 }, {}, { max_tokens: 5 }],
    ['the client limit stays under its newer name', { max_completion_tokens: 5 }, {}, { max_completion_tokens: 5 }],
    ['a limit is set under the older name', {}, { maxOutputTokens: 9 }, { max_tokens: 9 }],
    [
      'a limit is set under the name that the client used',
      { max_completion_tokens: 50 },
      { maxOutputTokens: 9 },
      { max_completion_tokens: 9 },
    ],
    [
      'reasoning models know the newer name alone',
      { max_tokens: 5 },
      { reasoningModel: true },
      { max_completion_tokens: 5 },
    ],
    ['a limit for a reasoning model', {}, { reasoningModel: true, maxOutputTokens: 9 }, { max_completion_tokens: 9 }],
    ['null is no limit', { max_tokens: null }, {}, {}],
    ['two equal limits become one', { max_tokens: 5, max_completion_tokens: 5 }, {}, { max_completion_tokens: 5 }],
    [
      'a stream always tells usage',
      { stream: true },
      { stream: true },
      { stream: true, stream_options: { include_usage: true } },
    ],
    [
      'other stream options stay',
      { stream: true, stream_options: { include_usage: false, include_obfuscation: false } },
      { stream: true },
      { stream: true, stream_options: { include_usage: true, include_obfuscation: false } },
    ],
    ['stream options without a stream go', { stream: false, stream_options: { include_usage: true } }, {}, {}],
    ['unknown fields stay', { logprobs: true, x: { y: [1] } }, {}, { logprobs: true, x: { y: [1] } }],
  ])('%s', (_, fields, more, expected) => {
    const before = structuredClone({ ...body, ...fields });
    const given = { ...body, ...fields };
    expect(openaiChat.relayRequest(given, target(more))).toEqual({ model: 'gpt-x-2026-01-01', messages, ...expected });
    expect(given).toEqual(before);
  });
});

const relayed = (data: string, streamUsage = false): string =>
  openaiChat.relayStream({ requestId: 'r', alias: 'my "alias"', createdAt: 1, streamUsage }).push({ type: '', data })
    .text;
const parsed = (text: string): JsonObject => JSON.parse(text.replace(/^data: /, '').trim()) as JsonObject;

describe('streams', () => {
  test('only the model changes in the text of an ordinary chunk', () => {
    const data =
      '{"id":"c","model":"gpt-x","choices":[{"index":0,"delta":{"role":"assistant","content":"\\"model\\":\\"gpt-x\\" é \\u00e9"}}],"z":1.0}';
    expect(relayed(data)).toBe(
      'data: {"id":"c","model":"my \\"alias\\"","choices":[{"index":0,"delta":{"role":"assistant","content":"\\"model\\":\\"gpt-x\\" é \\u00e9"}}],"z":1.0}\n\n',
    );
  });

  test.each([
    ['spaces around it', '{"choices":[], "model" : "gpt-x", "n":1}'],
    [
      'a second one inside',
      '{"choices":[{"index":0,"delta":{"role":"assistant"},"debug":{"model":"gpt-x"}}],"model":"gpt-x"}',
    ],
    ['one inside and none outside', '{"choices":[{"index":0,"delta":{"role":"assistant"},"debug":{"model":"gpt-x"}}]}'],
    ['an escaped name', '{"choices":[],"model":"gpt\\u002dx"}'],
    ['a name that is no text', '{"choices":[],"model":7}'],
    ['the word as content', '{"choices":[{"index":0,"delta":{"role":"assistant","content":"model"}}],"model":"gpt-x"}'],
    ['no name', '{"choices":[]}'],
  ])('the alias stands at the top, and nothing else changes: %s', (_, data) => {
    const before = JSON.parse(data) as JsonObject;
    expect(parsed(relayed(data))).toEqual({ ...before, model: 'my "alias"' });
  });

  test('a chunk over several lines becomes one line', () => {
    const text = relayed('{\n "model":"gpt-x",\n "choices":[]\n}');
    expect(text.match(/\n/g)).toHaveLength(2);
    expect(parsed(text)).toEqual({ model: 'my "alias"', choices: [] });
  });

  test('any chunk goes through with its model replaced and nothing lost', () => {
    const chunks = fc.record({
      model: fc.string(),
      id: fc.string(),
      extra: fc.jsonValue({ maxDepth: 3 }),
      text: fc.string({ unit: 'binary' }),
    });
    fc.assert(
      fc.property(chunks, fc.boolean(), ({ model, id, extra, text }, spaced) => {
        const chunk = {
          id,
          model,
          choices: [{ index: 0, delta: { role: 'assistant', content: text }, x: extra }],
          y: extra,
        };
        const out = relayed(JSON.stringify(chunk, null, spaced ? 1 : 0));
        expect(parsed(out)).toEqual({ ...(JSON.parse(JSON.stringify(chunk)) as JsonObject), model: 'my "alias"' });
        expect(out).toMatch(/^data: .*\n\n$/);
      }),
      { numRuns: 300 },
    );
  });

  test('a chunk of usage alone comes only where it was asked for', () => {
    const data = '{"model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}';
    expect(relayed(data)).toBe('');
    expect(parsed(relayed(data, true))['usage']).toEqual({ prompt_tokens: 1, completion_tokens: 1 });
  });

  test('usage beside content is taken out and the rest kept', () => {
    const data =
      '{"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}';
    expect(parsed(relayed(data))).toEqual({
      model: 'my "alias"',
      choices: [{ index: 0, delta: { role: 'assistant', content: 'x' }, finish_reason: 'stop' }],
    });
  });

  test('an error of the vendor is read and not passed on; nothing follows it', () => {
    const relay = openaiChat.relayStream({ requestId: 'r', alias: 'a', createdAt: 1, streamUsage: true });
    expect(relay.push({ type: '', data: '{"error":{"message":"broke"}}' })).toMatchObject({
      text: '',
      events: [{ type: 'error' }],
    });
    expect(relay.push({ type: '', data: '[DONE]' })).toEqual({ text: '', events: [] });
  });
});
