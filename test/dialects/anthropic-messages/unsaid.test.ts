import { describe, expect, test } from '@jest/globals';
import { answerEvents, collectAnswer } from '../../../lambdas/core/collect-answer.ts';
import type { Answer, JsonObject } from '../../../lambdas/core/conversation.ts';
import { anthropicMessages } from '../../../lambdas/dialects/anthropic-messages/codec.ts';
import { readSse, sdkAnsweredBy, streamResponse } from './wire.ts';

interface Told {
  block?: JsonObject;
  /** In place of the block's citations: one delta each. */
  deltas?: JsonObject[];
  top?: JsonObject;
  reason?: string;
}

const BLOCK = { type: 'text', text: 'Hi' };

const whole = ({ block = BLOCK, deltas = [], top, reason = 'end_turn' }: Told) => {
  const citations = deltas.flatMap(({ citation }) => (citation === undefined ? [] : [citation]));
  return anthropicMessages.decodeAnswer({
    id: 'm',
    type: 'message',
    role: 'assistant',
    model: 'c',
    content: [{ ...block, ...(citations.length > 0 && { citations }) }],
    stop_reason: reason,
    ...top,
  })?.unsaid;
};

const streamed = ({ block = BLOCK, deltas = [], top, reason = 'end_turn' }: Told) => {
  const { stop_details = null, container = null, ...beside } = top ?? {};
  const events: JsonObject[] = [
    {
      type: 'message_start',
      message: { id: 'm', type: 'message', role: 'assistant', model: 'c', content: [], container: null },
    },
    { type: 'content_block_start', index: 0, content_block: block },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index: 0, delta })),
    { type: 'content_block_stop', index: 0 },
    {
      type: 'message_delta',
      delta: { stop_reason: reason, stop_details, container },
      usage: { output_tokens: 1 },
      ...beside,
    },
    { type: 'message_stop' },
  ];
  const relay = anthropicMessages.relayStream({ requestId: 'r', alias: 'a', createdAt: 0, streamUsage: true });
  const decoder = anthropicMessages.decodeStream();
  const [read, passed] = [collectAnswer(), collectAnswer()];
  for (const event of events) {
    const wire = { type: String(event['type']), data: JSON.stringify(event) };
    for (const one of decoder.push(wire)) read.see(one);
    for (const one of relay.push(wire).events) passed.see(one);
  }
  expect(passed.answer).toEqual(read.answer);
  expect(read.hasEnded).toBe(true);
  return read.answer.unsaid;
};

const cited = (type: string) => ({
  type: 'citations_delta',
  citation: { type, cited_text: 'q', document_index: 0, document_title: 'T', start_char_index: 0, end_char_index: 1 },
});
const call = (more: JsonObject = {}) => ({ type: 'tool_use', id: 't', name: 'f', input: {}, ...more });

describe.each([
  ['whole', whole],
  ['streamed', streamed],
] as const)('%s', (_, unsaidOf) => {
  test.each([
    ['container', { top: { container: { id: 'c', expires_at: '2026-01-01' } } }],
    ['context_management', { top: { context_management: { applied_edits: [{ type: 'clear_tool_uses_20250919' }] } } }],
    ['stop_details', { top: { stop_details: { type: 'quite_new' } } }],
    ['server_tool_use', { block: { type: 'server_tool_use', id: 's', name: 'web_search', input: {} } }],
    ['citations (quite_new)', { deltas: [cited('char_location'), cited('quite_new')] }],
    ['caller', { block: call({ caller: { type: 'code_execution_20250825', tool_id: 's' } }) }],
  ] as [string, Told][])('%s is said by no part, and named', (name, told) => {
    expect(unsaidOf(told)).toEqual([name]);
  });

  test.each([
    ['nothing but text', {}],
    [
      'what is unset or empty',
      { top: { container: null, stop_details: null, context_management: { applied_edits: [] } } },
    ],
    ['citations that are known', { deltas: [cited('char_location')] }],
    ['a call as usual', { block: call({ caller: { type: 'direct' } }) }],
    [
      'why it was refused, which its stop tells',
      { reason: 'refusal', top: { stop_details: { type: 'refusal', category: 'cyber', explanation: null } } },
    ],
  ] as [string, Told][])('%s is all said', (_name, told) => {
    expect(unsaidOf(told)).toBeUndefined();
  });
});

test('a delta of a kind that is still to be invented is named', () => {
  expect(
    streamed({
      deltas: [
        { type: 'text_delta', text: '!' },
        { type: 'quite_new_delta', x: 1 },
      ],
    }),
  ).toEqual(['quite_new_delta']);
});

test('a kept answer that is told as a stream counts its cache writes where the SDK looks: at the beginning', async () => {
  const kept: Answer = {
    id: 'm',
    model: 'c',
    parts: [{ type: 'text', text: 'Hi' }],
    stop: { reason: 'end', raw: 'end_turn' },
    usage: {
      inputTokens: 5,
      cachedInputTokens: 9,
      cacheWrite5mTokens: 7,
      cacheWrite1hTokens: 2,
      outputTokens: 5,
      reasoningTokens: 0,
    },
  };
  const encoder = anthropicMessages.encodeStream({ requestId: 'r', alias: 'a', createdAt: 0, streamUsage: true });
  const text = answerEvents(kept)
    .map((event) => encoder.push(event))
    .join('');
  expect(readSse([new TextEncoder().encode(text)])[0]?.type).toBe('message_start');
  const client = sdkAnsweredBy(() => streamResponse(text));
  const params = { model: 'a', max_tokens: 10, messages: [{ role: 'user' as const, content: 'hi' }] };
  expect((await client.messages.stream(params).finalMessage()).usage).toMatchObject({
    input_tokens: 5,
    cache_read_input_tokens: 9,
    cache_creation_input_tokens: 9,
    cache_creation: { ephemeral_5m_input_tokens: 7, ephemeral_1h_input_tokens: 2 },
    output_tokens: 5,
  });
});
