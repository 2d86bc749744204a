import type { Asked } from '../decode/decode.ts';
import type { RouteRule, Target } from '../target.ts';
import type { PolicyName } from './order-facts.ts';

/** What of an alias is open to a request, and how it is ordered. */
export interface Route {
  policy: PolicyName;
  targets: Target[];
  /** Number of the rule that chose it, from 0; absent = no rule did. */
  rule?: number;
}

/**
 * The first rule whose every condition holds, else the alias's own targets and policy. What a rule leaves out is the alias's;
 * where it names targets, they are all there are for the request, in the rule's order: a rule may be what keeps data where
 * it belongs.
 *
 * @param inputTokens of the request, between its estimates
 */
export const chooseRoute = (
  { alias, ...asked }: Pick<Asked, 'alias' | 'labels' | 'surface'>,
  inputTokens: () => number,
): Route => {
  const { routes = [], policy = 'ordered', targets } = alias;
  const rule = routes.findIndex((one) => isMatch(one, asked, inputTokens));
  const chosen = routes[rule];
  if (chosen === undefined) return { policy, targets };
  return { policy: chosen.policy ?? policy, targets: chosen.targets ?? targets, rule };
};

const isMatch = (
  { when }: RouteRule,
  { labels, surface }: Pick<Asked, 'labels' | 'surface'>,
  inputTokens: () => number,
): boolean => {
  const { tags, surface: surfaces, inputTokensAbove, inputTokensBelow } = when;
  for (const [name, values] of tags ?? []) {
    const value = Object.hasOwn(labels.tags, name) ? labels.tags[name] : undefined;
    if (value === undefined || !values.has(value)) return false;
  }
  if (surfaces !== undefined && !surfaces.has(surface.name)) return false;
  if (inputTokensAbove !== undefined && inputTokens() <= inputTokensAbove) return false;
  return inputTokensBelow === undefined || inputTokens() < inputTokensBelow;
};
