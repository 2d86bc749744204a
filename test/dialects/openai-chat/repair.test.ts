/** Vendors' own shapes, passed on to a client of OpenAI's: as its SDK reads them, beside what the reader makes of the same. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import OpenAI from 'openai';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';
import { answerOfEvents } from '../../support/streams.ts';

const context = { requestId: 'r', alias: 'assistant', createdAt: 1, streamUsage: true };

/** A server in the place of the gateway, which says what it is given. */
const clientOf = (text: string, type: string) =>
  new OpenAI({
    apiKey: 'k',
    baseURL: 'https://gateway.example.com/v1',
    maxRetries: 0,
    fetch: () => Promise.resolve(new Response(text, { headers: { 'content-type': type } })),
  });

const asked = { model: 'assistant', messages: [{ role: 'user' as const, content: 'hi' }] };
const head = { id: 'cmpl-1', object: 'chat.completion.chunk', created: 1, model: 'vendor' };
const chunkOf = (delta: object, finish: string | null = null, more: object = {}): JsonObject => ({
  ...head,
  choices: [{ index: 0, delta: { ...delta }, finish_reason: finish }],
  ...more,
});

const relay = (chunks: readonly JsonObject[], streamUsage = true): string => {
  const stream = openaiChat.relayStream({ ...context, streamUsage });
  return [...chunks.map((chunk) => JSON.stringify(chunk)), '[DONE]']
    .map((data) => stream.push({ type: '', data }).text)
    .join('');
};

const streamed = async (...chunks: JsonObject[]) => {
  const answer = await clientOf(relay(chunks), 'text/event-stream')
    .chat.completions.stream(asked)
    .finalChatCompletion();
  return answer.choices[0]?.message as unknown as JsonObject;
};

const read = (...chunks: JsonObject[]) => {
  const decoder = openaiChat.decodeStream();
  const events = [...chunks.map((chunk) => JSON.stringify(chunk)), '[DONE]'].flatMap((data) =>
    decoder.push({ type: '', data }),
  );
  return answerOfEvents(events).parts;
};

const plain = async (message: JsonObject, more: JsonObject = {}) => {
  const body = { id: 'cmpl-1', model: 'vendor', choices: [{ index: 0, message, finish_reason: 'stop' }], ...more };
  const text = JSON.stringify(openaiChat.relayAnswer(body, context));
  return clientOf(text, 'application/json').chat.completions.create(asked);
};

const start = { role: 'assistant', content: '' };
const callOf = (name: string | undefined, written: unknown, more: object = {}) => ({
  ...more,
  function: { ...(name !== undefined && { name }), ...(written !== undefined && { arguments: written }) },
});
const calling = (...calls: object[]) => chunkOf({ tool_calls: calls });

describe('content as a list', () => {
  const thinking = (text: string) => ({ type: 'thinking', thinking: [{ type: 'text', text }] });

  test('is text and thoughts in a stream', async () => {
    const message = await streamed(
      chunkOf({ ...start }),
      chunkOf({ content: [thinking('h')] }),
      chunkOf({ content: [thinking('m'), { type: 'text', text: 'Ans' }] }),
      chunkOf({ content: 'wer' }),
      chunkOf({}, 'stop'),
    );
    expect(message['content']).toBe('Answer');
  });

  test('says its thoughts where clients look for them', () => {
    const text = relay([chunkOf({ role: 'assistant', content: [thinking('hm')] })]);
    const { choices } = JSON.parse(text.split('\n')[0]?.slice('data: '.length) ?? '') as { choices: object[] };
    expect(choices).toEqual([
      { index: 0, delta: { role: 'assistant', content: null, reasoning_content: 'hm' }, finish_reason: null },
    ]);
  });

  test('is text and thoughts in a plain answer', async () => {
    const answer = await plain({
      role: 'assistant',
      content: [thinking('hm'), { type: 'text', text: 'Answer' }],
      x: 1,
    });
    expect(answer.choices[0]?.message).toEqual({
      role: 'assistant',
      content: 'Answer',
      reasoning_content: 'hm',
      x: 1,
    });
  });
});

