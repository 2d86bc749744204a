import type { PaidEmbedderConfig } from './cache-config.ts';
import type { GatewayConfig } from './config.ts';

/** Share of hits that may be wrong, where a model says nothing of it. */
export const MAX_WRONG_SHARE = 0.01;

/** Whether answers of any model are kept. */
export const hasCaches = ({ models }: Pick<GatewayConfig, 'models'>): boolean =>
  Object.values(models).some(({ cache }) => cache !== undefined);

/** Models whose questions are compared. */
export const semanticAliases = ({ models }: Pick<GatewayConfig, 'models'>): string[] =>
  Object.entries(models).flatMap(([alias, { cache }]) => (cache?.semantic === undefined ? [] : [alias]));

/** The model of a provider that makes vectors of questions; undefined where none is asked. */
export const paidEmbedderOf = (
  config: Pick<GatewayConfig, 'models' | 'semanticCache'>,
): PaidEmbedderConfig | undefined => {
  const { embedder = 'minilm' } = config.semanticCache ?? {};
  return embedder === 'minilm' || semanticAliases(config).length === 0 ? undefined : embedder;
};
