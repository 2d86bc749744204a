import { attemptFailure, readRetryAfterMs, reasonOfStatus } from '../../core/call/attempt-failure.ts';
import type { ProviderError } from '../../core/conversation.ts';
import type { AttemptReason } from '../../core/failures.ts';
import type { Provider } from '../../core/provider.ts';
import type { Target } from '../../core/target.ts';

/** Google's Gemini API. The key goes in a header: in the URL it would stand in every proxy's log. */
export const gemini: Provider = {
  kind: 'gemini',
  dialect: 'gemini',
  call: ({ target, body, stream, apiKey }) => ({
    transport: 'http',
    url: `${modelUrl(target.provider.baseUrl, target.model)}:${methodOf(target, stream)}`,
    headers: {
      'content-type': 'application/json',
      accept: stream ? 'text/event-stream' : 'application/json',
      ...(apiKey !== undefined && { 'x-goog-api-key': apiKey }),
    },
    body: JSON.stringify(body),
    stream,
  }),
  mapError: (error, headers) =>
    attemptFailure(reasonOf(error), {
      status: error.status,
      message: error.message,
      retryAfterMs: readRetryAfterMs(headers) ?? error.retryAfterMs,
      // The model was at work when its time ran out.
      ...(error.type === 'DEADLINE_EXCEEDED' && { mayBeBilled: true }),
    }),
};

const methodOf = ({ dialect }: Target, stream: boolean): string => {
  if (dialect === 'gemini-embeddings') return 'batchEmbedContents';
  return stream ? 'streamGenerateContent?alt=sse' : 'generateContent';
};

/** With or without a version at its end; `gemini-2.5-pro`, `models/gemini-2.5-pro` and `tunedModels/mine` are names. */
const modelUrl = (baseUrl: string, model: string): string => {
  const base = baseUrl.replace(/\/+$/, '');
  const name = (model.includes('/') ? model : `models/${model}`).split('/').map(encodeURIComponent).join('/');
  return `${/\/v\d+[a-z\d]*$/.test(base) ? base : `${base}/v1beta`}/${name}`;
};

const TOO_LONG =
  /input token count|exceeds the maximum number of tokens|token (?:count|limit)[^.]{0,60}exceed|input context is too long|context (?:window|length)/i;
/** A bad key and a region without service come as INVALID_ARGUMENT and FAILED_PRECONDITION, like the client's own mistakes. */
const OPERATORS =
  /API key (?:not valid|expired|not found|invalid)|pass a valid API key|location is not supported|billing/i;
const TOO_LARGE = /request payload size exceeds|payload is too large|request (?:size|too large)/i;

const reasonOf = ({ status, type, message }: ProviderError): AttemptReason => {
  if (/^(API_KEY_|SERVICE_DISABLED$|BILLING_DISABLED$|CONSUMER_|ACCESS_TOKEN_)/.test(type)) return 'unauthorized';
  switch (type) {
    case 'UNAUTHENTICATED':
    case 'PERMISSION_DENIED':
      return 'unauthorized';
    case 'NOT_FOUND':
      return 'not_found';
    case 'RESOURCE_EXHAUSTED':
    case 'RATE_LIMIT_EXCEEDED':
      return 'rate_limited';
    case 'UNAVAILABLE':
      return 'overloaded';
    case 'INTERNAL':
    case 'UNKNOWN':
    case 'ABORTED':
    case 'CANCELLED':
    case 'DEADLINE_EXCEEDED':
      // Google answers 500 where the prompt is too long for some models.
      return TOO_LONG.test(message) ? 'context_length' : 'server_error';
    case 'malformed_stream':
      return 'malformed_answer';
    default:
      return status === 400 ? reasonOfRefusal(message) : reasonOfStatus(status);
  }
};

const reasonOfRefusal = (message: string): AttemptReason => {
  if (OPERATORS.test(message)) return 'unauthorized';
  if (TOO_LONG.test(message)) return 'context_length';
  return TOO_LARGE.test(message) ? 'too_large' : 'bad_request';
};
