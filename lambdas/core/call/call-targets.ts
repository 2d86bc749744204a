import type { Refusal } from '../failures.ts';
import { refuse } from '../failures.ts';
import { StoreUnavailable } from '../ports.ts';
import type { Target } from '../target.ts';
import { type AttemptResult, attemptTarget } from './attempt.ts';
import { limitsOf, mayMoveOn, patienceOf } from './attempt-limits.ts';
import type { AttemptRecord, CallRequest, LateResult, PassedOver } from './call.ts';
import { type Call, type CallPorts, giveUp, isFull, resultIfStopped, startCall } from './call-state.ts';
import { hasTargetLeft, isBesideAttempts, isTriedOut } from './canary-attempts.ts';
import type { Entering, Entry } from './circuit-board.ts';
import { Stopped, watchAttempt } from './deadlines.ts';
import { fallBack, leaveToFilterFallbacks } from './fall-back.ts';
import { takeLeastBad } from './least-bad.ts';
import { LEAST_BAD } from './probe-verdict.ts';
import { renewProviderKey } from './provider-key.ts';
import { shortWaitOf, waitBeforeRound } from './waits.ts';

export type { CallPorts } from './call-state.ts';

/**
 * Asks the targets until one answers. A failure moves on to the next healthy target at once, then to those of the aliases
 * that it may fall back on; then one behind an open circuit is tried, and only then does the call wait (backoff, or the
 * soonest retry-after) and go round again. Where every circuit is open, each target is tried once. One attempt budget and one
 * deadline hold for all of it; a canary's trial comes on top of the first, and has a part of the second. Nothing is handed to the client before real content has come.
 *
 * Never rejects for what a target, a store or a client does; `admitAttempt` and bugs excepted.
 */
export const callTargets = async (request: CallRequest, ports: CallPorts): Promise<LateResult> => {
  const call = startCall(request, ports);
  let asked = 0;
  for (let round = 1; ; ) {
    const result = await askEach(call, call.targets.slice(asked), round === 1 ? 'usual' : 'again');
    if (result !== undefined) return result;
    asked = call.targets.length;
    if (fallBack(call)) continue;

    const waitMs = waitBeforeRound(call, round);
    const leastBad = takeLeastBad(call, waitMs !== undefined);
    if (leastBad !== undefined) {
      const result = await askTarget(call, leastBad, 'least-bad');
      if (result !== undefined) return result;
      continue;
    }
    if (waitMs === undefined) return giveUp(call);
    await ports.clock.sleep(waitMs, request.signal);
    round += 1;
    asked = 0;
  }
};

/** One target after the other, until one has brought the call to its end. */
const askEach = async (call: Call, targets: readonly Target[], entering: Entering): Promise<LateResult | undefined> => {
  const order = [...targets];
  for (const target of order) {
    if (call.finished.has(target) || isTriedOut(call, target)) continue;
    const hadItsTurn = call.heldBack.has(target);
    const result = await askTarget(call, target, entering);
    if (result !== undefined) return result;
    // The loop comes to it again, once.
    if (!hadItsTurn && call.heldBack.has(target)) order.push(target);
  }
  return undefined;
};

/** @returns undefined when the next target should be asked */
const askTarget = async (call: Call, target: Target, entering: Entering): Promise<LateResult | undefined> => {
  const { request, ports } = call;
  const isDrawn = await confirmCanary(call, target);
  const stopped = resultIfStopped(call);
  if (stopped !== undefined) return stopped;
  if (call.sent >= request.alias.attempts) return giveUp(call);

  if (!isDrawn || isFull(call, target)) return undefined;
  const entry = await ports.circuitBoard.tryEnter(target.id, entering);
  if (entry.kind === 'wait') {
    request.passedOver?.(target, whyNot(entry));
    return undefined;
  }
  // By the plan's own measure, asked again: between the two a prober may have closed the circuit, and conversations that came
  // home in that moment, all at once, would leave again with their next request.
  if (entry.probe === undefined && !call.heldBack.has(target) && request.isHeldBack?.(target)) {
    call.heldBack.add(target);
    request.passedOver?.(target, 'circuit closed a moment ago');
    return undefined;
  }
  const mark = <T extends AttemptRecord>(record: T): T =>
    entry.probe === LEAST_BAD ? { ...record, leastBad: true } : record;
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
      return afterRefusal(call, target, refusal);
    }
    result = await attemptOnce(call, target, entry.probe);
  } catch (error) {
    report('abandoned');
    throw error;
  }

  switch (result.kind) {
    case 'answered': {
      const { body, answer, dropped, record } = result;
      request.attemptEnded?.(record, true);
      report('ok');
      return { kind: 'answered', target, body, answer, dropped, attempts: [...call.attempts, mark(record)] };
    }
    case 'streaming':
      return streaming(call, target, result, entry.probe, mark);
    case 'failed':
      // First its statistics, which the circuit looks at.
      request.attemptEnded?.(result.record, result.wasSent);
      report(result.wasSent ? result.record.failure : 'abandoned');
      return afterFailure(call, target, { ...result, record: mark(result.record) }, entering);
    default:
      return result satisfies never;
  }
};

