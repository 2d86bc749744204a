/** The official `openai` package, unchanged, over `/v1/responses`: whatever language the provider speaks. */
import { afterEach, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import type { JsonObject } from '../../lambdas/core/conversation.ts';
import { startUpstream } from '../support/fault-upstream.ts';
import { startGateway } from '../support/start-gateway.ts';
import {
  answering,
  anthropicVendor,
  breakingOff,
  endless,
  INPUT_TOKENS,
  OUTPUT_TOKENS,
  openaiVendor,
  pausing,
  refusing,
  responsesVendor,
  startVendorGateway,
  VENDORS,
  type Vendor,
} from '../support/vendors.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** What an application writes: base URL and key. */
const open = async (...options: Parameters<typeof startVendorGateway>) => {
  const opened = await startVendorGateway(...options);
  cleanups.push(opened.stop);
  const { url, key } = opened.gateway;
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key });
  return { ...opened, client, once: client.withOptions({ maxRetries: 0 }) };
};

const thrownBy = async (promise: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> => {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(OpenAI.APIError);
  return thrown as InstanceType<typeof OpenAI.APIError>;
};

/** What an application hands back: the items as they came. */
const itemsOf = ({ output }: { output: readonly unknown[] }) => output as OpenAI.Responses.ResponseInputItem[];

const hello = { model: 'assistant', input: 'Hello', store: false } as const;
const USAGE = {
  input_tokens: INPUT_TOKENS,
  output_tokens: OUTPUT_TOKENS,
  total_tokens: INPUT_TOKENS + OUTPUT_TOKENS,
};
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const WEATHER = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
};
const TOOL = {
  type: 'function',
  name: 'get_weather',
  description: 'The weather of a city',
  parameters: WEATHER,
  strict: true,
} as const;
const CALLS = [
  { id: 'call_paris', name: 'get_weather', input: { city: 'Paris' } },
  { id: 'call_oslo', name: 'get_weather', input: { city: 'Øslo "N"' } },
];

