import type { JsonObject, JsonValue, ProviderError } from '../../core/conversation.ts';
import { decodeUsage } from './usage.ts';
import { listOf, objectOf, objectsOf, parseJson, textOf } from './wire.ts';

const LONGEST_TEXT = 2000;

/**
 * Reads the error replies of OpenAI and of those who speak its dialect:
 * - OpenAI, Azure, Groq, DeepSeek `{error:{message,type,param,code}}`; OpenRouter with a numeric code and the vendor's own
 *   words in `metadata.raw`; Gemini the same in an array
 * - xAI `{code,error:"…"}`; Mistral and older vLLM `{object:"error",message,type,code}`, `message` being a FastAPI object at times
 * - FastAPI `{detail:"…"}` or `{detail:[{loc,msg}]}`: the `input` beside them is the client's and stays out
 * - plain text, HTML, nothing.
 *
 * @param status of the reply; where an error came under a 2xx, the status is the error's own code, else 502
 */
export const decodeError = (status: number, _headers: Record<string, string>, body: string): ProviderError => {
  const value = parseJson(body);
  const object = objectOf(Array.isArray(value) ? value[0] : value);
  if (object === undefined)
    return { status: errorStatus(status, undefined), type: '', message: messageOfText(status, body) };
  return readError(object, status);
};

/** An error inside a stream: no status but what the error itself says. */
export const decodeErrorValue = (body: JsonObject): ProviderError => readError(body, undefined);

const readError = (body: JsonObject, status: number | undefined): ProviderError => {
  const error = objectOf(body['error']) ?? body;
  const code = error['code'] ?? body['code'];
  const type = wordOf(code) ?? wordOf(error['type']) ?? wordOf(error['status']) ?? '';
  const told = error['status_code'] ?? body['status_code'] ?? code;
  const finalStatus = errorStatus(status, told, type);
  const usage = decodeUsage(body['usage'], body['service_tier']);
  return {
    status: finalStatus,
    type,
    message: messageOf(body, error) ?? `HTTP ${finalStatus} without a message`,
    ...(usage !== undefined && { usage }),
    ...fieldsOf(body, error),
  };
};

/** All of an error that stands in an object of its own; elsewhere only what it has in common with them, for the client's input may stand beside it. */
const fieldsOf = (body: JsonObject, error: JsonObject): { fields?: JsonObject } => {
  if (error !== body) {
    const { message: _, ...fields } = error;
    return Object.keys(fields).length === 0 ? {} : { fields };
  }
  const { code, param, type } = body;
  const fields: JsonObject = {
    ...(typeof code === 'string' && { code }),
    ...(typeof param === 'string' && { param }),
    // An event is of type `error`, whatever the error is of.
    ...(typeof type === 'string' && type !== 'error' && { type }),
  };
  return Object.keys(fields).length === 0 ? {} : { fields };
};

const messageOf = (body: JsonObject, error: JsonObject): string | undefined => {
  const message =
    sentenceOf(error['message']) ??
    sentenceOf(body['error']) ??
    sentenceOf(body['message']) ??
    sentenceOf(body['detail']);
  const raw = textOf(objectOf(error['metadata'])?.['raw']);
  if (raw === undefined) return message;
  // What the vendor behind OpenRouter said may itself be an error body.
  const inner = objectOf(parseJson(raw));
  const told = inner === undefined ? raw : (messageOf(inner, objectOf(inner['error']) ?? inner) ?? raw);
  return `${message ?? 'Provider returned error'}: ${told}`.slice(0, LONGEST_TEXT);
};

const sentenceOf = (value: JsonValue | undefined): string | undefined => {
  if (typeof value === 'string') return value.trim() === '' ? undefined : value.slice(0, LONGEST_TEXT);
  const items = objectsOf(objectOf(value)?.['detail'] ?? value);
  const sentences = items.flatMap((item) => {
    const where = listOf(item['loc']).filter((step) => typeof step === 'string' || typeof step === 'number');
    const what = textOf(item['msg']) ?? textOf(item['message']);
    return what === undefined ? [] : [where.length === 0 ? what : `${where.join('.')}: ${what}`];
  });
  if (sentences.length > 0) return sentences.join('; ').slice(0, LONGEST_TEXT);
  return textOf(objectOf(value)?.['detail']) ?? textOf(objectOf(value)?.['message']);
};

/** A code or type that is a word; numbers are statuses. */
const wordOf = (value: JsonValue | undefined): string | undefined =>
  typeof value === 'string' && /^[A-Za-z][\w.-]*$/.test(value) ? value : undefined;

const STATUS_OF_TYPE: Record<string, number> = {
  rate_limit_exceeded: 429,
  rate_limit_error: 429,
  insufficient_quota: 429,
  invalid_request_error: 400,
  context_length_exceeded: 400,
  content_filter: 400,
  invalid_api_key: 401,
  authentication_error: 401,
  permission_error: 403,
  model_not_found: 404,
  overloaded_error: 503,
};

const errorStatus = (status: number | undefined, code: JsonValue | undefined, type = ''): number => {
  if (status !== undefined && status >= 300) return status;
  const told = Number(code);
  if (Number.isInteger(told) && told >= 400 && told <= 599) return told;
  if (Object.hasOwn(STATUS_OF_TYPE, type)) return STATUS_OF_TYPE[type] ?? 502;
  // Inside a stream OpenAI's `server_error` stands for a 500; a 2xx that holds no answer is a broken server.
  return status === undefined ? 500 : 502;
};

const messageOfText = (status: number, body: string): string => {
  const text = body.trim();
  if (text === '') return `HTTP ${status} with an empty body`;
  if (!text.startsWith('<')) return text.slice(0, LONGEST_TEXT);
  const title = /<title[^>]*>([^<]{1,200})<\/title>/i.exec(text.slice(0, 10_000))?.[1]?.trim();
  return title === undefined ? `HTTP ${status} with an HTML page` : `HTTP ${status} with an HTML page: ${title}`;
};
