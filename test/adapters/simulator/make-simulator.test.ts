import { describe, expect, test } from '@jest/globals';
import { makeSimulator, type SimulatorCall } from '../../../lambdas/adapters/simulator/make-simulator.ts';
import { UpstreamError, type UpstreamReply } from '../../../lambdas/core/call/upstream.ts';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';
import type { WireEvent } from '../../../lambdas/core/dialect.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

const never = new AbortController().signal;

const user = (content: string): JsonObject => ({ messages: [{ role: 'user', content }] });

const call = (
  model: string,
  body: JsonObject = user('one two three'),
  more: Partial<SimulatorCall> = {},
): SimulatorCall => ({
  transport: 'simulator',
  model,
  body,
  stream: false,
  seed: 0,
  requestId: 'req_1',
  ...more,
});

const setUp = () => {
  const clock = makeFakeClock();
  return { clock, ...makeSimulator({ clock }) };
};

// biome-ignore lint/suspicious/noExplicitAny: a wire body, read by the assertions
const answerOf = async (reply: UpstreamReply): Promise<any> => JSON.parse(await reply.text());

const chunksOf = (events: WireEvent[]) =>
  events.filter(({ data }) => data !== '[DONE]').map(({ data }) => JSON.parse(String(data)));

const collect = async (reply: UpstreamReply): Promise<WireEvent[]> => {
  const events = [];
  for await (const event of reply.events()) events.push(event);
  return events;
};

const textOf = (events: WireEvent[]): string =>
  chunksOf(events)
    .map(({ choices }) => choices[0]?.delta.content ?? '')
    .join('');

describe('an answer', () => {
  test('echoes the last user text and tells its usage, a word a token', async () => {
    const { send, meter, clock } = setUp();
    const messages = [
      { role: 'system', content: 'be brief' },
      { role: 'user', content: 'first' },
      { role: 'assistant', content: 'yes' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'say  this\nback ' },
          { type: 'image_url', image_url: { url: 'x' } },
        ],
      },
    ];
    const reply = await send(call('echo', { messages }), never);
    expect(reply).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } });
    expect(await answerOf(reply)).toMatchObject({
      object: 'chat.completion',
      created: Math.floor(clock.now() / 1000),
      model: 'echo',
      choices: [{ index: 0, message: { role: 'assistant', content: 'say  this\nback ' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 17, completion_tokens: 3, total_tokens: 20 },
    });
    expect(meter.entries()).toEqual([
      { requestId: 'req_1', attempt: 1, model: 'echo', status: 200, inputTokens: 17, outputTokens: 3, completed: true },
    ]);
  });

  test('of tokens-N is exactly so long', async () => {
    const { send } = setUp();
    const answer = await answerOf(await send(call('tokens-250'), never));
    expect(answer.usage.completion_tokens).toBe(250);
    expect(answer.choices[0].message.content.split(' ')).toHaveLength(250);
    expect(answer.choices[0].finish_reason).toBe('stop');
  });

  test.each([
    ['tokens-50', { max_tokens: 20 }, 20, 'length'],
    ['tokens-50', { max_completion_tokens: 20, max_tokens: 40 }, 20, 'length'],
    ['tokens-50', { max_tokens: 50 }, 50, 'stop'],
    ['tokens-0', {}, 0, 'stop'],
    ['echo', { max_tokens: 2 }, 2, 'length'],
    ['echo', { max_tokens: 3 }, 3, 'stop'],
  ])('of %s under %j has %d tokens and ends with %s, streamed or not', async (model, limits, tokens, finish) => {
    const { send } = setUp();
    const body = { ...user('one two three'), ...limits, stream_options: { include_usage: true } };
    const plain = await answerOf(await send(call(model, body), never));
    expect([plain.usage.completion_tokens, plain.choices[0].finish_reason]).toEqual([tokens, finish]);
    const chunks = chunksOf(await collect(await send(call(model, body, { stream: true }), never)));
    expect(chunks.at(-1).usage.completion_tokens).toBe(tokens);
    expect(chunks.at(-2).choices[0].finish_reason).toBe(finish);
  });

  test('ends before a stop sequence', async () => {
    const { send } = setUp();
    const answer = await answerOf(
      await send(call('echo', { ...user('one two END three'), stop: ['END', 'x'] }), never),
    );
    expect(answer.choices[0].message.content).toBe('one two ');
  });

  test('of n choices comes n times and is billed n times', async () => {
    const { send, meter } = setUp();
    const body = { ...user('one two'), n: 3 };
    const answer = await answerOf(await send(call('echo', body), never));
    expect(answer.choices).toHaveLength(3);
    const events = await collect(await send(call('echo', body, { stream: true }), never));
    expect(new Set(chunksOf(events).map(({ choices }) => choices[0].index))).toEqual(new Set([0, 1, 2]));
    expect(meter.totals()).toEqual({ calls: 2, inputTokens: 4, outputTokens: 12 });
  });

  test('of a JSON format is JSON', async () => {
    const { send } = setUp();
    const format = async (response_format: JsonObject, text: string) =>
      JSON.parse(
        (await answerOf(await send(call('echo', { ...user(text), response_format }), never))).choices[0].message
          .content,
      );
    const schema = {
      type: 'object',
      required: ['city', 'days'],
      properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1 } },
    };
    expect(await format({ type: 'json_schema', json_schema: { name: 'trip', schema } }, 'x')).toEqual({
      city: '',
      days: 1,
    });
    expect(await format({ type: 'json_object' }, 'no json')).toEqual({ echo: 'no json' });
    expect(await format({ type: 'json_object' }, '{"a":1}')).toEqual({ a: 1 });
  });
});

