import { describe, expect, test } from '@jest/globals';
import { gemini } from '../../../lambdas/dialects/gemini/codec.ts';
import { CONTEXT } from './encoding.ts';

const decode = (status: number, error: object) => gemini.decodeError(status, {}, JSON.stringify({ error }));

describe('error replies', () => {
  test('the reason says more than the status word where the key is to blame', () => {
    const error = {
      code: 400,
      message: 'API key not valid. Please pass a valid API key.',
      status: 'INVALID_ARGUMENT',
      details: [
        { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID', domain: 'googleapis.com' },
      ],
    };
    expect(decode(400, error)).toEqual({ status: 400, type: 'API_KEY_INVALID', message: error.message });
    expect(gemini.decodeError(400, {}, JSON.stringify([{ error }]))).toMatchObject({ type: 'API_KEY_INVALID' });
  });

  test.each([
    ['7s', 7_000],
    ['0.5s', 500],
    ['99999999s', 86_400_000],
    ['soon', undefined],
    ['-3s', undefined],
    [7, undefined],
  ])('a wait of %j is %s ms', (retryDelay, expected) => {
    const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay }];
    expect(decode(429, { status: 'RESOURCE_EXHAUSTED', message: 'x', details }).retryAfterMs).toBe(expected);
  });

  test.each([
    [502, '<html><title>Bad Gateway</title></html>', 'HTTP 502 with a page: Bad Gateway'],
    [500, '', 'HTTP 500 without a body'],
    [503, 'upstream connect error', 'upstream connect error'],
    [500, '{"error":{}}', 'HTTP 500 without a message'],
  ])('%i with %j', (status, body, message) => {
    expect(gemini.decodeError(status, {}, body)).toEqual({ status, type: '', message });
  });

  test('an error is written as Google writes it, and read again', () => {
    const encoder = gemini.encodeStream(CONTEXT);
    const text = encoder.push({ type: 'error', error: { status: 429, type: 'x', message: 'Slow.' } });
    const [event] = gemini.decodeStream().push({ type: '', data: text.replace(/^data: /, '').trim() });
    expect(event).toEqual({ type: 'error', error: { status: 429, type: 'RESOURCE_EXHAUSTED', message: 'Slow.' } });
    expect(gemini.encodeStream(CONTEXT).fail({ code: 'deadline_exceeded', message: 'Late.' })).toContain('"code":504');
  });
});
