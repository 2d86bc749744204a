import type { SlowStart } from './order-facts.ts';

/** Targets in their slow start stand behind the others for conversations whose turn has not come. */
export const holdBack = (order: number[], slowStart: SlowStart | undefined): number[] => {
  if (slowStart === undefined) return order;
  const held = new Set(slowStart.shares.flatMap(([target, share]) => (slowStart.place < share ? [] : [target])));
  return [...order.filter((target) => !held.has(target)), ...order.filter((target) => held.has(target))];
};
