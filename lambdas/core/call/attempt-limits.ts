import type { Target } from '../target.ts';
import type { AttemptLimits } from './attempt.ts';
import { PATIENCE_MS_PER_TOKEN } from './call-policy.ts';
import type { Call } from './call-state.ts';
import { hasTargetLeft, isBesideAttempts, leavesToTarget } from './canary-attempts.ts';
import { isFallbackLeft } from './fall-back.ts';
import { canBeLeastBad, isLeft } from './least-bad.ts';

/**
 * What bounds one attempt. A plain answer is given its share of the time that is left while others could still be asked, or
 * what the alias says (`answerMs`). A canary leaves at least as much to its target as it takes.
 */
export const limitsOf = (call: Call, target: Target, isLeastBad: boolean): AttemptLimits => {
  const limits = limitsOfTarget(call, target, isLeastBad);
  if (!hasTargetLeft(call, target)) return limits;
  const halfMs = Math.max(1, Math.floor((call.deadlineAt - call.ports.clock.now()) / 2));
  return {
    ...limits,
    silenceMs: Math.min(limits.silenceMs ?? halfMs, halfMs),
    leavesFiltered: () => leavesToTarget(call, target) || limits.leavesFiltered(),
  };
};

const limitsOfTarget = (call: Call, target: Target, isLeastBad: boolean): AttemptLimits => {
  const { request, ports, deadlineAt } = call;
  const { answerMs } = request.alias.timeouts;
  const firstTokenMs = firstTokenMsOf(call, target);
  const limits = { deadlineAt, leavesFiltered: () => isFallbackLeft(call, 'contentFilter') };
  if (request.conversation.stream) return { ...limits, silenceMs: firstTokenMs };
  const others = isLeastBad ? othersAtAll(call, target) : othersToAsk(call, target);
  if (others === 0 || isLastAttempt(call, target)) return limits;
  if (answerMs !== undefined) return { ...limits, silenceMs: answerMs };
  const shareMs = Math.floor((deadlineAt - ports.clock.now()) / (others + 1));
  return { ...limits, silenceMs: Math.max(firstTokenMs, shareMs) };
};

/**
 * From when on a plain answer is late, ms: not yet given up, but many late ones are evidence. By the output limit, since what
 * was asked for is known and how long it will be is not; where nobody set one, by what the alias takes for usual.
 */
export const patienceOf = (call: Call, target: Target): number => {
  const { request } = call;
  const { timeouts, defaultOutputTokens } = request.alias;
  const tokens = request.outputLimit(target) ?? Math.min(defaultOutputTokens, target.maxOutputTokens);
  return timeouts.answerMs ?? firstTokenMsOf(call, target) + PATIENCE_MS_PER_TOKEN * tokens;
};

/** Whether somebody else could answer if this attempt were given up. */
export const mayMoveOn = (call: Call, target: Target): boolean =>
  !isLastAttempt(call, target) && othersToAsk(call, target) > 0;

const firstTokenMsOf = ({ request }: Call, { canaryOf }: Target): number =>
  canaryOf?.firstTokenMs ?? request.alias.timeouts.firstTokenMs;

const isLastAttempt = (call: Call, target: Target): boolean =>
  call.sent + (isBesideAttempts(call, target) ? 0 : 1) >= call.request.alias.attempts;

/** Targets that were not asked yet and could be, those that the call may fall back on included. */
const othersToAsk = (call: Call, target: Target): number => {
  const { request, ports, attempts, finished } = call;
  const asked = new Set(attempts.map((attempt) => attempt.target.id)).add(target.id);
  const own = call.targets.filter(
    (other) => !asked.has(other.id) && !finished.has(other) && ports.circuitBoard.peek(other.id).kind === 'go',
  ).length;
  // However many they are: that is planned when they are needed.
  const isLeft = !call.fellBack.has('any') && request.fallbackCauses?.has('any') === true;
  return own + (isLeft ? 1 : 0);
};

/** Whom a call could turn to that has come to the least bad: others like it, and those that may be asked again. */
const othersAtAll = (call: Call, target: Target): number =>
  call.targets.filter(
    (other) =>
      other !== target &&
      isLeft(call, other) &&
      (call.ports.circuitBoard.peek(other.id).kind === 'go' || canBeLeastBad(call, other)),
  ).length;
