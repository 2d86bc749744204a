import type { AttemptFailure, AttemptReason } from '../failures.ts';
import { redactSecrets } from './redact-secrets.ts';

type Flags = Pick<AttemptFailure, 'isRetryable' | 'mayFallBack' | 'countsAgainstCircuit' | 'mayBeBilled'>;

const flags = (
  isRetryable: boolean,
  mayFallBack: boolean,
  countsAgainstCircuit: boolean,
  mayBeBilled: boolean,
): Flags => ({
  isRetryable,
  mayFallBack,
  countsAgainstCircuit,
  mayBeBilled,
});

/** What each reason means for the call: the one place where it is decided. Columns: retry, fall back, circuit, billed. */
const FLAGS: Record<AttemptReason, Flags> = {
  // A busy target is not a broken one: the circuit stays out of it, the retry-after does the waiting.
  rate_limited: flags(true, true, false, false),
  overloaded: flags(true, true, true, false),
  server_error: flags(true, true, true, false),
  connection_failed: flags(true, true, true, false),
  // From here on the vendor had the request and may have worked on it.
  first_token_timeout: flags(true, true, true, true),
  idle_timeout: flags(true, true, true, true),
  too_slow: flags(true, true, true, true),
  cut_off: flags(true, true, true, true),
  malformed_answer: flags(true, true, true, true),
  deadline: flags(false, false, false, true),
  cancelled: flags(false, false, false, true),
  // The client's own mistakes: every other target would say the same.
  bad_request: flags(false, false, false, false),
  content_filter: flags(false, false, false, false),
  // Too much for this target; another may take more.
  context_length: flags(false, true, false, false),
  too_large: flags(false, true, false, false),
  // The operator's mistake in this target: key or model name.
  unauthorized: flags(false, true, true, false),
  not_found: flags(false, true, true, false),
};

/**
 * Makes the failure of one call. The message is a vendor's or our own; secrets are taken out of it here and it is cut, so
 * it may go into receipts and logs.
 *
 * @param more.retryAfterMs what the vendor asked for; `readRetryAfterMs` reads it
 * @param more.mayBeBilled where the caller knows better than the table (an error in a stream that had begun)
 */
export const attemptFailure = (
  reason: AttemptReason,
  more: { message: string; status?: number | undefined; retryAfterMs?: number | undefined; mayBeBilled?: boolean },
): AttemptFailure => ({
  reason,
  ...FLAGS[reason],
  message: redactSecrets(more.message),
  ...(more.status !== undefined && { status: more.status }),
  ...(more.retryAfterMs !== undefined && { retryAfterMs: more.retryAfterMs }),
  ...(more.mayBeBilled !== undefined && { mayBeBilled: more.mayBeBilled }),
});

/** What an HTTP status means where the vendor's own type says nothing better. 529 is Anthropic's "overloaded". */
export const reasonOfStatus = (status: number): AttemptReason => {
  switch (status) {
    case 401:
    case 403:
      return 'unauthorized';
    // 402: the account has no credit. The key is good for nothing until the operator pays.
    case 402:
      return 'unauthorized';
    case 404:
    case 410:
      return 'not_found';
    case 408:
    case 409:
    case 425:
      return 'server_error';
    case 413:
      return 'too_large';
    case 429:
      return 'rate_limited';
    case 503:
    case 529:
      return 'overloaded';
    default:
      // A redirect or another 2xx/1xx that reached the error path is a misbehaving server, not the client's mistake.
      return status >= 400 && status < 500 ? 'bad_request' : 'server_error';
  }
};

/** A wait longer than a day is a mistake or an attack on the retry logic; nobody waits for it. */
const LONGEST_WAIT_MS = 24 * 3_600_000;

const readDecimal = (text: string | undefined): number | undefined =>
  text !== undefined && /^\s*\d{1,12}(\.\d+)?\s*$/.test(text) ? Number(text) : undefined;

/**
 * Reads how long the vendor asks to wait: `retry-after-ms`, else `retry-after` in seconds or as an HTTP date. A date is
 * measured against the reply's own `date` header, so no clock is needed and the vendor's clock may be wrong.
 *
 * @param headers lower-case names
 * @returns milliseconds from 0 to a day; undefined where the vendor says nothing readable
 */
export const readRetryAfterMs = (headers: Record<string, string>): number | undefined => {
  const milliseconds = readDecimal(headers['retry-after-ms']);
  if (milliseconds !== undefined) return Math.min(Math.ceil(milliseconds), LONGEST_WAIT_MS);
  const retryAfter = headers['retry-after'];
  const seconds = readDecimal(retryAfter);
  if (seconds !== undefined) return Math.min(Math.ceil(seconds * 1000), LONGEST_WAIT_MS);
  if (retryAfter === undefined || headers.date === undefined) return undefined;
  const waitMs = Date.parse(retryAfter) - Date.parse(headers.date);
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), LONGEST_WAIT_MS);
};
