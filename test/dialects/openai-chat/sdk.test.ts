/** What the surface writes, read by the official SDK's own stream reader and error classes. */
import { describe, expect, test } from '@jest/globals';
import {
  APIError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
} from 'openai';
import { Stream } from 'openai/core/streaming';
import type { ChatCompletionChunk } from 'openai/resources/chat/completions';
import type { StreamEvent } from '../../../lambdas/core/conversation.ts';
import type { AnswerContext } from '../../../lambdas/core/dialect.ts';
import { type Refusal, type RefusalCode, refuse, statusOf } from '../../../lambdas/core/failures.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';

const context: AnswerContext = { requestId: 'req_1', alias: 'assistant', createdAt: 1_765_880_036, streamUsage: true };

const read = async (text: string): Promise<ChatCompletionChunk[]> => {
  const response = new Response(text, { headers: { 'content-type': 'text/event-stream' } });
  const chunks: ChatCompletionChunk[] = [];
  for await (const chunk of Stream.fromSSEResponse<ChatCompletionChunk>(response, new AbortController()))
    chunks.push(chunk);
  return chunks;
};

const usage = {
  inputTokens: 7,
  cachedInputTokens: 2,
  cacheWrite5mTokens: 1,
  cacheWrite1hTokens: 0,
  outputTokens: 9,
  reasoningTokens: 4,
};
const events: StreamEvent[] = [
  { type: 'answer-start', id: 'vendor', model: 'vendor-model' },
  { type: 'reasoning-start', index: 0 },
  { type: 'reasoning-delta', index: 0, text: 'hm' },
  { type: 'signature', index: 0, signature: 's' },
  { type: 'part-end', index: 0 },
  { type: 'redacted-reasoning', index: 1, data: 'x' },
  { type: 'part-end', index: 1 },
  { type: 'text-start', index: 2 },
  { type: 'text-delta', index: 2, text: 'Hé\n' },
  { type: 'part-end', index: 2 },
  { type: 'tool-call-start', index: 3, id: 'a', name: 'f' },
  { type: 'tool-call-delta', index: 3, arguments: '{}' },
  { type: 'tool-call-start', index: 4, id: 'b', name: 'g' },
  { type: 'tool-call-delta', index: 4, arguments: '{"x":1}' },
  { type: 'part-end', index: 3 },
  { type: 'part-end', index: 4 },
  { type: 'usage', usage },
  { type: 'stop', stop: { reason: 'tool-calls', raw: 'tool_use' } },
  { type: 'answer-end' },
];

