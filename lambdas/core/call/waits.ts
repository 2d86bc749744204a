import type { AttemptFailure } from '../failures.ts';
import type { Target } from '../target.ts';
import { backoffMs } from './backoff.ts';
import { LONGEST_WAIT_MS, SHORT_WAIT_MS, WAIT_MARGIN_MS } from './call-policy.ts';
import { type Call, isFull } from './call-state.ts';
import { isTriedOut } from './canary-attempts.ts';

/**
 * How long to wait before going round again, ms; undefined where it is not worth it: nobody is left, the budget is spent,
 * every circuit is open, or the wait would not leave time for an answer. Nobody waits here for a quota or a budget: the client
 * is told when it has room.
 */
export const waitBeforeRound = (call: Call, round: number): number | undefined => {
  const { request, ports, sent, finished } = call;
  if (sent >= request.alias.attempts) return undefined;
  const now = ports.clock.now();
  const readyAt = call.targets
    .filter((target) => !finished.has(target) && !isFull(call, target) && !isTriedOut(call, target))
    .map((target) => ports.circuitBoard.peek(target.id))
    .filter((entry) => entry.kind === 'go' || entry.because === 'retry-after')
    .map((entry) => (entry.kind === 'go' || entry.isUntold ? now : entry.until));
  if (readyAt.length === 0) return undefined;
  const waitMs = Math.max(0, Math.min(...readyAt) - now) + backoffMs(round, ports.random);
  return hasTimeFor(call, waitMs, LONGEST_WAIT_MS) ? waitMs : undefined;
};

/**
 * How long to wait for the same target rather than move on, ms: a vendor that says it has room again in a moment is asked
 * again, once, while the prompt that it may have cached is worth more than the wait. What a retry would take from the attempt
 * budget is left where others are to be asked. Undefined = move on; the retry-after is remembered against the target.
 */
export const shortWaitOf = (
  call: Call,
  target: Target,
  { isRetryable, retryAfterMs = 0 }: AttemptFailure,
): number | undefined => {
  const { request, ports, sent, waited } = call;
  if (!isRetryable || retryAfterMs <= 0 || retryAfterMs > SHORT_WAIT_MS || waited.has(target)) return undefined;
  const others = call.targets.some((other) => other !== target && !call.finished.has(other));
  if (sent + (others ? 1 : 0) >= request.alias.attempts) return undefined;
  const waitMs = retryAfterMs + backoffMs(1, ports.random);
  return hasTimeFor(call, waitMs, Number.POSITIVE_INFINITY) ? waitMs : undefined;
};

const hasTimeFor = ({ ports, deadlineAt }: Call, waitMs: number, mostMs: number): boolean =>
  waitMs <= mostMs && ports.clock.now() + waitMs <= deadlineAt - WAIT_MARGIN_MS;