describe.each(VENDORS)('a provider that speaks %s', (_, vendor) => {
  test('instructions, turns, sampling and limit arrive; text, status and usage come back', async () => {
    const { client, asked } = await open(vendor, answering(vendor, { pieces: ['Bonjour', ' 😀'] }));
    const answer = await client.responses.create({
      ...hello,
      instructions: 'Speak French.',
      input: [
        { role: 'user', content: 'Hello' },
        { role: 'assistant', content: 'Salut' },
        { role: 'user', content: [{ type: 'input_text', text: 'Again' }] },
      ],
      temperature: 0.5,
      max_output_tokens: 50,
    });
    expect(answer.output_text).toBe('Bonjour 😀');
    expect(answer).toMatchObject({ object: 'response', status: 'completed', model: 'assistant', usage: USAGE });
    expect(asked()).toMatchObject([
      {
        system: [{ text: 'Speak French.' }],
        turns: [
          { role: 'user', items: [{ text: 'Hello' }] },
          { role: 'assistant', items: [{ text: 'Salut' }] },
          { role: 'user', items: [{ text: 'Again' }] },
        ],
        sampling: { temperature: 0.5 },
        limit: 50,
        stream: false,
      },
    ]);
  });

  test('an answer that was cut by its limit is incomplete, and says why', async () => {
    const { client } = await open(vendor, answering(vendor, { pieces: ['Half'], stop: 'length' }));
    const answer = await client.responses.create(hello);
    expect(answer).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } });
    const streamed = await client.responses.stream(hello).finalResponse();
    expect(streamed).toMatchObject({ status: 'incomplete', incomplete_details: { reason: 'max_output_tokens' } });
  });

  test('the request’s id is on the answer, and leads to its receipt', async () => {
    const { client, gateway } = await open(vendor, answering(vendor, { pieces: ['Hi'] }));
    const answer = await client.responses.create(hello);
    expect(answer._request_id).toMatch(/^req_/);
    const entry = await gateway.gateway.ports.ledger.read(answer._request_id ?? '');
    expect(entry).toMatchObject({ state: 'settled', receipt: { outcome: 'answered', surface: 'openai-responses' } });
  });

  test('stream: the first words are read while the provider is still at work', async () => {
    const script = { pieces: ['One', ', two', ', 三'] };
    const { behave, goOn, isWaiting } = pausing(vendor, script);
    const { client } = await open(vendor, behave);
    const read: string[] = [];
    for await (const event of await client.responses.create({ ...hello, stream: true })) {
      if (event.type === 'response.output_text.delta') read.push(event.delta);
      if (read.join('') === 'One' && isWaiting()) goOn();
    }
    expect(read).toEqual(script.pieces);
  });

  test('stream: the SDK’s helper tells text as it grows and ends with the whole response', async () => {
    const { client } = await open(vendor, answering(vendor, { pieces: ['One', ' two'] }));
    const snapshots: string[] = [];
    const stream = client.responses.stream(hello);
    stream.on('response.output_text.delta', ({ snapshot }) => snapshots.push(snapshot));
    const final = await stream.finalResponse();
    expect(snapshots).toEqual(['One', 'One two']);
    expect(final.output_text).toBe('One two');
    expect(final).toMatchObject({ model: 'assistant', status: 'completed', usage: USAGE });
  });

  test.each([false, true])(
    'tools: two calls at once, and both outputs go back with the items as they came (stream: %s)',
    async (stream) => {
      const { client, asked } = await open(
        vendor,
        answering(vendor, { pieces: ['Let me see.'], calls: CALLS }, { pieces: ['Sunny in both.'] }),
      );
      const ask = (input: OpenAI.Responses.ResponseInput) => {
        const params = { ...hello, input, tools: [TOOL] };
        return stream ? client.responses.stream(params).finalResponse() : client.responses.create(params);
      };
      const input: OpenAI.Responses.ResponseInput = [{ role: 'user', content: 'Hello' }];
      const first = await ask(input);
      input.push(...itemsOf(first));
      for (const item of first.output) {
        if (item.type !== 'function_call') continue;
        const { city } = JSON.parse(item.arguments) as { city: string };
        input.push({ type: 'function_call_output', call_id: item.call_id, output: `${city}: sunny` });
      }
      expect((await ask(input)).output_text).toBe('Sunny in both.');
      const [, second] = asked();
      expect(second?.turns.slice(1)).toEqual([
        {
          role: 'assistant',
          items: [
            { text: 'Let me see.' },
            { call: 0, name: 'get_weather', input: { city: 'Paris' } },
            { call: 1, name: 'get_weather', input: { city: 'Øslo "N"' } },
          ],
        },
        {
          role: 'user',
          items: [
            { resultOf: 0, content: [{ text: 'Paris: sunny' }], failed: false },
            { resultOf: 1, content: [{ text: 'Øslo "N": sunny' }], failed: false },
          ],
        },
      ]);
    },
  );

  test('tools: a call that has to be made is asked for by its name', async () => {
    const { client, asked } = await open(vendor, answering(vendor, { calls: CALLS.slice(0, 1) }));
    const answer = await client.responses.create({
      ...hello,
      tools: [TOOL],
      tool_choice: { type: 'function', name: 'get_weather' },
    });
    expect(asked()[0]?.toolChoice).toEqual({ tool: 'get_weather' });
    expect(answer.output).toMatchObject([{ type: 'function_call', call_id: 'call_paris', status: 'completed' }]);
  });

  test('structured output: the schema arrives and the SDK parses the answer', async () => {
    const { client, asked } = await open(
      vendor,
      answering(vendor, { pieces: ['{"city":"Paris",', '"people":2100000}'] }),
    );
    const Place = z.object({ city: z.string(), people: z.number() });
    const answer = await client.responses.parse({ ...hello, text: { format: zodTextFormat(Place, 'place') } });
    expect(answer.output_parsed).toEqual({ city: 'Paris', people: 2_100_000 });
    expect(asked()[0]?.format).toMatchObject({
      type: 'json_schema',
      schema: { type: 'object', required: ['city', 'people'], additionalProperties: false },
    });
  });

  test('an image arrives as it was sent, between its texts', async () => {
    const { client, asked } = await open(vendor, answering(vendor, { pieces: ['A pixel.'] }));
    await client.responses.create({
      ...hello,
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'What is this?' },
            { type: 'input_image', detail: 'auto', image_url: `data:image/png;base64,${PIXEL}` },
            { type: 'input_text', text: 'Be short.' },
          ],
        },
      ],
    });
    expect(asked()[0]?.turns).toEqual([
      { role: 'user', items: [{ text: 'What is this?' }, { image: `image/png ${PIXEL}` }, { text: 'Be short.' }] },
    ]);
  });

  test('aborted in the middle of a stream: the provider is stopped and the request settled', async () => {
    const { client, upstream, gateway } = await open(vendor, endless(vendor));
    const stream = await client.responses.create({ ...hello, stream: true });
    let words = 0;
    for await (const event of stream) {
      if (event.type === 'response.output_text.delta') words += 1;
      if (words === 3) stream.controller.abort();
    }
    expect(words).toBeGreaterThanOrEqual(3);
    await upstream.requests[0]?.closed;
    await gateway.gateway.whenIdle();
    const [entry] = await gateway.gateway.ports.ledger.tail({ limit: 1 });
    expect(entry).toMatchObject({ state: 'settled', receipt: { outcome: 'client-gone' } });
    expect(entry?.cost).toBeGreaterThan(0n);
  });

  test.each<[string, (response: { destroy(): void; end(last?: Buffer): void }) => void]>([
    ['an error of the provider', (response) => response.end(vendor.streamError('out of order'))],
    ['a connection that breaks', (response) => response.destroy()],
    ['an end before the answer’s', (response) => response.end()],
  ])('%s in the middle of a stream is raised, after what had come', async (_name, then) => {
    const { client, gateway } = await open(vendor, breakingOff(vendor, { pieces: ['Half an', ' answer'] }, then));
    const types: string[] = [];
    let text = '';
    const read = async () => {
      for await (const event of await client.responses.create({ ...hello, stream: true })) {
        types.push(event.type);
        if (event.type === 'response.output_text.delta') text += event.delta;
      }
    };
    const error = await thrownBy(read());
    expect(text).toBe('Half an answer');
    expect(types).not.toContain('response.completed');
    expect(error).toMatchObject({ code: 'all_targets_failed', type: 'server_error' });
    await gateway.gateway.whenIdle();
    const [entry] = await gateway.gateway.ports.ledger.tail({ limit: 1 });
    expect(entry).toMatchObject({ state: 'settled', receipt: { outcome: 'cut' } });
  });

  test.each([
    [400, OpenAI.BadRequestError, 400],
    [429, OpenAI.RateLimitError, 429],
    [500, OpenAI.InternalServerError, 502],
  ])('a %s of the provider is raised as the SDK’s own class', async (status, Class, told) => {
    const { once } = await open(vendor, refusing(vendor, status, 'no such luck'));
    const error = await thrownBy(once.responses.create(hello));
    expect(error).toBeInstanceOf(Class);
    expect(error.status).toBe(told);
    expect(error.message).toContain('no such luck');
  });

  test('what needs something that the provider keeps is refused by name where it keeps nothing', async () => {
    const { once, upstream } = await open(vendor, answering(vendor, { pieces: ['Hi'] }));
    const asks = [
      once.responses.create({ ...hello, previous_response_id: 'resp_1' }),
      once.responses.create({ ...hello, store: true }),
      once.responses.create({ ...hello, tools: [{ type: 'local_shell' }] }),
    ];
    if (vendor.dialect === 'openai-responses') {
      await Promise.all(asks);
      expect(upstream.requests.map(({ body }) => body)).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ previous_response_id: 'resp_1' }),
          expect.objectContaining({ store: true }),
          expect.objectContaining({ tools: [{ type: 'local_shell' }] }),
        ]),
      );
      return;
    }
    const errors = await Promise.all(asks.map(thrownBy));
    expect(errors.map(({ status, code }) => [status, code])).toEqual(errors.map(() => [400, 'unsupported_feature']));
    for (const [index, name] of ['previous_response_id', 'store: true', 'local_shell'].entries())
      expect(errors[index]?.message).toContain(name);
    expect(upstream.requests).toHaveLength(0);
  });

  test('what nobody keeps is told where the client did not say so', async () => {
    const { once } = await open(vendor, answering(vendor, { pieces: ['Hi'] }));
    const { response } = await once.responses.create({ model: 'assistant', input: 'Hello' }).withResponse();
    const dropped = response.headers.get('x-tollgate-dropped');
    expect(dropped).toBe(vendor.dialect === 'openai-responses' ? null : 'store');
  });
});

