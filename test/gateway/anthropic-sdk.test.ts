/** The official `@anthropic-ai/sdk` package, unchanged, with a base URL and a key: whatever language the provider speaks. */
import Anthropic from '@anthropic-ai/sdk';
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { afterEach, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import {
  answering,
  anthropicVendor,
  breakingOff,
  endless,
  INPUT_TOKENS,
  OUTPUT_TOKENS,
  pausing,
  startVendorGateway,
  VENDORS,
} from '../support/vendors.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** What an application writes: base URL and key. `once` keeps the SDK from trying again, where a test counts or can't wait. */
const open = async (...options: Parameters<typeof startVendorGateway>) => {
  const opened = await startVendorGateway(...options);
  cleanups.push(opened.stop);
  const { url, key } = opened.gateway;
  const client = new Anthropic({ baseURL: url, apiKey: key });
  return { ...opened, client, once: client.withOptions({ maxRetries: 0 }) };
};

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};

const thrownBy = async (promise: Promise<unknown>): Promise<InstanceType<typeof Anthropic.APIError>> => {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(Anthropic.APIError);
  return thrown as InstanceType<typeof Anthropic.APIError>;
};

/** What the gateway put beside Anthropic's own fields. */
const detailsOf = (error: { error: unknown }) =>
  (error.error as { error: { type: string; message: string; tollgate: { code: string; param?: string } } }).error;

const hello = { model: 'assistant', max_tokens: 100, messages: [{ role: 'user' as const, content: 'Hello' }] };
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const CALLS = [
  { id: 'toolu_paris', name: 'get_weather', input: { city: 'Paris' } },
  { id: 'toolu_oslo', name: 'get_weather', input: { city: 'Øslo "N"' } },
];
const WEATHER = {
  type: 'object' as const,
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
};