describe('tool calls of a stream', () => {
  const calls = async (...chunks: JsonObject[]) => {
    const all = [chunkOf(start), ...chunks, chunkOf({}, 'tool_calls')];
    const { tool_calls: got } = await streamed(...all);
    const told = (got as { id: string; type: string; function: { name: string; arguments: string } }[]).map(
      ({ id, type, function: { name, arguments: written } }) => ({ id, type, name, arguments: written }),
    );
    // The one reader settles and serves all other surfaces: no client may know a call by another id.
    expect(told.map(({ type: _, ...one }) => one)).toEqual(
      read(...all).flatMap((part) =>
        part.type === 'tool-call' ? [{ id: part.id, name: part.name, arguments: part.arguments }] : [],
      ),
    );
    return told;
  };

  test.each<[string, JsonObject[], unknown[]]>([
    [
      'without index, id and type',
      [calling(callOf('f', '{"a":')), calling(callOf(undefined, '1}')), calling(callOf('g', '{}'))],
      [
        { id: 'call_cmpl-1_0', type: 'function', name: 'f', arguments: '{"a":1}' },
        { id: 'call_cmpl-1_1', type: 'function', name: 'g', arguments: '{}' },
      ],
    ],
    [
      'all numbered 0',
      [calling(callOf('f', '{"a":1}', { index: 0, id: 'a' })), calling(callOf('g', '{}', { index: 0, id: 'b' }))],
      [
        { id: 'a', type: 'function', name: 'f', arguments: '{"a":1}' },
        { id: 'b', type: 'function', name: 'g', arguments: '{}' },
      ],
    ],
    [
      'two under one id',
      [calling(callOf('f', '{}', { index: 0, id: 'a' }), callOf('g', '{}', { index: 1, id: 'a' }))],
      [
        { id: 'a', type: 'function', name: 'f', arguments: '{}' },
        { id: 'call_cmpl-1_1', type: 'function', name: 'g', arguments: '{}' },
      ],
    ],
    [
      'an id that comes after the name',
      [calling(callOf('f', '{', { index: 0 })), calling(callOf(undefined, '}', { index: 0, id: 'late' }))],
      [{ id: 'call_cmpl-1_0', type: 'function', name: 'f', arguments: '{}' }],
    ],
    [
      'an id that comes before the name',
      [calling(callOf(undefined, '', { index: 0, id: 'a' })), calling(callOf('f', '{"a":1}', { index: 0 }))],
      [{ id: 'a', type: 'function', name: 'f', arguments: '{"a":1}' }],
    ],
    [
      'arguments as an object',
      [calling(callOf('f', { a: [1] }, { index: 0, id: 'a', type: 'function' }))],
      [{ id: 'a', type: 'function', name: 'f', arguments: '{"a":[1]}' }],
    ],
    [
      'no arguments',
      [calling(callOf('f', undefined, { index: 0, id: 'a' })), calling(callOf('g', null, { index: 1, id: 'b' }))],
      [
        { id: 'a', type: 'function', name: 'f', arguments: '{}' },
        { id: 'b', type: 'function', name: 'g', arguments: '{}' },
      ],
    ],
  ])('%s', async (_, chunks, expected) => {
    expect(await calls(...chunks)).toEqual(expected);
  });

  test('an id and a name that are told again with every piece are told once', () => {
    const piece = (written: string) => calling(callOf('f', written, { index: 0, id: 'a', type: 'function', x: 1 }));
    const told = relay([chunkOf(start), piece('{"a":'), piece('1}')])
      .split('\n\n')
      .flatMap((event) =>
        event.includes('tool_calls') ? [JSON.parse(event.slice('data: '.length)) as JsonObject] : [],
      )
      .map(({ choices }) => (choices as { delta: { tool_calls: unknown[] } }[])[0]?.delta.tool_calls[0]);
    expect(told).toEqual([
      { index: 0, id: 'a', type: 'function', x: 1, function: { name: 'f', arguments: '{"a":' } },
      { index: 0, type: 'function', x: 1, function: { arguments: '1}' } },
    ]);
  });
});

