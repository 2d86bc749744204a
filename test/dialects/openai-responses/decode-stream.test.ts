import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { AssistantPart, JsonObject, StreamEvent } from '../../../lambdas/core/conversation.ts';
import { openaiResponses } from '../../../lambdas/dialects/openai-responses/codec.ts';
import { describeRecordings, recordedResponse, recordingOf, sseEventsOf } from '../../support/recordings.ts';
import { answerOfEvents } from '../../support/streams.ts';

const read = (...events: (JsonObject | string)[]): StreamEvent[] => {
  const decoder = openaiResponses.decodeStream();
  return events.flatMap((event) =>
    decoder.push({ type: '', data: typeof event === 'string' ? event : JSON.stringify(event) }),
  );
};
const partsOf = (...events: JsonObject[]): AssistantPart[] => answerOfEvents(read(...events)).parts;

const message = (...content: JsonObject[]) => ({ type: 'message', id: 'msg_1', role: 'assistant', content });
const text = (value: string) => ({ type: 'output_text', text: value, annotations: [] });
const call = (written: string) => ({ type: 'function_call', id: 'fc_1', call_id: 'c1', name: 'f', arguments: written });
const USAGE = { input_tokens: 5, output_tokens: 3, total_tokens: 8 };
const response = (output: JsonObject[], more: JsonObject = {}): JsonObject => ({
  id: 'resp_1',
  model: 'm',
  status: 'completed',
  output,
  usage: USAGE,
  ...more,
});
const created = { type: 'response.created', response: response([], { status: 'in_progress', usage: null }) };
const completed = (...output: JsonObject[]) => ({ type: 'response.completed', response: response(output) });
const added = (output_index: number, item: JsonObject) => ({ type: 'response.output_item.added', output_index, item });
const done = (output_index: number, item: JsonObject) => ({ type: 'response.output_item.done', output_index, item });

describe('servers that tell less than OpenAI', () => {
  test('no more than the last event: all is in it', () => {
    const answer = answerOfEvents(read(completed(message(text('Hi')), call('{"a":1}'))));
    expect(answer).toMatchObject({
      id: 'resp_1',
      parts: [
        { type: 'text', text: 'Hi' },
        { type: 'tool-call', id: 'c1', name: 'f', arguments: '{"a":1}' },
      ],
      stop: { reason: 'tool-calls', raw: 'completed' },
      usage: { inputTokens: 5, outputTokens: 3 },
    });
  });

  test('items at their ends only', () => {
    expect(partsOf(created, done(0, message(text('Hi'))), done(1, call('')), completed())).toEqual([
      { type: 'text', text: 'Hi' },
      { type: 'tool-call', id: 'c1', name: 'f', arguments: '{}' },
    ]);
  });

  test('pieces only, without the beginnings and ends of parts', () => {
    const delta = { type: 'response.output_text.delta', output_index: 0, content_index: 0 };
    const parts = partsOf({ ...delta, delta: 'H' }, { ...delta, delta: 'i' }, completed(message(text('Hi'))));
    expect(parts).toEqual([{ type: 'text', text: 'Hi' }]);
  });

  test('Chat Completions’ end mark behind the last event', () => {
    expect(read(completed(message(text('Hi'))), '[DONE]').at(-1)).toEqual({ type: 'answer-end' });
  });
});

describe('what comes twice is read once', () => {
  test('arguments in pieces, as done, in the item and in the response', () => {
    const at = { output_index: 0, item_id: 'fc_1' };
    const parts = partsOf(
      created,
      added(0, { ...call(''), status: 'in_progress' }),
      { type: 'response.function_call_arguments.delta', ...at, delta: '{"a"' },
      { type: 'response.function_call_arguments.delta', ...at, delta: ':1}' },
      { type: 'response.function_call_arguments.done', ...at, arguments: '{"a":1}' },
      done(0, call('{"a":1}')),
      completed(call('{"a":1}')),
    );
    expect(parts).toEqual([{ type: 'tool-call', id: 'c1', name: 'f', arguments: '{"a":1}' }]);
  });
});

