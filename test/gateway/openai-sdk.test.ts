/** The official `openai` package, unchanged, with a base URL and a key: whatever language the provider speaks. */
import { afterEach, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import {
  answering,
  breakingOff,
  endless,
  INPUT_TOKENS,
  OUTPUT_TOKENS,
  openaiVendor,
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
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key });
  return { ...opened, client, once: client.withOptions({ maxRetries: 0 }) };
};

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};

const thrownBy = async (promise: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> => {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(OpenAI.APIError);
  return thrown as InstanceType<typeof OpenAI.APIError>;
};

const hello = { model: 'assistant', messages: [{ role: 'user' as const, content: 'Hello' }] };
const USAGE = {
  prompt_tokens: INPUT_TOKENS,
  completion_tokens: OUTPUT_TOKENS,
  total_tokens: INPUT_TOKENS + OUTPUT_TOKENS,
};
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const WEATHER = {
  type: 'object',
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
};
const CALLS = [
  { id: 'call_paris', name: 'get_weather', input: { city: 'Paris' } },
  { id: 'call_oslo', name: 'get_weather', input: { city: 'Øslo "N"' } },
];

describe.each(VENDORS)('a provider that speaks %s', (_, vendor) => {
  test('chat: system prompt, sampling, limit and stop sequence arrive; text, finish and usage come back', async () => {
    const { client, asked } = await open(
      vendor,
      answering(vendor, { pieces: ['Bonjour', ' 😀'], stop: 'stop-sequence' }),
    );
    const answer = await client.chat.completions.create({
      ...hello,
      messages: [
        { role: 'system', content: 'Speak French.' },
        { role: 'user', content: 'Hello' },
        { role: 'assistant', content: 'Salut' },
        { role: 'user', content: 'Again' },
      ],
      temperature: 0.5,
      max_tokens: 50,
      stop: ['END'],
    });
    expect(answer).toMatchObject({
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Bonjour 😀' }, finish_reason: 'stop' }],
      usage: USAGE,
    });
    expect(answer.model).toBe('assistant');
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
        // OpenAI's Responses have no stop sequences.
        stop: vendor.dialect === 'openai-responses' ? [] : ['END'],
        stream: false,
      },
    ]);
  });

  test('the request’s id is on the answer, and leads to its receipt', async () => {
    const { client, gateway } = await open(vendor, answering(vendor, { pieces: ['Hi'] }));
    const answer = await client.chat.completions.create(hello);
    expect(answer._request_id).toMatch(/^req_/);
    const entry = await gateway.gateway.ports.ledger.read(answer._request_id ?? '');
    expect(entry).toMatchObject({ state: 'settled', receipt: { outcome: 'answered' } });
  });

  test('stream: the first words are read while the provider is still at work', async () => {
    const script = { pieces: ['One', ', two', ', 三'] };
    const { behave, goOn, isWaiting } = pausing(vendor, script);
    const { client } = await open(vendor, behave);
    const read: string[] = [];
    let finish: string | null = null;
    for await (const chunk of await client.chat.completions.create({ ...hello, stream: true })) {
      const [choice] = chunk.choices;
      if (choice?.delta.content) read.push(choice.delta.content);
      if (read.join('') === 'One' && isWaiting()) goOn();
      finish = choice?.finish_reason ?? finish;
    }
    expect(read).toEqual(script.pieces);
    expect(finish).toBe('stop');
  });

  test('stream: usage comes last where it was asked for, and else not at all', async () => {
    const { client } = await open(vendor, answering(vendor, { pieces: ['Hi'], stop: 'length' }));
    const read = async (options: object) => {
      const chunks: OpenAI.ChatCompletionChunk[] = [];
      for await (const chunk of await client.chat.completions.create({ ...hello, stream: true, ...options }))
        chunks.push(chunk);
      return chunks;
    };
    const asking = await read({ stream_options: { include_usage: true } });
    expect(asking.at(-1)).toMatchObject({ choices: [], usage: USAGE });
    expect(asking.at(-2)?.choices[0]?.finish_reason).toBe('length');
    const silent = await read({});
    expect(silent.filter(({ usage }) => usage !== undefined && usage !== null)).toEqual([]);
    expect(silent.every(({ choices }) => choices.length === 1)).toBe(true);
  });

  test.each([false, true])(
    'tools: the SDK’s runner calls two at once and sends both results back (stream: %s)',
    async (stream) => {
      const { client, asked } = await open(
        vendor,
        answering(vendor, { pieces: ['Let me see.'], calls: CALLS }, { pieces: ['Sunny in both.'] }),
      );
      const cities: string[] = [];
      const tool = {
        type: 'function' as const,
        function: {
          name: 'get_weather',
          description: 'The weather of a city',
          parameters: WEATHER,
          parse: JSON.parse,
          function: ({ city }: { city: string }) => {
            cities.push(city);
            return `${city}: sunny`;
          },
        },
      };
      const runner = stream
        ? client.chat.completions.runTools({ ...hello, stream: true, tools: [tool] })
        : client.chat.completions.runTools({ ...hello, tools: [tool] });
      expect(await runner.finalContent()).toBe('Sunny in both.');
      expect(cities).toEqual(['Paris', 'Øslo "N"']);
      const [first, second] = asked();
      expect(first?.tools).toEqual([
        { name: 'get_weather', description: 'The weather of a city', schema: WEATHER, strict: false },
      ]);
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
    const answer = await client.chat.completions.create({
      ...hello,
      tools: [{ type: 'function', function: { name: 'get_weather', parameters: WEATHER } }],
      tool_choice: { type: 'function', function: { name: 'get_weather' } },
    });
    expect(asked()[0]?.toolChoice).toEqual({ tool: 'get_weather' });
    expect(answer.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: { content: null, tool_calls: [{ id: 'call_paris', type: 'function' }] },
    });
  });

  test('structured output: the schema arrives and the SDK parses the answer', async () => {
    const { client, asked } = await open(
      vendor,
      answering(vendor, { pieces: ['{"city":"Paris",', '"people":2100000}'] }),
    );
    const Place = z.object({ city: z.string(), people: z.number() });
    const answer = await client.chat.completions.parse({
      ...hello,
      response_format: zodResponseFormat(Place, 'place'),
    });
    expect(answer.choices[0]?.message.parsed).toEqual({ city: 'Paris', people: 2_100_000 });
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
    await client.chat.completions.create({
      ...hello,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } },
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
    const stream = await client.chat.completions.create({ ...hello, stream: true });
    let words = 0;
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.content) words += 1;
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
    let text = '';
    const read = async () => {
      for await (const chunk of await client.chat.completions.create({ ...hello, stream: true }))
        text += chunk.choices[0]?.delta.content ?? '';
    };
    const error = await thrownBy(read());
    expect(text).toBe('Half an answer');
    expect(error).toMatchObject({ code: 'all_targets_failed', type: 'server_error' });
    await gateway.gateway.whenIdle();
    const [entry] = await gateway.gateway.ports.ledger.tail({ limit: 1 });
    expect(entry).toMatchObject({ state: 'settled', receipt: { outcome: 'cut' } });
  });
});

