import Anthropic from '@anthropic-ai/sdk';
import { describe, expect, test } from '@jest/globals';
import { type RefusalCode, statusOf } from '../../../lambdas/core/failures.ts';
import { anthropicMessages } from '../../../lambdas/dialects/anthropic-messages/codec.ts';
import { sdkAnsweredBy } from './wire.ts';

describe('encodeError', () => {
  test('Anthropic’s shape, with what Tollgate knows beside it', () => {
    const error = anthropicMessages.encodeError(
      {
        code: 'all_targets_failed',
        message: 'All 2 targets failed.',
        param: 'model',
        scope: 'team search',
        attempts: [
          { target: 'a', status: 500, reason: 'server_error', message: 'x' },
          { target: 'b', reason: 'connection_failed', message: 'y' },
        ],
      },
      'req_9',
    );
    expect(error).toEqual({
      type: 'error',
      error: {
        type: 'api_error',
        message: 'All 2 targets failed.',
        tollgate: {
          code: 'all_targets_failed',
          param: 'model',
          scope: 'team search',
          attempts: [
            { target: 'a', status: 500, reason: 'server_error', message: 'x' },
            { target: 'b', status: null, reason: 'connection_failed', message: 'y' },
          ],
        },
      },
      request_id: 'req_9',
    });
  });

  const CLASSES: [RefusalCode, new (...args: never[]) => Error, string][] = [
    ['invalid_request', Anthropic.BadRequestError, 'invalid_request_error'],
    ['context_length_exceeded', Anthropic.BadRequestError, 'invalid_request_error'],
    ['unsupported_feature', Anthropic.BadRequestError, 'invalid_request_error'],
    ['invalid_api_key', Anthropic.AuthenticationError, 'authentication_error'],
    ['model_not_allowed', Anthropic.PermissionDeniedError, 'permission_error'],
    ['key_expired', Anthropic.PermissionDeniedError, 'permission_error'],
    ['model_not_found', Anthropic.NotFoundError, 'not_found_error'],
    ['not_found', Anthropic.NotFoundError, 'not_found_error'],
    ['request_too_large', Anthropic.APIError, 'request_too_large'],
    ['rate_limit_exceeded', Anthropic.RateLimitError, 'rate_limit_error'],
    ['budget_exceeded', Anthropic.RateLimitError, 'rate_limit_error'],
    ['cancelled', Anthropic.APIError, 'api_error'],
    ['internal_error', Anthropic.InternalServerError, 'api_error'],
    ['all_targets_failed', Anthropic.InternalServerError, 'api_error'],
    ['no_target_available', Anthropic.APIError, 'overloaded_error'],
    ['store_unavailable', Anthropic.APIError, 'api_error'],
    ['deadline_exceeded', Anthropic.APIError, 'timeout_error'],
  ];

  test.each(CLASSES)('the SDK raises %s as its own class and type', async (code, errorClass, type) => {
    const body = anthropicMessages.encodeError({ code, message: 'why' }, 'req_1');
    const client = sdkAnsweredBy(() =>
      Response.json(body, { status: statusOf(code), headers: { 'request-id': 'req_1' } }),
    );
    const raised = await client.messages
      .create({ model: 'm', max_tokens: 1, messages: [{ role: 'user', content: 'hi' }] })
      .catch((error: unknown) => error);
    expect(raised).toBeInstanceOf(errorClass);
    const apiMessage = code === 'context_length_exceeded' ? 'prompt is too long: why' : 'why';
    expect(raised).toMatchObject({ status: statusOf(code), type, requestID: 'req_1', apiMessage });
  });
});

describe('decodeError', () => {
  test.each<[string, number, string, string, string]>([
    [
      'a compatible server’s shape',
      400,
      '{"error":{"message":"bad","type":"invalid_request_error"}}',
      'invalid_request_error',
      'bad',
    ],
    ['a bare string', 500, '{"error":"no memory"}', '', 'no memory'],
    ['a message at the top', 503, '{"message":"Service Unavailable"}', '', 'Service Unavailable'],
    ['a detail', 422, '{"detail":"field required"}', '', 'field required'],
    ['unknown JSON', 500, '{"code":7}', '', '{"code":7}'],
    ['an array', 500, '[1]', '', '[1]'],
    ['plain text', 502, 'upstream connect error', '', 'upstream connect error'],
    ['nothing', 504, '', '', 'HTTP 504 without a body'],
    [
      'a page with a title',
      502,
      '<!DOCTYPE html><html><head><title> Bad gateway </title></head></html>',
      '',
      'HTTP 502 with an HTML page: Bad gateway',
    ],
    ['a page without', 503, '<html><body>x</body></html>', '', 'HTTP 503 with an HTML page'],
  ])('%s', (_, status, body, type, message) => {
    const { fields: _fields, ...error } = anthropicMessages.decodeError(status, {}, body);
    expect(error).toEqual({ status, type, message });
  });

  test('a megabyte of anything gives a short message', () => {
    for (const body of ['x'.repeat(1_000_000), `<html>${'<'.repeat(1_000_000)}`, `{"a":"${'x'.repeat(1_000_000)}"}`])
      expect(anthropicMessages.decodeError(500, {}, body).message.length).toBeLessThan(400);
  });
});
