import type { Refusal } from '../failures.ts';
import { refuse } from '../failures.ts';
import { type Ports, StoreUnavailable } from '../ports.ts';
import type { Target } from '../target.ts';
import { type AttemptPorts, type AttemptResult, attemptTarget } from './attempt.ts';
import { backoffMs } from './backoff.ts';
import type { CallRequest, CallResult, PassedOver } from './call.ts';
import { LONGEST_WAIT_MS, WAIT_MARGIN_MS } from './call-policy.ts';
import { outcomeOfSignal, Stopped, watchAttempt } from './deadlines.ts';
import { type FailedAttempt, finalRefusal, type Shut, stoppedRefusal } from './final-refusal.ts';
import { renewProviderKey } from './provider-key.ts';

export type CallPorts = AttemptPorts & Pick<Ports, 'random' | 'circuitBoard'>;

/** The state of one call over all its attempts. */
interface Call {
  request: CallRequest;
  ports: CallPorts;
  /** The earlier of the request's deadline and the alias's total. */
  deadlineAt: number;
  attempts: FailedAttempt[];
  /** Calls that were sent: the attempt budget counts these. */
  sent: number;
  /** Targets that said no for good. */
  finished: Set<Target>;
  /** Targets whose key was read anew once. */
  renewed: Set<Target>;
  /** Targets without room in their provider's quota, until then. */
  full: Map<Target, number>;
}

/**
 * Asks the targets until one answers. A failure moves on to the next healthy target at once; only when all have been
 * asked does the call wait (backoff, or the soonest retry-after) and go round again. One attempt budget and one deadline
 * hold for all of it. Nothing is handed to the client before real content has come.
 *
 * Never rejects for what a target, a store or a client does; `admitAttempt` and bugs excepted.
 */
export const callTargets = async (request: CallRequest, ports: CallPorts): Promise<CallResult> => {
  const deadlineAt = Math.min(request.deadlineAt, ports.clock.now() + request.alias.timeouts.totalMs);
  const call: Call = {
    request,
    ports,
    deadlineAt,
    attempts: [],
    sent: 0,
    finished: new Set(),
    renewed: new Set(),
    full: new Map(),
  };

  for (let round = 1; ; round++) {
    for (const target of request.targets) {
      if (call.finished.has(target)) continue;
      const result = await askTarget(call, target);
      if (result !== undefined) return result;
    }
    const waitMs = waitBeforeRound(call, round);
    if (waitMs === undefined) return giveUp(call);
    await ports.clock.sleep(waitMs, request.signal);
  }
};

/** @returns undefined when the next target should be asked */
const askTarget = async (call: Call, target: Target): Promise<CallResult | undefined> => {
  const { request, ports } = call;
  const stopped = resultIfStopped(call);
  if (stopped !== undefined) return stopped;
  if (call.sent >= request.alias.attempts) return giveUp(call);

  if (isFull(call, target)) return undefined;
  const entry = await ports.circuitBoard.tryEnter(target.id);
  if (entry.kind === 'wait') return undefined;
  const report = (what: Parameters<typeof ports.circuitBoard.report>[1]) =>
    ports.circuitBoard.report(target.id, what, entry.probe);

  let result: AttemptResult;
  try {
    const refusal = await admit(call, target);
    if (refusal !== undefined) {
      report('abandoned');
      if ('passOverUntil' in refusal) {
        call.full.set(target, refusal.passOverUntil);
        return undefined;
      }
      return { kind: 'failed', refusal, outcome: 'failed', attempts: call.attempts };
    }
    result = await attemptTarget(request, target, call.deadlineAt, silenceOf(call, target), ports);
  } catch (error) {
    report('abandoned');
    throw error;
  }

  switch (result.kind) {
    case 'answered': {
      report('ok');
      const { body, answer, dropped, record } = result;
      request.attemptEnded?.(record, true);
      return { kind: 'answered', target, body, answer, dropped, attempts: [...call.attempts, record] };
    }
    case 'streaming':
      return streaming(call, target, result, entry.probe);
    case 'failed':
      report(result.wasSent ? result.record.failure : 'abandoned');
      request.attemptEnded?.(result.record, result.wasSent);
      return afterFailure(call, target, result);
    default:
      return result satisfies never;
  }
};

/**
 * How long a target may keep silent. A plain answer says nothing until it is whole, so it is given its share of the time
 * that is left while others could still be asked, and all of it when it is the last.
 */
const silenceOf = ({ request, ports, deadlineAt, attempts, finished }: Call, target: Target): number | undefined => {
  const { firstTokenMs } = request.alias.timeouts;
  if (request.conversation.stream) return firstTokenMs;
  const asked = new Set(attempts.map((attempt) => attempt.target));
  const others = request.targets.filter(
    (other) =>
      other !== target && !asked.has(other) && !finished.has(other) && ports.circuitBoard.peek(other.id).kind === 'go',
  ).length;
  if (others === 0 || attempts.length + 1 >= request.alias.attempts) return undefined;
  return Math.max(firstTokenMs, Math.floor((deadlineAt - ports.clock.now()) / (others + 1)));
};

