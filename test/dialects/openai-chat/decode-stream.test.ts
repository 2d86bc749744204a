import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { JsonObject, JsonValue, StreamEvent } from '../../../lambdas/core/conversation.ts';
import type { WireEvent } from '../../../lambdas/core/dialect.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';
import {
  describeRecordings,
  isStreamed,
  recordedBody,
  recordedResponse,
  recordingsOf,
  sseEventsOf,
} from '../../support/recordings.ts';
import { answerOfEvents } from '../../support/streams.ts';

const wire = (data: JsonValue | '[DONE]'): WireEvent => ({
  type: '',
  data: typeof data === 'string' ? data : JSON.stringify(data),
});
const chunk = (delta: JsonObject, finish: string | null = null, index = 0): JsonObject => ({
  id: 'c1',
  model: 'm',
  choices: [{ index, delta, finish_reason: finish }],
});
const decode = (...data: (JsonValue | '[DONE]')[]): StreamEvent[] => {
  const decoder = openaiChat.decodeStream();
  return data.flatMap((one) => decoder.push(wire(one)));
};
const partsOf = (...data: JsonValue[]) => answerOfEvents(decode(...data, '[DONE]')).parts;
const callDelta = (fields: JsonObject) => chunk({ tool_calls: [fields] });

describe('what vendors do differently', () => {
  test('reasoning, then text, then a call, each closed before the next speaks', () => {
    expect(
      decode(
        chunk({ role: 'assistant', content: '', reasoning_content: 'hm' }),
        chunk({ content: 'so' }),
        callDelta({ index: 0, id: 'a', function: { name: 'f', arguments: '{}' } }),
        chunk({}, 'tool_calls'),
        '[DONE]',
      ),
    ).toEqual([
      { type: 'answer-start', id: 'c1', model: 'm' },
      { type: 'reasoning-start', index: 0 },
      { type: 'reasoning-delta', index: 0, text: 'hm' },
      { type: 'part-end', index: 0 },
      { type: 'text-start', index: 1 },
      { type: 'text-delta', index: 1, text: 'so' },
      { type: 'part-end', index: 1 },
      { type: 'tool-call-start', index: 2, id: 'a', name: 'f' },
      { type: 'tool-call-delta', index: 2, arguments: '{}' },
      { type: 'part-end', index: 2 },
      { type: 'stop', stop: { reason: 'tool-calls', raw: 'tool_calls' } },
      { type: 'answer-end' },
    ]);
  });

  test('pieces of two calls that come by turns stay apart', () => {
    expect(
      partsOf(
        callDelta({ index: 0, id: 'a', function: { name: 'f', arguments: '{"x"' } }),
        callDelta({ index: 1, id: 'b', function: { name: 'g', arguments: '{"y"' } }),
        callDelta({ index: 0, function: { arguments: ':1}' } }),
        callDelta({ index: 1, function: { arguments: ':2}' } }),
        chunk({}, 'tool_calls'),
      ),
    ).toEqual([
      { type: 'tool-call', id: 'a', name: 'f', arguments: '{"x":1}' },
      { type: 'tool-call', id: 'b', name: 'g', arguments: '{"y":2}' },
    ]);
  });

  test('calls without an index (Gemini), or all with 0, are told apart by their ids', () => {
    const whole = (id: string) => ({ id, type: 'function', function: { name: id, arguments: `{"${id}":1}` } });
    const expected = ['a', 'b'].map((id) => ({ type: 'tool-call', id, name: id, arguments: `{"${id}":1}` }));
    expect(partsOf(callDelta(whole('a')), callDelta(whole('b')), chunk({}, 'stop'))).toEqual(expected);
    expect(partsOf(chunk({ tool_calls: [whole('a'), whole('b')] }), chunk({}, 'stop'))).toEqual(expected);
    const zero = (id: string) => callDelta({ index: 0, ...whole(id) });
    expect(partsOf(zero('a'), zero('b'), chunk({}, 'stop'))).toEqual(expected);
  });

  test('a call without an id gets one that is the same every time and names the answer', () => {
    const events = [
      callDelta({ index: 0, function: { name: 'f' } }),
      callDelta({ index: 1, function: { name: 'g' } }),
      chunk({}, 'tool_calls'),
    ];
    expect(partsOf(...events)).toEqual([
      { type: 'tool-call', id: 'call_c1_0', name: 'f', arguments: '{}' },
      { type: 'tool-call', id: 'call_c1_1', name: 'g', arguments: '{}' },
    ]);
    expect(partsOf(...events)).toEqual(partsOf(...events));
  });

  test('a name that comes after its arguments, and repeated ids and empty names', () => {
    expect(
      partsOf(
        callDelta({ index: 0, id: 'a', function: { arguments: '{"x"' } }),
        callDelta({ index: 0, id: 'a', function: { name: 'f', arguments: ':' } }),
        callDelta({ index: 0, id: 'a', function: { name: '', arguments: '1}' } }),
        chunk({}, 'tool_calls'),
      ),
    ).toEqual([{ type: 'tool-call', id: 'a', name: 'f', arguments: '{"x":1}' }]);
  });

  test('arguments as an object (Ollama)', () => {
    expect(
      partsOf(callDelta({ index: 0, id: 'a', function: { name: 'f', arguments: { x: 1 } } }), chunk({}, 'stop')),
    ).toEqual([{ type: 'tool-call', id: 'a', name: 'f', arguments: '{"x":1}' }]);
  });

  test('"stop" after a tool call means the calls; after a refusal, the refusal', () => {
    const stop = (...data: JsonValue[]) => decode(...data, '[DONE]').find((event) => event.type === 'stop');
    expect(stop(callDelta({ index: 0, id: 'a', function: { name: 'f' } }), chunk({}, 'stop'))).toEqual({
      type: 'stop',
      stop: { reason: 'tool-calls', raw: 'stop' },
    });
    expect(stop(chunk({ refusal: 'no' }), chunk({}, 'stop'))).toEqual({
      type: 'stop',
      stop: { reason: 'refusal', raw: 'stop' },
    });
    expect(stop(chunk({ content: 'x' }), chunk({}, 'a_word_of_2030'))).toEqual({
      type: 'stop',
      stop: { reason: 'other', raw: 'a_word_of_2030' },
    });
  });

  test.each([
    ['insufficient_system_resource', 503],
    ['error', 502],
    ['abort', 500],
    ['function_call_filter: MALFORMED_FUNCTION_CALL', 502],
  ])('finish_reason %s is a failure and no end', (word, status) => {
    expect(decode(chunk({ content: 'x' }), chunk({}, word), '[DONE]').at(-2)).toMatchObject({
      type: 'stop',
      stop: { reason: 'error', raw: word, error: { status, message: `the answer ended with finish_reason ${word}` } },
    });
  });

  test('an error in the choice is what failed the answer, in its own words (OpenRouter)', () => {
    const choices = [
      { index: 0, delta: { content: '' }, finish_reason: 'error', error: { code: 429, message: 'upstream died' } },
    ];
    const stop = decode(chunk({ content: 'x' }), { ...chunk({}), choices }, '[DONE]').at(-2);
    expect(stop).toMatchObject({ stop: { reason: 'error', error: { status: 429, message: 'upstream died' } } });
  });

  test('one choice that failed fails them all', () => {
    const choices = [
      { index: 0, delta: { content: 'a' }, finish_reason: 'stop' },
      { index: 1, delta: {}, finish_reason: 'error' },
    ];
    expect(decode({ ...chunk({}), choices }, '[DONE]').at(-2)).toMatchObject({ stop: { reason: 'error' } });
  });

  test('usage beside an error at the top counts', () => {
    const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };
    const events = decode(chunk({ content: 'x' }), { error: { code: 502, message: 'died' }, choices: [], usage });
    expect(events.slice(-2)).toMatchObject([{ type: 'usage', usage: { inputTokens: 5 } }, { type: 'error' }]);
  });

  test('a second call with the id of the first gets another', () => {
    const parts = partsOf(
      callDelta({ index: 0, id: 'a', function: { name: 'f', arguments: '{}' } }),
      callDelta({ index: 1, id: 'a', function: { name: 'g', arguments: '{}' } }),
      chunk({}, 'tool_calls'),
    );
    const ids = parts.map((part) => (part.type === 'tool-call' ? part.id : ''));
    expect([ids[0], new Set(ids).size]).toEqual(['a', 2]);
  });

  test('content as a list of thinking and text (Mistral)', () => {
    expect(
      partsOf(
        chunk({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] }] }),
        chunk({ content: [{ type: 'text', text: 'so' }] }),
        chunk({}, 'stop'),
      ),
    ).toEqual([
      { type: 'reasoning', text: 'hm' },
      { type: 'text', text: 'so' },
    ]);
  });

  test('usage in the last chunk, in a chunk of its own, in x_groq and in the choice', () => {
    const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };
    const counted = { inputTokens: 5, outputTokens: 2 };
    for (const last of [
      { ...chunk({}, 'stop'), usage },
      { choices: [], usage },
      { ...chunk({}, 'stop'), x_groq: { usage } },
      { choices: [{ index: 0, delta: {}, finish_reason: 'stop', usage }] },
    ])
      expect(decode(chunk({ content: 'x' }), last).find(({ type }) => type === 'usage')).toMatchObject({
        usage: counted,
      });
  });

  test('with several choices the stop comes when all have finished, and all their text is read', () => {
    const events = decode(chunk({ content: 'a' }), chunk({ content: 'b' }, null, 1), chunk({}, 'length'));
    expect(events.map(({ type }) => type)).not.toContain('stop');
    const all = decode(
      chunk({ content: 'a' }),
      chunk({ content: 'b' }, null, 1),
      chunk({}, 'length'),
      chunk({}, 'stop', 1),
      '[DONE]',
    );
    const answer = answerOfEvents(all);
    expect(answer).toMatchObject({
      parts: [{ type: 'text', text: 'a' }],
      stop: { reason: 'length', raw: 'length' },
      alternatives: [{ parts: [{ type: 'text', text: 'b' }], stop: { reason: 'end', raw: 'stop' } }],
    });
  });

  test('a choice that finishes twice does not finish another', () => {
    const begun = [chunk({ content: 'a' }), chunk({ content: 'b' }, null, 1)];
    const events = decode(...begun, chunk({}, 'stop'), chunk({}, 'stop'));
    expect(events.map(({ type }) => type)).not.toContain('stop');
  });

  test('a stop is there before [DONE], for vendors that send none', () => {
    expect(decode(chunk({ content: 'a' }), chunk({}, 'stop')).at(-1)).toEqual({
      type: 'stop',
      stop: { reason: 'end', raw: 'stop' },
    });
  });

  test('[DONE] without a finish_reason is the end of no answer', () => {
    expect(decode(chunk({ content: 'a' }), '[DONE]').at(-1)).toMatchObject({
      type: 'error',
      error: { status: 502, type: 'malformed_stream', message: 'the stream ended without a finish_reason' },
    });
  });
});