describe('a target of OpenAI’s itself', () => {
  const own: Vendor = {
    ...responsesVendor,
    model: 'gpt-4.1-2025-04-14',
    provider: (origin) => ({ kind: 'openai', baseUrl: `${origin}/v1`, apiKey: 'env:PROVIDER_KEY' }),
  };

  test('gets the client’s own body on its own path, fields of tomorrow kept, and its answer goes back as it is', async () => {
    const { client, upstream } = await open(own, answering(own, { pieces: ['Hi'] }));
    const body = { ...hello, include: ['reasoning.encrypted_content'], truncation: 'auto', of_tomorrow: { a: [1] } };
    const answer: OpenAI.Responses.Response = await client.responses.create(body as typeof hello);
    const [request] = upstream.requests;
    expect(request?.path).toBe('/v1/responses');
    expect(request?.body).toMatchObject({ ...body, model: own.model, service_tier: 'default' });
    expect(answer).toMatchObject({ id: 'resp_vendor', model: 'assistant', output: [{ id: 'msg_vendor' }] });
  });

  test('is asked in Chat Completions by a client of those', async () => {
    const chat: Vendor = { ...openaiVendor, provider: own.provider, model: own.model };
    const { client, upstream } = await open(chat, answering(chat, { pieces: ['Hi'] }));
    const messages = [{ role: 'user' as const, content: 'Hello' }];
    const answer = await client.chat.completions.create({ model: 'assistant', messages });
    expect(answer.choices[0]?.message.content).toBe('Hi');
    expect(upstream.requests[0]?.path).toBe('/v1/chat/completions');
  });

  test('with `api: chat`, is asked in Chat Completions by every client', async () => {
    const chat: Vendor = {
      ...openaiVendor,
      model: own.model,
      provider: (origin) => ({ kind: 'openai', api: 'chat', baseUrl: `${origin}/v1`, apiKey: 'env:PROVIDER_KEY' }),
    };
    const { client, upstream } = await open(chat, answering(chat, { pieces: ['Hi'] }));
    expect((await client.responses.create(hello)).output_text).toBe('Hi');
    expect(upstream.requests[0]?.path).toBe('/v1/chat/completions');
  });
});