/** Asks whether the ledger holds enough for this attempt too. A store that is down is a refusal: no hold, no call. */
const admit = async (
  { request, attempts, ports: { log } }: Call,
  target: Target,
): Promise<Refusal | PassedOver | undefined> => {
  try {
    return await request.admitAttempt(target, attempts);
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    log.error('attempt not admitted: store unavailable', { request_id: request.requestId, target: target.id, error });
    return refuse('store_unavailable', 'The store did not answer. Try again.', { retryAfterMs: 1_000 });
  }
};

const streaming = (
  { request, attempts, ports: { circuitBoard } }: Call,
  target: Target,
  { record, stream, dropped }: Extract<AttemptResult, { kind: 'streaming' }>,
  probe: string | undefined,
): CallResult => {
  // A prober is answered by the first content; the others say at the end, so that streams which always break off count.
  if (probe !== undefined) circuitBoard.report(target.id, 'ok', probe);
  const ended = stream.ended.then(({ outcome, stop, record }) => {
    request.attemptEnded?.(record, true);
    circuitBoard.report(target.id, outcome === 'answered' ? 'ok' : (record.failure ?? 'abandoned'));
    return { outcome, ...(stop !== undefined && { stop }), attempts: [...attempts, record] };
  });
  return { kind: 'streaming', target, chunks: stream.chunks, ended, dropped, attempts: [...attempts, record] };
};

const afterFailure = async (
  call: Call,
  target: Target,
  { record, wasSent, key }: Extract<AttemptResult, { kind: 'failed' }>,
): Promise<CallResult | undefined> => {
  const { failure } = record;
  const { request, ports } = call;
  call.attempts.push(record);
  if (wasSent) call.sent += 1;
  ports.log.warn('attempt failed', {
    request_id: request.requestId,
    target: target.id,
    reason: failure.reason,
    status: failure.status,
    duration_ms: record.durationMs,
  });

  const stopped = resultIfStopped(call);
  if (stopped !== undefined) return stopped;
  if (failure.reason === 'unauthorized' && key !== undefined && (await renewKey(call, target, key)))
    return askTarget(call, target);
  if (!failure.isRetryable && !failure.mayFallBack) return giveUp(call);
  if (!failure.isRetryable) call.finished.add(target);
  return undefined;
};

/** A key that the vendor turned down may have been rotated a moment ago: it is read anew, once a call and target. */
const renewKey = async (call: Call, target: Target, rejected: string): Promise<boolean> => {
  const { request, ports, deadlineAt, renewed } = call;
  if (renewed.has(target)) return false;
  renewed.add(target);
  const watch = watchAttempt(request.signal, deadlineAt, ports.clock);
  try {
    return await renewProviderKey(target, rejected, watch, ports);
  } catch (error) {
    if (error instanceof Stopped) return false;
    throw error;
  } finally {
    watch.release();
  }
};

/** The client has gone, somebody cancelled, or the deadline has passed. */
const resultIfStopped = ({ request, ports, deadlineAt, attempts }: Call): CallResult | undefined => {
  const isLate = ports.clock.now() >= deadlineAt || attempts.at(-1)?.failure.reason === 'deadline';
  if (!request.signal.aborted && !isLate) return undefined;
  const outcome = request.signal.aborted ? outcomeOfSignal(request.signal) : 'deadline';
  return { kind: 'failed', ...stoppedRefusal(outcome, attempts, request.stoppedByRun?.(outcome)), attempts };
};

const isFull = ({ full, ports }: Call, target: Target): boolean => (full.get(target) ?? 0) > ports.clock.now();

const giveUp = (call: Call): CallResult => {
  const { request, ports, attempts, full } = call;
  const shut = request.targets.map(
    (target): Shut =>
      isFull(call, target)
        ? { kind: 'wait', until: full.get(target) ?? 0, because: 'quota', target: target.id }
        : ports.circuitBoard.peek(target.id),
  );
  return { kind: 'failed', ...finalRefusal(attempts, shut, request.alias.name, ports.clock.now()), attempts };
};

/**
 * How long to wait before going round again, ms; undefined where it is not worth it: nobody is left, the budget is spent,
 * every circuit is open, or the wait would not leave time for an answer. Nobody waits here for a quota: the client is told
 * when it has room.
 */
const waitBeforeRound = (call: Call, round: number): number | undefined => {
  const { request, ports, deadlineAt, sent, finished } = call;
  if (sent >= request.alias.attempts) return undefined;
  const now = ports.clock.now();
  const readyAt = request.targets
    .filter((target) => !finished.has(target) && !isFull(call, target))
    .map((target) => ports.circuitBoard.peek(target.id))
    .filter((entry) => entry.kind === 'go' || entry.because === 'retry-after')
    .map((entry) => (entry.kind === 'go' ? now : entry.until));
  if (readyAt.length === 0) return undefined;
  const waitMs = Math.max(0, Math.min(...readyAt) - now) + backoffMs(round, ports.random);
  return waitMs <= LONGEST_WAIT_MS && now + waitMs <= deadlineAt - WAIT_MARGIN_MS ? waitMs : undefined;
};
