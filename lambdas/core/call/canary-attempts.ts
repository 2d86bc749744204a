import { targetOfCanary } from '../route/target-of-canary.ts';
import type { Target } from '../target.ts';
import type { Call } from './call-state.ts';

/**
 * Whether it is a canary whose target can still be asked: that is done at once, whatever the canary failed with. It may refuse
 * a field that its target takes, or its filter say no where the target's own would not.
 */
export const hasTargetLeft = (call: Pick<Call, 'targets' | 'finished'>, target: Target): boolean =>
  targetLeft(call, target) !== undefined;

const targetLeft = ({ targets, finished }: Pick<Call, 'targets' | 'finished'>, target: Target): Target | undefined =>
  targetOfCanary(
    target,
    targets.filter((other) => !finished.has(other)),
  );

/** Whether a canary on trial, whose answer its filter has kept, can be followed by its target: else that answer is the client's. */
export const leavesToTarget = (call: Pick<Call, 'targets' | 'finished' | 'ports'>, target: Target): boolean => {
  if (target.canaryOf?.onTrial !== true) return false;
  const own = targetLeft(call, target);
  return own !== undefined && call.ports.circuitBoard.peek(own.id).kind === 'go';
};

/**
 * Whether an attempt is none of those that the alias allows: a canary's first, so that its target has all of them. Reading its
 * key anew goes with that. What can be sent at most is the alias's attempts, and two more for each canary.
 */
export const isBesideAttempts = (call: Pick<Call, 'targets' | 'finished' | 'attempts'>, target: Target): boolean =>
  hasTargetLeft(call, target) &&
  !call.attempts.some(
    ({ target: asked, failure }) => isSameVersion(asked, target) && failure.reason !== 'unauthorized',
  );

/** A canary on trial is asked once, while its target is there to be asked again. */
export const isTriedOut = (call: Pick<Call, 'targets' | 'finished' | 'attempts'>, target: Target): boolean =>
  target.canaryOf?.onTrial === true &&
  call.attempts.some((attempt) => attempt.target === target) &&
  hasTargetLeft(call, target);

const isSameVersion = (a: Target, b: Target): boolean => a.provider.name === b.provider.name && a.model === b.model;
