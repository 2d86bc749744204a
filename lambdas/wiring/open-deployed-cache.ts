import type { RequestStores } from '../adapters/dynamodb/open-request-stores.ts';
import type { Gateway, Ports } from '../core/ports.ts';
import { type CachePorts, openAnswerCache } from './open-answer-cache.ts';
import { openDeployedIndex } from './open-deployed-index.ts';

/** The caches of a deployed gateway: answers in DynamoDB, vectors in OpenSearch. A gateway without any never reads this file. */
export const openDeployedCache = async (
  gateway: Pick<Gateway, 'aliases' | 'semanticCache'>,
  stores: Pick<RequestStores, 'loadCacheStores'>,
  env: Readonly<Record<string, string | undefined>>,
  ports: CachePorts,
): Promise<Pick<Ports, 'cache'>> => {
  const { responses, wrongHits } = await stores.loadCacheStores();
  const openIndex = async (dimensions: number, findTimeoutMs: number) => {
    const index = await openDeployedIndex(env, { dimensions, findTimeoutMs });
    if (index === undefined) ports.log.error('the semantic cache is off: the environment names no index');
    return index;
  };
  const cache = await openAnswerCache(gateway, { responses, wrongHits, openIndex }, ports);
  return { ...(cache !== undefined && { cache }) };
};
