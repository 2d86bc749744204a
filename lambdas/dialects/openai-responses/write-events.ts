import type { JsonObject } from '../../core/conversation.ts';
import type { AnswerContext } from '../../core/dialect.ts';
import type { Refusal } from '../../core/failures.ts';
import { encodeError } from '../openai-chat/encode-error.ts';
import { objectOf, textOf } from '../openai-chat/wire.ts';

/** One event as SSE text. The fields keep this order: the type first, as OpenAI writes it. */
export const eventText = (type: string, sequenceNumber: number, fields: JsonObject): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequenceNumber, ...fields })}\n\n`;

/**
 * What ends a broken stream, as OpenAI's own do: the error, which SDKs raise, and the response that failed. The error stands
 * in the event as the types have it and, as the API sends it, in an object of its own.
 *
 * @param response as it stood, with what had come of it
 */
export const failureText = (
  refusal: Refusal,
  { requestId }: AnswerContext,
  sequenceNumber: number,
  response: JsonObject,
): string => {
  const { error } = encodeError(refusal, requestId);
  const { code, message, param } = objectOf(error) ?? {};
  const isLimit = refusal.code === 'rate_limit_exceeded';
  return (
    eventText('error', sequenceNumber, {
      code: code ?? null,
      message: textOf(message) ?? '',
      param: param ?? null,
      error: error ?? null,
    }) +
    eventText('response.failed', sequenceNumber + 1, {
      response: {
        ...response,
        status: 'failed',
        error: { code: isLimit ? 'rate_limit_exceeded' : 'server_error', message: refusal.message },
      },
    })
  );
};
