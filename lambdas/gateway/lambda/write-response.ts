import type { Writable } from 'node:stream';
import type { Prelude, RestResult, Streaming } from './runtime.ts';

/**
 * Writes an answer to the runtime's stream as it comes, no faster than it is taken. A body that breaks before its first
 * bytes is replaced by `whenBroken`'s answer; one that breaks later rejects, and the runtime cuts the connection, so that
 * the client never takes it for whole.
 *
 * The stream is only ever written to and ended. `pipeline`, which AWS's guide advises, destroys it when the body breaks,
 * and that ends the process. A client that hangs up is not seen here: API Gateway goes on reading.
 */
export const streamResponse = async (
  response: Response,
  runtimeStream: Writable,
  streaming: Streaming,
  whenBroken: (error: unknown) => Promise<Response>,
): Promise<void> => {
  const chunks = response.body?.[Symbol.asyncIterator]();
  let next: IteratorResult<Uint8Array> | undefined;
  try {
    next = await chunks?.next();
  } catch (error) {
    // Nothing has been sent: the client can still be told by a status. The replacement is a body that can't break.
    return streamResponse(await whenBroken(error), runtimeStream, streaming, (again) => Promise.reject(again));
  }

  const stream = streaming.HttpResponseStream.from(runtimeStream, preludeOf(response));
  let wake = (): void => {};
  let isBroken = false;
  stream.on('drain', () => wake());
  stream.on('close', () => wake());
  stream.on('error', () => {
    isBroken = true;
    wake();
  });
  // The prelude leaves with the first write, an empty body's too.
  if (next === undefined || next.done) stream.write('');
  for (; next !== undefined && !next.done && !isBroken; next = await chunks?.next())
    if (!stream.write(next.value))
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  if (isBroken) await chunks?.return?.();
  else await new Promise<void>((resolve) => stream.end(resolve));
};

const preludeOf = ({ status, headers }: Response): Prelude => ({
  statusCode: status,
  headers: Object.fromEntries([...headers].filter(([name]) => name !== 'set-cookie')),
  cookies: headers.getSetCookie(),
});

const TEXT = /^(text\/|application\/(json|[\w.+-]+\+json)\b)/i;

/** Reads an answer to its end, for an integration that can't stream. Rejects where the body breaks. */
export const bufferResponse = async (response: Response): Promise<RestResult> => {
  const bytes = Buffer.from(await response.arrayBuffer());
  const isText = bytes.length === 0 || TEXT.test(response.headers.get('content-type') ?? '');
  const multiValueHeaders: Record<string, string[]> = {};
  for (const [name, value] of response.headers) multiValueHeaders[name] = [...(multiValueHeaders[name] ?? []), value];
  return {
    statusCode: response.status,
    multiValueHeaders,
    body: bytes.toString(isText ? 'utf8' : 'base64'),
    isBase64Encoded: !isText,
  };
};
