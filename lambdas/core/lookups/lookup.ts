import { randomText } from '../authenticate/api-key.ts';
import { authenticate, type Caller } from '../authenticate/authenticate.ts';
import type { Surface } from '../dialect.ts';
import type { Refusal } from '../failures.ts';
import type { Ports } from '../ports.ts';
import { respondWithError, respondWithRefusal } from '../respond/respond-with-refusal.ts';
import { idHeaders } from '../respond/response-headers.ts';

export type Found = { ok: true; body: object; status?: number } | { ok: false; refusal: Refusal };

/** The requests that ask no model: authenticate, look something up, answer. An `anthropic-version` header asks for Anthropic's shapes. */
export const handleLookup = async (
  request: Request,
  ports: Ports,
  find: (caller: Caller, ports: Ports, isAnthropic: boolean, headers: Headers) => Promise<Found> | Found,
): Promise<Response> => {
  const isAnthropic = request.headers.has('anthropic-version');
  const surface: Surface = ports.surfaces[isAnthropic ? 'anthropic-messages' : 'openai-chat'];
  try {
    const authenticated = await authenticate(request.headers, ports);
    if (!authenticated.ok) return respondWithRefusal(authenticated.refusal, surface, ports);
    const found = await find(authenticated.caller, ports, isAnthropic, request.headers);
    if (!found.ok) return respondWithRefusal(found.refusal, surface, ports);
    return Response.json(found.body, {
      status: found.status ?? 200,
      headers: idHeaders(`req_${randomText(ports.random, 20)}`),
    });
  } catch (error) {
    return respondWithError(error, surface, ports);
  }
};
