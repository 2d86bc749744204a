/** What a target of the fault-injecting upstream may do to a call that has reached it. Times in milliseconds. */
export type Fault =
  /** Answers; `gapMs` between two pieces of the answer. */
  | { kind: 'healthy'; gapMs?: number }
  /** `retry-after` and the like go into `headers`. */
  | { kind: 'status'; status: number; headers?: Record<string, string> }
  | { kind: 'reset' }
  /** Takes the request and says nothing. */
  | { kind: 'hang' }
  /** The head of a stream comes at once, its content so late; a plain answer as a whole. */
  | { kind: 'slow-first-token'; afterMs: number }
  /** `before-content`: in the middle of the first event that a client would see. A plain answer is cut in its middle. */
  | { kind: 'cut'; at: 'before-content' | 'after-content' }
  /** Stops after the first content, and closes in order: all that is missing is the end. A plain answer stops in its middle. */
  | { kind: 'ends-early' }
  /** An event, or a body, that is not what its dialect says. */
  | { kind: 'malformed' }
  | { kind: 'error-in-200'; at: 'before-content' | 'after-content' }
  /** A `content-length` above or below the length of the answer. */
  | { kind: 'wrong-length'; is: 'above' | 'below' };

/** A stretch of a target's timeline, by time since it was planned, by the number of the call (from 1), or both; the ends belong to it. */
export interface Phase {
  fault: Fault;
  fromMs?: number;
  toMs?: number;
  fromCall?: number;
  toCall?: number;
}

export const HEALTHY: Fault = { kind: 'healthy' };

/** The fault of the first phase that holds; healthy where none does. */
export const faultAt = (timeline: readonly Phase[], call: number, sinceMs: number): Fault =>
  timeline.find(
    ({ fromMs = 0, toMs = Number.POSITIVE_INFINITY, fromCall = 1, toCall = Number.POSITIVE_INFINITY }) =>
      sinceMs >= fromMs && sinceMs <= toMs && call >= fromCall && call <= toCall,
  )?.fault ?? HEALTHY;