describe('a stream', () => {
  test("is OpenAI's: role, one token an event, the reason it ended, [DONE]", async () => {
    const { send, meter } = setUp();
    const reply = await send(call('echo', user('one two'), { stream: true }), never);
    expect(reply.headers['content-type']).toMatch('text/event-stream');
    const events = await collect(reply);
    expect(events.at(-1)).toEqual({ type: '', data: '[DONE]' });
    expect(chunksOf(events)).toMatchObject([
      { object: 'chat.completion.chunk', choices: [{ index: 0, delta: { role: 'assistant' }, finish_reason: null }] },
      { choices: [{ delta: { content: 'one' } }] },
      { choices: [{ delta: { content: ' two' } }] },
      { choices: [{ delta: {}, finish_reason: 'stop' }] },
    ]);
    expect(events.some(({ data }) => String(data).includes('usage'))).toBe(false);
    expect(meter.totals()).toEqual({ calls: 1, inputTokens: 2, outputTokens: 2 });
  });

  test('tells its usage where it was asked for, after the end and before [DONE]', async () => {
    const { send } = setUp();
    const body = { ...user('one two'), stream_options: { include_usage: true } };
    const chunks = chunksOf(await collect(await send(call('echo', body, { stream: true }), never)));
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 2, completion_tokens: 2 } });
  });

  test('of slow-MS has its head at once, the first token after MS, the rest over as long again', async () => {
    const { send, clock } = setUp();
    const startedAt = clock.now();
    const reply = await send(call('slow-1000+tokens-10', user('x'), { stream: true }), never);
    const times: number[] = [];
    const reading = (async () => {
      for await (const { data } of reply.events())
        if (String(data).includes('"content":"')) times.push(clock.now() - startedAt);
    })();
    await clock.settle(reading);
    // The first event carries the role and an empty text.
    expect(times).toEqual([1000, 1000, 1100, 1200, 1300, 1400, 1500, 1600, 1700, 1800, 1900]);
  });

  test('that is left early has been billed for what was handed over', async () => {
    const { send, meter } = setUp();
    const reply = await send(call('tokens-100', user('a b c'), { stream: true }), never);
    let read = 0;
    for await (const _ of reply.events()) if (++read === 11) break;
    expect(meter.entries()).toMatchObject([{ inputTokens: 3, outputTokens: 10, completed: false }]);
  });

  test('that is stopped between two tokens ends at once with "aborted" and leaves no timer', async () => {
    const { send, meter, clock } = setUp();
    const stop = new AbortController();
    const reply = await send(call('slow-1000+tokens-10', user('x'), { stream: true }), stop.signal);
    const reading = collect(reply).catch((error: unknown) => error);
    await clock.advance(1350);
    stop.abort();
    expect(await reading).toMatchObject({ name: 'UpstreamError', kind: 'aborted' });
    expect(meter.entries()).toMatchObject([{ outputTokens: 4, completed: false }]);
    expect(clock.timers()).toBe(0);
  });

  test('can be left while its next token is awaited', async () => {
    const { send, clock } = setUp();
    const reply = await send(call('slow-1000', user('x'), { stream: true }), never);
    const events = reply.events()[Symbol.asyncIterator]();
    const next = events.next().catch((error: unknown) => error);
    await clock.flush();
    await events.return?.();
    expect(await next).toBeInstanceOf(UpstreamError);
    expect(clock.timers()).toBe(0);
  });

  test('that nothing slows down lets others run in between', async () => {
    const { send } = setUp();
    const reply = await send(call('tokens-5000', user('x'), { stream: true }), never);
    let read = 0;
    let readWhenOthersRan = 0;
    setImmediate(() => {
      readWhenOthersRan = read;
    });
    for await (const _ of reply.events()) read += 1;
    expect(readWhenOthersRan).toBeGreaterThan(0);
    expect(readWhenOthersRan).toBeLessThan(1000);
  });
});