describe('reasoning', () => {
  const item = (summary: string[], encrypted?: string): JsonObject => ({
    type: 'reasoning',
    id: 'rs_1',
    summary: summary.map((value) => ({ type: 'summary_text', text: value })),
    ...(encrypted !== undefined && { encrypted_content: encrypted }),
  });
  const delta = (summary_index: number, value: string) => ({
    type: 'response.reasoning_summary_text.delta',
    item_id: 'rs_1',
    output_index: 0,
    summary_index,
    delta: value,
  });

  test('paragraphs of a summary stand apart, and the last word of it is its proof', () => {
    const parts = partsOf(
      created,
      added(0, item([], 'of the beginning')),
      delta(0, 'One'),
      delta(0, '.'),
      delta(1, 'Two.'),
      done(0, item(['One.', 'Two.'], 'gAAA')),
      completed(),
    );
    const expected = openaiResponses.decodeAnswer(response([item(['One.', 'Two.'], 'gAAA')]))?.parts;
    expect(parts).toMatchObject([{ text: 'One.\n\nTwo.', signature: 'gAAA' }]);
    expect(expected).toEqual([
      { type: 'reasoning', id: 'rs_1', text: 'One.\n\nTwo.', signature: 'gAAA', signedBy: 'openai' },
    ]);
  });

  test('without a summary it is what is encrypted; without either it is nothing', () => {
    const events = read(created, added(0, item([], 'a')), done(0, item([], 'gAAA')), completed());
    expect(events).toContainEqual({
      type: 'redacted-reasoning',
      index: 0,
      id: 'rs_1',
      data: 'gAAA',
      madeBy: 'openai',
    });
    expect(partsOf(created, added(0, item([])), done(0, item([])), completed())).toEqual([]);
  });

  test('the reasoning itself, of servers that tell it', () => {
    const event = { type: 'response.reasoning_text.delta', output_index: 0, content_index: 0, item_id: 'rs_1' };
    expect(partsOf(created, { ...event, delta: 'Hm' }, { ...event, delta: '.' }, completed())).toMatchObject([
      { type: 'reasoning', text: 'Hm.' },
    ]);
  });
});

describe('how it ended', () => {
  test.each([
    [{ status: 'completed' }, 'end', 'completed'],
    [{ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } }, 'length', 'max_output_tokens'],
    [{ status: 'incomplete', incomplete_details: { reason: 'content_filter' } }, 'content-filter', 'content_filter'],
    [{ status: 'incomplete', incomplete_details: { reason: 'steered' } }, 'other', 'steered'],
  ])('%j', (more, reason, raw) => {
    const body = response([message(text('Hi'))], more);
    expect(openaiResponses.decodeAnswer(body)?.stop).toEqual({ reason, raw });
    const type = more.status === 'completed' ? 'response.completed' : 'response.incomplete';
    expect(answerOfEvents(read({ type, response: body })).stop).toEqual({ reason, raw });
  });

  test('a refusal', () => {
    const body = response([message({ type: 'refusal', refusal: 'No.' })]);
    expect(openaiResponses.decodeAnswer(body)).toMatchObject({
      parts: [{ type: 'refusal', text: 'No.' }],
      stop: { reason: 'refusal' },
    });
  });

  test.each(['failed', 'cancelled', 'queued', 'in_progress'])('a body that is %s is no answer', (status) => {
    expect(openaiResponses.decodeAnswer(response([], { status }))).toBeUndefined();
  });

  test.each([
    ['server_error', 500],
    ['rate_limit_exceeded', 429],
    ['invalid_prompt', 400],
    ['image_too_large', 400],
    ['unsupported_image_media_type', 400],
    ['context_length_exceeded', 400],
  ])('a response that failed with %s stands for a %s', (code, status) => {
    const failed = {
      type: 'response.failed',
      response: response([], { status: 'failed', error: { code, message: 'x' } }),
    };
    expect(read(created, failed).at(-1)).toEqual({
      type: 'error',
      error: { status, type: code, message: 'x', fields: { code } },
    });
  });

  test.each([
    [200, response([], { status: 'failed', error: { code: 'invalid_prompt', message: 'x' } }), 400, 'invalid_prompt'],
    [200, response([], { status: 'failed', error: { code: 'server_error', message: 'x' } }), 500, 'server_error'],
    [200, { error: { code: 'server_error', message: 'x' } }, 502, 'server_error'],
    [404, { error: { code: 'model_not_found', message: 'x' } }, 404, 'model_not_found'],
  ])('a %s with the body %j', (status, body, told, type) => {
    const { usage: _usage, ...error } = openaiResponses.decodeError(status, {}, JSON.stringify(body));
    expect(error).toEqual({ status: told, type, message: 'x', fields: { code: type } });
  });

  test('what a failed response has cost is told before its error', () => {
    const failed = {
      type: 'response.failed',
      response: response([], { error: { code: 'server_error', message: 'x' } }),
    };
    expect(read(failed).map(({ type }) => type)).toEqual(['usage', 'error']);
  });
});