describe('what is no stream', () => {
  test.each<[string, JsonValue, object]>([
    [
      'an error',
      { error: { message: 'broke', type: 'server_error', code: null } },
      { status: 500, type: 'server_error', message: 'broke' },
    ],
    [
      'an error with a status (OpenRouter)',
      { ...chunk({ content: '' }, 'error'), error: { code: 502, message: 'gone' } },
      { status: 502, message: 'gone' },
    ],
    [
      'a rate limit',
      { error: { message: 'slow', code: 'rate_limit_exceeded' } },
      { status: 429, type: 'rate_limit_exceeded' },
    ],
    ['an error that is a text', { error: 'broke' }, { status: 500, message: 'broke' }],
    ['no JSON', 'Internal Server Error', { status: 502, type: 'malformed_stream' }],
    ['half a chunk', '{"id":"c1","choices":[{"delta":{"cont', { type: 'malformed_stream' }],
    ['JSON that is no object', '[1]', { type: 'malformed_stream' }],
    ['an end without an answer', '[DONE]', { type: 'malformed_stream' }],
  ])('%s is an error, and the last event', (_, data, error) => {
    const events = decode(data, chunk({ content: 'more' }, 'stop'), '[DONE]');
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ type: 'error', error });
  });

  test('what is malformed is not quoted', () => {
    expect(JSON.stringify(decode('the secret words'))).not.toContain('secret');
  });

  test('empty events and chunks without a choice mean nothing', () => {
    expect(decode('', { id: '', choices: [], prompt_filter_results: [] }, { type: 'ping' })).toEqual([]);
  });
});