/**
 * Whether a canary may be asked now that its turn has come. One that was taken back a moment ago may not; where that could not
 * be read it comes behind the others.
 */
const confirmCanary = async (call: Call, target: Target): Promise<boolean> => {
  const { request, finished, heldBack } = call;
  if (target.canaryOf === undefined || finished.has(target) || heldBack.has(target)) return true;
  const word = await request.confirmCanary?.(target);
  if (word === 'back') {
    finished.add(target);
    request.passedOver?.(target, 'taken back by hand');
    return false;
  }
  if (word === 'unknown' && hasTargetLeft(call, target)) {
    heldBack.add(target);
    request.passedOver?.(target, 'not known whether it was taken back');
    return false;
  }
  return true;
};

/** One attempt. Where it has to wait long for a plain answer, the board hears of it, and may say that it should move on. */
const attemptOnce = async (call: Call, target: Target, probe: string | undefined): Promise<AttemptResult> => {
  const { request, ports } = call;
  const limits = limitsOf(call, target, probe === LEAST_BAD);
  if (request.conversation.stream || probe !== undefined) return attemptTarget(request, target, limits, ports);
  const given = new AbortController();
  const end = ports.circuitBoard.startWaiting(target.id, {
    patienceMs: patienceOf(call, target),
    leave: () => {
      if (mayMoveOn(call, target)) given.abort();
    },
  });
  try {
    return await attemptTarget(request, target, { ...limits, givenUp: given.signal }, ports);
  } finally {
    end();
  }
};

/** Why a target is not asked, for the receipt. */
export const whyNot = ({ because, until, isUntold }: Extract<Entry, { kind: 'wait' }>): string => {
  switch (because) {
    case 'circuit':
      return 'circuit open';
    case 'by-hand':
      return 'shut by hand';
    case 'retry-after':
      return isUntold ? 'rate-limited a moment ago' : `retry-after until ${new Date(until).toISOString()}`;
    default:
      return because satisfies never;
  }
};

/** A budget that has no room for this target may have for another, or for one that was asked; what else refuses would refuse them all. */
const afterRefusal = (call: Call, target: Target, refusal: Refusal): LateResult | undefined => {
  // A canary's refusal is nobody's: its target may fit, and says so itself where it does not.
  if (hasTargetLeft(call, target)) {
    call.finished.add(target);
    call.request.passedOver?.(target, refusal.code === 'budget_exceeded' ? 'no budget for this hop' : refusal.message);
    return undefined;
  }
  call.refusal = refusal;
  if (refusal.code !== 'budget_exceeded') return giveUp(call);
  call.finished.add(target);
  call.request.passedOver?.(target, 'no budget for this hop');
  return undefined;
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
  mark: (record: AttemptRecord) => AttemptRecord,
): LateResult => {
  // A prober is answered by the first content; the others say at the end, so that streams which always break off count.
  const isLeastBad = probe === LEAST_BAD;
  if (probe !== undefined && !isLeastBad) circuitBoard.report(target.id, 'ok', probe);
  circuitBoard.heard(target.id);
  const ended = stream.ended.then(({ outcome, stop, record, unsaid }) => {
    request.attemptEnded?.(record, true);
    const report = outcome === 'answered' ? 'ok' : (record.failure ?? 'abandoned');
    circuitBoard.report(target.id, report, isLeastBad ? probe : undefined);
    return {
      outcome,
      ...(stop !== undefined && { stop }),
      attempts: [...attempts, mark(record)],
      ...(unsaid.length > 0 && { unsaid }),
    };
  });
  return { kind: 'streaming', target, chunks: stream.chunks, ended, dropped, attempts: [...attempts, mark(record)] };
};

const afterFailure = async (
  call: Call,
  target: Target,
  { record, wasSent, key }: Extract<AttemptResult, { kind: 'failed' }>,
  entering: Entering,
): Promise<LateResult | undefined> => {
  const { failure } = record;
  const { request, ports } = call;
  const isBeside = isBesideAttempts(call, target);
  call.attempts.push(record);
  if (wasSent && !isBeside) call.sent += 1;
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
    return askTarget(call, target, entering);
  const isLeftToTarget = hasTargetLeft(call, target);
  if (failure.reason === 'content_filter' && !isLeftToTarget && leaveToFilterFallbacks(call)) return undefined;
  if (!failure.isRetryable && !failure.mayFallBack && !isLeftToTarget) return giveUp(call);
  if (!failure.isRetryable) call.finished.add(target);
  if (isLeftToTarget) return undefined;
  const waitMs = shortWaitOf(call, target, failure);
  if (waitMs === undefined) return undefined;
  call.waited.add(target);
  await ports.clock.sleep(waitMs, request.signal);
  return askTarget(call, target, entering);
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
