import { describe, expect, test } from '@jest/globals';
import { type LoggedMetrics, METRIC_UNITS } from '../../../lambdas/contract/metrics.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { CONFIG, chatAnswer, chatStream, DONE, makeStory, type Story, says } from '../story/story-fixture.ts';

const lineOf = (story: Story, message: string): Record<string, unknown> =>
  story.log.lines.find((line) => line.message === message)?.fields ?? {};
const metricsOf = (fields: Record<string, unknown>): LoggedMetrics['values'] =>
  (fields['metrics'] as LoggedMetrics | undefined)?.values ?? {};

/** The store takes so long for each of these. */
const slowLedger = (story: Story, delays: { hold?: number; open?: number; settle?: number }): void => {
  const { ledger, clock } = story.ports;
  const after = async <T>(ms: number | undefined, work: () => Promise<T>): Promise<T> => {
    if (ms !== undefined) await clock.sleep(ms);
    return work();
  };
  story.ports.ledger = {
    ...ledger,
    hold: (request) => after(delays.hold, () => ledger.hold(request)),
    open: (entry) => after(delays.open, () => ledger.open(entry)),
    settle: (settlement) => after(delays.settle, () => ledger.settle(settlement)),
  };
};

describe('the line of a request', () => {
  test("has OpenTelemetry's names, and no prompt, answer or key", async () => {
    const story = await makeStory({ a: [chatAnswer('the answer text')] });
    await story.ask({ messages: [{ role: 'user', content: 'the prompt text' }] });
    const fields = lineOf(story, 'request');
    expect(fields).toMatchObject({
      request_id: expect.stringMatching(/^req_/),
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'a',
      'gen_ai.request.model': 'assistant',
      'gen_ai.request.max_tokens': 1_000,
      'gen_ai.response.model': 'm-1',
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.usage.input_tokens': 10,
      'gen_ai.usage.output_tokens': 5,
      target: 'a/m-1',
      outcome: 'answered',
      attempts: 1,
    });
    expect(JSON.stringify(story.log.lines)).not.toMatch(/the (answer|prompt) text/);
    expect(JSON.stringify(story.log.lines)).not.toContain(story.key);
  });

  test('names of metrics are those of the contract, and a user or key is none of their dimensions', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    await story.ask();
    await story.ask({ model: 'nobody' });
    for (const { fields } of story.log.lines) {
      const { dimensions = {}, values = {} } = (fields?.['metrics'] ?? {}) as Partial<LoggedMetrics>;
      for (const name of Object.keys(values)) expect(METRIC_UNITS).toHaveProperty(name);
      expect(dimensions).toEqual({});
    }
  });
});

describe('GatewayOverheadMs', () => {
  test('is the time that was not spent with providers: round trips to the store count', async () => {
    const story = await makeStory({ a: [{ ...chatAnswer('hi'), afterMs: 3_000 }] });
    slowLedger(story, { hold: 20, open: 30, settle: 40 });
    await story.ask();
    expect(metricsOf(lineOf(story, 'request'))).toEqual({ GatewayOverheadMs: 90 });
  });

  test('of a stream ends with its settlement, and does not count what came in between', async () => {
    const story = await makeStory({ a: [chatStream([says('a', 500), says('b', 4_000), ...DONE])] });
    slowLedger(story, { hold: 20, settle: 40 });
    await story.read(await story.ask({ stream: true }));
    expect(metricsOf(lineOf(story, 'request'))).toEqual({ GatewayOverheadMs: 60 });
  });

  test('of a request that failed is told too, and it is no refusal: the ledger counts it as an error', async () => {
    const story = await makeStory({ a: [{ status: 400, body: '{}' }] });
    slowLedger(story, { hold: 20 });
    await story.ask();
    expect(metricsOf(lineOf(story, 'refused'))).toEqual({ GatewayOverheadMs: 20 });
  });
});

