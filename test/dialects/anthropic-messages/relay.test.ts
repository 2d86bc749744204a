import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';
import type { EncodeTarget, WireEvent } from '../../../lambdas/core/dialect.ts';
import { anthropicMessages } from '../../../lambdas/dialects/anthropic-messages/codec.ts';

const CONTEXT = { requestId: 'req_1', alias: 'assistant', createdAt: 0, streamUsage: true };
const TARGET: EncodeTarget = { model: 'claude-x', modelMaxOutputTokens: 8_000, stream: false, reasoningModel: false };
const BODY: JsonObject = { model: 'assistant', max_tokens: 4_000, messages: [{ role: 'user', content: 'hi' }] };

describe('relayRequest', () => {
  test('keeps what it does not know, and leaves the client’s body as it was', () => {
    const body = { ...BODY, diagnostics: { x: [1] }, service_tier: 'auto' };
    const before = structuredClone(body);
    expect(anthropicMessages.relayRequest(body, TARGET)).toEqual({ ...body, model: 'claude-x' });
    expect(body).toEqual(before);
  });

  test('sets the limit that Tollgate chose', () => {
    expect(anthropicMessages.relayRequest(BODY, { ...TARGET, maxOutputTokens: 50 }).max_tokens).toBe(50);
  });

  test('says stream only where the client did or the target does', () => {
    expect(anthropicMessages.relayRequest(BODY, TARGET)).not.toHaveProperty('stream');
    expect(anthropicMessages.relayRequest({ ...BODY, stream: true }, TARGET).stream).toBe(false);
    expect(anthropicMessages.relayRequest(BODY, { ...TARGET, stream: true }).stream).toBe(true);
  });

  test.each([
    [5_000, 4_000, { type: 'enabled', budget_tokens: 3_000 }, { type: 'enabled', budget_tokens: 3_000 }],
    [3_000, 3_000, { type: 'enabled', budget_tokens: 3_000 }, { type: 'enabled', budget_tokens: 2_999 }],
    [1_024, 1_024, { type: 'enabled', budget_tokens: 3_000 }, { type: 'disabled' }],
    [1_000, 1_000, { type: 'adaptive' }, { type: 'adaptive' }],
  ])('with a limit of %d (%d), thinking of %j becomes %j', (limit, _, thinking, expected) => {
    const relayed = anthropicMessages.relayRequest({ ...BODY, thinking }, { ...TARGET, maxOutputTokens: limit });
    expect(relayed.thinking).toEqual(expected);
  });

  test('thinking that no vendor signed is taken out of the history, signed thinking is not', () => {
    const signed = { type: 'thinking', thinking: 'a', signature: 'sig' };
    const unsigned = { type: 'thinking', thinking: 'b', signature: '' };
    const text = { type: 'text', text: 'c' };
    const messages = [
      { role: 'user', content: 'q' },
      { role: 'assistant', content: [unsigned] },
      { role: 'assistant', content: [signed, unsigned, text] },
      { role: 'user', content: [unsigned] },
    ];
    expect(anthropicMessages.relayRequest({ ...BODY, messages }, TARGET).messages).toEqual([
      messages[0],
      { role: 'assistant', content: [signed, text] },
      messages[3],
    ]);
  });
});

describe('relayStream', () => {
  const start: WireEvent = {
    type: 'message_start',
    data: '{"type":"message_start","message":{"id":"msg_1","model":"claude-x","role":"assistant","content":[],"usage":{"input_tokens":3,"output_tokens":1},"new":{"a":1}}}',
  };
  const error: WireEvent = {
    type: 'error',
    data: '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
  };
  const refusal = { code: 'all_targets_failed', message: 'broke' } as const;

  test('puts the alias into message_start and keeps its other fields', () => {
    const { text, events } = anthropicMessages.relayStream(CONTEXT).push(start);
    expect(JSON.parse(text.replace(/^event: message_start\ndata: /, ''))).toMatchObject({
      message: { id: 'msg_1', model: 'assistant', new: { a: 1 } },
    });
    expect(events.map(({ type }) => type)).toEqual(['answer-start', 'usage']);
  });

  test('an error inside the stream is not forwarded but told, and ends with the call’s own', () => {
    const relay = anthropicMessages.relayStream(CONTEXT);
    relay.push(start);
    expect(relay.push(error)).toEqual({
      text: '',
      events: [
        {
          type: 'error',
          error: { status: 529, type: 'overloaded_error', message: 'Overloaded', fields: { type: 'overloaded_error' } },
        },
      ],
    });
    expect(relay.push({ type: 'ping', data: '{"type":"ping"}' })).toEqual({ text: '', events: [] });
    expect(relay.fail(refusal)).toMatch(
      /^event: error\ndata: \{"type":"error","error":\{"type":"api_error","message":"broke"/,
    );
    expect(relay.fail(refusal)).toBe('');
  });

  test('an event that is no JSON is malformed, and nothing of it is forwarded', () => {
    const relay = anthropicMessages.relayStream(CONTEXT);
    relay.push(start);
    expect(relay.push({ type: 'content_block_start', data: '{"type":' })).toMatchObject({
      text: '',
      events: [{ type: 'error', error: { type: 'malformed_stream' } }],
    });
  });

  test('pings and unknown events pass', () => {
    const relay = anthropicMessages.relayStream(CONTEXT);
    relay.push(start);
    expect(relay.push({ type: 'ping', data: '{"type": "ping"}' })).toEqual({
      text: 'event: ping\ndata: {"type": "ping"}\n\n',
      events: [],
    });
    expect(relay.push({ type: 'novel', data: '{"type":"novel"}' }).text).toBe(
      'event: novel\ndata: {"type":"novel"}\n\n',
    );
  });

  test('an event without a name gets its type as one, data in lines stays in lines', () => {
    const relay = anthropicMessages.relayStream(CONTEXT);
    relay.push(start);
    expect(relay.push({ type: '', data: '{"type":"ping",\n"x":1}' }).text).toBe(
      'event: ping\ndata: {"type":"ping",\ndata: "x":1}\n\n',
    );
  });

  test('a vendor that left message_stop out gets one, once', () => {
    const relay = anthropicMessages.relayStream(CONTEXT);
    relay.push(start);
    expect(relay.end()).toBe('event: message_stop\ndata: {"type":"message_stop"}\n\n');
    expect(relay.end()).toBe('');
    expect(relay.fail(refusal)).toBe('');
  });

  test('after the end nothing goes out any more', () => {
    const relay = anthropicMessages.relayStream(CONTEXT);
    relay.push(start);
    relay.push({ type: 'message_stop', data: '{"type":"message_stop"}' });
    expect(relay.push({ type: 'ping', data: '{"type":"ping"}' }).text).toBe('');
    expect(relay.end()).toBe('');
    expect(relay.fail(refusal)).toBe('');
  });
});
