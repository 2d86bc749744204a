import type { Ledger } from '../core/ledger.ts';
import type { Clock, Log } from '../core/ports.ts';
import { runRegularly } from './run-regularly.ts';

const EVERY_MS = 60_000;

/** Closes what epochs are due, each minute, for as long as the process lives: leaks heal, dead calls are charged. @returns stops it */
export const closeEpochsRegularly = ({
  clock,
  ledger,
  log,
}: {
  clock: Clock;
  ledger: Pick<Ledger, 'closeDueEpochs'>;
  log: Log;
}): (() => void) =>
  runRegularly(EVERY_MS, { clock }, async () => {
    try {
      const closed = await ledger.closeDueEpochs();
      if (closed.length > 0) log.debug('epochs closed', { count: closed.length });
    } catch (error) {
      log.error('epochs not closed; the next run tries again', { error });
    }
  });
