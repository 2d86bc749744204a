import type { VectorIndexConfig } from '../../lambdas/contract/cache-config.ts';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { DEPLOYABLE } from './deployable.ts';

/** A deployable configuration whose assistant has a semantic cache. @param index where its vectors are; `{ domain: {} }` makes a domain */
export const cachedDeployable = (index: VectorIndexConfig = { domain: {} }): GatewayConfig => ({
  ...DEPLOYABLE,
  models: {
    ...DEPLOYABLE.models,
    assistant: {
      targets: [{ provider: 'openai', model: 'gpt-5.4-mini-2026-03-17' }],
      cache: { semantic: { ttl: '1d', threshold: 0.9 } },
    },
  },
  semanticCache: { embedder: { provider: 'bedrock', model: 'amazon.titan-embed-text-v2:0' }, index },
});