describe('Refusals', () => {
  test('count what was turned down before there was an entry', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    await story.ask({ model: 'nobody' });
    expect(metricsOf(lineOf(story, 'refused'))).toEqual({ Refusals: 1 });
  });

  test("a store that is away is the gateway's own error, and no refusal", async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    const { ledger } = story.ports;
    story.ports.ledger = { ...ledger, hold: () => Promise.reject(new StoreUnavailable('down')) };
    expect((await story.ask()).status).toBe(503);
    expect(metricsOf(lineOf(story, 'refused'))).toEqual({ Requests: 1, Errors: 1 });
  });
});

describe('what is wrong with an answer', () => {
  const SCHEMA = {
    type: 'json_schema',
    json_schema: {
      name: 'x',
      strict: true,
      schema: { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'], additionalProperties: false },
    },
  };
  /** The targets can do what a schema asks. */
  const able = structuredClone(CONFIG);
  for (const target of able.models['assistant']?.targets ?? [])
    target.capabilities = ['streaming', 'tools', 'json-schema'];
  const flawOf = async (story: Story) => (await story.entries())[0]?.receipt.flaw;
  const ended = (finish: string, text = 'hi') => {
    const answer = chatAnswer(text);
    if (!('body' in answer) || typeof answer.body !== 'string') throw new Error('a plain answer has a text');
    return { ...answer, body: answer.body.replace('"finish_reason":"stop"', `"finish_reason":"${finish}"`) };
  };

  test.each([
    ['stop', undefined],
    ['length', 'truncated'],
    ['content_filter', 'refused'],
    ['tool_calls', undefined],
  ])('that ended with %s: %s', async (finish, flaw) => {
    const story = await makeStory({ a: [ended(finish)] });
    await story.ask();
    expect(await flawOf(story)).toBe(flaw);
    expect(lineOf(story, 'request')['flaw']).toBe(flaw);
  });

  test.each([
    ['{"a":1}', undefined],
    ['{"a":"1"}', 'invalid-output'],
    ['Here you are: {"a":1}', 'invalid-output'],
  ])('to a schema, %s: %s, plain and streamed, and no word of it is kept', async (text, flaw) => {
    const half = text.length / 2;
    const plain = await makeStory({ a: [chatAnswer(text)] }, able);
    expect((await plain.ask({ response_format: SCHEMA })).status).toBe(200);
    expect(await flawOf(plain)).toBe(flaw);

    const streamed = await makeStory(
      { a: [chatStream([says(text.slice(0, half)), says(text.slice(half)), ...DONE])] },
      able,
    );
    await streamed.read(await streamed.ask({ stream: true, response_format: SCHEMA }));
    expect(await flawOf(streamed)).toBe(flaw);
    for (const story of [plain, streamed])
      expect(JSON.stringify([(await story.entries())[0]?.receipt, story.log.lines])).not.toContain(
        JSON.stringify(text),
      );
  });

  test('a call of a tool is an answer in another form: its text is held against no schema', async () => {
    const story = await makeStory({ a: [ended('tool_calls', 'Let me look.')] }, able);
    expect((await story.ask({ response_format: SCHEMA })).status).toBe(200);
    expect(await flawOf(story)).toBeUndefined();
  });

  test('without a format anything is right', async () => {
    const story = await makeStory({ a: [chatAnswer('no JSON')] });
    await story.ask();
    expect(await flawOf(story)).toBeUndefined();
  });

  test('of several choices none is judged: their texts come mixed', async () => {
    const story = await makeStory({ a: [chatAnswer('no JSON')] }, able);
    expect((await story.ask({ n: 2, response_format: SCHEMA })).status).toBe(200);
    expect(await flawOf(story)).toBeUndefined();
  });

  test('an answer too long to be remembered is not judged', async () => {
    const story = await makeStory({ a: [chatAnswer('x'.repeat(65_537))] }, able);
    expect((await story.ask({ response_format: SCHEMA })).status).toBe(200);
    expect(await flawOf(story)).toBeUndefined();
  });
});
