import { describe, expect, test } from '@jest/globals';
import type { JsonObject, StreamEvent } from '../../../lambdas/core/conversation.ts';
import { bedrockConverse } from '../../../lambdas/dialects/bedrock-converse/codec.ts';
import { bedrock } from '../../../lambdas/providers/bedrock/bedrock.ts';

const decode = (...events: [string, JsonObject | string][]): StreamEvent[] => {
  const decoder = bedrockConverse.decodeStream();
  return events.flatMap(([type, data]) => decoder.push({ type, data }));
};

const START: [string, JsonObject] = ['messageStart', { role: 'assistant' }];
const STOP: [string, JsonObject] = ['messageStop', { stopReason: 'end_turn' }];
const METADATA: [string, JsonObject] = ['metadata', { usage: { inputTokens: 3, outputTokens: 2, totalTokens: 5 } }];
const delta = (contentBlockIndex: number, content: JsonObject): [string, JsonObject] => [
  'contentBlockDelta',
  { contentBlockIndex, delta: content },
];
const stopBlock = (contentBlockIndex: number): [string, JsonObject] => ['contentBlockStop', { contentBlockIndex }];
const startTool = (contentBlockIndex: number, more: JsonObject = {}): [string, JsonObject] => [
  'contentBlockStart',
  { contentBlockIndex, start: { toolUse: { toolUseId: 'a', name: 'n', ...more } } },
];
const USAGE = {
  type: 'usage',
  usage: {
    inputTokens: 3,
    cachedInputTokens: 0,
    cacheWrite5mTokens: 0,
    cacheWrite1hTokens: 0,
    outputTokens: 2,
    reasoningTokens: 0,
  },
};
const END = { type: 'stop', stop: { reason: 'end', raw: 'end_turn' } };

