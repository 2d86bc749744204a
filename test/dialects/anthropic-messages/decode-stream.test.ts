import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { JsonObject, JsonValue, StreamEvent } from '../../../lambdas/core/conversation.ts';
import type { StreamDecoder } from '../../../lambdas/core/dialect.ts';
import { anthropicMessages } from '../../../lambdas/dialects/anthropic-messages/codec.ts';
import { answers, conversations } from '../../support/conversations.ts';
import { answerOfEvents, streamsOf } from '../../support/streams.ts';
import { readSse } from './wire.ts';

const CONTEXT = { requestId: 'req_1', alias: 'assistant', createdAt: 0, streamUsage: true };

const start = (usage: JsonObject = { input_tokens: 1, output_tokens: 1 }): JsonObject => ({
  type: 'message_start',
  message: { id: 'm', model: 'c', usage },
});
const block = (index: number, content_block: JsonObject): JsonObject => ({
  type: 'content_block_start',
  index,
  content_block,
});
const delta = (index: number, of: JsonObject): JsonObject => ({ type: 'content_block_delta', index, delta: of });
const stop = (index: number): JsonObject => ({ type: 'content_block_stop', index });
const end = (usage: JsonObject): JsonObject[] => [
  { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage },
  { type: 'message_stop' },
];

const push = (decoder: StreamDecoder, data: JsonValue): StreamEvent[] =>
  decoder.push({ type: '', data: JSON.stringify(data) });

const decode = (...events: JsonObject[]): StreamEvent[] => {
  const decoder = anthropicMessages.decodeStream();
  return events.flatMap((event) => push(decoder, event));
};

