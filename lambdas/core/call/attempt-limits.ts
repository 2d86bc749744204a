import type { Target } from '../target.ts';
import type { AttemptLimits } from './attempt.ts';
import { PATIENCE_MS_PER_TOKEN } from './call-policy.ts';
import type { Call } from './call-state.ts';
import { isFallbackLeft } from './fall-back.ts';
import { canBeLeastBad, isLeft } from './least-bad.ts';

/**
 * What bounds one attempt. A plain answer is given its share of the time that is left while others could still be asked, or
 * what the alias says (`answerMs`).
 */
export const limitsOf = (call: Call, target: Target, isLeastBad: boolean): AttemptLimits => {
  const { request, ports, deadlineAt } = call;
  const { firstTokenMs, answerMs } = request.alias.timeouts;
  const limits = { deadlineAt, leavesFiltered: () => isFallbackLeft(call, 'contentFilter') };
  if (request.conversation.stream) return { ...limits, silenceMs: firstTokenMs };
  const others = isLeastBad ? othersAtAll(call, target) : othersToAsk(call, target);
  if (others === 0 || isLastAttempt(call)) return limits;
  if (answerMs !== undefined) return { ...limits, silenceMs: answerMs };
  const shareMs = Math.floor((deadlineAt - ports.clock.now()) / (others + 1));
  return { ...limits, silenceMs: Math.max(firstTokenMs, shareMs) };
};

/**
 * From when on a plain answer is late, ms: not yet given up, but many late ones are evidence. By the output limit, since what
 * was asked for is known and how long it will be is not; where nobody set one, by what the alias takes for usual.
 */
export const patienceOf = ({ request }: Call, target: Target): number => {
  const { timeouts, defaultOutputTokens } = request.alias;
  const tokens = request.outputLimit(target) ?? Math.min(defaultOutputTokens, target.maxOutputTokens);
  return timeouts.answerMs ?? timeouts.firstTokenMs + PATIENCE_MS_PER_TOKEN * tokens;
};

/** Whether somebody else could answer if this attempt were given up. */
export const mayMoveOn = (call: Call, target: Target): boolean => !isLastAttempt(call) && othersToAsk(call, target) > 0;

const isLastAttempt = ({ sent, request }: Call): boolean => sent + 1 >= request.alias.attempts;

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