describe('a web search', () => {
  /** The vendor searches twice and opens a page. */
  const behave = (_request: unknown, response: import('node:http').ServerResponse): void => {
    const answer = JSON.parse(responsesVendor.answer({ pieces: ['Found.'] })) as { output: JsonObject[] };
    const calls = [{ type: 'search' }, { type: 'open_page' }, { type: 'search' }].map((action, index) => ({
      type: 'web_search_call',
      id: `ws_${index}`,
      status: 'completed',
      action,
    }));
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ ...answer, output: [...calls, ...answer.output] }));
  };
  const openPriced = async (bounds: object) => {
    const upstream = await startUpstream(behave);
    const target = {
      provider: 'openai',
      model: 'gpt-4.1-2025-04-14',
      price: { inputPerMTok: '1', outputPerMTok: '10', webSearchPerCall: '0.01' },
      contextTokens: 100_000,
      maxOutputTokens: 8_192,
    };
    const gateway = await startGateway(
      {
        providers: { openai: { kind: 'openai', apiKey: 'env:PROVIDER_KEY', baseUrl: upstream.baseUrl } },
        models: { assistant: { attempts: 1, targets: [target], ...bounds } },
        budgets: { org: { monthly: '$100' } },
      },
      { env: { PROVIDER_KEY: 'provider-key' } },
    );
    cleanups.push(upstream.stop, gateway.stop);
    const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
    return { upstream, client };
  };
  const searching = { ...hello, tools: [{ type: 'web_search' as const }] };

  test('is bounded by the alias, and billed by the searches that were made', async () => {
    const { client, upstream } = await openPriced({ bounds: { webSearches: 3 } });
    const { data, response } = await client.responses.create(searching).withResponse();
    expect(data.output.map(({ type }) => type)).toEqual([...Array(3).fill('web_search_call'), 'message']);
    expect(upstream.requests[0]?.body).toMatchObject({ tools: [{ type: 'web_search' }], max_tool_calls: 3 });
    // 11 tokens in, 7 out, and two searches.
    expect(response.headers.get('x-tollgate-cost-usd')).toBe('0.020081');
  });

  test('that nothing bounds is refused, and so is one above the bound', async () => {
    const free = await openPriced({});
    expect(await thrownBy(free.client.responses.create(searching))).toMatchObject({ status: 400 });
    const bounded = await openPriced({ bounds: { webSearches: 3 } });
    const error = await thrownBy(bounded.client.responses.create({ ...searching, max_tool_calls: 4 }));
    expect(error.message).toContain('above the bound of 3');
    expect(free.upstream.requests.length + bounded.upstream.requests.length).toBe(0);
  });
});

