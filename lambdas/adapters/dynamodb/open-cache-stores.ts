import type { Dynamo } from './dynamo.ts';
import type { CacheStores } from './open-request-stores.ts';
import { makeDynamoResponseCache } from './response-cache.ts';
import { makeDynamoWrongHitStore } from './wrong-hit-store.ts';

/** What a gateway needs where an alias keeps answers: a file of its own, which others never read. */
export const makeCacheStores = (dynamo: Dynamo): CacheStores => ({
  responses: makeDynamoResponseCache(dynamo),
  wrongHits: makeDynamoWrongHitStore(dynamo),
});
