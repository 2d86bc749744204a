import type { Admission } from '../admit/admission.ts';
import { randomText } from '../authenticate/api-key.ts';
import type { JsonObject } from '../conversation.ts';
import type { Asked } from '../decode/decode.ts';
import type { Surface } from '../dialect.ts';
import { type Refusal, refuse, statusOf } from '../failures.ts';
import { logRefusal } from '../observe/log-request.ts';
import { type Ports, StoreUnavailable } from '../ports.ts';
import { describeOffer } from '../quote/quote-costs.ts';
import type { Settled } from '../settle/settle.ts';
import { idHeaders, standingHeaders } from './response-headers.ts';

type RefusalPorts = Pick<Ports, 'clock' | 'random' | 'log'>;

/** How far the request had come. */
export interface RefusalContext {
  asked?: Asked;
  admission?: Admission;
  settled?: Settled;
}

/** An error reply in the surface's own shape, with ours beside it under `error.tollgate`. */
export const respondWithRefusal = (
  refusal: Refusal,
  surface: Surface,
  ports: RefusalPorts,
  context: RefusalContext = {},
): Response => writeRefusal(refusal, requestIdOf(context, ports), surface, ports, context);

/** What an exception means to the client: a store that is away says so and recovers by itself; anything else is a bug. Logged whole, under the id that the client is given. */
export const respondWithError = (
  error: unknown,
  surface: Surface,
  ports: RefusalPorts,
  context: RefusalContext = {},
): Response => {
  const requestId = requestIdOf(context, ports);
  const isStore = error instanceof StoreUnavailable;
  ports.log.error(isStore ? 'store unavailable' : 'unexpected error', { request_id: requestId, error });
  return writeRefusal(isStore ? STORE_UNAVAILABLE : INTERNAL_ERROR, requestId, surface, ports, context);
};

const STORE_UNAVAILABLE = refuse(
  'store_unavailable',
  'The gateway cannot reach its store, so it can neither check keys nor admit requests. Try again in a few seconds.',
  { retryAfterMs: 2_000 },
);
const INTERNAL_ERROR = refuse(
  'internal_error',
  'Something went wrong inside the gateway. The request id leads to its log line.',
);

/** A refused request has no entry, and an id that none can have. */
const requestIdOf = ({ admission }: RefusalContext, { random }: RefusalPorts): string =>
  admission?.requestId ?? `req_${randomText(random, 20)}`;

const writeRefusal = (
  refusal: Refusal,
  requestId: string,
  surface: Surface,
  ports: RefusalPorts,
  context: RefusalContext,
): Response => {
  logRefusal(refusal, requestId, context, ports);
  return Response.json(withDetails(surface.encodeError(refusal, requestId), refusal, ports), {
    status: statusOf(refusal.code),
    headers: {
      ...idHeaders(requestId),
      ...(refusal.retryAfterMs !== undefined && { 'retry-after': String(Math.ceil(refusal.retryAfterMs / 1000)) }),
      ...(refusal.shouldRetry === false && { 'x-should-retry': 'false' }),
      ...standingHeaders(
        {
          budget:
            refusal.code === 'budget_exceeded'
              ? { state: 'reject', scope: refusal.scope ?? null }
              : context.admission?.receipt.budget,
          limits: refusal.limits ?? context.admission?.limits ?? [],
        },
        surface.name,
        ports.clock.now(),
      ),
    },
  });
};

/** `error.tollgate`: what programs read, the same on every surface. */
const withDetails = (body: JsonObject, refusal: Refusal, { clock }: RefusalPorts): JsonObject => ({
  ...body,
  error: {
    ...(body['error'] as JsonObject),
    tollgate: {
      ...((body['error'] as JsonObject)['tollgate'] as JsonObject),
      code: refusal.code,
      ...(refusal.scope !== undefined && { scope: refusal.scope }),
      ...(refusal.retryAfterMs !== undefined &&
        refusal.retryAt !== null && {
          retry_at: new Date(refusal.retryAt ?? clock.now() + refusal.retryAfterMs).toISOString(),
        }),
      ...(refusal.offers !== undefined && { offers: refusal.offers.map(describeOffer) }),
      ...(refusal.attempts !== undefined && { attempts: refusal.attempts.map((attempt) => ({ ...attempt })) }),
    },
  },
});
