import { loadConfigFile } from '../adapters/config-file/load-config-file.ts';
import { systemClock } from '../adapters/system/clock.ts';
import type { CacheConfig } from '../contract/cache-config.ts';
import type { ConfigProblem } from '../contract/config-problem.ts';
import { CALIBRATED } from '../core/cache/calibrated-thresholds.ts';
import type { Embedder } from '../core/cache/embedder.ts';
import type { Clock, Log } from '../core/ports.ts';
import { openEmbedder } from './open-embedder.ts';

/** What a threshold is found with: the configuration's embedder, and what its models say so far. */
export interface OpenedCalibration {
  embedder: Embedder;
  clock: Clock;
  /** Of each model of the configuration; undefined where it keeps nothing. */
  caches: ReadonlyMap<string, CacheConfig | undefined>;
  /** The embedder's own; undefined where it has not been calibrated here. */
  calibrated: number | undefined;
  close(): Promise<void>;
}

/**
 * Opens the embedder of a configuration, wherever its gateway runs: a provider's is asked with its key from the environment.
 *
 * @throws {Error} where MiniLM's files are not those that are pinned
 */
export const openCalibration = async (
  file: string,
  options: { env: Readonly<Record<string, string | undefined>>; log: Log },
): Promise<
  { ok: true; calibration: OpenedCalibration } | { ok: false; problems: ConfigProblem[] } | { ok: false; why: string }
> => {
  const loaded = await loadConfigFile(file);
  if (!loaded.ok) return loaded;
  const opened = await openEmbedder(loaded.config, options);
  if (!opened.ok) return opened;
  const { embedder, close } = opened;
  const key = embedder.target?.provider.apiKey;
  if (key?.startsWith('secret:')) {
    await close();
    return {
      ok: false,
      why: `its key is ${JSON.stringify(key)}, which only a deployed stack reads. Calibrate with a copy of the configuration in which it is "env:NAME"`,
    };
  }
  const caches = new Map(Object.entries(loaded.config.models).map(([alias, { cache }]) => [alias, cache]));
  return {
    ok: true,
    calibration: { embedder, clock: systemClock, caches, calibrated: CALIBRATED.get(embedder.name), close },
  };
};
