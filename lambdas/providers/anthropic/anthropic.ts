import { attemptFailure, readRetryAfterMs, reasonOfStatus } from '../../core/call/attempt-failure.ts';
import type { ProviderError } from '../../core/conversation.ts';
import type { AttemptReason } from '../../core/failures.ts';
import type { Provider } from '../../core/provider.ts';

const VERSION = '2023-06-01';

/** Of a body to be answered, what one to be counted may have: Anthropic refuses all others (SDK 1.12, beta fields included). */
const COUNTED = new Set([
  'model',
  'messages',
  'system',
  'tools',
  'tool_choice',
  'thinking',
  'cache_control',
  'output_config',
  'output_format',
  'context_management',
  'compaction',
  'mcp_servers',
  'speed',
]);

/** Anthropic's own API, and servers that speak it under another base URL. */
export const anthropic: Provider = {
  kind: 'anthropic',
  dialect: 'anthropic-messages',
  call: ({ target, body, stream, apiKey, betas = [] }) => ({
    transport: 'http',
    url: messagesUrl(target.provider.baseUrl),
    headers: {
      'content-type': 'application/json',
      accept: stream ? 'text/event-stream' : 'application/json',
      'anthropic-version': VERSION,
      ...(betas.length > 0 && { 'anthropic-beta': betas.join(',') }),
      ...(apiKey !== undefined && { 'x-api-key': apiKey }),
    },
    body: JSON.stringify(body),
    stream,
  }),
  countTokens: ({ target, body, apiKey, betas }) => ({
    transport: 'http',
    url: `${messagesUrl(target.provider.baseUrl)}/count_tokens`,
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      'anthropic-version': VERSION,
      ...(betas.length > 0 && { 'anthropic-beta': betas.join(',') }),
      ...(apiKey !== undefined && { 'x-api-key': apiKey }),
    },
    body: JSON.stringify(Object.fromEntries(Object.entries(body).filter(([name]) => COUNTED.has(name)))),
    stream: false,
  }),
  mapError: (error, headers) => {
    const reason = reasonOf(error);
    return attemptFailure(reason, {
      status: error.status,
      message: error.message,
      retryAfterMs: readRetryAfterMs(headers),
    });
  },
};

/** `https://api.anthropic.com` and `https://api.anthropic.com/v1` mean the same. */
const messagesUrl = (baseUrl: string): string => `${baseUrl.replace(/\/+$/, '').replace(/\/v1$/, '')}/v1/messages`;

const reasonOf = ({ status, type, message }: ProviderError): AttemptReason => {
  switch (type) {
    case 'overloaded_error':
      return 'overloaded';
    case 'rate_limit_error':
      return 'rate_limited';
    case 'authentication_error':
    case 'permission_error':
    case 'billing_error':
      return 'unauthorized';
    case 'not_found_error':
      return 'not_found';
    case 'request_too_large':
      return 'too_large';
    case 'timeout_error':
    case 'api_error':
      return 'server_error';
    case 'malformed_stream':
      return 'malformed_answer';
    case 'invalid_request_error':
      return reasonOfRefusal(status, message);
    default:
      return status === 400 ? reasonOfRefusal(status, message) : reasonOfStatus(status);
  }
};

/** One type stands for several mistakes, only some of them the client's: the message tells them apart. */
const reasonOfRefusal = (status: number, message: string): AttemptReason => {
  if (/prompt is too long|context (?:window|limit|length)|too many (?:total )?(?:input )?tokens/i.test(message))
    return 'context_length';
  if (/credit balance is too low|organization has been disabled|billing/i.test(message)) return 'unauthorized';
  if (/content filtering policy/i.test(message)) return 'content_filter';
  return status >= 400 && status < 500 ? reasonOfStatus(status) : 'bad_request';
};
