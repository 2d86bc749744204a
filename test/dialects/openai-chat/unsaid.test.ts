import { describe, expect, test } from '@jest/globals';
import { collectAnswer } from '../../../lambdas/core/collect-answer.ts';
import type { JsonObject } from '../../../lambdas/core/conversation.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';

interface Told {
  message?: JsonObject;
  choice?: JsonObject;
  top?: JsonObject;
}

const whole = ({ message, choice, top }: Told) =>
  openaiChat.decodeAnswer({
    id: 'c',
    model: 'm',
    ...top,
    choices: [
      { index: 0, message: { role: 'assistant', content: 'Hi', ...message }, ...choice, finish_reason: 'stop' },
    ],
  })?.unsaid;

const CONTEXT = { requestId: 'r', alias: 'a', createdAt: 0, streamUsage: false };

/** The same in a stream, read by a decoder and on its way through a relay. */
const streamed = ({ message, choice, top }: Told) => {
  const decoder = openaiChat.decodeStream();
  const relay = openaiChat.relayStream(CONTEXT);
  const [read, passed] = [collectAnswer(), collectAnswer()];
  const chunk = (delta: JsonObject, more: JsonObject = {}) => ({
    id: 'c',
    model: 'm',
    ...top,
    choices: [{ index: 0, delta, finish_reason: null, ...more }],
  });
  const chunks = [
    chunk({ role: 'assistant', content: '' }),
    chunk({ content: 'Hi' }),
    chunk({ ...message }, choice),
    chunk({ ...message }, choice),
    chunk({}, { finish_reason: 'stop' }),
  ];
  for (const data of [...chunks.map((one) => JSON.stringify(one)), '[DONE]']) {
    for (const event of decoder.push({ type: '', data })) read.see(event);
    for (const event of relay.push({ type: '', data }).events) passed.see(event);
  }
  expect(passed.answer).toEqual(read.answer);
  expect(read.hasEnded).toBe(true);
  return read.answer.unsaid;
};

const web = {
  type: 'url_citation',
  url_citation: { url: 'https://a.example', title: 'A', start_index: 0, end_index: 2 },
};

describe.each([
  ['whole', whole],
  ['streamed', streamed],
] as const)('%s', (_, unsaidOf) => {
  test.each([
    ['images', { message: { images: [{ type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } }] } }],
    ['audio', { message: { audio: { id: 'a', data: 'AAAA', transcript: 'Hi', expires_at: 1 } } }],
    ['executed_tools', { message: { executed_tools: [{ type: 'search', output: 'x' }] } }],
    ['quite_new', { message: { quite_new: 1 } }],
    ['annotations (file)', { message: { annotations: [web, { type: 'file', file: { hash: 'h' } }] } }],
    ['annotations (no type)', { message: { annotations: [{}] } }],
    [
      'reference',
      {
        message: {
          content: [
            { type: 'text', text: 'Hi' },
            { type: 'reference', reference_ids: [1] },
          ],
        },
      },
    ],
    ['citations', { top: { citations: ['https://a.example'] } }],
    ['search_results', { top: { search_results: [{ title: 'A', url: 'https://a.example' }] } }],
    ['token_ids', { choice: { token_ids: [1, 2] } }],
  ] as [string, Told][])('%s is said by no part, and named once', (name, told) => {
    expect(unsaidOf(told)).toEqual([name]);
  });

  test('what is read, what is empty, and what a vendor says of itself is not', () => {
    const told: Told = {
      message: {
        refusal: null,
        annotations: [web],
        reasoning_content: 'hm',
        images: [],
        audio: null,
        provider_specific_fields: { refusal: null, citations: [] },
        channel: 'final',
        function_call: null,
      },
      choice: {
        logprobs: null,
        content_filter_results: { hate: { filtered: false, severity: 'safe' } },
        native_finish_reason: 'STOP',
        stop_reason: null,
        seed: 7,
        token_ids: null,
      },
      top: {
        object: 'chat.completion',
        created: 1,
        system_fingerprint: 'fp',
        service_tier: 'default',
        provider: 'Google',
        x_groq: { id: 'req' },
        time_info: { queue_time: 1 },
        prompt_logprobs: null,
        citations: [],
        usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
      },
    };
    expect(unsaidOf(told)).toBeUndefined();
  });
});

test('a stream that makes up names without end is noted for a few of them', () => {
  const decoder = openaiChat.decodeStream();
  const events = Array.from({ length: 50 }, (_, at) =>
    decoder.push({
      type: '',
      data: JSON.stringify({ id: 'c', choices: [{ index: 0, delta: { [`f${at}`]: 1, [`g${at}`]: 'x' } }] }),
    }),
  ).flat();
  expect(events.filter(({ type }) => type === 'unsaid')).toHaveLength(20);
});

test.each(['stop', 'length', 'tool_calls', 'content_filter'])(
  'an answer that ended with OpenAI’s own word %s is written with that word again, whole and streamed',
  (finish) => {
    const calls = [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } }];
    const answer = openaiChat.decodeAnswer({
      id: 'c',
      model: 'm',
      choices: [{ index: 0, message: { role: 'assistant', content: null, tool_calls: calls }, finish_reason: finish }],
    });
    if (answer === undefined) throw new Error('no answer');
    expect(openaiChat.encodeAnswer(answer, CONTEXT)).toMatchObject({ choices: [{ finish_reason: finish }] });
    const encoder = openaiChat.encodeStream(CONTEXT);
    expect(encoder.push({ type: 'stop', stop: answer.stop })).toContain(`"finish_reason":"${finish}"`);
  },
);

test('spoken tokens are counted in what is written of a usage, as they were read', () => {
  const usage = {
    prompt_tokens: 10,
    completion_tokens: 5,
    total_tokens: 15,
    prompt_tokens_details: { cached_tokens: 3, audio_tokens: 2 },
    completion_tokens_details: { reasoning_tokens: 1, audio_tokens: 4 },
  };
  const answer = openaiChat.decodeAnswer({
    id: 'c',
    choices: [{ message: { content: 'Hi' }, finish_reason: 'stop' }],
    usage,
  });
  if (answer === undefined) throw new Error('no answer');
  expect(openaiChat.encodeAnswer(answer, CONTEXT)['usage']).toEqual(usage);
});
