import type { JsonValue } from '../conversation.ts';
import { isJsonObject } from '../decode/read-body.ts';
import type { Dialect } from '../dialect.ts';
import type { AttemptFailure } from '../failures.ts';
import type { Provider } from '../provider.ts';
import { attemptFailure } from './attempt-failure.ts';
import type { Tally } from './tally.ts';
import type { UpstreamReply } from './upstream.ts';

/** A status that has no answer in it, whatever comes with it: nobody has worked on the request. */
export const isWithoutAnswer = (status: number): boolean =>
  status === 204 || status === 205 || (status >= 300 && status < 400);

/** A redirect is never followed, for the provider's key would go with it: it is the operator who has to follow it. */
export const failureOfStatusAlone = (status: number): AttemptFailure => {
  const message =
    status < 300
      ? `HTTP ${status}, which says that there is no answer`
      : `HTTP ${status}, a redirect, which is not followed: the provider's base URL has to name the place where it leads (the gateway's log has it)`;
  return { ...attemptFailure('server_error', { status, message, mayBeBilled: false }), isRetryable: false };
};

/** Where a redirect leads, for the operator's eyes: without user, password and query. */
export const placeOf = (location: string | undefined): string | undefined => {
  if (location === undefined) return undefined;
  const url = URL.parse(location, 'relative://to.the.base.url');
  if (url === null) return undefined;
  return url.protocol === 'relative:' ? url.pathname : `${url.protocol}//${url.host}${url.pathname}`;
};

/** Where a stream was asked for: whether a whole JSON body came instead, mostly an error. */
export const isPlainJson = ({ headers }: UpstreamReply): boolean => /json/i.test(headers['content-type'] ?? '');

/**
 * A success that holds no answer. Some vendors answer 200 with an error for a body: then it is that error, and nothing was
 * made that could be billed. What it counts all the same is noted.
 */
export const failureOfNoAnswer = (
  text: string,
  { status, headers }: UpstreamReply,
  dialect: Dialect,
  mapError: Provider['mapError'],
  tally: Tally,
): AttemptFailure => {
  const error = dialect.decodeError(status, headers, text);
  if (error.usage !== undefined) tally.see({ type: 'usage', usage: error.usage });
  return isError(parseJson(text))
    ? mapError(error, headers)
    : attemptFailure('malformed_answer', {
        status,
        message: 'what came is not an answer',
        // Other successes than 200 promise none.
        ...(status !== 200 && { mayBeBilled: false }),
      });
};

/** Google's come in an array; Mistral's have no `error` in them. */
const isError = (json: JsonValue | undefined): boolean => {
  const body = Array.isArray(json) ? json[0] : json;
  if (body === undefined || !isJsonObject(body)) return false;
  return (body['error'] !== undefined && body['error'] !== null) || body['object'] === 'error';
};

/** @returns undefined for what is no JSON */
export const parseJson = (text: string): JsonValue | undefined => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
