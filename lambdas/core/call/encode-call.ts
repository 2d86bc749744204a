import type { JsonObject } from '../conversation.ts';
import type { Dialect, Encoded, EncodeTarget } from '../dialect.ts';
import { present } from '../read-json.ts';
import { signatureMakerOf } from '../route/signature-maker.ts';
import type { Target } from '../target.ts';
import { betasAt } from './betas-at.ts';
import type { CallRequest } from './call.ts';
import { keepSignatures } from './keep-signatures.ts';

/** A body, and what is said beside it in a header. */
export interface EncodedCall extends Encoded {
  betas: string[];
}

/**
 * The body for one target, made from what the client sent and from nothing else. A target of the client's own dialect gets
 * the client's body with unknown fields kept; any other gets the conversation in its own words. Signatures that the target
 * can't check, and fields that its server refuses, are left out of both, and named.
 */
export const encodeCall = (
  request: Pick<CallRequest, 'surface' | 'conversation' | 'body' | 'alias' | 'outputLimit'>,
  target: Target,
  dialect: Dialect,
): EncodedCall => {
  const { surface, body } = request;
  const maker = signatureMakerOf(target.provider, dialect.name, target.model);
  const { conversation, dropped } = keepSignatures(request.conversation, maker);
  const betas = betasAt(target, conversation);
  const { quirks = {} } = target.provider;
  const maxOutputTokens = request.outputLimit(target);
  const encodeTarget: EncodeTarget = {
    model: target.model,
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    modelMaxOutputTokens: target.maxOutputTokens,
    stream: conversation.stream,
    ...(betas.sent.length > 0 && { betas: betas.sent }),
    reasoningModel: target.reasoningModel,
    ...(target.serviceTier !== undefined && target.serviceTier !== 'auto' && { serviceTier: target.serviceTier }),
    ...(target.bounds?.webSearches !== undefined && { maxWebSearches: target.bounds.webSearches }),
    ...(target.bounds?.webFetches !== undefined && { maxWebFetches: target.bounds.webFetches }),
    ...(maker !== undefined && { checksSignaturesOf: maker }),
    ...present('thoughtsIn', quirks.reasoning ?? (target.provider.kind === 'openai-compatible' ? undefined : 'none')),
    ...(target.capabilities.has('reasoning') && { takesEffort: true }),
    ...(target.provider.kind === 'openai-compatible' && { quirks }),
  };
  const lost = new Set<string>();
  const encoded =
    dialect.name === surface.name
      ? { body: surface.relayRequest(body, encodeTarget, lost), dropped: [...lost] }
      : dialect.encodeRequest(conversation, encodeTarget);
  const all = [...dropped, ...betas.dropped, ...encoded.dropped];
  return { ...omitFields({ ...encoded, dropped: all }, quirks.omits ?? []), betas: betas.sent };
};

/** Asked for by the gateway itself, so nobody misses it. */
const OURS = 'stream_options';

const omitFields = ({ body, dropped }: Encoded, omits: readonly string[]): Encoded => {
  const found = omits.filter((field) => body[field] !== undefined);
  if (found.length === 0) return { body, dropped };
  const left: JsonObject = { ...body };
  for (const field of found) delete left[field];
  // A null asks for nothing, yet is refused like anything else of that name.
  return { body: left, dropped: [...dropped, ...found.filter((field) => field !== OURS && body[field] !== null)] };
};
