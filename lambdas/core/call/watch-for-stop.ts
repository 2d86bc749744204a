import type { Ports } from '../ports.ts';
import type { Outcome } from '../receipt.ts';
import { outcomeOfSignal } from './deadlines.ts';

/** Aborts, once, with the `Outcome` that it means as its reason. */
export interface StopWatch {
  signal: AbortSignal;
  /** Ends the watch: the call is over. */
  end(): void;
}

/**
 * The ways to stop a call from outside: the front door's signal (the client hung up, or a function's time is up), or
 * somebody cancels it, or the agent run that it is part of.
 *
 * @param names what it may be cancelled by
 */
export const watchForStop = (
  clientSignal: AbortSignal,
  names: readonly string[],
  { cancellations }: Pick<Ports, 'cancellations'>,
): StopWatch => {
  const controller = new AbortController();
  const stopBecause = (outcome: Outcome) => controller.abort(outcome);
  const clientLeft = () => stopBecause(outcomeOfSignal(clientSignal));
  if (clientSignal.aborted) clientLeft();
  else clientSignal.addEventListener('abort', clientLeft, { once: true });
  const unwatch = names.map((name) => cancellations.watch(name, () => stopBecause('cancelled')));
  return {
    signal: controller.signal,
    end: () => {
      clientSignal.removeEventListener('abort', clientLeft);
      for (const end of unwatch) end();
    },
  };
};