describe('a stream, as the SDK reads it', () => {
  test('every chunk has the shape of the API, the role first, the finish once, the usage last', async () => {
    const encoder = openaiChat.encodeStream(context);
    const chunks = await read(events.map((event) => encoder.push(event)).join(''));
    for (const { id, object, created, model } of chunks)
      expect({ id, object, created, model }).toEqual({
        id: 'chatcmpl-req_1',
        object: 'chat.completion.chunk',
        created: 1_765_880_036,
        model: 'assistant',
      });
    expect(chunks.map(({ choices }) => choices[0]?.delta)).toEqual([
      { role: 'assistant', content: '', refusal: null },
      { reasoning_content: 'hm' },
      {
        reasoning_details: [
          { type: 'reasoning.text', text: 'hm', signature: 's', format: 'anthropic-claude-v1', index: 0 },
        ],
      },
      { reasoning_details: [{ type: 'reasoning.encrypted', data: 'x', format: 'anthropic-claude-v1', index: 1 }] },
      { content: 'Hé\n' },
      { tool_calls: [{ index: 0, id: 'a', type: 'function', function: { name: 'f', arguments: '' } }] },
      { tool_calls: [{ index: 0, function: { arguments: '{}' } }] },
      { tool_calls: [{ index: 1, id: 'b', type: 'function', function: { name: 'g', arguments: '' } }] },
      { tool_calls: [{ index: 1, function: { arguments: '{"x":1}' } }] },
      {},
      undefined,
    ]);
    expect(chunks.map(({ choices }) => choices[0]?.finish_reason ?? null)).toEqual([
      ...Array(9).fill(null),
      'tool_calls',
      null,
    ]);
    expect(chunks.slice(0, -1).every((chunk) => chunk.usage === null)).toBe(true);
    expect(chunks.at(-1)).toMatchObject({
      choices: [],
      usage: {
        prompt_tokens: 10,
        completion_tokens: 9,
        total_tokens: 19,
        prompt_tokens_details: { cached_tokens: 2, cache_write_tokens: 1 },
        completion_tokens_details: { reasoning_tokens: 4 },
      },
    });
  });

  test('nothing is written before there is something to say', () => {
    const encoder = openaiChat.encodeStream(context);
    expect(
      encoder.push({ type: 'answer-start', id: 'a', model: 'b' }) + encoder.push({ type: 'text-start', index: 0 }),
    ).toBe('');
  });

  test('an answer without content is a role and a finish', async () => {
    const encoder = openaiChat.encodeStream({ ...context, streamUsage: false });
    const empty: StreamEvent[] = [{ type: 'stop', stop: { reason: 'end', raw: 'end_turn' } }, { type: 'answer-end' }];
    const chunks = await read(empty.map((event) => encoder.push(event)).join(''));
    expect(chunks.map(({ choices }) => [choices[0]?.delta.role, choices[0]?.finish_reason])).toEqual([
      ['assistant', null],
      [undefined, 'stop'],
    ]);
  });

  test.each(['encoder', 'relay'] as const)(
    'a broken stream is raised as an APIError with our code (%s)',
    async (kind) => {
      const refusal = refuse('all_targets_failed', 'the stream was cut');
      const encoder = kind === 'encoder' ? openaiChat.encodeStream(context) : openaiChat.relayStream(context);
      const text = encoder.fail(refusal);
      expect(text).not.toContain('[DONE]');
      const error = await read(text).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(APIError);
      expect(error).toMatchObject({ code: 'all_targets_failed', type: 'server_error' });
      expect((error as APIError).message).toContain('the stream was cut');
    },
  );
});

describe('an error reply, as the SDK raises it', () => {
  test.each<[RefusalCode, new (...args: never[]) => APIError, string]>([
    ['invalid_request', BadRequestError, 'invalid_request_error'],
    ['context_length_exceeded', BadRequestError, 'invalid_request_error'],
    ['invalid_api_key', AuthenticationError, 'authentication_error'],
    ['model_not_allowed', PermissionDeniedError, 'permission_error'],
    ['model_not_found', NotFoundError, 'invalid_request_error'],
    ['request_too_large', APIError as never, 'invalid_request_error'],
    ['rate_limit_exceeded', RateLimitError, 'rate_limit_error'],
    ['budget_exceeded', RateLimitError, 'insufficient_quota'],
    ['internal_error', InternalServerError, 'server_error'],
    ['all_targets_failed', InternalServerError, 'server_error'],
    ['store_unavailable', InternalServerError, 'server_error'],
    ['deadline_exceeded', InternalServerError, 'server_error'],
  ])('%s', (code, errorClass, type) => {
    const refusal: Refusal = refuse(code, 'what is wrong', {
      param: 'messages[0]',
      scope: 'team search',
      attempts: [{ target: 'openai/gpt-x', status: 500, reason: 'server_error', message: 'm' }],
    });
    const body = openaiChat.encodeError(refusal, 'req_1');
    const error = APIError.generate(statusOf(code), body, undefined, new Headers());
    expect(error).toBeInstanceOf(errorClass);
    expect(error).toMatchObject({ code, param: 'messages[0]', type });
    expect(error.error).toMatchObject({
      tollgate: { code, request_id: 'req_1', scope: 'team search', attempts: [{ target: 'openai/gpt-x' }] },
    });
  });

  test('a field that is not at fault is null', () => {
    expect(openaiChat.encodeError(refuse('internal_error', 'm'), 'r')).toMatchObject({ error: { param: null } });
  });
});
