import deployed from 'tollgate:config';
import type { Watched } from '../core/pins/watch-pins.ts';
import { openDeployedPinWatch } from '../wiring/open-deployed-pin-watch.ts';

const opened = openDeployedPinWatch(deployed, process.env);

/** The daily look at the versions that aliases are pinned to (docs/pins.md). It fails where somebody could not be told, so that it is tried again, and its failure queue and alarm tell. */
export const handler = async (_event: unknown, context: { invokedFunctionArn: string }): Promise<Watched> => {
  opened.log.beginInvocation(context);
  const watched = await opened.watch(context.invokedFunctionArn);
  opened.log.info('pins looked at', { ...watched });
  return watched;
};
