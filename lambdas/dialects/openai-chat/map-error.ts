import { attemptFailure, readRetryAfterMs, reasonOfStatus } from '../../core/call/attempt-failure.ts';
import type { ProviderError } from '../../core/conversation.ts';
import type { AttemptFailure, AttemptReason } from '../../core/failures.ts';

/** By the vendor's own word, where it says more than the status. */
const REASONS: Record<string, AttemptReason> = {
  context_length_exceeded: 'context_length',
  content_filter: 'content_filter',
  content_policy_violation: 'content_filter',
  rate_limit_exceeded: 'rate_limited',
  rate_limit_error: 'rate_limited',
  invalid_api_key: 'unauthorized',
  authentication_error: 'unauthorized',
  model_not_found: 'not_found',
  // Groq, with a 400
  model_decommissioned: 'not_found',
  model_not_available: 'not_found',
  // Azure
  DeploymentNotFound: 'not_found',
  overloaded_error: 'overloaded',
  // OpenAI: too many requests at once for this hour
  slow_down: 'overloaded',
  malformed_stream: 'malformed_answer',
};

/** Groq, with a 400: what the model wrote was no call, or no JSON. Asked again it may do better; the target is not broken. */
const MODEL_FAILED = new Set(['tool_use_failed', 'json_validate_failed', 'output_parse_failed']);

/** The vendor's account is used up: waiting does not help, and no other request fares better. */
const OUT_OF_CREDIT = new Set([
  'insufficient_quota',
  'insufficient_balance',
  'billing_hard_limit_reached',
  'billing_not_active',
]);

const CONTEXT =
  /context (?:length|window|size)|maximum (?:context|prompt) length|prompt is too long|too many (?:input )?tokens|reduce the length/i;

/**
 * What an error of OpenAI means, or of another who speaks its dialect. The message decides only where the vendor's status
 * and word are the same for the client's mistake and the target's.
 */
export const mapError = (error: ProviderError, headers: Record<string, string>): AttemptFailure => {
  const reason = reasonOf(error);
  const failure = attemptFailure(reason, {
    status: error.status,
    message: error.message,
    retryAfterMs: readRetryAfterMs(headers),
  });
  if (OUT_OF_CREDIT.has(error.type)) return { ...failure, isRetryable: false, countsAgainstCircuit: true };
  // Told with a 400, which bills nothing; inside a stream whoever had begun may bill (upstream-failure.ts).
  if (MODEL_FAILED.has(error.type)) return { ...failure, countsAgainstCircuit: false, mayBeBilled: false };
  // OpenRouter: no model behind the name takes this request; others are served.
  if (reason === 'not_found' && /no endpoints found/i.test(error.message))
    return { ...failure, countsAgainstCircuit: false };
  return headers['x-should-retry'] === 'false' ? { ...failure, isRetryable: false } : failure;
};

const reasonOf = ({ status, type, message }: ProviderError): AttemptReason => {
  if (OUT_OF_CREDIT.has(type)) return 'rate_limited';
  if (MODEL_FAILED.has(type)) return 'malformed_answer';
  // More tokens at once than the account's limit a minute: it comes as a rate limit (Groq: with a 413), but waiting is in vain.
  if (status === 413 || (status === 429 && /request too large/i.test(message))) return 'too_large';
  if (Object.hasOwn(REASONS, type)) return REASONS[type] ?? 'bad_request';
  // OpenRouter's moderation says 403. It must not count against the target, or one client's input would close it for all.
  if (status === 403 && /flagged|moderation/i.test(message)) return 'content_filter';
  // Groq: flex capacity is used up.
  if (status === 498) return 'rate_limited';
  const reason = reasonOfStatus(status);
  return reason === 'bad_request' && CONTEXT.test(message) ? 'context_length' : reason;
};
