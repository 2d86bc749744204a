import { attemptFailure, readRetryAfterMs, reasonOfStatus } from '../../core/call/attempt-failure.ts';
import type { ProviderError } from '../../core/conversation.ts';
import type { AttemptFailure, AttemptReason } from '../../core/failures.ts';

/** Bedrock's and AWS's common exceptions (API reference: Converse, Common Errors). */
const REASON_OF_TYPE: ReadonlyMap<string, AttemptReason> = new Map<string, AttemptReason>([
  ['ThrottlingException', 'rate_limited'],
  ['TooManyRequestsException', 'rate_limited'],
  ['ServiceQuotaExceededException', 'rate_limited'],
  // A provisioned or imported model that is still being loaded.
  ['ModelNotReadyException', 'overloaded'],
  ['ServiceUnavailableException', 'overloaded'],
  ['ModelTimeoutException', 'server_error'],
  ['ModelErrorException', 'server_error'],
  ['ModelStreamErrorException', 'server_error'],
  ['InternalServerException', 'server_error'],
  ['InternalFailure', 'server_error'],
  ['ResourceNotFoundException', 'not_found'],
  ['AccessDeniedException', 'unauthorized'],
  ['UnrecognizedClientException', 'unauthorized'],
  ['InvalidSignatureException', 'unauthorized'],
  ['IncompleteSignatureException', 'unauthorized'],
  ['InvalidClientTokenId', 'unauthorized'],
  ['MissingAuthenticationTokenException', 'unauthorized'],
  ['ExpiredTokenException', 'unauthorized'],
  ['ExpiredToken', 'unauthorized'],
  ['NotAuthorized', 'unauthorized'],
  ['OptInRequired', 'unauthorized'],
  // The transport's own word where the process has no AWS credentials.
  ['CredentialsProviderError', 'unauthorized'],
  ['malformed_stream', 'malformed_answer'],
]);

/** Models word it each in their own way; Bedrock hands their words on. */
const TOO_LONG =
  /input is too long|prompt is too long|too many (?:total |input )*tokens|context (?:window|length|limit)|maximum (?:input|context|prompt) (?:tokens|length)|input (?:tokens|length)[^.]{0,80}exceed/i;

/** A model that this account or region can't call by that name is the operator's mistake, not the client's. */
const NOT_CALLABLE =
  /model identifier is invalid|on-demand throughput isn.t supported|inference profile|end of its life|(?:model|operation)[^.]{0,60}not (?:supported in|available in) (?:this|your) region/i;

const reasonOfValidation = (message: string): AttemptReason => {
  if (TOO_LONG.test(message)) return 'context_length';
  if (NOT_CALLABLE.test(message)) return 'not_found';
  // What accounts get that Bedrock has not been opened for.
  if (/^operation not allowed\.?$/i.test(message.trim())) return 'unauthorized';
  return 'bad_request';
};

const reasonOf = ({ status, type, message }: ProviderError): AttemptReason => {
  if (type === 'ValidationException' || (type === '' && status === 400)) return reasonOfValidation(message);
  return REASON_OF_TYPE.get(type) ?? reasonOfStatus(status);
};

/** These end a model's work under way, which may be billed. */
const MAY_BE_BILLED = new Set(['ModelTimeoutException', 'ModelStreamErrorException']);

/** Bedrock's throttling names no wait; a proxy in front of it may. */
export const mapError = (error: ProviderError, headers: Record<string, string>): AttemptFailure =>
  attemptFailure(reasonOf(error), {
    status: error.status,
    message: error.message,
    retryAfterMs: readRetryAfterMs(headers),
    ...(MAY_BE_BILLED.has(error.type) && { mayBeBilled: true }),
  });
