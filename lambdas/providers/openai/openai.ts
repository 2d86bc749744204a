import type { Provider } from '../../core/provider.ts';
import { endpointOf } from '../../dialects/openai-chat/endpoint.ts';
import { fitCallIds, fitOpenaiCallId } from '../../dialects/openai-chat/fit-call-ids.ts';
import { mapError } from '../../dialects/openai-chat/map-error.ts';

/** OpenAI's own API. */
export const openai: Provider = {
  kind: 'openai',
  dialect: 'openai-chat',
  call: ({ target, body, stream, apiKey, requestId }) => ({
    transport: 'http',
    url: endpointOf(target),
    headers: {
      'content-type': 'application/json',
      accept: stream ? 'text/event-stream' : 'application/json',
      // OpenAI's support finds a call by it.
      'x-client-request-id': requestId,
      ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
      ...(target.provider.organization !== undefined && { 'openai-organization': target.provider.organization }),
    },
    body: JSON.stringify(fitCallIds(body, fitOpenaiCallId)),
    stream,
  }),
  mapError,
};
