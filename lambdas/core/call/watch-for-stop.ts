import { runCancellation } from '../admit/run-book.ts';
import { type RunStop, stopByKill } from '../admit/run-refusals.ts';
import type { Ports } from '../ports.ts';
import type { Outcome } from '../receipt.ts';
import { outcomeOfSignal } from './deadlines.ts';

/** Aborts, once, with the `Outcome` that it means as its reason. */
export interface StopWatch {
  signal: AbortSignal;
  /** The agent run that was killed, where that is what has stopped it. */
  readonly killed: RunStop | undefined;
  /** Ends the watch: the call is over. */
  end(): void;
}

/** What a call may be cancelled by beside its own id. */
export interface WatchedRuns {
  team: string;
  ids: readonly string[];
}

/**
 * The ways to stop a call from outside: the front door's signal (the client hung up, or a function's time is up), or
 * somebody cancels it, or the agent run that it is part of. Of a run it is read why, before the call is stopped: nobody else
 * can tell its client. Without an answer it is stopped all the same.
 */
export const watchForStop = (
  clientSignal: AbortSignal,
  requestId: string,
  { team, ids }: WatchedRuns,
  { cancellations, runs, log }: Pick<Ports, 'cancellations' | 'runs' | 'log'>,
): StopWatch => {
  const controller = new AbortController();
  let killed: RunStop | undefined;
  const stopBecause = (outcome: Outcome) => controller.abort(outcome);
  const clientLeft = () => stopBecause(outcomeOfSignal(clientSignal));
  const runKilled = async (id: string): Promise<void> => {
    let reason: string | undefined;
    try {
      const [record] = await runs.read(team, [id]);
      reason = record?.killed?.reason;
    } catch (error) {
      log.warn('a run was stopped, and its reason could not be read', { request_id: requestId, run: id, error });
    }
    if (controller.signal.aborted) return;
    killed = stopByKill(id, reason);
    stopBecause('cancelled');
  };
  if (clientSignal.aborted) clientLeft();
  else clientSignal.addEventListener('abort', clientLeft, { once: true });
  const unwatch = [
    cancellations.watch(requestId, () => stopBecause('cancelled')),
    ...ids.map((id) => cancellations.watch(runCancellation(team, id), () => void runKilled(id))),
  ];
  return {
    signal: controller.signal,
    get killed() {
      return killed;
    },
    end: () => {
      clientSignal.removeEventListener('abort', clientLeft);
      for (const end of unwatch) end();
    },
  };
};
