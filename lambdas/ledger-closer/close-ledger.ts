import { closeDueAt } from '../contract/timing.ts';
import type { DeployedAuditor } from '../wiring/open-deployed-auditor.ts';

/** One run of the closer. How far it is behind is told even where nothing was to be closed. */
export const closeLedger = async ({
  ledger,
  audit,
  clock,
  log,
  emitMetrics,
}: Pick<DeployedAuditor, 'ledger' | 'audit' | 'clock' | 'log' | 'emitMetrics'>): Promise<{ closed: number[] }> => {
  const closed = await ledger.closeDueEpochs();
  if (closed.length > 0) log.info('epochs closed', { epochs: closed });
  const standing = await audit.standing();
  if (standing !== undefined) {
    const lagMs = Math.max(0, clock.now() - closeDueAt(standing.closedThrough + 1));
    emitMetrics([{ dimensions: {}, values: { CloseLagMs: [lagMs] } }]);
  }
  return { closed };
};
