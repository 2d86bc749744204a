import type { Admission } from './admit/admission.ts';
import { authenticate } from './authenticate/authenticate.ts';
import { afterKeeping, consultCache } from './cache/answer-cache.ts';
import { callAdmitted } from './call/call-admitted.ts';
import { type Asked, decode } from './decode/decode.ts';
import type { Surface } from './dialect.ts';
import { admitOnce, releaseClaim } from './idempotency/claim-answer.ts';
import { respondWithKept } from './idempotency/respond-with-kept.ts';
import type { Ports } from './ports.ts';
import { withOffers } from './quote/find-offers.ts';
import { respond } from './respond/respond.ts';
import { respondWithError, respondWithRefusal } from './respond/respond-with-refusal.ts';
import { planRequest } from './route/plan-request.ts';
import { routeSources } from './route/route-sources.ts';
import { settle } from './settle/settle.ts';

/**
 * One inference request, from its bytes to its answer. Everything before `admit` costs nothing and may refuse; after it an
 * entry is open in the ledger, and every way out settles it. Should this function itself break, the entry stays open and
 * its epoch's close charges the hold: never too little.
 */
export const handleRequest = async (request: Request, surface: Surface, ports: Ports): Promise<Response> => {
  const known: { asked?: Asked; admission?: Admission } = {};
  const arrivedAt = ports.clock.now();
  try {
    const authenticated = await authenticate(request.headers, ports);
    if (!authenticated.ok) return respondWithRefusal(authenticated.refusal, surface, ports);

    // Beside the trips that admit it: by the time of the call it is known what has been shut meanwhile.
    void ports.circuitBoard.catchUp();

    const decoded = await decode(request, surface, authenticated.caller, ports.gateway);
    if (!decoded.ok) return respondWithRefusal(decoded.refusal, surface, ports);
    known.asked = decoded.asked;

    const planned = await planRequest(decoded.asked, ports.dialects, ports.gateway.aliases, routeSources(ports));
    if (!planned.ok) return respondWithRefusal(planned.refusal, surface, ports, known);

    const consulted = consultCache(decoded.asked, planned.plan, ports);
    if (!consulted.ok) return respondWithRefusal(consulted.refusal, surface, ports, known);
    const { consultation } = consulted;
    const asked = { ...decoded.asked, besides: consultation?.ceiling ?? 0n };

    const admitted = await admitOnce(asked, planned.plan, ports, consultation?.start);
    if ('replay' in admitted) return respondWithKept(admitted.replay, asked, ports);
    if (!admitted.ok) {
      const refusal = await withOffers(admitted.refusal, asked, ports);
      return respondWithRefusal(refusal, surface, ports, known);
    }
    const admission: Admission = { ...admitted.admission, arrivedAt };
    known.admission = admission;

    const result = await callAdmitted(request.signal, admission, ports, consultation);
    const settled = settle(result, admission, ports);
    return await respond(result, afterKeeping(settled, consultation), admission, ports);
  } catch (error) {
    // Nothing came of it: whoever asks again under the same key need not wait for the lease.
    if (known.admission?.claim !== undefined) await releaseClaim(known.admission.claim, ports);
    return respondWithError(error, surface, ports, known);
  }
};