describe('reasoning', () => {
  const THOUGHT = { id: 'rs_vendor', type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hm.' }] };
  /** A Responses provider whose answers begin with a thought. */
  const thinking = (): Vendor => {
    const thought = { ...THOUGHT, encrypted_content: 'gAAAA-secret' };
    return {
      ...responsesVendor,
      answer: (script) => {
        const answer = JSON.parse(responsesVendor.answer(script)) as { output: JsonObject[] };
        return JSON.stringify({ ...answer, output: [thought, ...answer.output] });
      },
    };
  };

  test('of OpenAI’s goes out encrypted and comes back to it with its call', async () => {
    const vendor = thinking();
    const { client, upstream } = await open(
      vendor,
      answering(vendor, { calls: CALLS.slice(0, 1) }, { pieces: ['Sunny.'] }),
    );
    const first = await client.responses.create({ ...hello, tools: [TOOL] });
    const output = { type: 'function_call_output' as const, call_id: 'call_paris', output: 'sunny' };
    await client.responses.create({
      ...hello,
      tools: [TOOL],
      input: [{ role: 'user', content: 'Hello' }, ...itemsOf(first), output],
    });
    const sent = (upstream.requests[1]?.body['input'] ?? []) as JsonObject[];
    expect(sent[1]).toEqual({ ...THOUGHT, encrypted_content: 'gAAAA-secret' });
    expect(sent[2]).toMatchObject({ type: 'function_call', call_id: 'call_paris' });
  });

  test.each([false, true])('of Claude’s comes back to it with its signature (stream: %s)', async (stream) => {
    const thought = { type: 'thinking', thinking: 'Hm.', signature: 'c2ln' };
    const hidden = { type: 'redacted_thinking', data: 'ZGF0YQ==' };
    const behave = (_request: unknown, response: import('node:http').ServerResponse): void => {
      const body = JSON.parse(anthropicVendor.answer({ calls: CALLS.slice(0, 1) })) as { content: JsonObject[] };
      const content = [thought, hidden, ...body.content];
      if (!stream) {
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ ...body, content }));
        return;
      }
      const write = (value: JsonObject) =>
        response.write(`event: ${value['type']}\ndata: ${JSON.stringify(value)}\n\n`);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      write({ type: 'message_start', message: { ...body, content: [] } as unknown as JsonObject });
      write({
        type: 'content_block_start',
        index: 0,
        content_block: { type: 'thinking', thinking: '', signature: '' },
      });
      write({ type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'Hm.' } });
      write({ type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'c2ln' } });
      write({ type: 'content_block_stop', index: 0 });
      write({ type: 'content_block_start', index: 1, content_block: hidden });
      write({ type: 'content_block_stop', index: 1 });
      write({ type: 'content_block_start', index: 2, content_block: { ...body.content[0], input: {} } });
      const written = JSON.stringify(CALLS[0]?.input);
      write({ type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: written } });
      write({ type: 'content_block_stop', index: 2 });
      write({
        type: 'message_delta',
        delta: { stop_reason: 'tool_use', stop_sequence: null },
        usage: { output_tokens: 7 },
      });
      write({ type: 'message_stop' });
      response.end();
    };
    const { client, upstream } = await open(anthropicVendor, behave);
    const ask = (input: OpenAI.Responses.ResponseInput) => {
      const params = { ...hello, input, tools: [TOOL], reasoning: { effort: 'low' as const } };
      return stream ? client.responses.stream(params).finalResponse() : client.responses.create(params);
    };
    const first = await ask([{ role: 'user', content: 'Hello' }]);
    expect(first.output.map(({ type }) => type)).toEqual(['reasoning', 'reasoning', 'function_call']);
    const output = { type: 'function_call_output' as const, call_id: 'call_paris', output: 'sunny' };
    await ask([{ role: 'user', content: 'Hello' }, ...itemsOf(first), output]);
    const messages = (upstream.requests[1]?.body['messages'] ?? []) as { content: JsonObject[] }[];
    expect(messages[1]?.content.slice(0, 2)).toEqual([thought, hidden]);
  });
});

