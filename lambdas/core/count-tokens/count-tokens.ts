import { MAX_OUTPUT_TOKENS } from '../../contract/bounds.ts';
import { epochOf } from '../../contract/timing.ts';
import { scopesOf } from '../admit/accounts.ts';
import { rateRefusal } from '../admit/admit-refusals.ts';
import { estimateConversation } from '../admit/estimate.ts';
import { NO_TOKENS, takesOf } from '../admit/limit-takes.ts';
import { randomText } from '../authenticate/api-key.ts';
import { authenticate } from '../authenticate/authenticate.ts';
import { type Asked, decode } from '../decode/decode.ts';
import { isJsonObject } from '../decode/read-body.ts';
import type { Surface } from '../dialect.ts';
import type { Ports } from '../ports.ts';
import { respondWithError, respondWithRefusal } from '../respond/respond-with-refusal.ts';
import { idHeaders } from '../respond/response-headers.ts';
import { askForCount, type Counted } from './ask-for-count.ts';

/**
 * `POST /v1/messages/count_tokens`: how many tokens a messages body is. The first of the alias's targets whose vendor counts is
 * asked, which costs nothing; where none does, or none answers in time, the reply is Tollgate's own high estimate, and
 * `x-tollgate-token-count` says so. It is a request like any other to the rate limits, and none to the budgets.
 */
export const countTokens = async (request: Request, surface: Surface, ports: Ports): Promise<Response> => {
  try {
    const authenticated = await authenticate(request.headers, ports);
    if (!authenticated.ok) return respondWithRefusal(authenticated.refusal, surface, ports);
    const decoded = await decode(request, withoutLimit(surface), authenticated.caller, ports.gateway);
    if (!decoded.ok) return respondWithRefusal(decoded.refusal, surface, ports);
    const asked: Asked = { ...decoded.asked, surface };
    return await underLimits(asked, request.signal, ports);
  } catch (error) {
    return respondWithError(error, surface, ports);
  }
};

/** A body to be counted has no output limit, which one to be answered must have. */
const withoutLimit = (surface: Surface): Surface => ({
  ...surface,
  decodeRequest: (body) =>
    surface.decodeRequest(isJsonObject(body) ? { ...body, max_tokens: MAX_OUTPUT_TOKENS, stream: false } : body),
});

/** Its place among the requests under way is freed whatever becomes of it. */
const underLimits = async (asked: Asked, signal: AbortSignal, ports: Ports): Promise<Response> => {
  const { caller, labels, conversation, surface } = asked;
  const { gateway, limits, clock, log } = ports;
  const scopes = scopesOf(caller, {
    user: labels.user,
    tags: labels.tags,
    aliases: [conversation.model],
    runs: [],
  });
  const takes = takesOf(scopes, gateway.limits, NO_TOKENS);
  const epoch = epochOf(clock.now());
  const taken = await limits.take(takes, epoch, clock.now());
  if (taken.kind === 'refused') return respondWithRefusal(rateRefusal(taken), surface, ports, { asked });
  try {
    const counted = await askForCount(asked, signal, ports);
    if ('refusal' in counted) return respondWithRefusal(counted.refusal, surface, ports, { asked });
    return answer(counted, asked, ports);
  } finally {
    await limits
      .settle(takes, epoch, 0, clock.now())
      .catch((error: unknown) => log.warn('rate limits not corrected', { error }));
  }
};

const answer = (counted: Exclude<Counted, { refusal: unknown }>, asked: Asked, { random, log }: Ports): Response => {
  const requestId = `req_${randomText(random, 20)}`;
  const byVendor = counted.kind === 'provider';
  const body = byVendor ? counted.body : { input_tokens: estimateOf(asked) };
  log.info('tokens counted', {
    request_id: requestId,
    key: asked.caller.keyId,
    team: asked.caller.team,
    'gen_ai.request.model': asked.conversation.model,
    by: byVendor ? counted.target.id : 'estimate',
  });
  return Response.json(body, {
    headers: {
      ...idHeaders(requestId),
      'x-tollgate-token-count': counted.kind,
      ...(byVendor && { 'x-tollgate-model': counted.target.id }),
    },
  });
};

/** As the target that would be asked first counts. */
const estimateOf = ({ conversation, alias }: Asked): number => {
  const [first] = alias.targets;
  if (first === undefined) throw new TypeError(`the alias ${alias.name} has no target`);
  return estimateConversation(conversation, first).inputTokensHigh;
};
