import type { Refusal } from '../failures.ts';
import type { Ports } from '../ports.ts';
import type { FallbackCause, Target } from '../target.ts';
import type { AttemptPorts } from './attempt.ts';
import type { CallRequest, LateResult } from './call.ts';
import { UNTOLD_RETRY_MS } from './call-policy.ts';
import { outcomeOfSignal } from './deadlines.ts';
import { type FailedAttempt, finalRefusal, type Shut, stoppedRefusal, summarise } from './final-refusal.ts';

export type CallPorts = AttemptPorts & Pick<Ports, 'random' | 'circuitBoard'>;

/** The state of one call over all its attempts. */
export interface Call {
  request: CallRequest;
  ports: CallPorts;
  /** The earlier of the request's deadline and the alias's total. */
  deadlineAt: number;
  /** The alias's own, and behind them those that it has fallen back on. */
  targets: Target[];
  attempts: FailedAttempt[];
  /** Calls that were sent: the attempt budget counts these. */
  sent: number;
  /** Targets that said no for good. */
  finished: Set<Target>;
  /** Targets whose key was read anew once. */
  renewed: Set<Target>;
  /** Targets whose short retry-after was waited for once. */
  waited: Set<Target>;
  /** Targets without room in their provider's quota, until then. */
  full: Map<Target, number>;
  /** Why other aliases' targets were joined to the list. */
  fellBack: Set<FallbackCause>;
  /** A filter has refused the request: it is for the targets that were named for that, and for no others. */
  isFiltered: boolean;
  /** Targets whose circuits had only just closed when their turn came, and that come behind the others. */
  heldBack: Set<Target>;
  /** Targets that were tried although their circuits were open. */
  triedLeastBad: Set<Target>;
  /** What the last attempt that was not admitted was refused for. */
  refusal: Refusal | undefined;
}

export const startCall = (request: CallRequest, ports: CallPorts): Call => ({
  request,
  ports,
  deadlineAt: Math.min(request.deadlineAt, ports.clock.now() + request.alias.timeouts.totalMs),
  targets: [...request.targets],
  attempts: [],
  sent: 0,
  finished: new Set(),
  renewed: new Set(),
  waited: new Set(),
  full: new Map(),
  fellBack: new Set(),
  isFiltered: false,
  heldBack: new Set(),
  triedLeastBad: new Set(),
  refusal: undefined,
});

/** The client has gone, somebody cancelled, or the deadline has passed. */
export const resultIfStopped = ({ request, ports, deadlineAt, attempts }: Call): LateResult | undefined => {
  const isLate = ports.clock.now() >= deadlineAt || attempts.at(-1)?.failure.reason === 'deadline';
  if (!request.signal.aborted && !isLate) return undefined;
  const outcome = request.signal.aborted ? outcomeOfSignal(request.signal) : 'deadline';
  return { kind: 'failed', ...stoppedRefusal(outcome, attempts, request.stoppedByRun?.(outcome)), attempts };
};

/** Whether its provider's quota has no room for one more call. */
export const isFull = ({ full, ports }: Call, target: Target): boolean => (full.get(target) ?? 0) > ports.clock.now();

/** Nobody is left to ask. */
export const giveUp = (call: Call): LateResult => {
  const { request, ports, attempts, full, refusal } = call;
  if (refusal !== undefined)
    return { kind: 'failed', refusal: withAttempts(refusal, attempts), outcome: 'failed', attempts };
  const shut = call.targets.map(
    (target): Shut =>
      isFull(call, target)
        ? { kind: 'wait', until: full.get(target) ?? 0, because: 'quota', target: target.id }
        : ports.circuitBoard.peek(target.id),
  );
  return { kind: 'failed', ...finalRefusal(attempts, shut, request.alias.name, ports.clock.now()), attempts };
};

/** A budget's no to one target is no reason for a client to stay away from others, whose failures may have passed. */
const withAttempts = (refusal: Refusal, attempts: readonly FailedAttempt[]): Refusal => {
  if (attempts.length === 0) return refusal;
  const listed = { ...refusal, attempts: summarise(attempts) };
  if (!attempts.some(({ failure }) => failure.isRetryable)) return listed;
  const { shouldRetry, ...mayRetry } = listed;
  return { ...mayRetry, retryAfterMs: Math.min(refusal.retryAfterMs ?? UNTOLD_RETRY_MS, UNTOLD_RETRY_MS) };
};
