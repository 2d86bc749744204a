/** The Vercel AI SDK, unchanged, by its OpenAI-compatible and its Anthropic provider: whatever language the target speaks. */
import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { afterEach, describe, expect, test } from '@jest/globals';
import { APICallError, generateText, isStepCount, type LanguageModel, Output, streamText, tool } from 'ai';
import { z } from 'zod';
import type { Behaviour } from '../support/fault-upstream.ts';
import {
  answering,
  breakingOff,
  endless,
  INPUT_TOKENS,
  OUTPUT_TOKENS,
  refusing,
  startVendorGateway,
  VENDORS,
} from '../support/vendors.ts';

// It tells on stderr, once a call, that it does not know the alias's output limit.
Object.assign(globalThis, { AI_SDK_LOG_WARNINGS: false });

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Connect = (baseURL: string, apiKey: string) => LanguageModel;
const PROVIDERS: [string, Connect][] = [
  [
    '@ai-sdk/openai-compatible',
    (baseURL, apiKey) =>
      createOpenAICompatible({
        name: 'tollgate',
        baseURL,
        apiKey,
        includeUsage: true,
        supportsStructuredOutputs: true,
      })('assistant'),
  ],
  ['@ai-sdk/anthropic', (baseURL, apiKey) => createAnthropic({ baseURL, apiKey })('assistant')],
];

const CALLS = [
  { id: 'call_paris', name: 'get_weather', input: { city: 'Paris' } },
  { id: 'call_oslo', name: 'get_weather', input: { city: 'Øslo "N"' } },
];

const cases = PROVIDERS.flatMap(([name, connect]) =>
  VENDORS.map(([language, vendor]) => [name, language, connect, vendor] as const),
);

