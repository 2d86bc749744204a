/** Messages are AWS's and go into a line of text. */
const MOST_CHARACTERS = 300;

const NO_CREDENTIALS = new Set(['CredentialsProviderError', 'TokenProviderError', 'ProviderError']);
const EXPIRED = new Set(['ExpiredToken', 'ExpiredTokenException', 'RequestExpired']);
const NOT_KNOWN = new Set([
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'IncompleteSignature',
  'MissingAuthenticationTokenException',
]);
const DENIED = new Set(['AccessDenied', 'AccessDeniedException', 'NotAuthorized']);
const BUSY = new Set(['Throttling', 'ThrottlingException', 'TooManyRequestsException', 'RequestLimitExceeded']);
/** Looked for in the message, which the SDK keeps where it wraps the error of another realm without its code. */
const NO_HOST = /getaddrinfo (ENOTFOUND|EAI_AGAIN) (\S+)/;

/** Why Bedrock could not be asked, to go on from "because". The SDK's errors are known by their names, as in its documentation. */
export const whyNot = (error: unknown): string => {
  const { name, message, code } = partsOf(error);
  const [, missing, host] = NO_HOST.exec(message) ?? [];
  if (NO_CREDENTIALS.has(name)) return `there are no AWS credentials here (${message})`;
  if (EXPIRED.has(name)) return `the AWS credentials have expired (${name})`;
  if (NOT_KNOWN.has(name)) return `AWS does not accept the credentials (${name}: ${message})`;
  if (DENIED.has(name)) return `bedrock:ListFoundationModels is not allowed (${message})`;
  if (BUSY.has(name)) return `it is asked too often (${name})`;
  if (missing !== undefined)
    return `${host} is not found (${missing}): there is no Bedrock in that region, or no network here`;
  if (name === 'TimeoutError') return `it did not answer in time (${message})`;
  return [code, name, message].filter((part) => part !== '' && part !== 'Error').join(': ');
};

interface Parts {
  name: string;
  message: string;
  code: string;
}

/** Told by its shape, since an error may come from another realm, whose `Error` is not ours. */
const partsOf = (error: unknown): Parts => {
  if (typeof error !== 'object' || error === null) return { name: '', message: short(String(error)), code: '' };
  const { name, message, code, errors } = error as Record<string, unknown>;
  const own = { name: textOf(name), message: short(textOf(message)), code: textOf(code) };
  // Node tells of several addresses tried in vain by one error that holds the others.
  const [first] = Array.isArray(errors) ? (errors as unknown[]) : [];
  return own.message === '' && first !== undefined ? partsOf(first) : own;
};

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const short = (text: string): string =>
  text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text.trim();