describe('decodeStream', () => {
  test('a call without arguments has {}, one whose start tells them has those, one with deltas has the deltas', () => {
    const { parts } = answerOfEvents(
      decode(
        start(),
        block(0, { type: 'tool_use', id: 'a', name: 'f', input: {} }),
        delta(0, { type: 'input_json_delta', partial_json: '' }),
        stop(0),
        block(1, { type: 'tool_use', id: 'b', name: 'f', input: { x: 1 } }),
        stop(1),
        block(2, { type: 'tool_use', id: 'c', name: 'f', input: {} }),
        delta(2, { type: 'input_json_delta', partial_json: '{"y"' }),
        delta(2, { type: 'input_json_delta', partial_json: ':2}' }),
        stop(2),
        ...end({ output_tokens: 1 }),
      ),
    );
    expect(parts).toMatchObject([{ arguments: '{}' }, { arguments: '{"x":1}' }, { arguments: '{"y":2}' }]);
  });

  test('text and thinking that the start already holds count', () => {
    const { parts } = answerOfEvents(
      decode(
        start(),
        block(0, { type: 'thinking', thinking: 'h', signature: 's' }),
        delta(0, { type: 'thinking_delta', thinking: 'm' }),
        stop(0),
        block(1, { type: 'text', text: 'a' }),
        delta(1, { type: 'text_delta', text: 'b' }),
        stop(1),
        ...end({ output_tokens: 1 }),
      ),
    );
    expect(parts).toEqual([
      { type: 'reasoning', text: 'hm', signature: 's' },
      { type: 'text', text: 'ab' },
    ]);
  });

  test('blocks of server tools leave no part, and the numbers of the others have no gaps', () => {
    const events = decode(
      start(),
      block(0, { type: 'server_tool_use', id: 's', name: 'web_search', input: {} }),
      delta(0, { type: 'input_json_delta', partial_json: '{}' }),
      stop(0),
      block(1, { type: 'text', text: '' }),
      delta(1, { type: 'citations_delta', citation: {} }),
      delta(1, { type: 'text_delta', text: 'x' }),
      stop(1),
      ...end({ output_tokens: 1 }),
    );
    expect(answerOfEvents(events).parts).toEqual([{ type: 'text', text: 'x' }]);
  });

  test.each<[string, JsonObject, JsonObject, object]>([
    [
      'output only',
      { input_tokens: 9, cache_read_input_tokens: 5, output_tokens: 1 },
      { output_tokens: 7 },
      { inputTokens: 9, cachedInputTokens: 5, outputTokens: 7 },
    ],
    [
      'all of it',
      { input_tokens: 9, output_tokens: 1 },
      { input_tokens: 90, cache_read_input_tokens: 8, output_tokens: 7 },
      { inputTokens: 90, cachedInputTokens: 8, outputTokens: 7 },
    ],
    [
      'null for "as before"',
      { input_tokens: 9, output_tokens: 1 },
      { input_tokens: null, output_tokens: 7 },
      { inputTokens: 9, outputTokens: 7 },
    ],
    [
      'only cache writes in the sum',
      {
        input_tokens: 1,
        cache_creation_input_tokens: 30,
        cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
        output_tokens: 1,
      },
      { output_tokens: 2 },
      { cacheWrite5mTokens: 10, cacheWrite1hTokens: 20 },
    ],
    [
      'more cache writes than the parts told',
      {
        input_tokens: 1,
        cache_creation_input_tokens: 30,
        cache_creation: { ephemeral_5m_input_tokens: 10, ephemeral_1h_input_tokens: 20 },
        output_tokens: 1,
      },
      { cache_creation_input_tokens: 50, output_tokens: 2 },
      { cacheWrite5mTokens: 30, cacheWrite1hTokens: 20 },
    ],
    [
      'cache writes without parts',
      { input_tokens: 1, cache_creation_input_tokens: 30, output_tokens: 1 },
      { output_tokens: 2 },
      { cacheWrite5mTokens: 30, cacheWrite1hTokens: 0 },
    ],
    [
      'thinking',
      { input_tokens: 1, output_tokens: 1 },
      { output_tokens: 20, output_tokens_details: { thinking_tokens: 15 } },
      { outputTokens: 20, reasoningTokens: 15 },
    ],
    [
      'nonsense',
      { input_tokens: -4, output_tokens: 1 },
      { output_tokens: 7, cache_read_input_tokens: 'many' },
      { inputTokens: 0, cachedInputTokens: 0, outputTokens: 7 },
    ],
  ])('the last usage where message_delta tells %s', (_, first, last, expected) => {
    expect(answerOfEvents(decode(start(first), ...end(last))).usage).toMatchObject(expected);
  });

  test.each([
    ['end_turn', 'end'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['stop_sequence', 'stop-sequence'],
    ['tool_use', 'tool-calls'],
    ['pause_turn', 'pause'],
    ['refusal', 'refusal'],
    ['invented_later', 'other'],
  ])('%s means %s, plain and streamed, and keeps its word', (raw, reason) => {
    const content: JsonValue[] = [];
    expect(anthropicMessages.decodeAnswer({ type: 'message', content, stop_reason: raw })?.stop).toEqual({
      reason,
      raw,
    });
    const [event] = decode(start(), { type: 'message_delta', delta: { stop_reason: raw }, usage: {} }).slice(-1);
    expect(event).toEqual({ type: 'stop', stop: { reason, raw } });
  });

  test('a stream without message_stop has no answer-end', () => {
    expect(decode(start(), ...end({ output_tokens: 1 }).slice(0, 1)).map(({ type }) => type)).not.toContain(
      'answer-end',
    );
  });

  test('blocks left open end with the message', () => {
    const events = decode(start(), block(0, { type: 'text', text: 'a' }), ...end({ output_tokens: 1 }));
    expect(answerOfEvents(events).parts).toEqual([{ type: 'text', text: 'a' }]);
  });

  test.each<[string, JsonObject[]]>([
    ['content before the message', [block(0, { type: 'text', text: '' })]],
    ['an end before the start', [{ type: 'message_stop' }]],
    ['a second start', [start(), start()]],
    ['a start without a message', [{ type: 'message_start' }]],
    ['a block started twice', [start(), block(0, { type: 'text' }), block(0, { type: 'text' })]],
    ['a delta for no block', [start(), delta(0, { type: 'text_delta', text: 'a' })]],
    [
      'a delta of another kind',
      [start(), block(0, { type: 'text' }), delta(0, { type: 'input_json_delta', partial_json: 'a' })],
    ],
    ['a delta without its text', [start(), block(0, { type: 'text' }), delta(0, { type: 'text_delta' })]],
    ['a stop for no block', [start(), stop(3)]],
    ['a negative index', [start(), block(-1, { type: 'text' })]],
  ])('%s is malformed, and the last event', (_, events) => {
    const decoded = decode(...events, ...end({ output_tokens: 1 }));
    expect(decoded.at(-1)).toMatchObject({ type: 'error', error: { type: 'malformed_stream', status: 502 } });
    expect(decoded.map(({ type }) => type)).not.toContain('answer-end');
  });

  test.each([
    ['overloaded_error', 529],
    ['rate_limit_error', 429],
    ['api_error', 500],
    ['invalid_request_error', 400],
    ['never_heard_of', 500],
  ])('%s inside the stream stands for %d', (type, status) => {
    expect(decode(start(), { type: 'error', error: { type, message: 'm' } }).at(-1)).toEqual({
      type: 'error',
      error: { status, type, message: 'm', fields: { type } },
    });
  });

  test('pings and unknown events say nothing', () => {
    expect(decode({ type: 'ping' }, { type: 'novel' })).toEqual([]);
  });
});

describe('nothing that comes in makes the codec throw', () => {
  const junk = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<JsonValue>;

  /** A copy with one value somewhere in it replaced. */
  const mutate = (value: JsonValue, path: number[], by: JsonValue): JsonValue => {
    if (typeof value !== 'object' || value === null || path.length === 0) return by;
    const keys = Object.keys(value);
    const key = keys[(path[0] ?? 0) % Math.max(1, keys.length)];
    if (key === undefined) return by;
    const copy = structuredClone(value) as Record<string, JsonValue>;
    copy[key] = mutate(copy[key] as JsonValue, path.slice(1), by);
    return copy;
  };
  const paths = fc.array(fc.nat(20), { minLength: 1, maxLength: 6 });

  test('a body with something else in it somewhere is decoded or refused with a message', () => {
    const bodies = conversations().map(
      (conversation) =>
        anthropicMessages.encodeRequest(conversation, {
          model: 'm',
          modelMaxOutputTokens: 9_000,
          stream: true,
          reasoningModel: false,
        }).body,
    );
    fc.assert(
      fc.property(bodies, paths, junk, (body, path, by) => {
        const decoded = anthropicMessages.decodeRequest(mutate(body, path, by));
        if (!decoded.ok) expect(decoded.problem.message.length).toBeGreaterThan(10);
      }),
      { numRuns: 500 },
    );
  });

  test('any value as an answer, and an answer with something else in it', () => {
    const bodies = fc.oneof(
      junk,
      answers().map((answer) => anthropicMessages.encodeAnswer(answer, CONTEXT)),
    );
    fc.assert(
      fc.property(bodies, paths, junk, (body, path, by) => {
        anthropicMessages.decodeAnswer(mutate(body, path, by));
      }),
      { numRuns: 500 },
    );
  });

  test('a stream with events changed, lost, doubled or broken is read to events, decoded and relayed', () => {
    const streams = answers()
      .chain((answer) => streamsOf(answer))
      .map((events) => {
        const encoder = anthropicMessages.encodeStream(CONTEXT);
        return readSse([new TextEncoder().encode(events.map((event) => encoder.push(event)).join(''))]);
      });
    const edits = fc.array(
      fc.record({
        at: fc.nat(30),
        how: fc.constantFrom('change', 'lose', 'double', 'break' as const),
        path: paths,
        by: junk,
      }),
      { minLength: 1, maxLength: 3 },
    );
    fc.assert(
      fc.property(streams, edits, (events, changes) => {
        const wire = [...events];
        for (const { at, how, path, by } of changes) {
          const index = at % Math.max(1, wire.length);
          const event = wire[index];
          if (event === undefined) continue;
          const data = event.data as string;
          if (how === 'lose') wire.splice(index, 1);
          if (how === 'double') wire.splice(index, 0, event);
          if (how === 'break') wire[index] = { ...event, data: data.slice(0, at % data.length) };
          if (how === 'change') {
            const value = how === 'change' && data.startsWith('{') ? safeParse(data) : null;
            wire[index] = { ...event, data: JSON.stringify(mutate(value, path, by)) };
          }
        }
        const decoder = anthropicMessages.decodeStream();
        const relay = anthropicMessages.relayStream(CONTEXT);
        const decoded = wire.flatMap((event) => decoder.push(event));
        expect(wire.flatMap((event) => relay.push(event).events)).toEqual(decoded);
        // Whatever is read can be written again.
        const encoder = anthropicMessages.encodeStream(CONTEXT);
        for (const event of decoded) encoder.push(event);
      }),
      { numRuns: 500 },
    );
  });

  const safeParse = (text: string): JsonValue => {
    try {
      return JSON.parse(text) as JsonValue;
    } catch {
      return null;
    }
  };

  test('answers and events nested too deep to be written are refused', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`) as JsonObject;
    expect(
      anthropicMessages.decodeAnswer({ type: 'message', content: [{ type: 'tool_use', input: deep }] }),
    ).toBeUndefined();
    const decoder = anthropicMessages.decodeStream();
    decoder.push({ type: '', data: start() });
    expect(decoder.push({ type: '', data: block(0, { type: 'tool_use', input: deep }) })).toMatchObject([
      { type: 'error' },
    ]);
    const relay = anthropicMessages.relayStream(CONTEXT);
    expect(relay.push({ type: '', data: { type: 'message_start', message: { deep } } }).events).toMatchObject([
      { type: 'error' },
    ]);
  });
});
