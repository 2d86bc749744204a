import type { Clock } from '../ports.ts';
import type { Outcome } from '../receipt.ts';

/** Why an attempt was stopped from our side. */
export type StopCause =
  | { by: 'caller'; outcome: Outcome }
  | { by: 'deadline' }
  | { by: 'first-token'; afterMs: number }
  | { by: 'idle'; afterMs: number };

/** What guarded work rejects with once the attempt is stopped. Caught inside call/, never further. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
  readonly stopCause: StopCause;

  constructor(stopCause: StopCause) {
    super(`stopped: ${stopCause.by}`);
    this.stopCause = stopCause;
  }
}

/** Everything that can stop one attempt, in one place: the caller's signal, the deadline, and the timers of the attempt. */
export interface Watch {
  /** For the upstream: aborted by the first cause that comes, or by `close`. */
  readonly signal: AbortSignal;
  readonly cause: StopCause | undefined;
  /** Stops the attempt now; the first cause stays. */
  stop(cause: StopCause): void;
  /** Waits for one piece of work at a time. @throws {Stopped} as soon as the attempt is stopped, whatever the work does */
  guard<T>(work: () => Promise<T>): Promise<T>;
  /** Called once when the attempt is stopped, also when nobody waits in `guard`. */
  onStop(listener: (cause: StopCause) => void): void;
  /** From now on the caller's going does not stop the attempt by itself: whoever listens does. */
  onCaller(listener: (outcome: Outcome) => void): void;
  /** Stops the attempt unless it is cleared first. */
  stopAfter(ms: number, cause: StopCause): () => void;
  /** Nothing can stop the attempt any more: every timer and listener is gone. The upstream connection is left as it is. */
  release(): void;
  /** `release`, and closes the upstream connection. */
  close(): void;
}

const OUTCOMES: ReadonlySet<unknown> = new Set<Outcome>([
  'answered',
  'failed',
  'refused-by-provider',
  'cut',
  'client-gone',
  'cancelled',
  'deadline',
]);

/** The outcome that an aborted signal stands for. An abort without one is a client that has gone. */
export const outcomeOfSignal = (signal: AbortSignal): Outcome =>
  OUTCOMES.has(signal.reason) ? (signal.reason as Outcome) : 'client-gone';

/** Watches over one attempt. End it with `release` or `close`, or its timer and listener stay. */
export const watchAttempt = (caller: AbortSignal, deadlineAt: number, clock: Clock): Watch => {
  const upstream = new AbortController();
  const timers = new Set<() => void>();
  let cause: StopCause | undefined;
  let reject: ((reason: Stopped) => void) | undefined;
  let listener: ((cause: StopCause) => void) | undefined;

  const release = (): void => {
    caller.removeEventListener('abort', onCallerAbort);
    for (const clear of timers) clear();
    timers.clear();
  };

  const stop = (first: StopCause): void => {
    if (cause !== undefined) return;
    cause = first;
    release();
    upstream.abort(new Stopped(first));
    reject?.(new Stopped(first));
    listener?.(first);
  };

  const stopAfter = (ms: number, why: StopCause): (() => void) => {
    const clear = clock.after(ms, () => {
      timers.delete(clear);
      stop(why);
    });
    timers.add(clear);
    return () => {
      timers.delete(clear);
      clear();
    };
  };

  let callerGone = (outcome: Outcome): void => stop({ by: 'caller', outcome });
  const onCallerAbort = (): void => callerGone(outcomeOfSignal(caller));
  if (caller.aborted) onCallerAbort();
  else {
    caller.addEventListener('abort', onCallerAbort, { once: true });
    const leftMs = deadlineAt - clock.now();
    if (leftMs <= 0) stop({ by: 'deadline' });
    else stopAfter(leftMs, { by: 'deadline' });
  }

  return {
    signal: upstream.signal,
    get cause() {
      return cause;
    },
    stop,
    guard: (work) =>
      new Promise((resolve, rejectWork) => {
        if (cause !== undefined) return rejectWork(new Stopped(cause));
        reject = rejectWork;
        work().then(resolve, rejectWork);
      }),
    onStop(added) {
      if (cause !== undefined) added(cause);
      else listener = added;
    },
    onCaller(listener) {
      callerGone = listener;
    },
    stopAfter,
    release,
    close() {
      release();
      upstream.abort();
    },
  };
};