describe('an image by URL', () => {
  test.each(VENDORS)('%s: handed on, or refused with the reason where it can’t be said', async (_, vendor) => {
    const { client, asked, upstream } = await open(vendor, answering(vendor, { pieces: ['A cat.'] }));
    const sent = client.chat.completions.create({
      ...hello,
      messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/cat.png' } }] }],
    });
    if (vendor.dialect !== 'bedrock-converse') {
      await sent;
      expect(asked()[0]?.turns[0]?.items).toEqual([{ image: 'https://example.com/cat.png' }]);
      return;
    }
    const error = await thrownBy(sent);
    expect(error).toBeInstanceOf(OpenAI.BadRequestError);
    expect(error).toMatchObject({ code: 'unsupported_feature' });
    expect(error.message).toContain('image-url');
    expect(upstream.requests).toHaveLength(0);
  });
});

describe('models', () => {
  test('are listed and looked up by alias, as far as the key may use them', async () => {
    const { client, gateway } = await open(openaiVendor, answering(openaiVendor, {}));
    const ids = (await collect(client.models.list())).map(({ id }) => id);
    expect(ids.sort()).toEqual(['assistant', 'other']);
    expect(await client.models.retrieve('assistant')).toMatchObject({ id: 'assistant', object: 'model' });
    expect(await thrownBy(client.models.retrieve('nothing'))).toBeInstanceOf(OpenAI.NotFoundError);
    const narrow = client.withOptions({ apiKey: await gateway.makeKey({ aliases: ['other'] }) });
    expect((await collect(narrow.models.list())).map(({ id }) => id)).toEqual(['other']);
    expect(await thrownBy(narrow.models.retrieve('assistant'))).toBeInstanceOf(OpenAI.PermissionDeniedError);
  });
});
