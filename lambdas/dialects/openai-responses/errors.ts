import type { JsonObject, JsonValue, ProviderError } from '../../core/conversation.ts';
import { decodeError as decodeChatError, decodeErrorValue } from '../openai-chat/decode-error.ts';
import { objectOf, parseJson } from '../openai-chat/wire.ts';
import { decodeUsage } from './usage.ts';

/** Codes of a failed response that are the request's own fault: `invalid_prompt`, `unsupported_image_media_type`, `image_too_large`. */
const OF_THE_REQUEST =
  /^(invalid_|unsupported_|empty_image|image_|failed_to_download_image|.*_not_found$|string_above_)/;

/** An error inside a stream, with or without an `error` around it, or that of a response that failed. */
export const decodeStreamError = (value: JsonObject): ProviderError => {
  const told = decodeErrorValue(value);
  const isOurs = told.status === 500 && OF_THE_REQUEST.test(told.type);
  return isOurs ? { ...told, status: 400 } : told;
};

/** What went wrong, where the response failed. */
export const failureIn = (response: JsonObject): ProviderError => {
  const error: JsonValue = objectOf(response['error']) ?? { message: 'the response failed' };
  return decodeStreamError({ error });
};

/** Error replies are those of Chat Completions; a whole answer may also be a response that failed. */
export const decodeError = (status: number, headers: Record<string, string>, body: string): ProviderError => {
  const response = status < 300 ? objectOf(parseJson(body)) : undefined;
  const error = response?.['status'] === 'failed' ? failureIn(response) : decodeChatError(status, headers, body);
  const usage = response === undefined ? undefined : decodeUsage(response);
  return usage === undefined ? error : { ...error, usage };
};
