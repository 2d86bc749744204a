/** The constants of the attempt loop and of the circuits, in one place. Milliseconds unless the name says otherwise. */

/** Backoff before round n is a random time up to base · 2ⁿ⁻¹, never above the cap (full jitter). */
export const BACKOFF_BASE_MS = 100;
export const BACKOFF_CAP_MS = 2_000;

/** A wait is begun only where that much of the deadline is left after it for the attempt itself. */
export const WAIT_MARGIN_MS = 1_000;
/** A vendor's retry-after beyond this is told to the client rather than waited for: its slot and its hold would stand idle. */
export const LONGEST_WAIT_MS = 30_000;

/** What a 429 without a retry-after is told to the client as, and how long its target is passed over while there are others. */
export const UNTOLD_RETRY_MS = 1_000;

/** How long a vendor may keep the connection open after its end mark, before it is closed from our side. */
export const LINGER_MS = 1_000;

/**
 * A plain answer says nothing until it is whole, and API Gateway cuts a connection on which nothing was said for 5 minutes:
 * it ends before that, wherever it runs. A stream may take the alias's whole time.
 */
export const LONGEST_SILENCE_MS = 290_000;

/** How long an error's body may take whose status has said what it means. */
export const ERROR_BODY_MS = 1_000;

/** A plain answer is late once it takes longer than `firstTokenMs` and this for each token of its output limit. */
export const PATIENCE_MS_PER_TOKEN = 10;

/** A retry-after up to this is waited for at once, once a target and call: leaving a target costs its prompt cache, and a hop about as long. */
export const SHORT_WAIT_MS = 250;

/** A stream that its client has left is read on for its usage, where only that much is missing, and no longer. */
export const DRAIN_TOKENS = 16;
export const DRAIN_MS = 500;

/** The throughput floor looks at the pace of this long, of the time that was spent waiting for the vendor. */
export const PACE_WINDOW_MS = 10_000;

export const CIRCUIT = {
  /** Failures in a row, within one process, that open a circuit; weighted as below. */
  failuresToOpen: 5,
  /** Or this share of the calls of all processes, weighted (route/target-statistics.ts) … */
  failureRate: 0.5,
  /** … of at least so many … */
  leastCalls: 20,
  /** … within so long. */
  rateWindowMs: 60_000,
  /** The first opening; each further one in a row lasts twice as long, up to `longestOpenMs`. */
  openMs: 30_000,
  longestOpenMs: 5 * 60_000,
  /** Share of the open time that is added at random, so that processes and targets do not probe in step. */
  openJitter: 0.1,
  /** How long a prober is alone. */
  leaseMs: 30_000,
  /** Age from which what a process knows is read anew. */
  refreshMs: 1_000,
  /** Age from which it is not acted on before that read has ended, so that what was shut by hand or elsewhere is known after a rest too. */
  outdatedMs: 5_000,
  /** How long a request waits for the store of circuits at most. */
  storePatienceMs: 1_000,
  /** Share of the requests that the planner gives a target so long after its circuit has closed; past the last step all. Ascending. */
  slowStart: [
    { untilMs: 5_000, share: 0.1 },
    { untilMs: 10_000, share: 0.25 },
    { untilMs: 20_000, share: 0.5 },
  ],
  /** A vendor's retry-after is remembered no longer: it may be a mistake, and one call in that time does no harm. */
  longestPassOverMs: 5 * 60_000,
} as const;
