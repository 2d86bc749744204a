import { isClaudeModel } from '../../contract/model-names.ts';
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
      ...(target.embedding !== undefined && { operation: 'invoke-each' as const }),
      body,
      stream,
    };
  },
  countTokens: ({ target, body, apiKey }) => {
    const { model, region, provider } = target;
    // Claude alone, by the model's own id: an inference profile is refused.
    if (region === undefined || !isClaudeModel(model) || model.startsWith('arn:')) return undefined;
    const { messages, system, toolConfig, additionalModelRequestFields } = body;
    return {
      transport: 'bedrock',
      region,
      ...(provider.baseUrl !== '' && { endpoint: provider.baseUrl.replaceAll('{region}', region) }),
      ...(apiKey !== undefined && { apiKey }),
      model: model.slice(Math.max(0, model.indexOf('anthropic.'))),
      operation: 'count-tokens',
      body: {
        ...(messages !== undefined && { messages }),
        ...(system !== undefined && { system }),
        ...(toolConfig !== undefined && { toolConfig }),
        ...(additionalModelRequestFields !== undefined && { additionalModelRequestFields }),
      },
      stream: false,
    };
  },
  mapError,
};
