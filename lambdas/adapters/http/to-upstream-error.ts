import { UpstreamError, type UpstreamErrorKind } from '../../core/call/upstream.ts';

/** Nothing of the request can have reached the provider. */
const NOT_CONNECTED = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_CLOSED',
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EPROTO',
  // A URL or header that can't be sent, such as a key with a line break in it.
  'UND_ERR_INVALID_ARG',
  'ERR_INVALID_CHAR',
  'ERR_INVALID_URL',
]);

/** The connection went away under a request or an answer. */
const RESET = new Set(['UND_ERR_SOCKET', 'UND_ERR_DESTROYED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT']);
/** We ended it ourselves; the last is how Node tells the reader of a body that was destroyed. */
const STOPPED = new Set(['UND_ERR_ABORTED', 'UND_ERR_ABORT', 'ERR_STREAM_PREMATURE_CLOSE']);
/** How undici's parser, without a code, tells a chunked body that ended early on a connection that was to end. */
const ENDED_EARLY = 'Invalid EOF state';

const MESSAGES: Record<UpstreamErrorKind, string> = {
  connect: 'No connection to the provider',
  reset: 'The connection to the provider broke off',
  aborted: 'The call was stopped',
  'too-large': 'The reply is larger than allowed',
  malformed: 'The provider did not answer in valid HTTP',
};

/**
 * undici's and Node's errors as the port's own. The message carries the error's code but never its text, which may name
 * an internal address; the original is the `cause`, for the log.
 *
 * @param hasBegun the reply's head has come: whatever breaks now, there was a connection, and work that may be billed
 */
export const toUpstreamError = (error: unknown, signal: AbortSignal, hasBegun: boolean): UpstreamError => {
  if (error instanceof UpstreamError) return error;
  const code = textOf(error, 'code');
  const found = signal.aborted ? 'aborted' : kindOf(error, code);
  const kind = hasBegun && found === 'connect' ? 'reset' : found;
  const detail = kind === 'aborted' || code === '' ? '' : ` (${code})`;
  return new UpstreamError(kind, `${MESSAGES[kind]}${detail}`, { cause: error });
};

const kindOf = (error: unknown, code: string): UpstreamErrorKind => {
  if (STOPPED.has(code)) return 'aborted';
  if (NOT_CONNECTED.has(code) || isTlsFailure(error, code) || textOf(error, 'syscall') === 'connect') return 'connect';
  if (RESET.has(code) || textOf(error, 'message').includes(ENDED_EARLY)) return 'reset';
  return 'malformed';
};

/** Certificates that were not accepted, and connections that ended within the handshake. */
const isTlsFailure = (error: unknown, code: string): boolean =>
  code.startsWith('ERR_TLS') ||
  code.startsWith('ERR_SSL') ||
  code.startsWith('CERT_') ||
  code.includes('SELF_SIGNED') ||
  code.startsWith('UNABLE_TO_') ||
  textOf(error, 'message').includes('before secure TLS connection');

/** Told by its shape, since an error may come from another realm, whose `Error` is not ours. */
const textOf = (error: unknown, name: 'code' | 'message' | 'syscall'): string => {
  const value =
    typeof error === 'object' && error !== null && name in error ? (error as Record<string, unknown>)[name] : '';
  return typeof value === 'string' ? value : '';
};