test('a stream of the usual shape, whatever it says, goes on byte by byte', () => {
  const piece = fc.oneof(
    fc.string().map((content) => ({ content })),
    fc.string().map((refusal) => ({ refusal })),
    fc.string().map((reasoning) => ({ reasoning_content: reasoning, x_own: [1] })),
  );
  const named = fc.tuple(fc.string({ minLength: 1 }), fc.array(fc.string({ minLength: 1 }), { minLength: 1 }));
  const streams = fc.record({ pieces: fc.array(piece), calls: fc.array(named), choice: fc.nat(3) });
  fc.assert(
    fc.property(streams, ({ pieces, calls, choice }) => {
      const chunk = (delta: object, finish: string | null = null) =>
        JSON.stringify({ ...head, choices: [{ index: choice, delta, finish_reason: finish }], z: 1 });
      const data = [
        chunk({ role: 'assistant', content: '' }),
        ...pieces.map((delta) => chunk(delta)),
        ...calls.flatMap(([name, written], index) => [
          chunk({ tool_calls: [{ index, id: `id${index}`, type: 'function', function: { name, arguments: '' } }] }),
          ...written.map((text) => chunk({ tool_calls: [{ index, function: { arguments: text } }] })),
        ]),
        chunk({}, 'stop'),
      ];
      const stream = openaiChat.relayStream({ ...context, alias: head.model });
      expect(data.map((one) => stream.push({ type: '', data: one }).text)).toEqual(
        data.map((one) => `data: ${one}\n\n`),
      );
    }),
    { numRuns: 200 },
  );
});

test('a stream without roles and indexes is an answer', async () => {
  const chunk = (delta: object, finish: string | null = null): JsonObject => ({
    ...head,
    choices: [{ delta: { ...delta }, finish_reason: finish }],
  });
  expect(await streamed(chunk({ content: 'Hel' }), chunk({ content: 'lo' }), chunk({}, 'stop'))).toMatchObject({
    role: 'assistant',
    content: 'Hello',
  });
});

test('calls of a plain answer get what they lack', async () => {
  const answer = await plain({
    role: 'assistant',
    content: null,
    tool_calls: [
      { function: { name: 'f', arguments: { a: 1 } }, x: 1 },
      { id: 'a', type: 'function', function: { name: 'g', arguments: '' } },
      { id: 'a', type: 'function', function: { name: 'h', arguments: '{}' } },
    ],
  });
  expect(answer.choices[0]?.message.tool_calls).toEqual([
    { id: 'call_cmpl-1_0', type: 'function', function: { name: 'f', arguments: '{"a":1}' }, x: 1 },
    { id: 'a', type: 'function', function: { name: 'g', arguments: '{}' } },
    { id: 'call_cmpl-1_2', type: 'function', function: { name: 'h', arguments: '{}' } },
  ]);
});

test('a plain answer of the usual shape is kept as it came', () => {
  const choices = [
    {
      index: 0,
      message: {
        role: 'assistant',
        content: 'hi',
        tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' }, y: null }],
        x: [1],
      },
      finish_reason: 'stop',
    },
  ];
  const body: JsonObject = { id: 'c', model: 'vendor', choices, usage: { prompt_tokens: 1 }, z: {} };
  const relayed = openaiChat.relayAnswer(body, context);
  expect(relayed).toEqual({ ...body, model: 'assistant' });
  expect(relayed['choices']).toBe(choices);
});

describe('usage that a vendor tells elsewhere', () => {
  const usage = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10, queue_time: 0.1 };
  const groq = [chunkOf({ ...start, content: 'hi' }), chunkOf({}, 'stop', { x_groq: { id: 'req', usage } })];

  test('is told in its place before the end', async () => {
    const answer = await clientOf(relay(groq), 'text/event-stream')
      .chat.completions.stream({ ...asked, stream_options: { include_usage: true } })
      .finalChatCompletion();
    expect(answer.usage).toEqual(usage);
  });

  test('is told to a client whose vendor closes without an end mark', () => {
    const stream = openaiChat.relayStream(context);
    for (const chunk of groq) stream.push({ type: '', data: JSON.stringify(chunk) });
    expect(stream.end()).toContain('"total_tokens":10');
  });

  test('is not told where nobody asked for it, nor twice', () => {
    expect(relay(groq, false)).not.toContain(
      '"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10,"queue_time":0.1}}\n\ndata: [DONE]',
    );
    const told = { ...head, choices: [], usage };
    expect(relay([...groq, told]).match(/"choices":\[\]/g)).toHaveLength(1);
  });

  test('is told of a plain answer', async () => {
    expect((await plain({ role: 'assistant', content: 'hi' }, { x_groq: { usage } })).usage).toEqual(usage);
  });
});
