import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { openaiChat } from '../../../lambdas/dialects/openai-chat/codec.ts';

const decode = (status: number, body: unknown) =>
  openaiChat.decodeError(status, {}, typeof body === 'string' ? body : JSON.stringify(body));

describe('errors as vendors tell them', () => {
  test.each<[string, number, unknown, { status?: number; type: string; message: string }]>([
    [
      'OpenAI',
      400,
      {
        error: {
          message: 'too long',
          type: 'invalid_request_error',
          param: 'messages',
          code: 'context_length_exceeded',
        },
      },
      { type: 'context_length_exceeded', message: 'too long' },
    ],
    [
      'OpenAI without a code',
      400,
      { error: { message: 'm', type: 'invalid_request_error', code: null } },
      { type: 'invalid_request_error', message: 'm' },
    ],
    [
      'OpenAI, quota',
      429,
      { error: { message: 'm', type: 'insufficient_quota', code: 'insufficient_quota' } },
      { type: 'insufficient_quota', message: 'm' },
    ],
    ['Azure, whose code is a status', 429, { error: { code: '429', message: 'slow' } }, { type: '', message: 'slow' }],
    [
      'Azure, content filter',
      400,
      { error: { code: 'content_filter', message: 'm', innererror: { code: 'x' } } },
      { type: 'content_filter', message: 'm' },
    ],
    ['xAI', 400, { code: 'invalid-argument', error: 'bad model' }, { type: 'invalid-argument', message: 'bad model' }],
    [
      'vLLM',
      404,
      { object: 'error', message: 'no model', type: 'NotFoundError', code: 404 },
      { type: 'NotFoundError', message: 'no model' },
    ],
    ['Mistral, unauthorised', 401, { message: 'Unauthorized', request_id: 'r' }, { type: '', message: 'Unauthorized' }],
    [
      'Mistral, a validation inside the message',
      422,
      {
        object: 'error',
        message: { detail: [{ loc: ['body', 'messages', 0], msg: 'Field required', input: 'secret words' }] },
        type: 'invalid_request_error',
      },
      { type: 'invalid_request_error', message: 'body.messages.0: Field required' },
    ],
    ['FastAPI', 404, { detail: 'Not Found' }, { type: '', message: 'Not Found' }],
    [
      'FastAPI, a validation',
      422,
      { detail: [{ loc: ['body', 'x'], msg: 'bad', input: 'secret words' }, { msg: 'worse' }] },
      { type: '', message: 'body.x: bad; worse' },
    ],
    [
      'OpenRouter, with an error inside',
      429,
      { error: { code: 429, message: 'Provider returned error', metadata: { raw: '{"error":{"message":"busy"}}' } } },
      { type: '', message: 'Provider returned error: busy' },
    ],
    [
      'Gemini, in an array',
      400,
      [{ error: { code: 400, message: 'bad', status: 'INVALID_ARGUMENT' } }],
      { type: 'INVALID_ARGUMENT', message: 'bad' },
    ],
    ['plain text', 502, 'upstream connect error', { type: '', message: 'upstream connect error' }],
    [
      'HTML',
      502,
      '<html><head><title>502 Bad Gateway</title></head>',
      { type: '', message: 'HTTP 502 with an HTML page: 502 Bad Gateway' },
    ],
    ['HTML without a title', 500, '<html>', { type: '', message: 'HTTP 500 with an HTML page' }],
    ['nothing', 503, '', { type: '', message: 'HTTP 503 with an empty body' }],
    ['an empty object', 500, {}, { type: '', message: 'HTTP 500 without a message' }],
    [
      'an error under a 200',
      200,
      { error: { code: 429, message: 'slow' } },
      { status: 429, type: '', message: 'slow' },
    ],
    [
      'an error without status under a 200',
      200,
      { error: { message: 'odd' } },
      { status: 502, type: '', message: 'odd' },
    ],
  ])('%s', (_, status, body, expected) => {
    const { fields: _fields, ...error } = decode(status, body);
    expect(error).toEqual({ status, ...expected });
  });

  test.each<[string, unknown, object | undefined]>([
    [
      'OpenAI',
      { error: { message: 'm', type: 'invalid_request_error', param: 'temperature', code: 'unsupported_value' } },
      { type: 'invalid_request_error', param: 'temperature', code: 'unsupported_value' },
    ],
    [
      'Azure',
      { error: { message: 'm', code: 'content_filter', innererror: { content_filter_result: { hate: {} } } } },
      { code: 'content_filter', innererror: { content_filter_result: { hate: {} } } },
    ],
    ['Groq', { error: { message: 'm', failed_generation: '<f>' } }, { failed_generation: '<f>' }],
    ['Mistral, without what the client wrote', { object: 'error', code: '3051', input: 'secret' }, { code: '3051' }],
    ['an event', { type: 'error', code: 'server_error', param: null, message: 'm' }, { code: 'server_error' }],
    ['FastAPI', { detail: 'Not Found' }, undefined],
  ])('the own fields of an error: %s', (_, body, fields) => {
    expect(decode(400, body).fields).toEqual(fields);
  });

  test('what is counted beside an error, or beside no answer', () => {
    const usage = { prompt_tokens: 10, completion_tokens: 5 };
    expect(decode(200, { choices: [], usage }).usage).toMatchObject({ inputTokens: 10, outputTokens: 5 });
    expect(decode(500, { error: { message: 'm' }, usage }).usage).toMatchObject({ inputTokens: 10, outputTokens: 5 });
  });

  test('any text gives a message of bounded length', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), fc.integer({ min: 200, max: 599 }), (body, status) => {
        const error = decode(status, body);
        expect(error.message.length).toBeGreaterThan(0);
        expect(error.status).toBeGreaterThanOrEqual(300);
      }),
    );
    expect(decode(500, 'x'.repeat(1_000_000)).message.length).toBeLessThanOrEqual(2_100);
  });
});
