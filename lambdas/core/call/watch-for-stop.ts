import type { Ports } from '../ports.ts';
import type { Outcome } from '../receipt.ts';

/** Aborts, once, with the `Outcome` that it means as its reason. */
export interface StopWatch {
  signal: AbortSignal;
  /** Ends the watch: the call is over. */
  end(): void;
}

/** The two ways to stop a call from outside: the client hangs up (where the front door tells), or somebody cancels it. */
export const watchForStop = (
  clientSignal: AbortSignal,
  requestId: string,
  { cancellations }: Pick<Ports, 'cancellations'>,
): StopWatch => {
  const controller = new AbortController();
  const stopBecause = (outcome: Outcome) => controller.abort(outcome);
  const clientLeft = () => stopBecause('client-gone');
  if (clientSignal.aborted) clientLeft();
  else clientSignal.addEventListener('abort', clientLeft, { once: true });
  const unwatch = cancellations.watch(requestId, () => stopBecause('cancelled'));
  return {
    signal: controller.signal,
    end: () => {
      clientSignal.removeEventListener('abort', clientLeft);
      unwatch();
    },
  };
};
