import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type EmbeddedStores, openEmbeddedStores } from '../adapters/embedded/open-embedded-stores.ts';
import { systemClock } from '../adapters/system/clock.ts';
import { systemRandom } from '../adapters/system/random.ts';
import type { Clock, Log, Random } from '../core/ports.ts';
import type { CliStores } from './cli-stores.ts';

export interface LocalStores extends EmbeddedStores {
  clock: Clock;
  random: Random;
}

export type OpenedStores =
  | { ok: true; stores: LocalStores & Pick<CliStores, 'openCache'> }
  | { ok: false; problem: string };

/** The database inside a data directory. */
const storeFile = (dataDir: string): string => join(dataDir, 'tollgate.db');

/**
 * Opens the stores of a data directory, or begins them; `:memory:` is a store of its own. A directory that has to be made
 * is its owner's alone: it holds who asked what, and for how much.
 *
 * @param log told of kept answers that can't be read
 * @throws {StoreUnavailable} when the file can't be opened
 */
export const makeLocalStores = (dataDir: string, log?: Log): LocalStores => {
  const inMemory = dataDir === ':memory:';
  if (!inMemory && mkdirSync(dataDir, { recursive: true }) !== undefined) chmodSync(dataDir, 0o700);
  const file = inMemory ? dataDir : storeFile(dataDir);
  return {
    ...openEmbeddedStores({ file, clock: systemClock, random: systemRandom, ...(log && { log }) }),
    clock: systemClock,
    random: systemRandom,
  };
};

/**
 * The stores of `npm start`'s data directory for the CLI, also while the gateway runs on it.
 *
 * @param options.mustExist refuse rather than begin an empty store, where reading is all that is wanted
 * @throws {StoreUnavailable} when the file can't be opened
 */
export const openLocalStores = (dataDir: string, options: { mustExist?: boolean } = {}): OpenedStores => {
  if (options.mustExist && dataDir !== ':memory:' && !existsSync(storeFile(dataDir)))
    return {
      ok: false,
      problem: `There is no store at ${storeFile(dataDir)}. "npm start" makes one, or "keys create"; is --local the right directory?`,
    };
  const stores = makeLocalStores(dataDir);
  const { responses, wrongHits, vectors, wipePurged: wipe } = stores;
  return { ok: true, stores: { ...stores, openCache: async () => ({ responses, wrongHits, vectors, wipe }) } };
};
