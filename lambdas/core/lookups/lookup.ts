import { randomText } from '../authenticate/api-key.ts';
import { authenticate, type Caller } from '../authenticate/authenticate.ts';
import type { SurfaceName } from '../dialect.ts';
import type { Refusal } from '../failures.ts';
import type { Ports } from '../ports.ts';
import { respondWithError, respondWithRefusal } from '../respond/respond-with-refusal.ts';
import { idHeaders } from '../respond/response-headers.ts';

export type Found = { ok: true; body: object; status?: number } | { ok: false; refusal: Refusal };

/** In whose shape a request is answered that has no shape of its own. */
export const surfaceNameOf = ({ headers }: Request): SurfaceName =>
  headers.has('anthropic-version') ? 'anthropic-messages' : 'openai-chat';

/** The requests that ask no model: authenticate, look something up, answer. An `anthropic-version` header asks for Anthropic's shapes. */
export const handleLookup = async (
  request: Request,
  ports: Ports,
  find: (caller: Caller, ports: Ports, isAnthropic: boolean, headers: Headers) => Promise<Found> | Found,
): Promise<Response> => {
  const isAnthropic = request.headers.has('anthropic-version');
  const surface = await ports.loadSurface(surfaceNameOf(request));
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
