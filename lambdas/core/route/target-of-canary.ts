import { pinOf, type Target } from '../target.ts';

/** The target whose place a canary has taken, in its own region where that is among them; undefined for one that is no canary. */
export const targetOfCanary = ({ canaryOf, region }: Target, targets: readonly Target[]): Target | undefined => {
  if (canaryOf === undefined) return undefined;
  const own = targets.filter((target) => pinOf(target) === canaryOf.target);
  return own.find((other) => other.region === region) ?? own[0];
};
