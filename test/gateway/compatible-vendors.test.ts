/** Servers that speak OpenAI's dialect in their own way, between unchanged clients and one gateway. */
import Anthropic from '@anthropic-ai/sdk';
import { afterEach, expect, test } from '@jest/globals';
import { HumanMessage } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import OpenAI from 'openai';
import type { ChatVendor } from '../../lambdas/contract/chat-quirks.ts';
import { type Behaviour, startUpstream } from '../support/fault-upstream.ts';
import { startGateway } from '../support/start-gateway.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const open = async (like: ChatVendor, model: string, behave: Behaviour) => {
  const upstream = await startUpstream(behave);
  const price = { inputPerMTok: '1', outputPerMTok: '10', cacheWrite5mPerMTok: '100', cacheWrite1hPerMTok: '1000' };
  const capabilities = ['tools', 'streaming'] as const;
  const target = { provider: 'it', model, price, contextTokens: 100_000, maxOutputTokens: 8_192, capabilities };
  const gateway = await startGateway(
    {
      providers: { it: { kind: 'openai-compatible', baseUrl: upstream.baseUrl, quirks: { like } } },
      models: { assistant: { attempts: 1, targets: [structuredClone(target) as never] } },
      budgets: { org: { monthly: '$100' } },
    },
    { env: {} },
  );
  cleanups.push(async () => {
    await gateway.stop();
    await upstream.stop();
  });
  return { ...gateway, upstream };
};

const streaming =
  (...chunks: object[]): Behaviour =>
  (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const chunk of chunks)
      response.write(`data: ${JSON.stringify({ id: 'c', created: 1, model: 'm', ...chunk })}\n\n`);
    response.end('data: [DONE]\n\n');
  };
const answering =
  (body: object): Behaviour =>
  (_, response) => {
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ id: 'c', model: 'm', ...body }));
  };
const choice = (delta: object, finish: string | null = null) => ({
  choices: [{ index: 0, delta, finish_reason: finish }],
});

test('Mistral thinks and answers in lists: a client of OpenAI reads the text, and the server is asked as it wants', async () => {
  const { url, key, upstream } = await open(
    'mistral',
    'magistral',
    streaming(
      choice({ role: 'assistant', content: '' }),
      choice({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] }] }),
      choice({ content: [{ type: 'text', text: 'Ans' }] }),
      choice({ content: 'wer' }, 'stop'),
    ),
  );
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  const stream = client.chat.completions.stream({
    model: 'assistant',
    store: false,
    messages: [
      { role: 'developer', content: 'Be brief.' },
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: 'hello', refusal: null },
      { role: 'user', content: 'go on' },
    ],
  });
  expect((await stream.finalChatCompletion()).choices[0]?.message.content).toBe('Answer');
  const body = upstream.requests[0]?.body as { messages: object[] };
  expect(Object.keys(body).sort()).toEqual(['max_tokens', 'messages', 'model', 'stream']);
  expect(body.messages).toEqual([
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'hi' },
    { role: 'assistant', content: 'hello' },
    { role: 'user', content: 'go on' },
  ]);
});

test('Mistral’s lists are text to LangChain too', async () => {
  const thinking = { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] };
  const { url, key } = await open(
    'mistral',
    'magistral',
    streaming(
      choice({ role: 'assistant', content: [thinking] }),
      choice({ content: [{ type: 'text', text: 'Ans' }] }),
      choice({ content: 'wer' }, 'stop'),
    ),
  );
  const chat = new ChatOpenAI({
    model: 'assistant',
    apiKey: key,
    configuration: { baseURL: `${url}/v1` },
    maxRetries: 0,
  });
  let text = '';
  for await (const chunk of await chat.stream('hi')) text += chunk.text;
  expect(text).toBe('Answer');
});

test('calls without an id, with their arguments as an object, are calls to LangChain', async () => {
  const calls = [{ function: { name: 'look', arguments: { at: 1 } } }];
  const { url, key } = await open(
    'google',
    'gemini',
    answering({
      choices: [{ message: { role: 'assistant', content: null, tool_calls: calls }, finish_reason: 'stop' }],
    }),
  );
  const chat = new ChatOpenAI({
    model: 'assistant',
    apiKey: key,
    configuration: { baseURL: `${url}/v1` },
    maxRetries: 0,
  });
  const answer = await chat.invoke([new HumanMessage('look')]);
  expect(answer.invalid_tool_calls).toEqual([]);
  expect(answer.tool_calls).toMatchObject([{ id: 'call_c_0', name: 'look', args: { at: 1 } }]);
});

test('what a client of Anthropic marks is cached by OpenRouter, and what was written is charged at the rate of writing', async () => {
  const usage = {
    prompt_tokens: 1_010,
    completion_tokens: 10,
    total_tokens: 1_020,
    prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 1_000 },
  };
  const message = { role: 'assistant', content: 'Hello' };
  const opened = await open(
    'openrouter',
    'anthropic/claude-sonnet-4.5',
    answering({ choices: [{ index: 0, message, finish_reason: 'stop' }], usage }),
  );
  const client = new Anthropic({ baseURL: opened.url, apiKey: opened.key, maxRetries: 0 });
  const { data, response } = await client.messages
    .create({
      model: 'assistant',
      max_tokens: 100,
      system: [{ type: 'text', text: 'Long.', cache_control: { type: 'ephemeral' } }],
      messages: [{ role: 'user', content: 'hi' }],
    })
    .withResponse();
  expect(opened.upstream.requests[0]?.body['messages']).toEqual([
    { role: 'system', content: [{ type: 'text', text: 'Long.', cache_control: { type: 'ephemeral' } }] },
    { role: 'user', content: 'hi' },
  ]);
  expect(data.usage).toMatchObject({ input_tokens: 10, cache_creation_input_tokens: 1_000, output_tokens: 10 });
  // 10 at $1, 1,000 at $100, 10 at $10, a million each.
  expect(response.headers.get('x-tollgate-cost-usd')).toBe('0.10011');
});
