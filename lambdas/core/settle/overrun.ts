import type { NanoUsd } from '../../contract/money.ts';

/**
 * By how much an entry costs more than was held for it: the provider billed beyond the request's own bounds. Of any ended entry:
 * a lost one costs its hold, and the correction of one (hold 0) costs more than nothing only where the true cost was above the
 * hold that had been charged.
 */
export const overrunOf = ({ cost, hold }: { cost: NanoUsd; hold: NanoUsd }): NanoUsd =>
  cost > hold ? cost - hold : 0n;