describe('tool calls', () => {
  const tools = ['get_weather', 'get_time'].map((name) => ({
    type: 'function',
    function: { name, parameters: { type: 'object', required: ['city'], properties: { city: { enum: ['Bern'] } } } },
  }));

  test('that the text names come in parallel, arguments as written', async () => {
    const { send } = setUp();
    const text = 'please call get_weather {"city": "B}ern"} and call get_time and call nothing {}';
    const { choices } = await answerOf(await send(call('echo', { ...user(text), tools }), never));
    expect(choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: null,
        tool_calls: [
          { type: 'function', function: { name: 'get_weather', arguments: '{"city": "B}ern"}' } },
          { type: 'function', function: { name: 'get_time', arguments: '{}' } },
        ],
      },
    });
    const ids = choices[0].message.tool_calls.map(({ id }: { id: string }) => id);
    expect(new Set(ids).size).toBe(2);
  });

  test('are streamed as they are answered whole', async () => {
    const { send } = setUp();
    const body = { ...user('call get_weather {"city": "Bern"} call get_time {"city": "Rom"}'), tools };
    const plain = (await answerOf(await send(call('echo', body), never))).choices[0].message.tool_calls;
    const events = await collect(await send(call('echo', body, { stream: true }), never));
    const streamed: { id: string; name: string; arguments: string }[] = [];
    for (const { choices } of chunksOf(events)) {
      for (const { index, id, function: part } of choices[0].delta.tool_calls ?? []) {
        streamed[index] ??= { id, name: part.name, arguments: '' };
        (streamed[index] as { arguments: string }).arguments += part.arguments;
      }
    }
    expect(streamed.map(({ name, arguments: text }) => [name, text])).toEqual(
      plain.map((one: { function: { name: string; arguments: string } }) => [
        one.function.name,
        one.function.arguments,
      ]),
    );
  });

  test('are one where parallel ones are not wanted, and none where none are offered or chosen', async () => {
    const { send } = setUp();
    const text = 'call get_weather call get_time';
    const calls = async (more: JsonObject) =>
      (await answerOf(await send(call('echo', { ...user(text), ...more }), never))).choices[0].message.tool_calls
        ?.length ?? 0;
    expect(await calls({ tools })).toBe(2);
    expect(await calls({ tools, parallel_tool_calls: false })).toBe(1);
    expect(await calls({ tools, tool_choice: 'none' })).toBe(0);
    expect(await calls({})).toBe(0);
  });

  test.each([
    ['required', 'get_weather'],
    [{ type: 'function', function: { name: 'get_time' } }, 'get_time'],
  ])('that tool_choice %j demands are made with arguments that fit', async (tool_choice, name) => {
    const { send } = setUp();
    const answer = await answerOf(await send(call('echo', { ...user('hello'), tools, tool_choice }), never));
    expect(answer.choices[0].message.tool_calls).toMatchObject([{ function: { name, arguments: '{"city":"Bern"}' } }]);
  });

  test('are answered, once their results are there, with the results', async () => {
    const { send } = setUp();
    const messages = [
      { role: 'user', content: 'call get_weather' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [{ id: 'a', type: 'function', function: { name: 'get_weather', arguments: '{}' } }],
      },
      { role: 'tool', tool_call_id: 'a', content: 'sunny' },
      { role: 'tool', tool_call_id: 'b', content: [{ type: 'text', text: '9 o’clock' }] },
    ];
    const answer = await answerOf(await send(call('echo', { messages, tools }), never));
    expect(answer.choices[0].message).toMatchObject({ content: 'sunny\n9 o’clock' });
    expect(answer.choices[0].finish_reason).toBe('stop');
  });
});

