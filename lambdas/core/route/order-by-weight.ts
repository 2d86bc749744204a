import { hashFraction } from './hash-fraction.ts';
import type { PolicyFacts } from './order-facts.ts';

/**
 * Weighted rendezvous hashing: each target draws a time from the seed and its own name, the shorter the greater its weight,
 * and they come in that order. Over many seeds each is first as often as its weight says; for one seed the order stands, and
 * when a target goes only what was its own moves (Thaler and Ravishankar 1998; with weights: Schindelhauer and Schomaker 2005).
 *
 * Regions of one configured target are one choice, of its weight: first it is drawn which target, then which of its regions,
 * and the others of its regions come next, before any other target.
 */
export const orderByWeight = (
  ids: readonly string[],
  { seed, weights }: Extract<PolicyFacts, { policy: 'weighted' }>,
): number[] => {
  const groups = ids.map(withoutRegion);
  const targets = ids.map((id, i) => ({
    i,
    group: groups.indexOf(groups[i] ?? id),
    // By its name and not by the regions that are left of it: one that goes must not move the others' conversations.
    groupTime: drawnTime(`${seed} target ${groups[i]}`, weights[i] ?? 1),
    ownTime: drawnTime(`${seed} region ${id}`, 1),
  }));
  return targets
    .sort((a, b) => compare(a.groupTime, b.groupTime) || a.group - b.group || compare(a.ownTime, b.ownTime))
    .map(({ i }) => i);
};

/** `bedrock/claude@us-west-2` → `bedrock/claude`; dates, as in `claude@20251022`, are part of a model's name. */
const withoutRegion = (id: string): string => id.replace(/@[a-z][a-z0-9-]*$/, '');

/** Exponentially distributed, with the weight as its rate. Infinite for a weight of nothing: those come last, as they are listed. */
const drawnTime = (text: string, weight: number): number => -Math.log(hashFraction(text)) / weight;

/** Not by difference: of two infinities there is none. */
const compare = (a: number, b: number): number => (a < b ? -1 : a > b ? 1 : 0);