describe.each(VENDORS)('a provider that speaks %s', (_, vendor) => {
  test('chat: system prompt, sampling, limit and stop sequence arrive; text, stop and usage come back', async () => {
    const { client, asked } = await open(
      vendor,
      answering(vendor, { pieces: ['Bonjour', ' 😀'], stop: 'stop-sequence' }),
    );
    const message = await client.messages.create({
      ...hello,
      system: [{ type: 'text', text: 'Speak French.' }],
      messages: [
        { role: 'user', content: 'Hello' },
        { role: 'assistant', content: 'Salut' },
        { role: 'user', content: [{ type: 'text', text: 'Again' }] },
      ],
      stop_sequences: ['END'],
      // Older applications send it; this SDK's types have it no more.
      ...{ temperature: 0.5 },
    });
    const hasSequence = vendor.dialect === 'anthropic-messages' || vendor.dialect === 'bedrock-converse';
    expect(message).toMatchObject({
      type: 'message',
      role: 'assistant',
      model: 'assistant',
      content: [{ type: 'text', text: 'Bonjour 😀' }],
      // OpenAI's dialect doesn't tell a stop sequence from an end.
      stop_reason: hasSequence ? 'stop_sequence' : 'end_turn',
      stop_sequence: hasSequence ? 'END' : null,
      usage: { input_tokens: INPUT_TOKENS, output_tokens: OUTPUT_TOKENS },
    });
    expect(asked()).toMatchObject([
      {
        system: [{ text: 'Speak French.' }],
        turns: [
          { role: 'user', items: [{ text: 'Hello' }] },
          { role: 'assistant', items: [{ text: 'Salut' }] },
          { role: 'user', items: [{ text: 'Again' }] },
        ],
        sampling: { temperature: 0.5 },
        limit: 100,
        // OpenAI's Responses have no stop sequences.
        stop: vendor.dialect === 'openai-responses' ? [] : ['END'],
        stream: false,
      },
    ]);
  });

  test('the request’s id is on the answer, and leads to its receipt', async () => {
    const { client, gateway } = await open(vendor, answering(vendor, { pieces: ['Hi'] }));
    const message = await client.messages.create(hello);
    expect(message._request_id).toMatch(/^req_/);
    const entry = await gateway.gateway.ports.ledger.read(message._request_id ?? '');
    expect(entry).toMatchObject({ state: 'settled', receipt: { outcome: 'answered', surface: 'anthropic-messages' } });
  });

  test('stream: the first words are read while the provider is still at work', async () => {
    const script = { pieces: ['One', ', two', ', 三'] };
    const { behave, goOn, isWaiting } = pausing(vendor, script);
    const { client } = await open(vendor, behave);
    const read: string[] = [];
    const stream = client.messages.stream(hello).on('text', (text) => {
      read.push(text);
      if (read.join('') === 'One' && isWaiting()) goOn();
    });
    const message = await stream.finalMessage();
    expect(read).toEqual(script.pieces);
    expect(message).toMatchObject({
      content: [{ type: 'text', text: 'One, two, 三' }],
      stop_reason: 'end_turn',
      usage: { input_tokens: INPUT_TOKENS, output_tokens: OUTPUT_TOKENS },
    });
    expect(stream.request_id).toMatch(/^req_/);
  });

  test('stream: the events come in Anthropic’s order, blocks numbered without gaps', async () => {
    const { client } = await open(vendor, answering(vendor, { pieces: ['Let', ' me'], calls: CALLS }));
    const events = await collect(await client.messages.create({ ...hello, stream: true }));
    const kinds = events
      .filter(({ type }) => type !== 'content_block_delta' && (type as string) !== 'ping')
      .map((event) => ('index' in event ? `${event.type} ${event.index}` : event.type));
    expect(kinds).toEqual([
      'message_start',
      ...[0, 1, 2].flatMap((index) => [`content_block_start ${index}`, `content_block_stop ${index}`]),
      'message_delta',
      'message_stop',
    ]);
  });

  test('tools: both calls of an answer get their results in the next request', async () => {
    const { client, asked } = await open(
      vendor,
      answering(vendor, { pieces: ['Let me see.'], calls: CALLS }, { pieces: ['Sunny in one.'] }),
    );
    const tools = [{ name: 'get_weather', description: 'The weather of a city', input_schema: WEATHER }];
    const first = await client.messages.stream({ ...hello, tools, tool_choice: { type: 'any' } }).finalMessage();
    expect(first.stop_reason).toBe('tool_use');
    const uses = first.content.filter((block) => block.type === 'tool_use');
    expect(uses.map(({ id, input }) => ({ id, input }))).toEqual(CALLS.map(({ id, input }) => ({ id, input })));
    const second = await client.messages.create({
      ...hello,
      tools,
      messages: [
        ...hello.messages,
        { role: 'assistant', content: first.content },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'toolu_paris', content: [{ type: 'text', text: 'sunny' }] },
            { type: 'tool_result', tool_use_id: 'toolu_oslo', content: 'no such city', is_error: true },
          ],
        },
      ],
    });
    expect(second.content).toMatchObject([{ type: 'text', text: 'Sunny in one.' }]);
    expect(asked()[0]).toMatchObject({
      tools: [{ name: 'get_weather', description: 'The weather of a city', schema: WEATHER }],
      toolChoice: 'required',
    });
    // OpenAI's dialect has no word for a tool's failure.
    const failed = !vendor.dialect.startsWith('openai-');
    expect(asked()[1]?.turns.slice(1)).toEqual([
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
          { resultOf: 0, content: [{ text: 'sunny' }], failed: false },
          { resultOf: 1, content: [{ text: 'no such city' }], failed },
        ],
      },
    ]);
  });

  test.each([false, true])(
    'tools: the SDK’s own runner makes the calls and ends with the answer (stream: %s)',
    async (stream) => {
      const { client, asked } = await open(vendor, answering(vendor, { calls: CALLS }, { pieces: ['Sunny in both.'] }));
      const cities: string[] = [];
      const tool = betaZodTool({
        name: 'get_weather',
        description: 'The weather of a city',
        inputSchema: z.object({ city: z.string() }),
        run: ({ city }) => {
          cities.push(city);
          return `${city}: sunny`;
        },
      });
      const message = await client.beta.messages.toolRunner({ ...hello, tools: [tool], stream }).runUntilDone();
      expect(message.content).toMatchObject([{ type: 'text', text: 'Sunny in both.' }]);
      expect(cities).toEqual(['Paris', 'Øslo "N"']);
      expect(asked()[1]?.turns.at(-1)?.items).toMatchObject([
        { resultOf: 0, content: [{ text: 'Paris: sunny' }] },
        { resultOf: 1, content: [{ text: 'Øslo "N": sunny' }] },
      ]);
    },
  );

  test('structured output: the schema arrives and the SDK parses the answer', async () => {
    const { client, asked } = await open(
      vendor,
      answering(vendor, { pieces: ['{"city":"Paris",', '"people":2100000}'] }),
    );
    const Place = z.object({ city: z.string(), people: z.number() });
    const message = await client.messages.parse({ ...hello, output_config: { format: zodOutputFormat(Place) } });
    expect(message.parsed_output).toEqual({ city: 'Paris', people: 2_100_000 });
    expect(asked()[0]?.format).toMatchObject({
      type: 'json_schema',
      schema: {
        type: 'object',
        properties: { city: { type: 'string' }, people: { type: 'number' } },
        required: ['city', 'people'],
        additionalProperties: false,
      },
    });
  });

  test('an image arrives as it was sent, between its texts', async () => {
    const { client, asked } = await open(vendor, answering(vendor, { pieces: ['A pixel.'] }));
    await client.messages.create({
      ...hello,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: PIXEL } },
            { type: 'text', text: 'Be short.' },
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
    let words = 0;
    const stream = client.messages.stream(hello).on('text', () => {
      words += 1;
      if (words === 3) stream.abort();
    });
    expect(await thrownBy(stream.finalMessage())).toBeInstanceOf(Anthropic.APIUserAbortError);
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
  ])('%s in the middle of a stream is raised, after what had come', async (name, then) => {
    const { client, gateway } = await open(vendor, breakingOff(vendor, { pieces: ['Half an', ' answer'] }, then));
    let text = '';
    const stream = client.messages.stream(hello).on('text', (piece) => {
      text += piece;
    });
    const error = await thrownBy(stream.finalMessage());
    expect(text).toBe('Half an answer');
    // Anthropic's own word for it goes on to its own clients.
    const isTold = vendor.dialect === 'anthropic-messages' && name === 'an error of the provider';
    const type = isTold ? 'overloaded_error' : 'api_error';
    expect(detailsOf(error)).toMatchObject({ type, tollgate: { code: 'all_targets_failed' } });
    await gateway.gateway.whenIdle();
    const [entry] = await gateway.gateway.ports.ledger.tail({ limit: 1 });
    expect(entry).toMatchObject({ state: 'settled', receipt: { outcome: 'cut' } });
  });
});

