import type { TokenEstimate } from '../admit/estimate.ts';

/**
 * What a request's input is expected to count as: between its estimates. Whatever is compared with it must be in the same
 * measure, so also what is said of an earlier request's input.
 */
export const middleOf = ({ inputTokensLow, inputTokensHigh }: TokenEstimate): number =>
  Math.ceil((inputTokensLow + inputTokensHigh) / 2);
