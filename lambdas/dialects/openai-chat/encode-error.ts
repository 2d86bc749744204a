import type { JsonObject } from '../../core/conversation.ts';
import { isOpenaiDialect } from '../../core/dialect.ts';
import { type Refusal, type RefusalCode, statusOf } from '../../core/failures.ts';
import { textOf } from './wire.ts';

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
export const encodeError = (refusal: Refusal, requestId: string): JsonObject => {
  const { type, param, code, ...others } = toldFields(refusal);
  return {
    error: {
      ...others,
      message: refusal.message,
      type: textOf(type) ?? typeOf(refusal.code),
      param: textOf(param) ?? refusal.param ?? null,
      code: textOf(code) ?? (refusal.isFiltered ? 'content_filter' : refusal.code),
      tollgate: {
        code: refusal.code,
        request_id: requestId,
        ...(refusal.scope !== undefined && { scope: refusal.scope }),
        ...(refusal.attempts !== undefined && { attempts: refusal.attempts.map((attempt) => ({ ...attempt })) }),
      },
    },
  };
};

/** Applications read the vendor's own `code`, `param` and `innererror`: they stay where a vendor of this dialect told them. */
const toldFields = ({ told }: Refusal): JsonObject =>
  told !== undefined && (isOpenaiDialect(told.dialect) || told.dialect === 'openai-embeddings') ? told.fields : {};

/** The event that ends a broken stream: the SDK raises it as an `APIError`. No `[DONE]` follows, for the answer is not done. */
export const encodeErrorEvent = (refusal: Refusal, requestId: string): string =>
  `data: ${JSON.stringify(encodeError(refusal, requestId))}\n\n`;
