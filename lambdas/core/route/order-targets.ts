import { holdBack } from './hold-back.ts';
import { orderByCost } from './order-by-cost.ts';
import { orderBySpeed } from './order-by-speed.ts';
import { orderByWeight } from './order-by-weight.ts';
import type { OrderFacts, PolicyFacts } from './order-facts.ts';

/**
 * The order in which targets are asked: their numbers in `ids`. Pure, so that the order in a receipt can be made again from
 * its facts.
 *
 * @param ids of the targets that can serve the request, as the configuration lists them
 */
export const orderTargets = (ids: readonly string[], facts: OrderFacts): number[] =>
  holdBack(orderByPolicy(ids, facts), facts.slowStart);

const orderByPolicy = (ids: readonly string[], facts: PolicyFacts): number[] => {
  switch (facts.policy) {
    case 'ordered':
      return ids.map((_, i) => i);
    case 'weighted':
      return orderByWeight(ids, facts);
    case 'cheapest':
      return orderByCost(facts);
    case 'fastest':
      return orderBySpeed(ids, facts);
    default:
      return facts satisfies never;
  }
};
