import { type Caller, mayUse } from '../authenticate/authenticate.ts';
import type { Conversation, JsonObject, JsonValue } from '../conversation.ts';
import type { Surface } from '../dialect.ts';
import { type Refusal, refuse } from '../failures.ts';
import { readIdempotencyKey } from '../idempotency/read-idempotency-key.ts';
import type { Gateway } from '../ports.ts';
import type { Alias } from '../target.ts';
import { readBetas } from './read-betas.ts';
import { isJsonObject, readBody } from './read-body.ts';
import { type RequestLabels, readLabels } from './request-headers.ts';

/** A request that has been understood: who asks what of which alias, in which dialect. */
export interface Asked {
  surface: Surface;
  caller: Caller;
  labels: RequestLabels;
  alias: Alias;
  conversation: Conversation;
  /** The client's own body, for targets that speak its dialect. */
  body: JsonObject;
  /** What it may cost beside its calls, nano-USD: held with them. Of an admitted request: what is held; absent where there was no room for it. */
  besides?: bigint;
  /** What the client calls this very request, so that a repeat is known. */
  idempotencyKey?: string;
  /** No client asks: it is to show whether this hit of the semantic cache was right. */
  auditOf?: string;
}

export type DecodedRequest = { ok: true; asked: Asked } | { ok: false; refusal: Refusal };

/**
 * The surface's dialect → a canonical conversation. Nothing has been spent yet, and nothing is when this refuses.
 *
 * @param spoken the surface, or what finds it by the body where the route does not say
 */
export const decode = async (
  request: Request,
  spoken: Surface | ((body: JsonValue) => Promise<Surface>),
  caller: Caller,
  gateway: Gateway,
): Promise<DecodedRequest> => {
  const read = await readBody(request);
  if (!read.ok) return read;
  const surface = typeof spoken === 'function' ? await spoken(read.body) : spoken;
  const decoded = surface.decodeRequest(read.body);
  if (!decoded.ok) {
    const { message, param } = decoded.problem;
    return denied(refuse('invalid_request', message, { shouldRetry: false, ...(param === null ? {} : { param }) }));
  }
  const features = surface.name === 'anthropic-messages' ? readBetas(request.headers) : undefined;
  if (features?.ok === false) return features;
  const betas = features?.betas ?? [];
  const conversation = betas.length === 0 ? decoded.value : { ...decoded.value, betas };
  const alias = findAlias(conversation.model, caller, gateway);
  if ('code' in alias) return denied(alias);
  const labels = readLabels(request.headers, conversation, caller);
  if (!labels.ok) return labels;
  const idempotency = readIdempotencyKey(request.headers);
  if (!idempotency.ok) return idempotency;
  // A dialect only ever decodes an object; the test keeps the types honest.
  if (!isJsonObject(read.body))
    return denied(refuse('invalid_request', 'The body must be a JSON object.', { shouldRetry: false }));
  return {
    ok: true,
    asked: {
      surface,
      caller,
      labels: labels.labels,
      alias,
      conversation,
      body: read.body,
      ...(idempotency.key !== undefined && { idempotencyKey: idempotency.key }),
    },
  };
};

/** An alias that the key may not use is told from one that does not exist: the caller's own list names what it may use. */
export const findAlias = (name: string, caller: Caller, gateway: Gateway): Alias | Refusal => {
  const alias = gateway.aliases.get(name);
  if (alias === undefined) {
    const usable = usableAliases(caller, gateway).map((known) => `"${known.name}"`);
    const allowed =
      usable.length === 0 ? 'This key may use none.' : `This key may use ${usable.slice(0, 20).join(', ')}.`;
    return refuse('model_not_found', `There is no model ${JSON.stringify(name.slice(0, 100))} here. ${allowed}`, {
      param: 'model',
      shouldRetry: false,
    });
  }
  if (!mayUse(caller, name))
    return refuse(
      'model_not_allowed',
      `The key ${caller.keyId} may not use the model "${name}". Ask for the right, or use another model.`,
      {
        param: 'model',
        shouldRetry: false,
      },
    );
  return alias;
};

export const usableAliases = (caller: Caller, gateway: Gateway): Alias[] =>
  [...gateway.aliases.values()].filter((alias) => mayUse(caller, alias.name));

const denied = (refusal: Refusal): DecodedRequest => ({ ok: false, refusal });