describe('what holds on every route', () => {
  test('a budget that is spent refuses as the SDK’s own class, before anything is asked', async () => {
    const { once, upstream } = await open(openaiVendor, answering(openaiVendor, { pieces: ['Hi'] }), {
      budgets: { org: { monthly: '$0.00001' } },
    });
    const error = await thrownBy(once.responses.create({ ...hello, max_output_tokens: 1_000 }));
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({ code: 'budget_exceeded', type: 'insufficient_quota' });
    expect(upstream.requests).toHaveLength(0);
  });

  test.each([false, true])('one idempotency key is one call and one answer (stream: %s)', async (stream) => {
    const { client, upstream } = await open(openaiVendor, answering(openaiVendor, { pieces: ['Hi'] }));
    const options = { headers: { 'idempotency-key': 'once' } };
    const ask = async () =>
      stream
        ? await client.responses.stream(hello, options).finalResponse()
        : await client.responses.create(hello, options);
    const first = await ask();
    expect((await ask()).id).toBe(first.id);
    expect(upstream.requests).toHaveLength(1);
  });

  test('the answer repeats what was asked for', async () => {
    const { client } = await open(openaiVendor, answering(openaiVendor, { pieces: ['Hi'] }));
    const asked = { instructions: 'Be short.', tools: [TOOL], temperature: 0.5, max_output_tokens: 99 };
    const answer = await client.responses.create({ ...hello, ...asked, metadata: { a: 'b' } });
    expect(answer).toMatchObject({ ...asked, metadata: { a: 'b' }, tool_choice: 'auto', store: false, error: null });
  });

  test('a body that is none is told its place', async () => {
    const { once } = await open(openaiVendor, answering(openaiVendor, { pieces: ['Hi'] }));
    const error = await thrownBy(once.responses.create({ ...hello, background: true }));
    expect(error).toMatchObject({ status: 400, code: 'invalid_request', param: 'background' });
  });
});

describe('quotes', () => {
  test('take the same body, and tell the whole input of an earlier response', async () => {
    const { gateway } = await open(responsesVendor, answering(responsesVendor, { pieces: ['Hi'] }));
    const quote = async (more: object) => {
      const reply = await fetch(`${gateway.url}/v1/quote`, {
        method: 'POST',
        headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ ...hello, max_output_tokens: 100, ...more }),
      });
      return (await reply.json()) as { admitted: boolean; input_tokens: { high: number }; route: string[] };
    };
    const plain = await quote({});
    expect(plain).toMatchObject({ admitted: true, route: ['vendor/vendor-model'] });
    expect(plain.input_tokens.high).toBeLessThan(1_000);
    const remote = await quote({ previous_response_id: 'resp_1' });
    expect(remote.input_tokens.high).toBe(100_000);
  });
});
