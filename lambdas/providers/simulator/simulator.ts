import { attemptFailure, readRetryAfterMs, reasonOfStatus } from '../../core/call/attempt-failure.ts';
import type { Provider } from '../../core/provider.ts';

/** Answers without a network, in OpenAI's language; the model's name says how (contract/simulator-model.ts). */
export const simulator: Provider = {
  kind: 'simulator',
  dialect: 'openai-chat',
  call: ({ target, body, stream, requestId }) => ({
    transport: 'simulator',
    model: target.model,
    body,
    stream,
    seed: target.provider.seed ?? 0,
    requestId,
  }),
  mapError: ({ status, message }, headers) =>
    attemptFailure(reasonOfStatus(status), { message, status, retryAfterMs: readRetryAfterMs(headers) }),
};
