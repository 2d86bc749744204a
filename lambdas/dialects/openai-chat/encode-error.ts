import type { JsonObject } from '../../core/conversation.ts';
import { type Refusal, type RefusalCode, statusOf } from '../../core/failures.ts';

/** The `type` that OpenAI sends with such an error. */
const typeOf = (code: RefusalCode): string => {
  if (code === 'rate_limit_exceeded') return 'rate_limit_error';
  if (code === 'budget_exceeded') return 'insufficient_quota';
  const status = statusOf(code);
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  return status < 500 ? 'invalid_request_error' : 'server_error';
};

/**
 * The body of an error reply. The SDK picks its class by the HTTP status and copies `code`, `param` and `type` from here;
 * what Tollgate adds stands under `error.tollgate`.
 */
export const encodeError = (refusal: Refusal, requestId: string): JsonObject => ({
  error: {
    message: refusal.message,
    type: typeOf(refusal.code),
    param: refusal.param ?? null,
    code: refusal.code,
    tollgate: {
      code: refusal.code,
      request_id: requestId,
      ...(refusal.scope !== undefined && { scope: refusal.scope }),
      ...(refusal.attempts !== undefined && { attempts: refusal.attempts.map((attempt) => ({ ...attempt })) }),
    },
  },
});

/** The event that ends a broken stream: the SDK raises it as an `APIError`. No `[DONE]` follows, for the answer is not done. */
export const encodeErrorEvent = (refusal: Refusal, requestId: string): string =>
  `data: ${JSON.stringify(encodeError(refusal, requestId))}\n\n`;
