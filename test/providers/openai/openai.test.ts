import { describe, expect, test } from '@jest/globals';
import { attemptFailure } from '../../../lambdas/core/call/attempt-failure.ts';
import type { JsonObject, ProviderError } from '../../../lambdas/core/conversation.ts';
import type { AttemptReason } from '../../../lambdas/core/failures.ts';
import type { Target } from '../../../lambdas/core/target.ts';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';
import { openai } from '../../../lambdas/providers/openai/openai.ts';
import { describeRecordings, recordedResponse, recordingOf } from '../../support/recordings.ts';

const target = {
  provider: { name: 'openai', kind: 'openai', baseUrl: 'https://api.openai.com/v1', organization: 'org-1' },
  reasoningModel: false,
} as Target;

const error = (status: number, type = '', message = 'm'): ProviderError => ({ status, type, message });

describe('the call', () => {
  test('goes to chat/completions with key, organization and request id', () => {
    const call = openai.call({ target, body: { a: 'é' }, stream: true, apiKey: 'sk-1', requestId: 'req_1' });
    expect(call).toEqual({
      transport: 'http',
      url: 'https://api.openai.com/v1/chat/completions',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        'x-client-request-id': 'req_1',
        authorization: 'Bearer sk-1',
        'openai-organization': 'org-1',
      },
      body: '{"a":"é"}',
      stream: true,
    });
  });

  test('ids of tool calls longer than OpenAI takes are shortened alike in the call and its result, others left', () => {
    const long = `chatcmpl-tool-${'0123456789abcdef'.repeat(2)}`;
    const turn = (...ids: string[]): JsonObject => ({
      messages: [
        {
          role: 'assistant',
          tool_calls: ids.map((id) => ({ id, type: 'function', function: { name: 'f', arguments: '{}' } })),
        },
        ...ids.map((id) => ({ role: 'tool', tool_call_id: id, content: 'ok' })),
      ],
    });
    const body = turn(long, `${long.slice(0, -1)}x`, 'call_1');
    const before = structuredClone(body);
    const call = openai.call({ target, body, stream: false, requestId: 'r' });
    const text = call.transport === 'http' ? call.body : '';
    const ids = [...text.matchAll(/"(?:id|tool_call_id)":"([^"]*)"/g)].map((match) => match[1] ?? '');
    expect(ids.slice(0, 3)).toEqual(ids.slice(3));
    expect(new Set(ids).size).toBe(3);
    expect(ids.every((id) => id.length <= 40)).toBe(true);
    expect(ids[2]).toBe('call_1');
    expect(body).toEqual(before);
  });

  test('without a key or an organization sends neither', () => {
    const { organization: _, ...provider } = target.provider;
    const call = openai.call({ target: { ...target, provider }, body: {}, stream: false, requestId: 'r' });
    expect(call).toMatchObject({ headers: { accept: 'application/json' } });
    expect(Object.keys('headers' in call ? call.headers : {})).toEqual([
      'content-type',
      'accept',
      'x-client-request-id',
    ]);
  });
});

describe('what errors mean', () => {
  test.each<[ProviderError, AttemptReason]>([
    [error(400, 'invalid_request_error'), 'bad_request'],
    [error(422), 'bad_request'],
    [error(400, 'context_length_exceeded'), 'context_length'],
    [error(400, 'invalid_request_error', "This model's maximum context length is 8192 tokens."), 'context_length'],
    [error(400, 'content_filter'), 'content_filter'],
    [error(403, '', 'Your input was flagged'), 'content_filter'],
    [error(401, 'invalid_api_key'), 'unauthorized'],
    [error(403, 'unsupported_country_region_territory'), 'unauthorized'],
    [error(404, 'model_not_found'), 'not_found'],
    [error(400, 'model_decommissioned'), 'not_found'],
    [error(408), 'server_error'],
    [error(409), 'server_error'],
    [error(413, 'rate_limit_exceeded'), 'too_large'],
    [error(429, 'rate_limit_exceeded', 'Request too large for gpt-4o on tokens per min'), 'too_large'],
    [error(429, 'rate_limit_exceeded'), 'rate_limited'],
    [error(498), 'rate_limited'],
    [error(500, 'server_error'), 'server_error'],
    [error(503), 'overloaded'],
    [error(502, 'malformed_stream'), 'malformed_answer'],
    [error(500, 'rate_limit_exceeded'), 'rate_limited'],
  ])('%j is %s, with the flags of its reason', (given, reason) => {
    const { status, message } = given;
    expect(openai.mapError(given, {})).toEqual(attemptFailure(reason, { status, message }));
  });

  test.each(['insufficient_quota', 'billing_hard_limit_reached'])(
    '%s is not retried, falls back, and counts',
    (type) => {
      expect(openai.mapError(error(429, type), { 'retry-after': '5' })).toMatchObject({
        reason: 'rate_limited',
        isRetryable: false,
        mayFallBack: true,
        countsAgainstCircuit: true,
      });
    },
  );

  test('a name that no endpoint serves for this request does not count against the target', () => {
    const failure = openai.mapError(error(404, '', 'No endpoints found that support image input'), {});
    expect(failure).toMatchObject({ reason: 'not_found', mayFallBack: true, countsAgainstCircuit: false });
  });

  test('retry-after is kept, and x-should-retry: false obeyed', () => {
    expect(openai.mapError(error(429), { 'retry-after-ms': '300' })).toMatchObject({
      isRetryable: true,
      retryAfterMs: 300,
    });
    expect(openai.mapError(error(500), { 'x-should-retry': 'false' })).toMatchObject({
      isRetryable: false,
      mayFallBack: true,
    });
  });
});

describeRecordings('recorded errors', () => {
  test.each<[string, AttemptReason]>([
    ['oa-err-404', 'not_found'],
    ['oa-doc-401', 'unauthorized'],
    ['cp-groq-404', 'not_found'],
    ['cp-openrouter-429', 'rate_limited'],
  ])('%s is %s', (id, reason) => {
    const recording = recordingOf(id);
    const { status, headers } = recording.response;
    const body = recordedResponse(recording).toString('utf8');
    expect(openai.mapError(openaiChat.decodeError(status, headers, body), headers)).toMatchObject({ reason, status });
  });
});