const streamOfJson = fc.array(fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.string()), { maxLength: 8 });

describe('whatever comes', () => {
  test('arbitrary events never make a decoder or relay throw', () => {
    fc.assert(
      fc.property(streamOfJson, (values) => {
        const decoder = openaiChat.decodeStream();
        const relay = openaiChat.relayStream({ requestId: 'r', alias: 'a', createdAt: 1, streamUsage: false });
        for (const value of values) {
          const event = wire(typeof value === 'string' ? value : (value as JsonValue));
          decoder.push(event);
          relay.push(event);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('nesting that no writer can follow is no exception', () => {
    const deep = `{"id":"x","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}}}]}}]}`;
    const relay = openaiChat.relayStream({ requestId: 'r', alias: 'a', createdAt: 1, streamUsage: false });
    expect(relay.push({ type: '', data: deep }).events.at(-1)).toMatchObject({ type: 'error' });
    expect(() => openaiChat.decodeStream().push({ type: '', data: deep })).not.toThrow();
    expect(openaiChat.decodeAnswer(JSON.parse(deep) as JsonValue)).toBeUndefined();
  });

  test('more tokens than a call takes arguments are read', () => {
    const content = Array.from({ length: 200_000 }, () => ({ token: 'a', logprob: 0 }));
    const events = decode({ id: 'x', choices: [{ index: 0, delta: { content: 'a' }, logprobs: { content } }] });
    const told = events.find((event) => event.type === 'logprobs');
    expect(told?.tokens).toHaveLength(200_000);
  });
});

describeRecordings('recorded traffic, damaged', () => {
  const recordings = recordingsOf('openai', 'azure', 'openai-compatible');
  const streams = recordings
    .filter(isStreamed)
    .map((recording) => sseEventsOf(recordedResponse(recording).toString('utf8')));
  const bodies = recordings
    .filter((recording) => !isStreamed(recording))
    .map((recording) => JSON.stringify(recordedBody(recording)));
  /** One character of a text replaced, taken out, or doubled. */
  const damage = (text: string, at: number, by: string): string => {
    const place = at % (text.length + 1);
    return text.slice(0, place) + by + text.slice(place + (by.length === 2 ? 0 : 1));
  };
  const damages = fc.record({
    at: fc.nat(1_000_000),
    by: fc.constantFrom('', '"', '{', ']', 'null', '0', '\\', '\n', '💥'),
  });

  test('damaged events never throw, and a decoder that goes on keeps the rules of its events', () => {
    fc.assert(
      fc.property(fc.constantFrom(...streams), fc.nat(1_000_000), damages, (events, which, { at, by }) => {
        const index = which % events.length;
        const damaged = events.map((event, position) =>
          position === index ? { ...event, data: damage(String(event.data), at, by) } : event,
        );
        const decoder = openaiChat.decodeStream();
        const decoded = damaged.flatMap((event) => decoder.push(event));
        const relay = openaiChat.relayStream({ requestId: 'r', alias: 'a', createdAt: 1, streamUsage: at % 2 === 0 });
        expect(damaged.flatMap((event) => relay.push(event).events)).toEqual(decoded);
        if (!decoded.some(({ type }) => type === 'error') && decoded.some(({ type }) => type === 'answer-end'))
          answerOfEvents(decoded);
      }),
      { numRuns: 400 },
    );
  });

  test('damaged bodies never throw', () => {
    fc.assert(
      fc.property(fc.constantFrom(...bodies), damages, (body, { at, by }) => {
        const text = damage(body, at, by);
        openaiChat.decodeError(500, {}, text);
        try {
          JSON.parse(text);
        } catch {
          return;
        }
        openaiChat.decodeAnswer(JSON.parse(text) as JsonValue);
      }),
      { numRuns: 400 },
    );
  });

  test('any field of a body may be anything', () => {
    fc.assert(
      fc.property(fc.constantFrom(...bodies), fc.nat(200), fc.jsonValue({ maxDepth: 1 }), (body, which, by) => {
        let seen = 0;
        const replaced = JSON.parse(body, (_, value: JsonValue) => {
          seen += 1;
          return seen === which + 1 ? by : value;
        }) as JsonValue;
        openaiChat.decodeAnswer(replaced);
        openaiChat.decodeStream().push({ type: '', data: JSON.stringify(replaced) });
      }),
      { numRuns: 400 },
    );
  });
});
