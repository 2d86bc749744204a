import { describe, expect, test } from '@jest/globals';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';
import type { AnswerContext, EncodeTarget } from '../../../lambdas/core/dialect.ts';
import { refuse } from '../../../lambdas/core/failures.ts';
import { openaiResponses } from '../../../lambdas/dialects/openai-responses/codec.ts';
import { describeRecordings, recordedResponse, recordingOf, sseEventsOf } from '../../support/recordings.ts';

const target: EncodeTarget = { model: 'gpt-5', modelMaxOutputTokens: 1_000, stream: false, reasoningModel: true };
const relay = (body: JsonObject, more: Partial<EncodeTarget> = {}) =>
  openaiResponses.relayRequest({ model: 'alias', input: 'Hi', ...body }, { ...target, ...more });
const context: AnswerContext = { requestId: 'r', alias: 'alias', createdAt: 1, streamUsage: true };

describe('a request', () => {
  test('goes as it came, but for its model', () => {
    const body = { input: [{ role: 'user', content: 'Hi' }], store: true, previous_response_id: 'resp_1', new: [1] };
    expect(relay(body)).toEqual({ ...body, model: 'gpt-5' });
  });

  test('gets the limit, the tier and the most searches where it names none, and keeps its own', () => {
    const set = { maxOutputTokens: 50, serviceTier: 'default', maxWebSearches: 2, stream: true };
    const tools = [{ type: 'web_search' }];
    expect(relay({ tools, max_output_tokens: 99 }, set)).toMatchObject({
      max_output_tokens: 50,
      service_tier: 'default',
      max_tool_calls: 2,
      stream: true,
    });
    const own = { tools, service_tier: 'flex', max_tool_calls: 1 };
    expect(relay(own, set)).toMatchObject(own);
    expect(relay({ tools: [{ type: 'function', name: 'f' }] }, set)).not.toHaveProperty('max_tool_calls');
  });

  test('goes without the ids that another vendor’s answer got here', () => {
    const made = (prefix: string) => `${prefix}_req_1a2b_3_AbCdEfGhIjKlMnOpQrSt_0`;
    const message = { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Hm' }] };
    const call = { type: 'function_call', call_id: 'c', name: 'f', arguments: '{}' };
    const own = { ...message, id: 'msg_68c2e8c26114819489dae5b59fceb7bf02e845978fbbb592' };
    const { input } = relay({
      input: [{ ...message, id: made('msg') }, { ...call, id: made('fc') }, own],
    });
    expect(input).toEqual([message, call, own]);
  });

  test('goes to OpenAI without thoughts that nobody there can place, and says so', () => {
    const summary = [{ type: 'summary_text', text: 'Hm.' }];
    const own = { type: 'reasoning', id: 'rs_1', summary };
    const proven = { type: 'reasoning', summary, encrypted_content: 'gAAA' };
    const unsigned = { type: 'reasoning', summary };
    const made = { ...unsigned, id: 'rs_req_1a2b_3_AbCdEfGhIjKlMnOpQrSt_0' };
    const body = { model: 'alias', input: [own, proven, unsigned, made, { ...made, encrypted_content: null }] };
    const dropped = new Set<string>();
    const { input } = openaiResponses.relayRequest(body, { ...target, thoughtsIn: 'none' }, dropped);
    expect(input).toEqual([own, proven]);
    expect([...dropped]).toEqual(['reasoning parts']);
    const none = new Set<string>();
    openaiResponses.relayRequest({ ...body, input: [own, proven] }, { ...target, thoughtsIn: 'none' }, none);
    expect(none.size).toBe(0);
    // Other servers of this dialect read thoughts as plain text.
    expect(relay({ input: [unsigned, made] })['input']).toEqual([unsigned, unsigned]);
  });

  test('goes without what another vendor sealed, and with ids that OpenAI takes', () => {
    const id = 'x'.repeat(100);
    const own = { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: 'gAAA' };
    const sealed = { type: 'reasoning', id: 'rs_2', summary: [], encrypted_content: 'tollgate.anthropic.s.c2ln' };
    const extra_content = { google: { thought_signature: 'c2ln' } };
    const { input } = relay({
      input: [
        own,
        sealed,
        { role: 'assistant', content: [{ type: 'output_text', text: 'Hm', extra_content }] },
        { type: 'function_call', call_id: id, name: 'f', arguments: '{}', extra_content },
        { type: 'function_call_output', call_id: id, output: 'x' },
      ],
    }) as { input: JsonObject[] };
    const [thought, message, call, output] = input;
    expect(thought).toEqual(own);
    expect(message).toEqual({ role: 'assistant', content: [{ type: 'output_text', text: 'Hm' }] });
    expect(call).toEqual({ type: 'function_call', call_id: output?.['call_id'], name: 'f', arguments: '{}' });
    expect(String(call?.['call_id']).length).toBeLessThanOrEqual(64);
  });
});

describe('an answer', () => {
  test('goes back with the alias in it', () => {
    expect(openaiResponses.relayAnswer({ id: 'resp_1', model: 'gpt-5-2025', new: 1 }, context)).toEqual({
      id: 'resp_1',
      model: 'alias',
      new: 1,
    });
  });
});

describeRecordings('a recorded stream', () => {
  const wire = () => sseEventsOf(recordedResponse(recordingOf('rs-reasoning-stream')).toString('utf8'));

  test('goes through as it is, but for the model of its responses', () => {
    const stream = openaiResponses.relayStream(context);
    const read = (data: unknown) => JSON.parse(data as string) as JsonObject & { response?: JsonObject };
    const out = sseEventsOf(
      wire()
        .map((event) => stream.push(event).text)
        .join(''),
    );
    expect(out.map(({ type }) => type)).toEqual(wire().map(({ type }) => type));
    for (const [index, { data }] of wire().entries()) {
      const sent = read(data);
      if (sent.response === undefined) expect(out[index]?.data).toBe(data);
      else expect(read(out[index]?.data)).toEqual({ ...sent, response: { ...sent.response, model: 'alias' } });
    }
  });

  test('means what the decoder reads, and ends where it ends', () => {
    const stream = openaiResponses.relayStream(context);
    const decoder = openaiResponses.decodeStream();
    const relayed = wire().flatMap((event) => stream.push(event).events);
    expect(relayed).toEqual(wire().flatMap((event) => decoder.push(event)));
    expect(relayed.at(-1)).toEqual({ type: 'answer-end' });
    expect(stream.push({ type: '', data: '{}' })).toEqual({ text: '', events: [] });
  });

  test('that its vendor failed ends without a gap in the numbers, with the usage that was told', () => {
    const stream = openaiResponses.relayStream(context);
    const push = (data: JsonObject) => stream.push({ type: '', data: JSON.stringify(data) });
    push({
      type: 'response.created',
      sequence_number: 0,
      response: { id: 'resp_1', status: 'in_progress', output: [] },
    });
    push({
      type: 'response.in_progress',
      sequence_number: 1,
      response: { id: 'resp_1', status: 'in_progress', output: [] },
    });
    const usage = { input_tokens: 5, output_tokens: 3, total_tokens: 8 };
    const error = { code: 'server_error', message: 'x' };
    push({
      type: 'response.failed',
      sequence_number: 2,
      response: { id: 'resp_1', status: 'failed', output: [], usage, error },
    });
    const text = stream.fail(refuse('all_targets_failed', 'It broke.', { shouldRetry: false }));
    const events = sseEventsOf(text).map(({ data }) => JSON.parse(data as string) as JsonObject);
    expect(events).toMatchObject([
      { type: 'error', sequence_number: 2 },
      { type: 'response.failed', sequence_number: 3, response: { id: 'resp_1', usage, status: 'failed' } },
    ]);
  });

  test('that breaks ends with the error and a failed response, numbered on', () => {
    const stream = openaiResponses.relayStream(context);
    for (const event of wire().slice(0, 10)) stream.push(event);
    const events = sseEventsOf(stream.fail(refuse('all_targets_failed', 'It broke.', { shouldRetry: false })));
    const [error, failed] = events.map(
      ({ data }) => JSON.parse(data as string) as JsonObject & { response: JsonObject },
    );
    expect(error).toMatchObject({
      type: 'error',
      sequence_number: 10,
      code: 'all_targets_failed',
      message: 'It broke.',
      error: { code: 'all_targets_failed', tollgate: { request_id: 'r' } },
    });
    expect(failed).toMatchObject({ type: 'response.failed', sequence_number: 11 });
    expect(failed?.response).toMatchObject({ model: 'alias', status: 'failed', error: { message: 'It broke.' } });
    expect(failed?.response['id']).toMatch(/^resp_/);
  });

  test('that holds an error tells the caller, and writes nothing', () => {
    const stream = openaiResponses.relayStream(context);
    const events = sseEventsOf(recordedResponse(recordingOf('rs-v-error-stream')).toString('utf8'));
    const pushed = events.map((event) => stream.push(event));
    expect(pushed[2]).toEqual({
      text: '',
      events: [{ type: 'error', error: expect.objectContaining({ status: 429, type: 'insufficient_quota' }) }],
    });
    expect(pushed[3]).toEqual({ text: '', events: [] });
  });
});
