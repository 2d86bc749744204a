import { randomText } from '../authenticate/api-key.ts';
import { authenticate } from '../authenticate/authenticate.ts';
import { consultCache } from '../cache/answer-cache.ts';
import { finalRefusal } from '../call/final-refusal.ts';
import type { JsonValue } from '../conversation.ts';
import { type Asked, decode } from '../decode/decode.ts';
import type { Surface } from '../dialect.ts';
import type { Refusal } from '../failures.ts';
import type { Ports } from '../ports.ts';
import { respondWithError, respondWithRefusal } from '../respond/respond-with-refusal.ts';
import { idHeaders } from '../respond/response-headers.ts';
import { planRequest } from '../route/plan-request.ts';
import { routeSources } from '../route/route-sources.ts';
import { type Askable, findAskable } from './find-askable.ts';
import { draftOffers, offersAmong } from './find-offers.ts';
import { draftOf, judge, readStanding } from './judge-request.ts';
import { costsOf, describeCosts, describeOffer } from './quote-costs.ts';

/**
 * `POST /v1/quote`: the body of any inference route → whether it would be admitted now, by which route, what it is expected to cost
 * and at most, what refuses it, and what would be admitted for less. Nothing is held, taken or called; the answer holds for
 * the moment in which it is given. What no request can be is refused as it would be on its own route.
 *
 * @param surfaceOf which surface a body is for, where it is not for `surface`, in which errors are told
 */
export const quoteRequest = async (
  request: Request,
  surface: Surface,
  ports: Ports,
  surfaceOf: (body: JsonValue) => Promise<Surface> = async () => surface,
): Promise<Response> => {
  try {
    const authenticated = await authenticate(request.headers, ports);
    if (!authenticated.ok) return respondWithRefusal(authenticated.refusal, surface, ports);
    const decoded = await decode(request, surfaceOf, authenticated.caller, ports.gateway);
    if (!decoded.ok) return respondWithRefusal(decoded.refusal, surface, ports);
    const planned = await planRequest(decoded.asked, ports.dialects, ports.gateway.aliases, routeSources(ports));
    if (!planned.ok) return respondWithRefusal(planned.refusal, surface, ports, decoded);
    // Nothing is looked for: what the vector of its question may cost is held as well.
    const consulted = consultCache(decoded.asked, planned.plan, ports);
    if (!consulted.ok) return respondWithRefusal(consulted.refusal, surface, ports, decoded);
    const asked: Asked = { ...decoded.asked, besides: consulted.consultation?.ceiling ?? 0n };

    const now = ports.clock.now();
    await Promise.all([learnRuns(asked, ports), ports.circuitBoard.catchUp()]);
    const drafted = draftOf(asked, planned.plan, now, ports);
    if (!drafted.ok) return respondWithRefusal(drafted.refusal, surface, ports, { asked });
    const { draft } = drafted;
    const others = draftOffers(asked, draft, now, ports);
    const standing = await readStanding([draft, ...others], now, ports);
    const judged = judge(draft, standing, now, ports);
    const { plan, firstTarget, outputLimit, receipt } = judged.admission;
    const askable = judged.ok ? findAskable(judged.admission, standing, now, ports) : undefined;
    const [first] = askable?.targets ?? [];
    const refusal = judged.ok ? (first === undefined ? refuseShut(askable, asked, now) : null) : judged.refusal;
    return Response.json(
      {
        object: 'quote',
        model: asked.conversation.model,
        admitted: refusal === null,
        route: (first === undefined ? plan.targets : (askable?.targets ?? [])).map(({ id }) => id),
        passed_over: [...plan.passedOver, ...(askable?.passedOver ?? [])],
        input_tokens: { low: receipt.estimate.inputTokensLow, high: receipt.estimate.inputTokensHigh },
        output_limit: { tokens: outputLimit.tokens, set_by: outputLimit.setBy },
        ...describeCosts(costsOf(judged.admission, first ?? firstTarget)),
        budget: refusal === null ? receipt.budget : null,
        refusal: refusal && describeRefusal(refusal, now),
        offers: offersAmong(others, standing, now, ports).map(describeOffer),
      },
      { headers: idHeaders(`req_${randomText(ports.random, 20)}`) },
    );
  } catch (error) {
    return respondWithError(error, surface, ports);
  }
};

/** What the call is refused with where none of its targets can be asked. */
const refuseShut = (askable: Askable | undefined, { alias }: Asked, nowMs: number): Refusal =>
  finalRefusal([], askable?.shut ?? [], alias.name, nowMs).refusal;

/** A process that has not seen the run yet must know what started it: that has a budget too. */
const learnRuns = async ({ caller, labels }: Asked, { runs }: Pick<Ports, 'runs'>): Promise<void> => {
  if (labels.run === undefined) return;
  const [record] = await runs.read(caller.team, [labels.run.id]);
  if (record === undefined || record.startedAt === null) return;
  await runs.learn(caller.team, { kind: 'other-parent', run: record.id, parent: record.parent });
};

const describeRefusal = ({ code, message, scope, retryAfterMs, retryAt }: Refusal, nowMs: number) => ({
  code,
  message,
  scope: scope ?? null,
  retry_at:
    retryAt === null || (retryAfterMs === undefined && retryAt === undefined)
      ? null
      : new Date(retryAt ?? nowMs + (retryAfterMs ?? 0)).toISOString(),
});
