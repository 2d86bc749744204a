import { existsSync } from 'node:fs';
import { configOfStage, STAGES, stackOfStage } from '../contract/stack-outputs.ts';
import type { CliStores } from '../wiring/cli-stores.ts';

/** What `npm start` reads. */
export const LOCAL_CONFIG = 'tollgate.config.ts';

/**
 * The configuration that a command is about: the one that was named; where a stage's stack was opened, that stage's, if its
 * file is here; else the one of `npm start`.
 */
export const configFileOf = (named: string | undefined, place?: CliStores['place']): string => {
  if (named !== undefined) return named;
  const stage = STAGES.find((one) => place?.kind === 'deployed' && place.stack === stackOfStage(one));
  const file = stage === undefined ? LOCAL_CONFIG : configOfStage(stage);
  return existsSync(file) ? file : LOCAL_CONFIG;
};
