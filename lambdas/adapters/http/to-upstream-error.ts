import { UpstreamError, type UpstreamErrorKind } from '../../core/ports.ts';

/** Nothing of the request can have reached the provider. */
const NOT_CONNECTED = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_CLOSED',
  'UND_ERR_DESTROYED',
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EPROTO',
]);

/** The connection went away under a request or an answer. */
const RESET = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT']);
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
 */
export const toUpstreamError = (error: unknown, signal: AbortSignal): UpstreamError => {
  if (error instanceof UpstreamError) return error;
  const code = textOf(error, 'code');
  const kind = signal.aborted ? 'aborted' : kindOf(error, code);
  const detail = kind === 'aborted' || code === '' ? '' : ` (${code})`;
  return new UpstreamError(kind, `${MESSAGES[kind]}${detail}`, { cause: error });
};

const kindOf = (error: unknown, code: string): UpstreamErrorKind => {
  if (code === 'UND_ERR_ABORTED' || code === 'UND_ERR_ABORT') return 'aborted';
  if (NOT_CONNECTED.has(code) || isTlsFailure(error, code)) return 'connect';
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
const textOf = (error: unknown, name: 'code' | 'message'): string => {
  const value =
    typeof error === 'object' && error !== null && name in error ? (error as Record<string, unknown>)[name] : '';
  return typeof value === 'string' ? value : '';
};
