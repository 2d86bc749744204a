import { describe, expect, test } from '@jest/globals';
import type { AttemptReason } from '../../../lambdas/core/failures.ts';
import type { Target } from '../../../lambdas/core/target.ts';
import { anthropicMessages } from '../../../lambdas/dialects/anthropic-messages/codec.ts';
import { anthropic } from '../../../lambdas/providers/anthropic/anthropic.ts';
import { describeRecordings, recordedResponse, recordingOf } from '../../support/recordings.ts';

const RATES = { input: 1n, cachedInput: 1n, cacheWrite5m: 1n, cacheWrite1h: 1n, output: 1n };

const target = (baseUrl: string): Target => ({
  id: 'anthropic/m',
  provider: { name: 'anthropic', kind: 'anthropic', baseUrl },
  dialect: 'anthropic-messages',
  model: 'm',
  price: { ...RATES, tiers: [], source: 'test' },
  capabilities: new Set(),
  contextTokens: 1,
  maxOutputTokens: 1,
  maxImageTokens: 1,
  maxDocumentTokens: 1,
  reasoningModel: false,
});

describe('call', () => {
  test.each([
    'https://api.anthropic.com',
    'https://api.anthropic.com/',
    'https://api.anthropic.com/v1',
    'https://api.anthropic.com/v1/',
  ])('%s', (baseUrl) => {
    const call = anthropic.call({ target: target(baseUrl), body: {}, stream: false, requestId: 'r' });
    expect(call).toMatchObject({ url: 'https://api.anthropic.com/v1/messages' });
  });

  test('a path before /v1 stays', () => {
    const call = anthropic.call({ target: target('http://h:1/anthropic/v1'), body: {}, stream: false, requestId: 'r' });
    expect(call).toMatchObject({ url: 'http://h:1/anthropic/v1/messages' });
  });

  test('the key, the version and the body as given', () => {
    const body = { model: 'm', messages: [] };
    expect(anthropic.call({ target: target('https://h'), body, stream: true, apiKey: 'sk', requestId: 'r' })).toEqual({
      transport: 'http',
      url: 'https://h/v1/messages',
      headers: {
        'content-type': 'application/json',
        accept: 'text/event-stream',
        'anthropic-version': '2023-06-01',
        'x-api-key': 'sk',
      },
      body: JSON.stringify(body),
      stream: true,
    });
  });

  test('without a key there is no key header', () => {
    const call = anthropic.call({ target: target('https://h'), body: {}, stream: false, requestId: 'r' });
    expect(Object.keys(call.transport === 'http' ? call.headers : {})).not.toContain('x-api-key');
  });
});

describe('mapError', () => {
  const reasonOf = (status: number, type: string, message = 'why') =>
    anthropic.mapError({ status, type, message }, {}).reason;

  test.each<[number, string, string, AttemptReason]>([
    [529, 'overloaded_error', 'Overloaded', 'overloaded'],
    [529, '', 'an HTML page', 'overloaded'],
    [429, 'rate_limit_error', 'slow down', 'rate_limited'],
    [500, 'api_error', 'Internal server error', 'server_error'],
    [504, 'timeout_error', 'too slow', 'server_error'],
    [502, '', 'HTTP 502 with an HTML page', 'server_error'],
    [503, '', 'upstream connect error', 'overloaded'],
    [401, 'authentication_error', 'invalid x-api-key', 'unauthorized'],
    [402, 'billing_error', 'pay first', 'unauthorized'],
    [403, 'permission_error', 'not for you', 'unauthorized'],
    [404, 'not_found_error', 'model: claude-x', 'not_found'],
    [413, 'request_too_large', 'Request exceeds the maximum size', 'too_large'],
    [400, 'invalid_request_error', 'messages.0.content: Input should be a valid string', 'bad_request'],
    [400, 'invalid_request_error', 'prompt is too long: 208310 tokens > 200000 maximum', 'context_length'],
    [
      400,
      'invalid_request_error',
      'input length and `max_tokens` exceed context limit: 199000 + 20000 > 200000',
      'context_length',
    ],
    [400, 'invalid_request_error', 'Your credit balance is too low to access the Anthropic API.', 'unauthorized'],
    [400, 'invalid_request_error', 'This organization has been disabled.', 'unauthorized'],
    [400, 'invalid_request_error', 'Output blocked by content filtering policy', 'content_filter'],
    [400, '', 'prompt is too long', 'context_length'],
    [422, '', 'field required', 'bad_request'],
    [502, 'malformed_stream', 'no event', 'malformed_answer'],
  ])('%d %s "%s" is %s', (status, type, message, reason) => {
    expect(reasonOf(status, type, message)).toBe(reason);
  });

  test('what an operator can mend falls back, what only the client can does not', () => {
    const falls = (message: string) =>
      anthropic.mapError({ status: 400, type: 'invalid_request_error', message }, {}).mayFallBack;
    expect(falls('Your credit balance is too low to access the Anthropic API.')).toBe(true);
    expect(falls('prompt is too long: 9 tokens > 8 maximum')).toBe(true);
    expect(falls('messages: at least one message is required')).toBe(false);
  });

  test('a key that the vendor quotes does not come out', () => {
    const { message } = anthropic.mapError(
      { status: 401, type: 'authentication_error', message: 'invalid x-api-key sk-ant-api03-abcdefghijkl' },
      {},
    );
    expect(message).not.toContain('abcdefghijkl');
  });
});

describeRecordings('recorded errors', () => {
  test('a 429 keeps its status and its retry-after', () => {
    const recording = recordingOf('an-doc-429');
    const { status, headers } = recording.response;
    const error = anthropicMessages.decodeError(status, headers, recordedResponse(recording).toString('utf8'));
    expect(anthropic.mapError(error, headers)).toMatchObject({
      reason: 'rate_limited',
      status: 429,
      retryAfterMs: 1_000,
      mayFallBack: true,
    });
  });

  test('a 400 is the client’s mistake', () => {
    const recording = recordingOf('an-err-400');
    const error = anthropicMessages.decodeError(400, {}, recordedResponse(recording).toString('utf8'));
    expect(anthropic.mapError(error, {})).toMatchObject({ reason: 'bad_request', status: 400, mayFallBack: false });
  });
});
