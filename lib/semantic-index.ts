import { catalogue } from '../lambdas/catalogue/catalogue.ts';
import type { VectorIndexConfig } from '../lambdas/contract/cache-config.ts';
import type { GatewayConfig } from '../lambdas/contract/config.ts';
import { semanticAliases } from '../lambdas/contract/configured-caches.ts';
import { resolveCaches } from '../lambdas/core/route/resolve-caches.ts';
import { resolveGateway } from '../lambdas/core/route/resolve-gateway.ts';

/** The index that a deployment makes, and the numbers in its embedder's vectors. */
export interface SemanticIndex {
  index: VectorIndexConfig;
  dimensions: number;
}

/**
 * @param config checked for a deployment
 * @returns undefined where no model has a semantic cache: an index is paid by the hour, and nobody would ask it
 */
export const semanticIndexOf = (config: GatewayConfig): SemanticIndex | undefined => {
  const index = config.semanticCache?.index;
  if (index === undefined || semanticAliases(config).length === 0) return undefined;
  const resolved = resolveGateway(config, catalogue, 0, { caches: resolveCaches });
  const dimensions = resolved.ok ? resolved.gateway.semanticCache?.dimensions : undefined;
  if (dimensions === undefined) throw new Error('semanticCache.embedder: nothing says how long its vectors are');
  return { index, dimensions };
};
