import type { PolicyFacts } from './order-facts.ts';

/** The cheapest first; of equals the one that is listed first. */
export const orderByCost = ({ costs }: Extract<PolicyFacts, { policy: 'cheapest' }>): number[] =>
  costs
    .map((cost, i) => ({ cost: BigInt(cost), i }))
    .sort((a, b) => (a.cost < b.cost ? -1 : a.cost > b.cost ? 1 : a.i - b.i))
    .map(({ i }) => i);
