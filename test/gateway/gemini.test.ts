/** What only Gemini does, through the whole gateway: signatures around a tool loop, blocked prompts, waits told in a body. */
import Anthropic from '@anthropic-ai/sdk';
import { afterEach, describe, expect, test } from '@jest/globals';
import OpenAI from 'openai';
import type { Behaviour } from '../support/fault-upstream.ts';
import { geminiVendor, startVendorGateway } from '../support/vendors.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const vendor = { ...geminiVendor, model: 'gemini-3-flash-preview' };
const SIGNATURE = 'Es0DCsoDAQw51sf4ceGEX2Y8/rpMeG6c+KZkN==';

const part = (parts: object[], more: object = {}) => ({
  candidates: [{ content: { parts, role: 'model' }, index: 0, ...more }],
  usageMetadata: { promptTokenCount: 11, candidatesTokenCount: 5, totalTokenCount: 16 },
  modelVersion: 'gemini-3-flash',
  responseId: 'resp-1',
});

/** The n-th request gets the n-th reply, in the form that it asks for. */
const replying = (...replies: object[][]): Behaviour => {
  let count = 0;
  return ({ path }, response) => {
    const chunks = replies[Math.min(count, replies.length - 1)] ?? [];
    count += 1;
    if (!path.includes(':streamGenerateContent')) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(chunks.at(-1)));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`).join(''));
  };
};

const open = async (behave: Behaviour) => {
  const opened = await startVendorGateway(vendor, behave);
  cleanups.push(opened.stop);
  const { url, key } = opened.gateway;
  return {
    ...opened,
    openai: new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 }),
    anthropic: new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0 }),
    /** The parts of the model's turns in the last request. */
    sentByModel: () => {
      const { contents } = (opened.upstream.requests.at(-1)?.body ?? {}) as {
        contents: { role: string; parts: object[] }[];
      };
      return contents.filter(({ role }) => role === 'model').flatMap(({ parts }) => parts);
    },
  };
};

const CALL = part(
  [{ functionCall: { id: 'w71i0cbt', name: 'weather', args: { city: 'Oslo' } }, thoughtSignature: SIGNATURE }],
  { finishReason: 'STOP' },
);
const DONE = part([{ text: 'Seven degrees.' }], { finishReason: 'STOP' });
const SIGNED_CALL = [
  { functionCall: { id: 'w71i0cbt', name: 'weather', args: { city: 'Oslo' } }, thoughtSignature: SIGNATURE },
];
const PARAMETERS = { type: 'object' as const, properties: { city: { type: 'string' } } };

describe('a signature comes back to Gemini as it was', () => {
  const tools = [{ type: 'function' as const, function: { name: 'weather', parameters: PARAMETERS } }];
  const hello = { role: 'user' as const, content: 'How warm is it?' };

  test('over chat completions, from an application that sends messages back as it got them', async () => {
    const { openai, sentByModel } = await open(replying([CALL], [DONE]));
    const first = await openai.chat.completions.create({ model: 'assistant', messages: [hello], tools });
    const message = first.choices[0]?.message as OpenAI.ChatCompletionMessage;
    const result = { role: 'tool' as const, tool_call_id: message.tool_calls?.[0]?.id ?? '', content: '7°' };
    await openai.chat.completions.create({ model: 'assistant', messages: [hello, message, result], tools });
    expect(sentByModel()).toEqual(SIGNED_CALL);
  });

  test('over messages', async () => {
    const { anthropic, sentByModel } = await open(replying([CALL], [DONE]));
    const ask = (messages: Anthropic.MessageParam[]) =>
      anthropic.messages.create({
        model: 'assistant',
        max_tokens: 100,
        messages,
        tools: [{ name: 'weather', input_schema: PARAMETERS }],
      });
    const { content } = await ask([hello]);
    const use = content.find((block) => block.type === 'tool_use');
    const result = { type: 'tool_result' as const, tool_use_id: use?.id ?? '', content: '7°' };
    await ask([hello, { role: 'assistant', content }, { role: 'user', content: [result] }]);
    expect(sentByModel()).toEqual(SIGNED_CALL);
  });

  test('and where the application has dropped it, Google’s own mark stands for it', async () => {
    const { openai, sentByModel } = await open(replying([CALL], [DONE]));
    const call = {
      id: 'w71i0cbt',
      type: 'function' as const,
      function: { name: 'weather', arguments: '{"city":"Oslo"}' },
    };
    await openai.chat.completions.create({
      model: 'assistant',
      messages: [
        hello,
        { role: 'assistant', tool_calls: [call] },
        { role: 'tool', tool_call_id: call.id, content: '7°' },
      ],
      tools,
    });
    expect(sentByModel()).toMatchObject([{ thoughtSignature: 'skip_thought_signature_validator' }]);
  });
});

const BLOCKED = {
  promptFeedback: { blockReason: 'PROHIBITED_CONTENT', blockReasonMessage: 'Not that.' },
  usageMetadata: { promptTokenCount: 11, totalTokenCount: 11 },
  responseId: 'resp-2',
};
const hello = { model: 'assistant', messages: [{ role: 'user' as const, content: 'Hello' }] };

describe('a prompt that was turned down', () => {
  test.each([false, true])(
    'costs what Google counted: its input, and nothing for the words of the filter (stream: %s)',
    async (stream) => {
      const { openai, gateway } = await open(replying([BLOCKED]));
      const { data, response } = await openai.chat.completions.create({ ...hello, stream }).withResponse();
      if (Symbol.asyncIterator in data) for await (const _ of data);
      const id = response.headers.get('x-request-id') ?? '';
      const reply = await fetch(`${gateway.url}/v1/receipts/${id}`, { headers: { 'x-api-key': gateway.key } });
      const receipt = (await reply.json()) as { usage: object; usage_estimated?: boolean };
      expect(receipt.usage).toMatchObject({ input_tokens: 11, output_tokens: 0 });
      expect(receipt.usage_estimated ?? false).toBe(false);
    },
  );

  test('is an answer that a filter ended, told whole', async () => {
    const { openai } = await open(replying([BLOCKED]));
    const { choices, usage } = await openai.chat.completions.create(hello);
    expect(choices).toMatchObject([
      { message: { content: null, refusal: 'Not that.' }, finish_reason: 'content_filter' },
    ]);
    expect(usage).toMatchObject({ prompt_tokens: 11 });
  });

  test('and streamed', async () => {
    const { openai, anthropic } = await open(replying([BLOCKED]));
    let finish: string | null | undefined;
    let refusal = '';
    for await (const chunk of await openai.chat.completions.create({ ...hello, stream: true })) {
      finish = chunk.choices[0]?.finish_reason ?? finish;
      refusal += chunk.choices[0]?.delta.refusal ?? '';
    }
    expect([finish, refusal]).toEqual(['content_filter', 'Not that.']);
    const message = await anthropic.messages.stream({ ...hello, max_tokens: 100 }).finalMessage();
    expect(message.stop_reason).toBe('refusal');
  });
});

test('what an answer rests on reaches the client, at the place that it means', async () => {
  const groundingMetadata = {
    groundingChunks: [{ web: { uri: 'https://a.example', title: 'A' } }],
    groundingSupports: [{ segment: { startIndex: 4, endIndex: 12 }, groundingChunkIndices: [0] }],
  };
  const { openai } = await open(
    replying([part([{ text: 'Öl ist 😀 teuer.' }], { finishReason: 'STOP', groundingMetadata })]),
  );
  const { choices } = await openai.chat.completions.create(hello);
  expect(choices[0]?.message.annotations).toEqual([
    { type: 'url_citation', url_citation: { url: 'https://a.example', title: 'A', start_index: 3, end_index: 9 } },
  ]);
});

test('a stream that closes before its reason is a cut, not an answer', async () => {
  const { openai } = await open(replying([part([{ text: 'Sev' }])]));
  const read = async () => {
    for await (const _ of await openai.chat.completions.create({ ...hello, stream: true }));
  };
  await expect(read()).rejects.toThrow(/ended before/);
});

test('a wait that Google tells in the body reaches the client in the header', async () => {
  const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '12.5s' }];
  const { openai } = await open((_, response) => {
    const error = { code: 429, message: 'Quota exceeded.', status: 'RESOURCE_EXHAUSTED', details };
    response.writeHead(429, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
  });
  const error = await openai.chat.completions.create(hello).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(OpenAI.RateLimitError);
  expect((error as InstanceType<typeof OpenAI.APIError>).headers?.get('retry-after')).toBe('13');
});

test('the key travels in its header and nowhere else', async () => {
  const { openai, upstream } = await open(replying([DONE]));
  await openai.chat.completions.create(hello);
  const [request] = upstream.requests;
  expect(request?.path).toBe('/v1beta/models/gemini-3-flash-preview:generateContent');
  expect(request?.headers['x-goog-api-key']).toBe('provider-key');
  expect(request?.headers.authorization).toBeUndefined();
});
