import { makePowertoolsLog, type PowertoolsLog } from '../adapters/powertools-log/make-powertools-log.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { redactKeys } from '../adapters/system/redact-keys.ts';
import { toLoggable } from '../adapters/system/to-loggable.ts';
import { DIMENSIONS_VARIABLE } from '../contract/search-index.ts';
import { openIndexKeeper } from './open-deployed-index.ts';
import { readSearchPlace } from './read-search-place.ts';

export interface DeployedCacheKeeper {
  log: PowertoolsLog;
  /** One run. @returns expired entries that were taken out @throws {StoreUnavailable} */
  keep(): Promise<{ swept: number }>;
}

/** Environment → the upkeep of the semantic cache's index. @throws {Error} where the environment does not name one, and the length of its vectors */
export const openDeployedCacheKeeper = async (
  env: Readonly<Record<string, string | undefined>>,
): Promise<DeployedCacheKeeper> => {
  const place = readSearchPlace(env);
  const dimensions = Number(env[DIMENSIONS_VARIABLE]);
  if (place === undefined || !Number.isSafeInteger(dimensions) || dimensions < 1)
    throw new Error(`the environment names no index, or no ${DIMENSIONS_VARIABLE}`);
  const keeper = await openIndexKeeper(env, place, dimensions);
  return {
    log: makePowertoolsLog({ service: 'cache-keeper', toLoggable, redactKeys }),
    keep: async () => {
      await keeper.prepare();
      return { swept: await keeper.sweep(systemClock.now()) };
    },
  };
};
