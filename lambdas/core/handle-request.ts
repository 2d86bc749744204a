import { admit } from './admit/admit.ts';
import { authenticate } from './authenticate/authenticate.ts';
import { callRequestOf } from './call/call-request.ts';
import { callTargets } from './call/call-targets.ts';
import { watchForStop } from './call/watch-for-stop.ts';
import { decode } from './decode/decode.ts';
import type { Surface } from './dialect.ts';
import type { Ports } from './ports.ts';
import { respondWithAnswer, respondWithStream } from './respond/respond.ts';
import { refusalOfError, respondWithRefusal } from './respond/respond-with-refusal.ts';
import { planRoute } from './route/plan.ts';
import { settle } from './settle/settle.ts';

/**
 * One inference request, from its bytes to its answer. Everything before `admit` costs nothing and may refuse; after it an
 * entry is open in the ledger, and every way out settles it. Should this function itself break, the entry stays open and
 * its epoch's close charges the hold: never too little.
 */
export const handleRequest = async (request: Request, surface: Surface, ports: Ports): Promise<Response> => {
  try {
    const authenticated = await authenticate(request.headers, ports);
    if (!authenticated.ok) return respondWithRefusal(authenticated.refusal, surface, ports);

    const decoded = await decode(request, surface, authenticated.caller, ports.gateway);
    if (!decoded.ok) return respondWithRefusal(decoded.refusal, surface, ports);
    const { asked } = decoded;

    const planned = planRoute(asked, ports.dialects);
    if (!planned.ok) return respondWithRefusal(planned.refusal, surface, ports, { asked });
    const { plan } = planned;

    const admitted = await admit(asked, plan, ports);
    if (!admitted.ok) return respondWithRefusal(admitted.refusal, surface, ports, { asked });
    const { admission } = admitted;

    const stop = watchForStop(request.signal, admission.requestId, ports);
    const call = callRequestOf(asked, plan, admission, stop.signal, ports);
    const result = await callTargets(call, ports);
    if (result.kind === 'streaming') {
      const settled = result.ended.then((end) => {
        stop.end();
        return settle({ ...end, answeredBy: result.target, dropped: result.dropped }, asked, plan, admission, ports);
      });
      return respondWithStream(result, settled, asked, admission, ports);
    }

    stop.end();
    if (result.kind === 'failed') {
      await settle({ ...result, dropped: [] }, asked, plan, admission, ports);
      return respondWithRefusal(result.refusal, surface, ports, { asked, admission });
    }
    const end = { ...result, outcome: 'answered' as const, answeredBy: result.target, stop: result.answer.stop };
    const settled = await settle(end, asked, plan, admission, ports);
    return respondWithAnswer(result, settled, asked, admission, ports);
  } catch (error) {
    return respondWithRefusal(refusalOfError(error, ports), surface, ports);
  }
};
