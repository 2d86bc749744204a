import type { Ports } from '../core/ports.ts';
import type { Alias } from '../core/target.ts';

/** The policies beyond `ordered`, where an alias has one. */
export const loadPolicies = async (aliases: ReadonlyMap<string, Alias>): Promise<Pick<Ports, 'policies'>> => {
  const isOther = (policy: Alias['policy']): boolean => policy !== undefined && policy !== 'ordered';
  const isNeeded = [...aliases.values()].some(
    ({ policy, routes = [] }) => isOther(policy) || routes.some((rule) => isOther(rule.policy)),
  );
  return isNeeded ? { policies: (await import('../core/route/policies.ts')).POLICIES_AT_WORK } : {};
};
