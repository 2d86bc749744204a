/** LangChain's own reading of `/v1/responses`: its client, unchanged, whatever language the provider speaks. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { type AIMessageChunk, HumanMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { z } from 'zod';
import { answering, INPUT_TOKENS, OUTPUT_TOKENS, startVendorGateway, VENDORS } from '../support/vendors.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const open = async (...options: Parameters<typeof startVendorGateway>) => {
  const opened = await startVendorGateway(...options);
  cleanups.push(opened.stop);
  const { url, key } = opened.gateway;
  const model = new ChatOpenAI({
    model: 'assistant',
    apiKey: key,
    useResponsesApi: true,
    zdrEnabled: true,
    maxRetries: 0,
    configuration: { baseURL: `${url}/v1` },
  });
  return { ...opened, model };
};

/** As LangChain itself puts the pieces together. */
const joined = async (stream: Promise<AsyncIterable<AIMessageChunk>>): Promise<AIMessageChunk> => {
  let whole: AIMessageChunk | undefined;
  for await (const chunk of await stream) whole = whole === undefined ? chunk : whole.concat(chunk);
  if (whole === undefined) throw new Error('nothing came');
  return whole;
};

const weather = tool(() => 'sunny', {
  name: 'get_weather',
  description: 'The weather of a city',
  schema: z.object({ city: z.string() }),
});
const CALL = { id: 'call_paris', name: 'get_weather', input: { city: 'Paris' } };

describe.each(VENDORS)('a provider that speaks %s', (_, vendor) => {
  test('a question is answered, with its count', async () => {
    const { model, asked } = await open(vendor, answering(vendor, { pieces: ['Bonjour', ' 😀'] }));
    const answer = await model.invoke([['system', 'Speak French.'], new HumanMessage('Hello')]);
    expect(answer.text).toBe('Bonjour 😀');
    expect(answer.usage_metadata).toMatchObject({ input_tokens: INPUT_TOKENS, output_tokens: OUTPUT_TOKENS });
    expect(asked()[0]).toMatchObject({
      system: [{ text: 'Speak French.' }],
      turns: [{ role: 'user', items: [{ text: 'Hello' }] }],
    });
  });

  test('a stream is read piece by piece', async () => {
    const { model } = await open(vendor, answering(vendor, { pieces: ['One', ' two', ' three'] }));
    const read: string[] = [];
    for await (const chunk of await model.stream('Hello')) if (chunk.text !== '') read.push(chunk.text);
    expect(read).toEqual(['One', ' two', ' three']);
  });

  test.each([false, true])('a tool’s answer goes back to the call that asked for it (stream: %s)', async (stream) => {
    const { model, asked } = await open(
      vendor,
      answering(vendor, { pieces: ['Let me see.'], calls: [CALL] }, { pieces: ['Sunny.'] }),
    );
    const bound = model.bindTools([weather]);
    const question = new HumanMessage('Hello');
    const first = stream ? await joined(bound.stream([question])) : await bound.invoke([question]);
    const [call] = first.tool_calls ?? [];
    expect(call).toMatchObject({ name: 'get_weather', args: { city: 'Paris' }, id: 'call_paris' });
    const output = new ToolMessage({ content: 'sunny', tool_call_id: call?.id ?? '' });
    await bound.invoke([question, first, output]);
    expect(asked().at(-1)?.turns).toEqual([
      { role: 'user', items: [{ text: 'Hello' }] },
      {
        role: 'assistant',
        items: [{ text: 'Let me see.' }, { call: 0, name: 'get_weather', input: { city: 'Paris' } }],
      },
      { role: 'user', items: [{ resultOf: 0, content: [{ text: 'sunny' }], failed: false }] },
    ]);
  });

  test('structured output is parsed', async () => {
    const { model, asked } = await open(vendor, answering(vendor, { pieces: ['{"city":"Paris"}'] }));
    const parsed = await model
      .withStructuredOutput(z.object({ city: z.string() }), { name: 'place', method: 'jsonSchema' })
      .invoke('Hello');
    expect(parsed).toEqual({ city: 'Paris' });
    expect(asked()[0]?.format).toMatchObject({ type: 'json_schema' });
  });
});
