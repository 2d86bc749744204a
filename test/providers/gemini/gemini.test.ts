import { describe, expect, test } from '@jest/globals';
import type { ProviderError } from '../../../lambdas/core/conversation.ts';
import type { AttemptReason } from '../../../lambdas/core/failures.ts';
import type { Target } from '../../../lambdas/core/target.ts';
import { gemini as dialect } from '../../../lambdas/dialects/gemini/codec.ts';
import { gemini } from '../../../lambdas/providers/gemini/gemini.ts';
import { describeRecordings, recordedResponse, recordingOf } from '../../support/recordings.ts';

const targetOf = (model: string, baseUrl = 'https://generativelanguage.googleapis.com') =>
  ({ provider: { name: 'google', kind: 'gemini', baseUrl }, model }) as Target;

const callOf = (model: string, stream = false, baseUrl?: string) =>
  gemini.call({ target: targetOf(model, baseUrl), body: { a: 'é' }, stream, apiKey: 'AIza-1', requestId: 'r' });

const urlOf = (...args: Parameters<typeof callOf>): string => {
  const call = callOf(...args);
  return call.transport === 'http' ? call.url : '';
};

describe('the call', () => {
  test('names the model in the path and the key in a header, never in the URL', () => {
    expect(callOf('gemini-2.5-pro')).toEqual({
      transport: 'http',
      url: 'https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent',
      headers: { 'content-type': 'application/json', accept: 'application/json', 'x-goog-api-key': 'AIza-1' },
      body: '{"a":"é"}',
      stream: false,
    });
  });

  test.each([
    ['https://a.example', 'https://a.example/v1beta/'],
    ['https://a.example/', 'https://a.example/v1beta/'],
    ['https://a.example/v1beta', 'https://a.example/v1beta/'],
    ['https://a.example/v1/', 'https://a.example/v1/'],
    ['https://a.example/proxy/v1alpha', 'https://a.example/proxy/v1alpha/'],
  ])('a base URL of %s', (baseUrl, start) => {
    expect(urlOf('g', true, baseUrl)).toBe(`${start}models/g:streamGenerateContent?alt=sse`);
  });

  test.each([
    ['models/gemini-2.5-pro', 'models/gemini-2.5-pro'],
    ['tunedModels/mine', 'tunedModels/mine'],
    ['a?b', 'models/a%3Fb'],
  ])('the model %s stays in its place', (model, path) => {
    expect(urlOf(model)).toContain(`/v1beta/${path}:generateContent`);
  });

  test('without a key sends none', () => {
    const call = gemini.call({ target: targetOf('g'), body: {}, stream: false, requestId: 'r' });
    expect(call).not.toHaveProperty('headers.x-goog-api-key');
  });
});

const error = (status: number, type = '', message = 'm'): ProviderError => ({ status, type, message });
const reasonOf = (one: ProviderError): AttemptReason => gemini.mapError(one, {}).reason;

describe('what an error means', () => {
  test.each<[AttemptReason, ProviderError]>([
    ['unauthorized', error(400, 'API_KEY_INVALID', 'API key not valid. Please pass a valid API key.')],
    ['unauthorized', error(400, 'INVALID_ARGUMENT', 'API key expired. Please renew the API key.')],
    ['unauthorized', error(400, 'FAILED_PRECONDITION', 'User location is not supported for the API use.')],
    ['unauthorized', error(403, 'PERMISSION_DENIED')],
    ['unauthorized', error(403, 'SERVICE_DISABLED')],
    ['unauthorized', error(401, 'UNAUTHENTICATED')],
    ['not_found', error(404, 'NOT_FOUND', 'models/gemini-9 is not found for API version v1beta')],
    ['rate_limited', error(429, 'RESOURCE_EXHAUSTED')],
    ['overloaded', error(503, 'UNAVAILABLE', 'The model is overloaded. Please try again later.')],
    ['server_error', error(500, 'INTERNAL')],
    ['server_error', error(504, 'DEADLINE_EXCEEDED')],
    [
      'context_length',
      error(
        400,
        'INVALID_ARGUMENT',
        'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).',
      ),
    ],
    ['context_length', error(500, 'INTERNAL', 'Input token count exceeds')],
    ['too_large', error(400, 'INVALID_ARGUMENT', 'Request payload size exceeds the limit: 20971520 bytes.')],
    ['too_large', error(413, '', 'Payload Too Large')],
    [
      'bad_request',
      error(400, 'INVALID_ARGUMENT', 'Function call is missing a thought_signature in functionCall parts.'),
    ],
    ['bad_request', error(400, 'INVALID_ARGUMENT', 'max_output_tokens must be positive')],
    ['malformed_answer', error(502, 'malformed_stream')],
    ['server_error', error(502, '', 'HTTP 502 with a page')],
  ])('%s: %j', (reason, one) => {
    expect(reasonOf(one)).toBe(reason);
  });

  test('the wait is the header’s, else the body’s', () => {
    const waiting = { ...error(429, 'RESOURCE_EXHAUSTED'), retryAfterMs: 34_400 };
    expect(gemini.mapError(waiting, {}).retryAfterMs).toBe(34_400);
    expect(gemini.mapError(waiting, { 'retry-after': '2' }).retryAfterMs).toBe(2_000);
    expect(gemini.mapError(error(429, 'RESOURCE_EXHAUSTED'), {})).not.toHaveProperty('retryAfterMs');
  });

  test('a model whose time ran out may have been billed', () => {
    expect(gemini.mapError(error(504, 'DEADLINE_EXCEEDED'), {}).mayBeBilled).toBe(true);
    expect(gemini.mapError(error(503, 'UNAVAILABLE'), {}).mayBeBilled).toBe(false);
  });

  test('no key is in the message', () => {
    const { message } = gemini.mapError(
      error(400, '', 'API key AIzaSyA-1234567890abcdefghijklmnopqrstuv not valid'),
      {},
    );
    expect(message).not.toContain('AIzaSyA-1234567890');
  });
});

describeRecordings('recorded errors', () => {
  test.each([
    ['go-err-404', 'not_found', undefined],
    ['go-v-429-retry-info', 'rate_limited', 34_400],
  ])('%s is %s', (id, reason, retryAfterMs) => {
    const { response } = recordingOf(id);
    const decoded = dialect.decodeError(
      response.status,
      response.headers,
      recordedResponse(recordingOf(id)).toString(),
    );
    expect(gemini.mapError(decoded, response.headers)).toMatchObject({ reason, ...(retryAfterMs && { retryAfterMs }) });
  });
});