describe('a stream', () => {
  test('has ended when the stop and the metadata have come, in either order', () => {
    const begin = { type: 'answer-start', id: '', model: '' };
    expect(decode(START, STOP, METADATA)).toEqual([begin, END, USAGE, { type: 'answer-end' }]);
    expect(decode(START, METADATA, STOP)).toEqual([begin, USAGE, END, { type: 'answer-end' }]);
    expect(decode(START, METADATA).at(-1)).toEqual(USAGE);
    expect(decode(START, STOP).at(-1)).toEqual(END);
  });

  test("numbers its parts in order of their start, whatever the vendor's numbers", () => {
    const events = decode(START, delta(4, { text: 'a' }), startTool(7), delta(7, { toolUse: { input: '{}' } }));
    expect(events.slice(1)).toEqual([
      { type: 'text-start', index: 0 },
      { type: 'text-delta', index: 0, text: 'a' },
      { type: 'tool-call-start', index: 1, id: 'a', name: 'n' },
      { type: 'tool-call-delta', index: 1, arguments: '{}' },
    ]);
  });

  test('closes at the stop what the vendor left open', () => {
    expect(decode(START, delta(0, { text: 'a' }), STOP).slice(3)).toEqual([{ type: 'part-end', index: 0 }, END]);
  });

  test('gives a call without arguments an empty object', () => {
    expect(decode(startTool(0), delta(0, { toolUse: { input: '' } }), stopBlock(0)).slice(2)).toEqual([
      { type: 'tool-call-delta', index: 0, arguments: '{}' },
      { type: 'part-end', index: 0 },
    ]);
  });

  test("leaves out and names the vendor's own tools, and leaves out blocks without content", () => {
    const events = decode(
      START,
      startTool(0, { type: 'server_tool_use' }),
      delta(0, { toolUse: { input: '{"q":1}' } }),
      stopBlock(0),
      ['contentBlockStart', { contentBlockIndex: 1, start: { toolResult: { toolUseId: 'a' } } }],
      delta(1, { toolResult: [{ text: 'found' }] }),
      stopBlock(1),
      delta(2, { text: '' }),
      stopBlock(2),
      delta(3, { text: 'So.' }),
      delta(3, { citation: { title: 't' } }),
      stopBlock(3),
    );
    expect(events.slice(1)).toEqual([
      { type: 'unsaid', what: 'server_tool_use' },
      { type: 'unsaid', what: 'toolResult' },
      { type: 'text-start', index: 0 },
      { type: 'text-delta', index: 0, text: 'So.' },
      { type: 'part-end', index: 0 },
    ]);
  });

  test('tells reasoning with its signature, also where its text is withheld', () => {
    const events = decode(
      delta(0, { reasoningContent: { text: 'Hm' } }),
      delta(0, { reasoningContent: { signature: 's1' } }),
      stopBlock(0),
      delta(1, { reasoningContent: { signature: 's2' } }),
      stopBlock(1),
    );
    expect(events.slice(1)).toEqual([
      { type: 'reasoning-start', index: 0 },
      { type: 'reasoning-delta', index: 0, text: 'Hm' },
      { type: 'signature', index: 0, signature: 's1' },
      { type: 'part-end', index: 0 },
      { type: 'reasoning-start', index: 1 },
      { type: 'signature', index: 1, signature: 's2' },
      { type: 'part-end', index: 1 },
    ]);
  });

  test("tells encrypted reasoning once, whole, in Anthropic's own form", () => {
    const bytes = Buffer.from('EtkECkgIBxABGAIq');
    const pieces = [bytes.subarray(0, 7), bytes.subarray(7)].map((piece) =>
      delta(0, { reasoningContent: { redactedContent: piece.toString('base64') } }),
    );
    expect(decode(...pieces, stopBlock(0)).slice(1)).toEqual([
      { type: 'redacted-reasoning', index: 0, data: 'EtkECkgIBxABGAIq' },
      { type: 'part-end', index: 0 },
    ]);
  });

  test('tells the stop sequence that matched', () => {
    expect(
      decode([
        'messageStop',
        { stopReason: 'stop_sequence', additionalModelResponseFields: { delta: { stop_sequence: 'END' } } },
      ]).at(-1),
    ).toEqual({ type: 'stop', stop: { reason: 'stop-sequence', raw: 'stop_sequence', sequence: 'END' } });
  });

  test.each<[string, number, string]>([
    ['internalServerException', 500, 'server_error'],
    ['modelStreamErrorException', 424, 'server_error'],
    ['throttlingException', 429, 'rate_limited'],
    ['validationException', 400, 'bad_request'],
    ['serviceUnavailableException', 503, 'overloaded'],
    ['modelTimeoutException', 408, 'server_error'],
    ['brandNewException', 500, 'server_error'],
  ])('that holds a %s says so with status %i', (type, status, reason) => {
    const event = decode(START, delta(0, { text: 'a' }), [type, { message: 'm' }]).at(-1);
    expect(event).toEqual({
      type: 'error',
      error: { status, type: type.charAt(0).toUpperCase() + type.slice(1), message: 'm' },
    });
    expect(event?.type === 'error' && bedrock.mapError(event.error, {}).reason).toBe(reason);
  });

  test.each<[string, [string, JsonObject | string]]>([
    ['data that is no JSON', ['contentBlockDelta', 'oops']],
    ['a delta of no block', ['contentBlockDelta', { delta: { text: 'a' } }]],
    ['arguments of no call', delta(0, { toolUse: { input: '{' } })],
    ['a stop without a reason', ['messageStop', {}]],
  ])('with %s is malformed', (_, event) => {
    expect(decode(START, event).at(-1)).toMatchObject({ type: 'error', error: { type: 'malformed_stream' } });
  });

  test('with content after its stop is malformed', () => {
    expect(decode(START, STOP, delta(0, { text: 'more' })).at(-1)).toMatchObject({ type: 'error' });
  });

  test('skips what it does not know', () => {
    expect(decode(START, ['tomorrow', { x: 1 }], delta(0, { mood: 'fine' }))).toHaveLength(1);
  });
});
