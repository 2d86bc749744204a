import { targetOfCanary } from '../route/target-of-canary.ts';
import type { Target } from '../target.ts';
import type { Call } from './call-state.ts';

/**
 * Whether it is a canary whose target can still be asked: that is done at once, whatever the canary failed with. It may refuse
 * a field that its target takes, or its filter say no where the target's own would not.
 */
export const hasTargetLeft = ({ targets, finished }: Pick<Call, 'targets' | 'finished'>, target: Target): boolean =>
  targetOfCanary(
    target,
    targets.filter((other) => !finished.has(other)),
  ) !== undefined;

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
