import { readRetryAfterMs } from '../../core/call/attempt-failure.ts';
import type { JsonObject, JsonValue, ProviderError } from '../../core/conversation.ts';
import { decodeUsage } from './usage.ts';
import { listOf, objectOf, objectsOf, textOf } from './wire.ts';

/** google.rpc.Code and the HTTP status each stands for, for errors inside a stream that name no number. */
const STATUS_OF_WORD: ReadonlyMap<string, number> = new Map([
  ['INVALID_ARGUMENT', 400],
  ['FAILED_PRECONDITION', 400],
  ['OUT_OF_RANGE', 400],
  ['UNAUTHENTICATED', 401],
  ['PERMISSION_DENIED', 403],
  ['NOT_FOUND', 404],
  ['ABORTED', 409],
  ['RESOURCE_EXHAUSTED', 429],
  ['CANCELLED', 499],
  ['INTERNAL', 500],
  ['UNKNOWN', 500],
  ['UNAVAILABLE', 503],
  ['DEADLINE_EXCEEDED', 504],
]);

/** Reasons of `google.rpc.ErrorInfo` that say more than the status word, which may be INVALID_ARGUMENT for a bad key. */
const TELLING = /^(API_KEY_|SERVICE_DISABLED$|BILLING_DISABLED$|CONSUMER_|ACCESS_TOKEN_|RATE_LIMIT_EXCEEDED$)/;

const LONGEST_TEXT = 2_000;
/** What a proxy between us and Google may send is cut shorter. */
const LONGEST_PAGE = 300;

const detailOf = (error: JsonObject, type: string): JsonObject | undefined =>
  objectsOf(error['details']).find((detail) => textOf(detail['@type'])?.endsWith(`google.rpc.${type}`));

/** A protobuf duration: `34.4s`. Read like a `retry-after` of as many seconds, with the same bounds. */
const readRetryDelayMs = (error: JsonObject): number | undefined => {
  const [, seconds] =
    /^(\d{1,12}(?:\.\d{1,9})?)s$/.exec(textOf(detailOf(error, 'RetryInfo')?.['retryDelay']) ?? '') ?? [];
  return seconds === undefined ? undefined : readRetryAfterMs({ 'retry-after': seconds });
};

const readError = (error: JsonObject, httpStatus: number | undefined): ProviderError => {
  const word = textOf(error['status']) ?? '';
  const code = error['code'];
  const told = typeof code === 'number' && code >= 400 && code <= 599 ? code : undefined;
  const status = httpStatus !== undefined && httpStatus >= 300 ? httpStatus : (told ?? STATUS_OF_WORD.get(word) ?? 500);
  const reason = textOf(detailOf(error, 'ErrorInfo')?.['reason']);
  const retryAfterMs = readRetryDelayMs(error);
  return {
    status,
    type: reason !== undefined && TELLING.test(reason) ? reason : word,
    message: (textOf(error['message'])?.trim() || `HTTP ${status} without a message`).slice(0, LONGEST_TEXT),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  };
};

const readPlainText = (status: number, body: string): string => {
  const start = body.slice(0, 20_000).trim();
  const title = /<title[^>]*>([^<]{1,300})/i.exec(start)?.[1]?.trim();
  if (start.startsWith('<')) return `HTTP ${status} with a page${title === undefined ? '' : `: ${title}`}`;
  if (start === '') return `HTTP ${status} without a body`;
  return start.length > LONGEST_PAGE ? `${start.slice(0, LONGEST_PAGE)}…` : start;
};

const parse = (body: string): JsonValue | undefined => {
  try {
    return JSON.parse(body) as JsonValue;
  } catch {
    // A page or a bare word: told as it is.
    return undefined;
  }
};

/** `{error:{code,message,status,details}}`, in an array where a stream was asked for without `alt=sse`. */
export const decodeError = (status: number, _headers: Record<string, string>, body: string): ProviderError => {
  const value = parse(body);
  const error = objectOf(objectOf(Array.isArray(value) ? listOf(value)[0] : value)?.['error']);
  const told =
    error === undefined ? { status, type: '', message: readPlainText(status, body) } : readError(error, status);
  const usage = decodeUsage(objectOf(objectOf(value)?.['usageMetadata']));
  return usage === undefined ? told : { ...told, usage };
};

/** An error inside a stream, whose status was 200 long ago. @returns undefined for an ordinary event */
export const decodeStreamError = (event: JsonObject): ProviderError | undefined => {
  const error = objectOf(event['error']);
  return error === undefined ? undefined : readError(error, undefined);
};

export const malformedStream = (message: string): ProviderError => ({ status: 502, type: 'malformed_stream', message });

const wordOfStatus = (status: number): string => {
  for (const [word, known] of STATUS_OF_WORD) if (known === status) return word;
  return status >= 400 && status < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL';
};

export const encodeErrorBody = ({ status, type, message }: ProviderError): JsonObject => ({
  error: { code: status, message, status: STATUS_OF_WORD.has(type) ? type : wordOfStatus(status) },
});
