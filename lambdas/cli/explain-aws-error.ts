/**
 * What AWS's SDK means by an error, for people at a command line. The SDK's errors are known by their names, here as in its
 * own documentation, so that a command that never reaches AWS need not load it.
 *
 * @returns undefined when the error is none of AWS's
 */
export const explainAwsError = (error: unknown): string | undefined => {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const explained = explain(cause);
    if (explained !== undefined) return explained;
  }
  return undefined;
};

const NO_CREDENTIALS = new Set(['CredentialsProviderError', 'TokenProviderError', 'ProviderError']);
const EXPIRED = new Set(['ExpiredToken', 'ExpiredTokenException', 'RequestExpired']);
const NOT_KNOWN = new Set([
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'InvalidSignatureException',
  'IncompleteSignature',
]);
const DENIED = new Set(['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation']);
const UNREACHED = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
]);

const explain = (error: Error): string | undefined => {
  const { name, message } = error;
  if (NO_CREDENTIALS.has(name))
    return `No AWS credentials: ${message}. Log in ("aws sso login"), or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.`;
  if (EXPIRED.has(name)) return `The AWS credentials have expired; log in again. (${name}: ${message})`;
  if (NOT_KNOWN.has(name)) return `AWS does not accept these credentials: ${name}: ${message}`;
  if (DENIED.has(name)) return explainDenial(error);
  const code = codeOf(error);
  if (UNREACHED.has(code))
    return `AWS can not be reached (${[code, message].filter(Boolean).join(': ')}). Is --region right, and AWS_ENDPOINT_URL unset or right?`;
  if (name === 'TimeoutError') return `AWS did not answer in time: ${message}`;
  if ('$metadata' in error) return `${name}: ${message}`;
  return undefined;
};

/** Node tells of several addresses tried in vain by one error that holds the others. */
const codeOf = (error: Error): string => {
  const { code, errors } = error as { code?: unknown; errors?: unknown };
  if (typeof code === 'string') return code;
  const [first] = Array.isArray(errors) ? (errors as unknown[]) : [];
  return first instanceof Error ? codeOf(first) : '';
};

/** AWS names the right that is missing in a sentence, in every service the same. */
const explainDenial = ({ message }: Error): string => {
  const [, who, action, resource] =
    /User: (\S+) is not authorized to perform: (\S+)(?: on resource: (\S+))?/.exec(message) ?? [];
  if (action === undefined) return `AWS denies access: ${message}`;
  const [, why] = /(because .+|with an explicit deny.*)$/.exec(message) ?? [];
  return `${action} is not allowed${resource === undefined ? '' : ` on ${resource}`}: ${who} needs that right${why === undefined ? '' : `, ${why}`}. (docs/operating.md lists what each command needs.)`;
};
