import { type Clock, type Log, StoreUnavailable } from '../core/ports.ts';
import { runRegularly } from './run-regularly.ts';

const EVERY_MS = 60_000;

/** What a purge has taken out of the file goes out of this process's memory within a minute, also where nobody asks anything. @returns stops it */
export const forgetPurgedRegularly = (
  { vectors }: { vectors: { forgetPurged(): Promise<void> } },
  { clock, log }: { clock: Clock; log: Log },
): (() => void) =>
  runRegularly(EVERY_MS, { clock }, async () => {
    try {
      await vectors.forgetPurged();
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error;
      log.warn('could not look for purges; the next run does', { error });
    }
  });