describe('failures', () => {
  test.each([
    [429, { 'retry-after': '5' }, 'requests', 'rate_limit_exceeded'],
    [503, { 'retry-after': '5' }, 'server_error', null],
    [500, {}, 'server_error', null],
    [401, {}, 'invalid_request_error', 'invalid_api_key'],
    [418, {}, 'invalid_request_error', null],
  ])("fail-%d answers in OpenAI's shape and bills nothing", async (status, headers, type, code) => {
    const { send, meter } = setUp();
    const reply = await send(call(`fail-${status}`, user('x'), { stream: true }), never);
    expect(reply).toMatchObject({ status, headers: { 'content-type': 'application/json', ...headers } });
    expect(await answerOf(reply)).toEqual({
      error: { message: `Simulated failure ${status}`, type, param: null, code },
    });
    expect(meter.entries()).toMatchObject([{ status, inputTokens: 0, outputTokens: 0, completed: false }]);
  });

  test('flaky-PERCENT fails about so often, the same way for the same seed, anew for each attempt', async () => {
    const statuses = async (seed: number) => {
      const { send } = setUp();
      const found: number[] = [];
      for (let i = 0; i < 400; i++)
        found.push((await send(call('flaky-30', user('x'), { seed, requestId: `req_${i >> 1}` }), never)).status);
      return found;
    };
    const first = await statuses(1);
    const failed = first.filter((status) => status === 500).length;
    expect(failed).toBeGreaterThan(80);
    expect(failed).toBeLessThan(160);
    expect(await statuses(1)).toEqual(first);
    expect(await statuses(2)).not.toEqual(first);
    expect(first.filter((_, i) => i % 2 === 0)).not.toEqual(first.filter((_, i) => i % 2 === 1));
  });

  test('flaky-100+fail-503 fails always with that, flaky-0 never', async () => {
    const { send } = setUp();
    expect((await send(call('flaky-100+fail-503'), never)).status).toBe(503);
    expect((await send(call('flaky-0'), never)).status).toBe(200);
  });

  test('cut-N breaks a stream off after N tokens, which are billed', async () => {
    const { send, meter } = setUp();
    const reply = await send(call('tokens-10+cut-4', user('a b'), { stream: true }), never);
    const events: WireEvent[] = [];
    const reading = (async () => {
      for await (const event of reply.events()) events.push(event);
    })();
    await expect(reading).rejects.toMatchObject({ name: 'UpstreamError', kind: 'reset' });
    expect(textOf(events).split(' ')).toHaveLength(4);
    expect(meter.entries()).toMatchObject([{ inputTokens: 2, outputTokens: 4, completed: false }]);
  });

  test('cut-N breaks a plain answer off, cut-0 before anything, and spares a shorter answer', async () => {
    const { send, meter } = setUp();
    await expect((await send(call('tokens-10+cut-4'), never)).text()).rejects.toMatchObject({ kind: 'reset' });
    await expect(collect(await send(call('cut-0', user('x'), { stream: true }), never))).rejects.toMatchObject({
      kind: 'reset',
    });
    expect(textOf(await collect(await send(call('cut-4', user('a b'), { stream: true }), never)))).toBe('a b');
    expect(meter.entries().map(({ outputTokens, completed }) => [outputTokens, completed])).toEqual([
      [4, false],
      [0, false],
      [2, true],
    ]);
  });

  test("cut-N at the answer's very end takes the end away", async () => {
    const { send } = setUp();
    await expect(collect(await send(call('tokens-4+cut-4', user('x'), { stream: true }), never))).rejects.toMatchObject(
      { kind: 'reset' },
    );
  });

  test.each([
    ['hang', false],
    ['hang', true],
    ['hang+slow-50', false],
  ])('%s (streamed: %s) never answers, and ends when it is stopped', async (model, stream) => {
    const { send, clock, meter } = setUp();
    const stop = new AbortController();
    let settled = false;
    const sent = send(call(model, user('x'), { stream }), stop.signal).finally(() => {
      settled = true;
    });
    sent.catch(() => undefined);
    await clock.advance(3_600_000);
    expect(settled).toBe(false);
    stop.abort('deadline');
    await expect(sent).rejects.toMatchObject({ kind: 'aborted' });
    expect(meter.totals()).toEqual({ calls: 1, inputTokens: 0, outputTokens: 0 });
  });

  test('cut-N+hang goes silent after N tokens', async () => {
    const { send, clock } = setUp();
    const stop = new AbortController();
    const reply = await send(call('tokens-9+cut-3+hang', user('x'), { stream: true }), stop.signal);
    const events: WireEvent[] = [];
    const reading = (async () => {
      for await (const event of reply.events()) events.push(event);
    })().catch((error: unknown) => error);
    await clock.advance(60_000);
    expect(textOf(events).split(' ')).toHaveLength(3);
    stop.abort();
    expect(await reading).toMatchObject({ kind: 'aborted' });
  });

  test('a plain answer that is stopped in its delay is not billed', async () => {
    const { send, clock, meter } = setUp();
    const stop = new AbortController();
    const sent = send(call('slow-1000'), stop.signal);
    sent.catch(() => undefined);
    await clock.advance(999);
    stop.abort();
    await expect(sent).rejects.toMatchObject({ kind: 'aborted' });
    expect([meter.totals().outputTokens, clock.timers()]).toEqual([0, 0]);
  });

  test('a name that means nothing is 404, a body without messages 400', async () => {
    const { send } = setUp();
    const unknown = await send(call('gpt-5'), never);
    expect([unknown.status, (await answerOf(unknown)).error.code]).toEqual([404, 'model_not_found']);
    expect((await send(call('echo', {}), never)).status).toBe(400);
  });

  test('a call whose signal has already aborted is not counted', async () => {
    const { send, meter } = setUp();
    await expect(send(call('echo'), AbortSignal.abort())).rejects.toMatchObject({ kind: 'aborted' });
    expect(meter.totals().calls).toBe(0);
  });
});

describe('the meter', () => {
  test('keeps the last calls and the sum of all', async () => {
    const { send, meter } = setUp();
    for (let i = 0; i < 20_500; i++) await send(call('echo', user('x'), { requestId: `req_${i}` }), never);
    expect(meter.entries()).toHaveLength(10_000);
    expect(meter.entries().at(-1)?.requestId).toBe('req_20499');
    expect(meter.totals()).toEqual({ calls: 20_500, inputTokens: 20_500, outputTokens: 20_500 });
  });

  test('hands out copies', async () => {
    const { send, meter } = setUp();
    await send(call('echo'), never);
    const [entry] = meter.entries();
    if (entry !== undefined) entry.outputTokens = 0;
    meter.totals().outputTokens = 0;
    expect(meter.entries()[0]?.outputTokens).toBe(3);
    expect(meter.totals().outputTokens).toBe(3);
  });
});
