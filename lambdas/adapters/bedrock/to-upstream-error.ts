import { UpstreamError, type UpstreamErrorKind } from '../../core/call/upstream.ts';

/** Nothing of the request can have reached Bedrock. */
const NOT_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EPROTO',
]);

/** The connection went away under a request or an answer. */
const RESET = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
  'HPE_INVALID_EOF_STATE',
]);

const MESSAGES: Record<UpstreamErrorKind, string> = {
  connect: 'No connection to Bedrock',
  reset: 'The connection to Bedrock broke off',
  aborted: 'The call was stopped',
  'too-large': 'The reply is larger than allowed',
  malformed: 'Bedrock did not answer in a form that can be read',
};

/** Told by its shape, since an error may come from another realm, whose `Error` is not ours. */
export const textIn = (error: unknown, name: 'code' | 'message' | 'name' | 'syscall'): string => {
  const value = typeof error === 'object' && error !== null ? (error as Record<string, unknown>)[name] : undefined;
  return typeof value === 'string' ? value : '';
};

const kindOf = (error: unknown): UpstreamErrorKind => {
  const code = textIn(error, 'code');
  if (NOT_CONNECTED.has(code) || textIn(error, 'syscall') === 'connect') return 'connect';
  // Node says ECONNRESET also of a handshake that the other side broke off.
  if (textIn(error, 'message').includes('before secure TLS connection')) return 'connect';
  if (RESET.has(code)) return 'reset';
  // The SDK's handler names so what took too long to connect; it sets no other time limit here.
  if (textIn(error, 'name') === 'TimeoutError') return 'connect';
  if (/^(?:ERR_TLS|ERR_SSL|CERT_|UNABLE_TO_)|SELF_SIGNED/.test(code)) return 'connect';
  return 'malformed';
};

/**
 * The SDK's and Node's errors as the port's own. The message carries the error's code but never its text, which may name
 * an internal address; the original is the `cause`, for the log.
 */
export const toUpstreamError = (error: unknown, signal: AbortSignal): UpstreamError => {
  if (signal.aborted) return new UpstreamError('aborted', MESSAGES.aborted, { cause: error });
  if (error instanceof UpstreamError) return error;
  const kind = kindOf(error);
  const code = textIn(error, 'code');
  return new UpstreamError(kind, `${MESSAGES[kind]}${code === '' ? '' : ` (${code})`}`, { cause: error });
};
