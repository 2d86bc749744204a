import { describe, expect, test } from '@jest/globals';
import { readEvent } from '../../../lambdas/gateway/lambda/read-event.ts';
import type { RestEvent } from '../../../lambdas/gateway/lambda/runtime.ts';

const never = new AbortController().signal;

const event = (more: Partial<RestEvent> = {}): RestEvent => ({
  httpMethod: 'POST',
  path: '/v1/messages',
  headers: null,
  multiValueHeaders: null,
  multiValueQueryStringParameters: null,
  body: null,
  isBase64Encoded: false,
  ...more,
});

describe("API Gateway's event as a request", () => {
  test('keeps method, path, every value of a query parameter and of a header', () => {
    const request = readEvent(
      event({
        multiValueQueryStringParameters: { beta: ['true', 'false'], q: ['a b&c'] },
        multiValueHeaders: { 'X-One': ['1', '2'], Host: ['gateway.example.com'] },
      }),
      never,
    );
    const url = new URL(request.url);
    expect([request.method, url.pathname, url.searchParams.getAll('beta'), url.searchParams.get('q')]).toEqual([
      'POST',
      '/v1/messages',
      ['true', 'false'],
      'a b&c',
    ]);
    expect(request.headers.get('x-one')).toBe('1, 2');
  });

  test.each(['//evil.example.com/v1', '/v1/models/a?b#c', '/v1/models/ü', '/'])(
    'a path is never read as anything else: %s',
    (path) => {
      const { pathname, host, search, hash } = new URL(readEvent(event({ path }), never).url);
      expect({ path: decodeURIComponent(pathname), host, search, hash }).toEqual({
        path,
        host: 'gateway.invalid',
        search: '',
        hash: '',
      });
    },
  );

  test('reads text and base64 bodies to the same bytes', async () => {
    const text = '{"text":"héllo 🌍"}';
    const plain = await readEvent(event({ body: text }), never).text();
    const encoded = Buffer.from(text).toString('base64');
    expect([plain, await readEvent(event({ body: encoded, isBase64Encoded: true }), never).text()]).toEqual([
      text,
      text,
    ]);
  });

  test('drops the length that the body had before it was put into the event', () => {
    const request = readEvent(event({ body: '{}', multiValueHeaders: { 'Content-Length': ['999'] } }), never);
    expect(request.headers.get('content-length')).toBeNull();
  });

  test('takes a GET with a body for one without, and single headers where there are no lists', () => {
    const request = readEvent(event({ httpMethod: 'GET', body: 'x', headers: { authorization: 'Bearer k' } }), never);
    expect([request.body, request.headers.get('authorization')]).toEqual([null, 'Bearer k']);
  });

  test('a header beyond Latin-1 is taken as its bytes, as the Node server sees it', () => {
    const request = readEvent(event({ multiValueHeaders: { 'x-tollgate-user': ['Ḁda'] } }), never);
    expect(Buffer.from(request.headers.get('x-tollgate-user') ?? '', 'latin1').toString('utf8')).toBe('Ḁda');
  });
});
