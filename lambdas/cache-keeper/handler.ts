import { openDeployedCacheKeeper } from '../wiring/open-deployed-cache-keeper.ts';

const opened = await openDeployedCacheKeeper(process.env);

/**
 * Makes the semantic cache's index where it is not there, and takes out what has expired (docs/decisions/040): after a
 * deployment and every hour. It fails where the domain does not answer, so that it is tried again, and its failure queue and
 * alarm tell.
 */
export const handler = async (_event: unknown, context: object): Promise<{ swept: number }> => {
  opened.log.beginInvocation(context);
  const kept = await opened.keep();
  opened.log.info('semantic index kept', { ...kept });
  return kept;
};
