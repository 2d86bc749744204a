import type { Dialect, Encoded, EncodeTarget } from '../dialect.ts';
import type { Target } from '../target.ts';
import type { CallRequest } from './call.ts';

/**
 * The body for one target, made from what the client sent and from nothing else. A target of the client's own dialect gets
 * the client's body with unknown fields kept; any other gets the conversation in its own words.
 */
export const encodeCall = (request: CallRequest, target: Target, dialect: Dialect): Encoded => {
  const { surface, conversation, body } = request;
  const maxOutputTokens = request.outputLimit(target);
  const encodeTarget: EncodeTarget = {
    model: target.model,
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    modelMaxOutputTokens: target.maxOutputTokens,
    stream: conversation.stream,
    reasoningModel: target.reasoningModel,
    ...(target.serviceTier !== undefined && target.serviceTier !== 'auto' && { serviceTier: target.serviceTier }),
    ...(target.bounds?.webSearches !== undefined && { maxWebSearches: target.bounds.webSearches }),
    ...(target.bounds?.webFetches !== undefined && { maxWebFetches: target.bounds.webFetches }),
  };
  return dialect.name === surface.name
    ? { body: surface.relayRequest(body, encodeTarget), dropped: [] }
    : dialect.encodeRequest(conversation, encodeTarget);
};
