import type { JsonObject, ProviderError } from '../../core/conversation.ts';
import type { RefusalCode } from '../../core/failures.ts';
import { statusOf } from '../../core/failures.ts';
import { decodeUsage } from './usage.ts';
import { objectOf, parseObject, textOf } from './wire.ts';

/** Bedrock's exceptions and the status each stands for (API reference, Converse and ConverseStream: Errors). */
const STATUS_OF_TYPE: ReadonlyMap<string, number> = new Map([
  ['ValidationException', 400],
  ['AccessDeniedException', 403],
  ['ResourceNotFoundException', 404],
  ['ModelTimeoutException', 408],
  ['ModelErrorException', 424],
  ['ModelStreamErrorException', 424],
  ['ModelNotReadyException', 429],
  ['ThrottlingException', 429],
  ['InternalServerException', 500],
  ['ServiceUnavailableException', 503],
]);

/** `ValidationException:http://internal.amazon.com/coral/…`, `com.amazon#ValidationException` → `ValidationException`. */
const bareType = (type: string): string => (type.split(':', 1)[0] ?? '').split('#').at(-1)?.trim() ?? '';

const LONGEST_TEXT = 300;

/** What a proxy between us and Bedrock may send: a page's title, or the text itself, cut. */
const readPlainText = (status: number, body: string): string => {
  const start = body.slice(0, 20_000).trim();
  const title = /<title[^>]*>([^<]{1,300})/i.exec(start)?.[1]?.trim();
  if (start.startsWith('<')) return `HTTP ${status} with a page${title === undefined ? '' : `: ${title}`}`;
  if (start === '') return `HTTP ${status} without a body`;
  return start.length > LONGEST_TEXT ? `${start.slice(0, LONGEST_TEXT)}…` : start;
};

/** The type is in `x-amzn-errortype`, else in the body's `__type` or `code`; the message is `message` or `Message`. */
export const decodeError = (status: number, headers: Record<string, string>, body: string): ProviderError => {
  const parsed = parseObject(body);
  const type = bareType(headers['x-amzn-errortype'] ?? textOf(parsed?.__type) ?? textOf(parsed?.code) ?? '');
  const message = textOf(parsed?.message) ?? textOf(parsed?.Message) ?? readPlainText(status, body);
  const usage = decodeUsage(objectOf(parsed?.usage), parsed?.serviceTier);
  return { status, type, message, ...(usage !== undefined && { usage }) };
};

/**
 * An exception inside a stream, whose status was 200 long ago. Streams spell it in camel case (`throttlingException`).
 *
 * @returns undefined for what is an ordinary event
 */
export const decodeStreamException = (eventType: string, data: JsonObject | undefined): ProviderError | undefined => {
  if (!/(?:Exception|Error)$/.test(eventType)) return undefined;
  const type = eventType.charAt(0).toUpperCase() + eventType.slice(1);
  const original = textOf(data?.originalMessage);
  const message = textOf(data?.message) ?? textOf(data?.Message) ?? original ?? 'An error without a message.';
  return {
    status: STATUS_OF_TYPE.get(type) ?? 500,
    type,
    message: original === undefined || message.includes(original) ? message : `${message} (${original})`,
  };
};

/** What can't be read ends the stream. */
export const malformedStream = (message: string): ProviderError => ({ status: 502, type: 'malformed_stream', message });

const camelCase = (type: string): string => type.charAt(0).toLowerCase() + type.slice(1);

const typeOfStatus = (status: number): string => {
  switch (status) {
    case 429:
      return 'ThrottlingException';
    case 424:
      return 'ModelStreamErrorException';
    case 503:
      return 'ServiceUnavailableException';
    default:
      return status >= 400 && status < 500 ? 'ValidationException' : 'InternalServerException';
  }
};

/** An error as an exception event of a stream. */
export const encodeStreamException = ({ status, type, message }: ProviderError): JsonObject => ({
  [camelCase(STATUS_OF_TYPE.has(type) ? type : typeOfStatus(status))]: { message },
});

export const encodeRefusal = (code: RefusalCode, message: string): JsonObject =>
  encodeStreamException({ status: statusOf(code), type: '', message });

/** The payload of a stream's event, given parsed or as text. */
export const readPayload = (data: string | JsonObject): JsonObject | undefined =>
  typeof data === 'string' ? parseObject(data) : objectOf(data);
