import type { VectorIndexConfig } from '../lambdas/contract/cache-config.ts';
import { semanticAliases } from '../lambdas/contract/configured-caches.ts';
import type { CheckedConfig } from './check-deployed-config.ts';

/** The index that a deployment makes, and the numbers in its embedder's vectors. */
export interface SemanticIndex {
  index: VectorIndexConfig;
  dimensions: number;
}

/**
 * @returns undefined where no model has a semantic cache: an index is paid by the hour, and nobody would ask it
 */
export const semanticIndexOf = ({ deployed: { config }, dimensions }: CheckedConfig): SemanticIndex | undefined => {
  const index = config.semanticCache?.index;
  if (index === undefined || semanticAliases(config).length === 0) return undefined;
  if (dimensions === undefined) throw new Error('semanticCache.embedder: nothing says how long its vectors are');
  return { index, dimensions };
};
