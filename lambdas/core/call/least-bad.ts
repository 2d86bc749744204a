import type { Target } from '../target.ts';
import { type Call, isFull } from './call-state.ts';
import { hasTargetLeft } from './canary-attempts.ts';

/**
 * A target behind an open circuit that is worth an attempt, since nobody else has answered: each once a call, and only those
 * that it has not asked yet. Where others could be asked a second time one of them comes before that, unless it would keep the
 * call waiting: what has just failed is no better bet than what failed a while ago.
 *
 * @param isRoundLeft whether the call could go round again
 */
export const takeLeastBad = (call: Call, isRoundLeft: boolean): Target | undefined => {
  if (isRoundLeft && call.triedLeastBad.size > 0) return undefined;
  const left = call.targets.filter((target) => isLeft(call, target) && canBeLeastBad(call, target));
  const id = call.ports.circuitBoard.leastBad(
    left.map((target) => target.id),
    isRoundLeft,
  );
  const taken = left.find((target) => target.id === id);
  if (taken !== undefined) call.triedLeastBad.add(taken);
  return taken;
};

export const isLeft = (call: Call, target: Target): boolean => !call.finished.has(target) && !isFull(call, target);

export const canBeLeastBad = (call: Call, target: Target): boolean => {
  const { attempts, triedLeastBad, ports } = call;
  // One on trial would take the attempt from the target that it is tried for.
  if (target.canaryOf?.onTrial === true && hasTargetLeft(call, target)) return false;
  if (triedLeastBad.has(target) || attempts.some((attempt) => attempt.target === target)) return false;
  const entry = ports.circuitBoard.peek(target.id);
  return entry.kind === 'wait' && entry.because === 'circuit';
};
