import type { Target } from '../target.ts';
import { expectedCost } from './expected-cost.ts';
import { expectedTime } from './expected-time.ts';
import { asFastAs } from './order-by-speed.ts';
import type { PolicyFacts, PolicyName } from './order-facts.ts';
import { orderTargets } from './order-targets.ts';
import type { Looks, Policies, PolicyLooks } from './route-sources.ts';
import { STALE_MS } from './target-statistics.ts';

/** The policies beyond `ordered`: a file of its own, which is loaded where a configuration has one (docs/decisions/008). */
export const POLICIES_AT_WORK: Policies = {
  gather: (policy, targets, looks) => gatherPolicyFacts(policy, targets, looks),
  order: orderTargets,
};

const gatherPolicyFacts = (
  policy: Exclude<PolicyName, 'ordered'>,
  targets: readonly Target[],
  looks: Looks,
): PolicyLooks => {
  const isAtHome = looks.asked.alias.affinity !== false;
  switch (policy) {
    case 'weighted':
      return {
        facts: {
          policy,
          seed: isAtHome ? looks.name() : String(looks.draw()),
          weights: targets.map(({ weight = 1 }) => weight),
        },
        hasHome: false,
      };
    case 'cheapest':
      return { facts: cheapestFacts(targets, looks, isAtHome), hasHome: isAtHome };
    case 'fastest':
      return { facts: fastestFacts(targets, looks, isAtHome), hasHome: isAtHome };
    default:
      return policy satisfies never;
  }
};

const homeAmong = (targets: readonly Target[], { sources, name }: Looks, isAtHome: boolean) => {
  const home = isAtHome ? sources.homeOf(name()) : undefined;
  const index = home === undefined ? -1 : targets.findIndex(({ id }) => id === home.target);
  return index === -1 ? undefined : { index, cachedTokens: home?.cachedTokens ?? 0 };
};

const cheapestFacts = (targets: readonly Target[], looks: Looks, isAtHome: boolean): PolicyFacts => {
  const home = homeAmong(targets, looks, isAtHome);
  const costs = targets.map((target, i) =>
    expectedCost(target, looks.asked, looks.estimateOf(target), i === home?.index ? home.cachedTokens : 0).toString(),
  );
  return { policy: 'cheapest', costs, ...(home && { home: home.index }) };
};

const fastestFacts = (targets: readonly Target[], looks: Looks, isAtHome: boolean): PolicyFacts => {
  const { asked, sources } = looks;
  const home = homeAmong(targets, looks, isAtHome);
  const times = targets.map(({ id }) =>
    expectedTime(sources.statisticsOf(id), { stream: asked.conversation.stream }, sources.now),
  );
  const ms = times.map((time) => time?.ms ?? null);
  if (home !== undefined) return { policy: 'fastest', ms, home: home.index };
  const fastest = Math.min(...ms.map((time) => time ?? Number.POSITIVE_INFINITY));
  // The fastest is asked anyway, which measures it.
  const stale = times.flatMap((time, i) =>
    time !== undefined && time.ms > fastest && sources.now - time.measuredAt >= STALE_MS ? [i] : [],
  );
  return {
    policy: 'fastest',
    ms,
    ...(stale.length > 0 && { stale }),
    ...(isAtHome && asFastAs(fastest, ms).length > 1 && { seed: looks.name() }),
    ...((stale.length > 0 || ms.includes(null)) && { draw: looks.draw() }),
  };
};
