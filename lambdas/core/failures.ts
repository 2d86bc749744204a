/**
 * Everything that can go wrong, as values. A `Refusal` is what the client is told; an `AttemptFailure` is what one call to
 * one target came to. Exceptions are for bugs and broken worlds.
 */

import type { LimitFigures } from './admit/limit-store.ts';
import type { JsonObject } from './conversation.ts';
import type { AnyDialectName } from './dialect.ts';

export type RefusalCode =
  | 'invalid_request'
  | 'context_length_exceeded'
  | 'unsupported_feature'
  | 'invalid_api_key'
  | 'model_not_allowed'
  | 'key_expired'
  | 'model_not_found'
  | 'not_found'
  | 'not_cached'
  | 'request_too_large'
  | 'rate_limit_exceeded'
  | 'budget_exceeded'
  | 'idempotency_in_progress'
  | 'idempotency_mismatch'
  | 'idempotency_too_large'
  | 'feedback_given'
  | 'cancelled'
  | 'all_targets_failed'
  | 'no_target_available'
  | 'store_unavailable'
  | 'deadline_exceeded'
  | 'internal_error';

export interface Refusal {
  code: RefusalCode;
  /** What was got, what is allowed, what to do. Never holds a key, a prompt or an internal host. */
  message: string;
  /** The field at fault, in the client's dialect. */
  param?: string;
  /** The scope that said no: `team search`, `key 4fQx…`. */
  scope?: string;
  retryAfterMs?: number;
  /** The very instant, milliseconds since 1970, at which it is sure: the end of a budget's period. The wait may be shorter, where it may well be sooner; null where no instant is sure. */
  retryAt?: number | null;
  /** Set where sending the same thing again can't help. */
  shouldRetry?: false;
  attempts?: AttemptSummary[];
  /** What would be admitted instead, the cheapest first. */
  offers?: Offer[];
  /** Standing of the rate limits that said no, for the reply's headers. */
  limits?: LimitFigures[];
  /** The vendor's own error, where it is the vendor who refuses: a client of its dialect reads its fields, no other does. */
  told?: VendorError;
  /** A provider's filter said no: OpenAI's surfaces have a code of their own for it. */
  isFiltered?: true;
}

/** An error's own fields as its vendor wrote them, but for the message; nothing secret is in them. */
export interface VendorError {
  dialect: AnyDialectName;
  fields: JsonObject;
}

/** Another alias that would be admitted now with the same request. */
export interface Offer {
  model: string;
  /** The target that would be asked first. */
  target: string;
  /** Nano-USD: the input between its estimates and an output as long as is usual for the alias, at the standard rates. */
  expectedCost: bigint;
  /** Nano-USD: what would be held. */
  mostCost: bigint;
}

export interface AttemptSummary {
  target: string;
  status?: number;
  reason: AttemptReason;
  message: string;
}

export const refuse = (code: RefusalCode, message: string, more: Omit<Refusal, 'code' | 'message'> = {}): Refusal => ({
  code,
  message,
  ...more,
});

/** HTTP status of each refusal (contract: the table of errors). */
export const statusOf = (code: RefusalCode): number => {
  switch (code) {
    case 'invalid_request':
    case 'context_length_exceeded':
    case 'unsupported_feature':
      return 400;
    case 'invalid_api_key':
      return 401;
    case 'model_not_allowed':
    case 'key_expired':
      return 403;
    case 'model_not_found':
    case 'not_found':
    case 'not_cached':
      return 404;
    case 'idempotency_in_progress':
    case 'idempotency_too_large':
    case 'feedback_given':
      return 409;
    case 'request_too_large':
      return 413;
    case 'idempotency_mismatch':
      return 422;
    case 'rate_limit_exceeded':
    case 'budget_exceeded':
      return 429;
    case 'cancelled':
      return 499;
    case 'internal_error':
      return 500;
    case 'all_targets_failed':
      return 502;
    case 'no_target_available':
    case 'store_unavailable':
      return 503;
    case 'deadline_exceeded':
      return 504;
    default:
      return code satisfies never;
  }
};

export type AttemptReason =
  | 'rate_limited'
  | 'overloaded'
  | 'server_error'
  | 'connection_failed'
  | 'first_token_timeout'
  | 'idle_timeout'
  | 'too_slow'
  | 'deadline'
  | 'cut_off'
  | 'malformed_answer'
  | 'bad_request'
  | 'context_length'
  | 'content_filter'
  | 'too_large'
  | 'unauthorized'
  | 'not_found'
  | 'cancelled';

/** What one call came to, decided once where it happened: the provider's error map, or the timer that fired. */
export interface AttemptFailure {
  reason: AttemptReason;
  status?: number;
  /** The vendor's message, with nothing secret in it. */
  message: string;
  /** Whether the same target may be asked again after a wait. */
  isRetryable: boolean;
  /** Whether another target could do better. False for what is the client's own mistake. */
  mayFallBack: boolean;
  countsAgainstCircuit: boolean;
  /** What the vendor's `retry-after` said. */
  retryAfterMs?: number;
  /** Whether the vendor may bill this attempt all the same (a timeout after it began, a cut stream). */
  mayBeBilled: boolean;
  /** What else the vendor's error said. It may quote what a model wrote: for the client alone, never for receipts and logs. */
  told?: VendorError;
}
