import type { Provider } from '../../core/provider.ts';
import { mapError } from './map-error.ts';

/** Amazon Bedrock by Converse and ConverseStream, with a Bedrock API key or the process's AWS credentials. */
export const bedrock: Provider = {
  kind: 'bedrock',
  dialect: 'bedrock-converse',
  call: ({ target, body, stream, apiKey }) => {
    const { id, model, region, provider } = target;
    // Targets of this kind are made one a region; without one there is nowhere to send to.
    if (region === undefined) throw new TypeError(`target ${id} has no region`);
    return {
      transport: 'bedrock',
      region,
      ...(provider.baseUrl !== '' && { endpoint: provider.baseUrl.replaceAll('{region}', region) }),
      ...(apiKey !== undefined && { apiKey }),
      model,
      body,
      stream,
    };
  },
  mapError,
};
