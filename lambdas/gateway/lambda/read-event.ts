import type { RestEvent } from './runtime.ts';

/** API Gateway's event as the request that it was. @param signal aborts when the function has to come to its end */
export const readEvent = (event: RestEvent, signal: AbortSignal): Request => {
  const { httpMethod: method, body, isBase64Encoded } = event;
  const hasBody = body !== null && body !== undefined && method !== 'GET' && method !== 'HEAD';
  return new Request(readUrl(event), {
    method,
    headers: readHeaders(event),
    body: hasBody ? Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8') : null,
    signal,
  });
};

/** The path is set and not parsed: one that begins with two slashes would be read as a host. */
const readUrl = ({ path, multiValueQueryStringParameters }: RestEvent): URL => {
  const url = new URL('https://gateway.invalid');
  url.pathname = path;
  for (const [name, values] of Object.entries(multiValueQueryStringParameters ?? {}))
    for (const value of values ?? []) url.searchParams.append(name, value);
  return url;
};

const readHeaders = ({ headers: single, multiValueHeaders }: RestEvent): Headers => {
  const headers = new Headers();
  const all =
    multiValueHeaders ?? Object.fromEntries(Object.entries(single ?? {}).map(([name, value]) => [name, [value]]));
  for (const [name, values] of Object.entries(all))
    for (const value of values ?? []) if (value !== undefined) headers.append(name, asOnTheWire(value));
  // The body's length before it was put into the event.
  headers.delete('content-length');
  return headers;
};

/** A header is bytes; API Gateway reads them as UTF-8, `Headers` takes one character a byte. */
const asOnTheWire = (value: string): string =>
  /^[\0-\xff]*$/.test(value) ? value : Buffer.from(value, 'utf8').toString('latin1');
