/** LangChain's ChatOpenAI, unchanged, with a base URL and a key: whatever language the target speaks. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { AIMessageChunk, type BaseMessage, HumanMessage, SystemMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
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

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const CALL = { id: 'call_oslo', name: 'get_weather', input: { city: 'Øslo "N"' } };

describe.each(VENDORS)('a target that speaks %s', (_, vendor) => {
  const open = async (behave: Behaviour) => {
    const opened = await startVendorGateway(vendor, behave);
    cleanups.push(opened.stop);
    const { url, key } = opened.gateway;
    const chat = new ChatOpenAI({
      model: 'assistant',
      apiKey: key,
      configuration: { baseURL: `${url}/v1` },
      maxRetries: 0,
      temperature: 0.5,
      maxTokens: 50,
    });
    return { ...opened, chat };
  };

  test('invoke: the messages arrive; text and usage come back', async () => {
    const { chat, asked } = await open(answering(vendor, { pieces: ['Bonjour', ' 😀'] }));
    const answer = await chat.invoke([new SystemMessage('Speak French.'), new HumanMessage('Hello')]);
    expect(answer.text).toBe('Bonjour 😀');
    expect(answer.usage_metadata).toMatchObject({ input_tokens: INPUT_TOKENS, output_tokens: OUTPUT_TOKENS });
    expect(asked()).toMatchObject([
      {
        system: [{ text: 'Speak French.' }],
        turns: [{ role: 'user', items: [{ text: 'Hello' }] }],
        limit: 50,
        sampling: { temperature: 0.5 },
      },
    ]);
  });

  test('stream: chunks add up to the answer and its usage', async () => {
    const { chat } = await open(answering(vendor, { pieces: ['One', ', two', ', 三'] }));
    let whole: AIMessageChunk | undefined;
    for await (const chunk of await chat.stream('Count')) whole = whole?.concat(chunk) ?? chunk;
    expect(whole).toBeInstanceOf(AIMessageChunk);
    expect(whole?.text).toBe('One, two, 三');
    expect(whole?.usage_metadata).toMatchObject({ input_tokens: INPUT_TOKENS, output_tokens: OUTPUT_TOKENS });
  });

  test('tools: a bound tool is called and its result goes back', async () => {
    const { chat, asked } = await open(answering(vendor, { calls: [CALL] }, { pieces: ['Sunny.'] }));
    const weather = tool(({ city }: { city: string }) => `${city}: sunny`, {
      name: 'get_weather',
      description: 'The weather of a city',
      schema: z.object({ city: z.string() }),
    });
    const bound = chat.bindTools([weather]);
    const messages: BaseMessage[] = [new HumanMessage('Is it sunny?')];
    const first = await bound.invoke(messages);
    expect(first.tool_calls).toMatchObject([{ id: 'call_oslo', name: 'get_weather', args: CALL.input }]);
    const [call] = first.tool_calls ?? [];
    if (call === undefined) throw new Error('no call');
    const result: ToolMessage = await weather.invoke({ ...call, type: 'tool_call' });
    expect(result).toBeInstanceOf(ToolMessage);
    const last = await bound.invoke([...messages, first, result]);
    expect(last.text).toBe('Sunny.');
    expect(asked()[1]?.turns.slice(1)).toMatchObject([
      { role: 'assistant', items: [{ call: 0, name: 'get_weather', input: CALL.input }] },
      { role: 'user', items: [{ resultOf: 0, content: [{ text: 'Øslo "N": sunny' }] }] },
    ]);
  });

  test('structured output is asked for by its schema and parsed', async () => {
    const { chat, asked } = await open(answering(vendor, { pieces: ['{"city":"Paris","people":2100000}'] }));
    const place = z.object({ city: z.string(), people: z.number() });
    const answer = await chat.withStructuredOutput(place, { name: 'place', method: 'jsonSchema' }).invoke('A big city');
    expect(answer).toEqual({ city: 'Paris', people: 2_100_000 });
    expect(asked()[0]?.format).toMatchObject({ type: 'json_schema' });
  });

  test('aborted in the middle: the provider is stopped and the request settled', async () => {
    const { chat, upstream, gateway } = await open(endless(vendor));
    const abort = new AbortController();
    const read = async () => {
      let chunks = 0;
      for await (const _ of await chat.stream('Go on', { signal: abort.signal })) if (++chunks === 3) abort.abort();
    };
    await expect(read()).rejects.toThrow(/abort/i);
    await upstream.requests[0]?.closed;
    await gateway.gateway.whenIdle();
    const [entry] = await gateway.gateway.ports.ledger.tail({ limit: 1 });
    expect(entry).toMatchObject({ state: 'settled', receipt: { outcome: 'client-gone' } });
  });

  test('a refusal of the provider is raised with its status and message', async () => {
    const { chat } = await open(refusing(vendor, 400, 'temperature is too hot'));
    await expect(chat.invoke('Hello')).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('temperature is too hot'),
    });
  });

  test('a stream that breaks off is an error, not an end', async () => {
    const { chat } = await open(breakingOff(vendor, { pieces: ['Half an answer'] }, (response) => response.destroy()));
    let text = '';
    const read = async () => {
      for await (const chunk of await chat.stream('Hello')) text += chunk.text;
    };
    await expect(read()).rejects.toMatchObject({ code: 'all_targets_failed' });
    expect(text).toBe('Half an answer');
  });
});