describe('what only Anthropic understands', () => {
  test('reaches a provider of its dialect untouched, beside unknown fields', async () => {
    const { client, upstream } = await open(anthropicVendor, answering(anthropicVendor, { pieces: ['Hi'] }));
    await client.messages.create({
      ...hello,
      system: [{ type: 'text', text: 'Long.', cache_control: { type: 'ephemeral' } }],
      metadata: { user_id: 'u-1' },
      a_field_of_next_year: { x: [1] },
    } as never);
    expect(upstream.requests[0]?.body).toMatchObject({
      system: [{ type: 'text', text: 'Long.', cache_control: { type: 'ephemeral' } }],
      metadata: { user_id: 'u-1' },
      a_field_of_next_year: { x: [1] },
    });
  });

  test.each(VENDORS.filter(([, { dialect }]) => dialect !== 'anthropic-messages'))(
    '%s: is left out by name where it can be done without, and refused where it can’t',
    async (_, vendor) => {
      const { client, upstream } = await open(vendor, answering(vendor, { pieces: ['Hi'] }));
      const { response } = await client.messages.create({ ...hello, a_field_of_next_year: 1 } as never).withResponse();
      expect(response.headers.get('x-tollgate-dropped')).toBe('a_field_of_next_year');
      const error = await thrownBy(
        client.messages.create({
          ...hello,
          messages: [{ role: 'user', content: [{ type: 'container_upload', file_id: 'file_1' }] }],
        } as never),
      );
      expect(error).toBeInstanceOf(Anthropic.BadRequestError);
      expect(detailsOf(error).tollgate.code).toBe('unsupported_feature');
      expect(upstream.requests).toHaveLength(1);
    },
  );
});

describe('models', () => {
  test('are listed and looked up by alias, as far as the key may use them', async () => {
    const { client, gateway } = await open(anthropicVendor, answering(anthropicVendor, {}));
    const models = await collect(client.models.list());
    expect(models.map(({ id, type }) => `${type} ${id}`).sort()).toEqual(['model assistant', 'model other']);
    expect(await client.models.retrieve('assistant')).toMatchObject({ id: 'assistant', display_name: 'assistant' });
    expect(await thrownBy(client.models.retrieve('nothing'))).toBeInstanceOf(Anthropic.NotFoundError);
    const narrow = client.withOptions({ apiKey: await gateway.makeKey({ aliases: ['other'] }) });
    expect((await collect(narrow.models.list())).map(({ id }) => id)).toEqual(['other']);
    expect(await thrownBy(narrow.models.retrieve('assistant'))).toBeInstanceOf(Anthropic.PermissionDeniedError);
  });
});