describe('usage', () => {
  const usageOf = (more: JsonObject) => openaiResponses.decodeAnswer(response([], more))?.usage;

  test('counts do not overlap', () => {
    const usage = {
      input_tokens: 100,
      input_tokens_details: {
        cached_tokens: 40,
        cache_write_tokens: 30,
        cache_write_tokens_details: { ttl_12h_tokens: 10, ttl_30m_tokens: 20 },
      },
      output_tokens: 50,
      output_tokens_details: { reasoning_tokens: 20 },
      total_tokens: 150,
    };
    expect(usageOf({ usage, service_tier: 'flex' })).toEqual({
      inputTokens: 30,
      cachedInputTokens: 40,
      cacheWrite5mTokens: 20,
      cacheWrite1hTokens: 10,
      outputTokens: 50,
      reasoningTokens: 20,
      billed: { service: 'flex' },
    });
  });

  test('searches are counted as the vendor does, else by their items; pages that are opened are not', () => {
    const output = [
      { type: 'web_search_call', action: { type: 'search', query: 'x' } },
      { type: 'web_search_call', action: { type: 'open_page' } },
      { type: 'web_search_call' },
    ];
    expect(usageOf({ output })?.billed).toEqual({ webSearches: 2 });
    expect(usageOf({ output, tool_usage: { web_search: { num_requests: 5 } } })?.billed).toEqual({ webSearches: 5 });
  });
});

describe('citations and likelihoods', () => {
  const annotation = { type: 'url_citation', url: 'https://e.com', title: 'E', start_index: 0, end_index: 2 };
  const tokens = [{ token: 'Hi', bytes: [72, 105], logprob: -0.1, top_logprobs: [{ token: 'Ho', logprob: -2 }] }];
  const citation = { span: { start: 0, end: 2 }, source: { type: 'url', url: 'https://e.com' }, title: 'E' };
  const logprob = { token: 'Hi', bytes: [72, 105], logprob: -0.1, top: [{ token: 'Ho', logprob: -2 }] };

  test('are read whole and streamed', () => {
    const body = response([message({ ...text('Hi'), annotations: [annotation], logprobs: tokens })]);
    expect(openaiResponses.decodeAnswer(body)?.parts).toMatchObject([
      { type: 'text', text: 'Hi', citations: [citation], logprobs: [logprob] },
    ]);
    const at = { output_index: 0, content_index: 0, item_id: 'msg_1' };
    const events = read(
      created,
      { type: 'response.output_text.delta', ...at, delta: 'Hi', logprobs: tokens },
      { type: 'response.output_text.annotation.added', ...at, annotation_index: 0, annotation },
      completed(message(text('Hi'))),
    );
    expect(events).toContainEqual({ type: 'citation', index: 0, citation });
    expect(events).toContainEqual({ type: 'logprobs', index: 0, tokens: [logprob] });
  });
});

describeRecordings('recorded streams, mutated', () => {
  const lines = () =>
    sseEventsOf(recordedResponse(recordingOf('rs-reasoning-stream')).toString('utf8')).filter(
      ({ type }, index) => index < 12 || !type.endsWith('.delta'),
    );

  test('never throw, tell no more than one end, and keep the rules of events', () => {
    const wire = lines();
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            at: fc.nat(wire.length - 1),
            how: fc.constantFrom('drop', 'twice', 'swap', 'cut', 'field'),
            field: fc.constantFrom(
              'output_index',
              'item',
              'type',
              'delta',
              'response',
              'part',
              'content_index',
              'item_id',
            ),
            put: fc.jsonValue({ maxDepth: 2 }),
          }),
          { minLength: 1, maxLength: 6 },
        ),
        (changes) => {
          let events = [...wire];
          for (const { at, how, field, put } of changes) {
            const event = events[at % Math.max(1, events.length)];
            if (event === undefined) continue;
            const before = events.slice(0, at);
            const after = events.slice(at + 1);
            const data = String(event.data);
            if (how === 'drop') events = [...before, ...after];
            if (how === 'twice') events = [...before, event, event, ...after];
            if (how === 'swap') events = [...before, ...after.slice(0, 1), event, ...after.slice(1)];
            if (how === 'cut') events = [...before, { ...event, data: data.slice(0, data.length / 2) }, ...after];
            if (how !== 'field' || !data.endsWith('}')) continue;
            const changed = { ...(JSON.parse(data) as JsonObject), [field]: put };
            events = [...before, { ...event, data: JSON.stringify(changed) }, ...after];
          }
          const decoder = openaiResponses.decodeStream();
          const out = events.flatMap((event) => decoder.push(event));
          const ends = out.filter(({ type }) => type === 'answer-end' || type === 'error');
          expect(ends.length).toBeLessThanOrEqual(1);
          // Whatever came, what was told of a whole answer can be put together.
          if (out.at(-1)?.type === 'answer-end') answerOfEvents(out);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
