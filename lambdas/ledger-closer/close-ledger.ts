import { closeDueAt } from '../contract/timing.ts';
import type { DeployedCloser } from '../wiring/open-deployed-closer.ts';

/**
 * One run of the closer. How far it is behind is told even where nothing was to be closed. Then it looks at caps by hand that
 * have ended; what fails there is tried again by the next runs, for an hour.
 */
export const closeLedger = async ({
  closeDueEpochs,
  closedThrough,
  endOverrides,
  clock,
  log,
  emitMetrics,
}: DeployedCloser): Promise<{ closed: number[] }> => {
  const closed = await closeDueEpochs();
  if (closed.length > 0) log.info('epochs closed', { epochs: closed });
  const through = await closedThrough();
  if (through !== undefined) {
    const lagMs = Math.max(0, clock.now() - closeDueAt(through + 1));
    emitMetrics([{ dimensions: {}, values: { CloseLagMs: [lagMs] } }]);
  }
  await endOverrides().catch((error: unknown) => log.error('caps by hand that have ended not looked at', { error }));
  return { closed };
};
