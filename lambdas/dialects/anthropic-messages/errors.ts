import type { JsonObject, ProviderError } from '../../core/conversation.ts';
import type { Refusal, RefusalCode } from '../../core/failures.ts';
import { asObject, asText, parseObject } from './read-loosely.ts';
import { decodeUsage } from './usage.ts';

/** Anthropic's error types (platform docs, "Errors") and the status each stands for, also inside a stream. */
const STATUS_OF_TYPE: ReadonlyMap<string, number> = new Map([
  ['invalid_request_error', 400],
  ['authentication_error', 401],
  ['billing_error', 402],
  ['permission_error', 403],
  ['not_found_error', 404],
  ['request_too_large', 413],
  ['rate_limit_error', 429],
  ['api_error', 500],
  ['timeout_error', 504],
  ['overloaded_error', 529],
]);

/** An `error` event inside a stream, whose HTTP status was 200 long ago. */
export const decodeStreamError = (data: JsonObject): ProviderError => {
  const error = asObject(data.error) ?? {};
  const type = asText(error.type) ?? '';
  return {
    status: STATUS_OF_TYPE.get(type) ?? 500,
    type,
    message: asText(error.message) ?? 'The provider sent an error without a message.',
    ...fieldsOf(data),
  };
};

/** What stands in the error beside its message. */
const fieldsOf = (body: JsonObject): { fields?: JsonObject } => {
  const { message: _, ...fields } = asObject(body.error) ?? {};
  return Object.keys(fields).length === 0 ? {} : { fields };
};

/** Anthropic's `{type: "error", error: {type, message}}`, what compatible servers make of it, plain text, or a proxy's HTML page. */
export const decodeError = (status: number, _headers: Record<string, string>, body: string): ProviderError => {
  const parsed = parseObject(body);
  if (parsed === undefined) return { status, type: '', message: readText(status, body) };
  const error = asObject(parsed.error) ?? {};
  const message =
    asText(error.message) ?? asText(parsed.error) ?? asText(parsed.message) ?? asText(parsed.detail) ?? shorten(body);
  const usage = decodeUsage(asObject(parsed.usage));
  return {
    status,
    type: asText(error.type) ?? '',
    message,
    ...(usage !== undefined && { usage }),
    ...fieldsOf(parsed),
  };
};

const LONGEST_TEXT = 300;

const shorten = (text: string): string => (text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text);

const readText = (status: number, body: string): string => {
  // A page is never worth more than its title, and never worth scanning whole.
  const start = body.slice(0, 20_000);
  if (/^\s*<(?:!doctype|html|\?xml|head|body)/i.test(start)) {
    const title = /<title[^>]*>([^<]{1,300})/i.exec(start)?.[1]?.trim();
    return `HTTP ${status} with an HTML page${title === undefined || title === '' ? '' : `: ${title}`}`;
  }
  const text = start.trim();
  return text === '' ? `HTTP ${status} without a body` : shorten(text);
};

const typeOf = (code: RefusalCode): string => {
  switch (code) {
    case 'invalid_request':
    case 'context_length_exceeded':
    case 'unsupported_feature':
    case 'idempotency_in_progress':
    case 'idempotency_mismatch':
    case 'idempotency_too_large':
    case 'feedback_given':
      return 'invalid_request_error';
    case 'invalid_api_key':
      return 'authentication_error';
    case 'model_not_allowed':
    case 'key_expired':
      return 'permission_error';
    case 'model_not_found':
    case 'not_found':
    case 'not_cached':
      return 'not_found_error';
    case 'request_too_large':
      return 'request_too_large';
    case 'rate_limit_exceeded':
    case 'budget_exceeded':
      return 'rate_limit_error';
    case 'no_target_available':
      return 'overloaded_error';
    case 'deadline_exceeded':
      return 'timeout_error';
    case 'cancelled':
    case 'all_targets_failed':
    case 'store_unavailable':
    case 'internal_error':
      return 'api_error';
    default:
      return code satisfies never;
  }
};

/** Agents shorten a conversation and go on when they read these words, which are Anthropic's; whoever refused it says it in others. */
const TOO_LONG = 'prompt is too long';

const messageOf = ({ code, message }: Refusal): string =>
  code === 'context_length_exceeded' && !message.includes(TOO_LONG) ? `${TOO_LONG}: ${message}` : message;

/** The type that an Anthropic of its own told: `overloaded_error` is not `api_error` to those who wait for it. */
const toldType = ({ told }: Refusal): string | undefined =>
  told?.dialect === 'anthropic-messages' ? asText(told.fields.type) : undefined;

/** The field by which a client asks for a conversation that the server holds. */
export const THREAD = 'thread';

/** What Anthropic adds for its SDK, which then sends the conversation without a thread (`ThreadState.recoversFrom`). */
const NO_THREADS = { error_code: 'thread_unsupported_request', unsupported: [THREAD] };

/** Anthropic's shape, with what Tollgate knows beside it under `error.tollgate`. */
export const encodeError = (refusal: Refusal, requestId: string): JsonObject => ({
  type: 'error',
  error: {
    ...(refusal.told?.dialect === 'anthropic-messages' && refusal.told.fields),
    type: toldType(refusal) ?? typeOf(refusal.code),
    message: messageOf(refusal),
    ...(refusal.param === THREAD && { details: NO_THREADS }),
    tollgate: {
      code: refusal.code,
      ...(refusal.param !== undefined && { param: refusal.param }),
      ...(refusal.scope !== undefined && { scope: refusal.scope }),
      ...(refusal.attempts !== undefined && {
        attempts: refusal.attempts.map(({ target, status, reason, message }) => ({
          target,
          status: status ?? null,
          reason,
          message,
        })),
      }),
    },
  },
  request_id: requestId,
});

/** One server-sent event. JSON text holds no line break, so one `data:` line carries it. */
export const writeEvent = (type: string, data: string): string => `event: ${type}\ndata: ${data}\n\n`;

export const MESSAGE_STOP = writeEvent('message_stop', '{"type":"message_stop"}');

/** The event that ends a stream which broke. */
export const writeErrorEvent = (refusal: Refusal, requestId: string): string =>
  writeEvent('error', JSON.stringify(encodeError(refusal, requestId)));