describe.each(cases)('%s, a target that speaks %s', (_name, _language, connect, vendor) => {
  const open = async (behave: Behaviour) => {
    const opened = await startVendorGateway(vendor, behave);
    cleanups.push(opened.stop);
    const { url, key } = opened.gateway;
    return { ...opened, model: connect(`${url}/v1`, key) };
  };

  test('text: instructions, limit and sampling arrive; text, finish reason and usage come back', async () => {
    const { model, asked } = await open(answering(vendor, { pieces: ['Bonjour', ' 😀'] }));
    const { text, finishReason, usage } = await generateText({
      model,
      instructions: 'Speak French.',
      prompt: 'Hello',
      maxOutputTokens: 50,
      temperature: 0.5,
      stopSequences: ['END'],
    });
    expect({ text, finishReason }).toEqual({ text: 'Bonjour 😀', finishReason: 'stop' });
    expect(usage).toMatchObject({ inputTokens: INPUT_TOKENS, outputTokens: OUTPUT_TOKENS });
    expect(asked()).toMatchObject([
      {
        system: [{ text: 'Speak French.' }],
        turns: [{ role: 'user', items: [{ text: 'Hello' }] }],
        limit: 50,
        sampling: { temperature: 0.5 },
        // Responses knows none: the answer names what was dropped.
        stop: vendor.dialect === 'openai-responses' ? [] : ['END'],
      },
    ]);
  });

  test('a stream comes piece by piece, with its usage at the end', async () => {
    const { model } = await open(answering(vendor, { pieces: ['One', ', two', ', 三'], stop: 'length' }));
    const result = streamText({ model, prompt: 'Count' });
    const pieces: string[] = [];
    for await (const piece of result.textStream) pieces.push(piece);
    expect(pieces.join('')).toBe('One, two, 三');
    expect(await result.finishReason).toBe('length');
    expect(await result.usage).toMatchObject({ inputTokens: INPUT_TOKENS, outputTokens: OUTPUT_TOKENS });
  });

  test.each([false, true])('the tools loop calls two at once and ends with the answer (stream: %s)', async (stream) => {
    const { model, asked } = await open(
      answering(vendor, { pieces: ['Let me see.'], calls: CALLS }, { pieces: ['Sunny in both.'] }),
    );
    const cities: string[] = [];
    const options = {
      model,
      prompt: 'Where is it sunny?',
      stopWhen: isStepCount(3),
      tools: {
        get_weather: tool({
          description: 'The weather of a city',
          inputSchema: z.object({ city: z.string() }),
          execute: ({ city }) => {
            cities.push(city);
            return `${city}: sunny`;
          },
        }),
      },
    };
    const text = stream ? await streamText(options).text : (await generateText(options)).text;
    expect(text).toContain('Sunny in both.');
    expect(cities.sort()).toEqual(['Paris', 'Øslo "N"']);
    expect(asked()[1]?.turns.slice(1)).toMatchObject([
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
          { resultOf: 0, content: [{ text: 'Paris: sunny' }] },
          { resultOf: 1, content: [{ text: 'Øslo "N": sunny' }] },
        ],
      },
    ]);
  });

  test('structured output is asked for and parsed', async () => {
    const input = { city: 'Paris', people: 2_100_000 };
    // For a model that it does not know, the SDK asks Anthropic for a call of a tool with the schema in the place of a format.
    const asTool = answering(vendor, { calls: [{ id: 'call_json', name: 'json', input }] });
    const asText = answering(vendor, { pieces: [JSON.stringify(input)] });
    const { model } = await open((request, response) =>
      (JSON.stringify(request.body).includes('"name":"json"') ? asTool : asText)(request, response),
    );
    const { output } = await generateText({
      model,
      prompt: 'A big city',
      output: Output.object({ schema: z.object({ city: z.string(), people: z.number() }) }),
    });
    expect(output).toEqual(input);
  });

  test('aborted in the middle: the provider is stopped and the request settled', async () => {
    const { model, upstream, gateway } = await open(endless(vendor));
    const abort = new AbortController();
    const result = streamText({ model, prompt: 'Go on', abortSignal: abort.signal, onError: () => {} });
    let words = 0;
    for await (const part of result.fullStream) if (part.type === 'text-delta' && ++words === 3) abort.abort();
    await upstream.requests[0]?.closed;
    await gateway.gateway.whenIdle();
    const [entry] = await gateway.gateway.ports.ledger.tail({ limit: 1 });
    expect(entry).toMatchObject({ state: 'settled', receipt: { outcome: 'client-gone' } });
  });

  test('a timeout of the client’s ends the call, and it is settled', async () => {
    const { model, gateway } = await open(endless(vendor));
    const result = streamText({ model, prompt: 'Go on', timeout: 300, onError: () => {} });
    for await (const _part of result.fullStream);
    await gateway.gateway.whenIdle();
    const [entry] = await gateway.gateway.ports.ledger.tail({ limit: 1 });
    expect(entry).toMatchObject({ state: 'settled', receipt: { outcome: 'client-gone' } });
  });

  test('a refusal of the provider is raised with its status and message', async () => {
    const { model } = await open(refusing(vendor, 400, 'temperature is too hot'));
    const error = await generateText({ model, prompt: 'Hello', maxRetries: 0 }).catch((thrown: unknown) => thrown);
    expect(APICallError.isInstance(error)).toBe(true);
    expect(error).toMatchObject({ statusCode: 400, message: expect.stringContaining('temperature is too hot') });
  });

  test('a stream that breaks off is an error, not an end', async () => {
    const { model } = await open(breakingOff(vendor, { pieces: ['Half an answer'] }, (response) => response.destroy()));
    const errors: unknown[] = [];
    const result = streamText({ model, prompt: 'Hello', onError: ({ error }) => void errors.push(error) });
    let text = '';
    for await (const piece of result.textStream) text += piece;
    expect(text).toBe('Half an answer');
    expect(errors).toHaveLength(1);
    await expect(result.finishReason).resolves.toBe('error');
  });
});
