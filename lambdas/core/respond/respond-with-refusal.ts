import type { Admission } from '../admit/admit.ts';
import { randomText } from '../authenticate/api-key.ts';
import type { JsonObject } from '../conversation.ts';
import type { Asked } from '../decode/decode.ts';
import type { Surface } from '../dialect.ts';
import { type Refusal, refuse, statusOf } from '../failures.ts';
import { logRefusal } from '../observe/log-request.ts';
import { type Ports, StoreUnavailable } from '../ports.ts';
import { idHeaders } from './response-headers.ts';

type RefusalPorts = Pick<Ports, 'clock' | 'random' | 'log'>;

/** An error reply in the surface's own shape, with ours beside it under `error.tollgate`. */
export const respondWithRefusal = (
  refusal: Refusal,
  surface: Surface,
  ports: RefusalPorts,
  context: { asked?: Asked; admission?: Admission } = {},
): Response => {
  const requestId = context.admission?.requestId ?? `req_${randomText(ports.random, 20)}`;
  const status = statusOf(refusal.code);
  logRefusal(refusal, requestId, context.asked, ports);
  return Response.json(withDetails(surface.encodeError(refusal, requestId), refusal, ports), {
    status,
    headers: {
      ...idHeaders(requestId),
      ...(refusal.retryAfterMs !== undefined && { 'retry-after': String(Math.ceil(refusal.retryAfterMs / 1000)) }),
      ...(refusal.shouldRetry === false && { 'x-should-retry': 'false' }),
      ...(refusal.code === 'budget_exceeded' && { 'x-tollgate-budget': 'reject' }),
    },
  });
};

/** `error.tollgate`: what programs read, the same on every surface. */
const withDetails = (body: JsonObject, refusal: Refusal, { clock }: RefusalPorts): JsonObject => ({
  ...body,
  error: {
    ...(body['error'] as JsonObject),
    tollgate: {
      code: refusal.code,
      ...(refusal.scope !== undefined && { scope: refusal.scope }),
      ...(refusal.retryAfterMs !== undefined && {
        retry_at: new Date(clock.now() + refusal.retryAfterMs).toISOString(),
      }),
      ...(refusal.attempts !== undefined && { attempts: refusal.attempts.map((attempt) => ({ ...attempt })) }),
    },
  },
});

/** What an exception means to the client: a store that is away says so and recovers by itself; anything else is a bug, logged whole. */
export const refusalOfError = (error: unknown, { log }: Pick<Ports, 'log'>): Refusal => {
  if (error instanceof StoreUnavailable) {
    log.error('store unavailable', { error });
    return refuse(
      'store_unavailable',
      'The gateway cannot reach its store, so it can neither check keys nor admit requests. Try again in a few seconds.',
      {
        retryAfterMs: 2_000,
      },
    );
  }
  log.error('unexpected error', { error });
  return refuse('internal_error', 'Something went wrong inside the gateway. The request id leads to its log line.');
};
