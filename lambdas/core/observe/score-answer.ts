import type { Flaw } from '../receipt.ts';

/**
 * `QualityScore` of an answer that nobody has judged: 1 where it ended as it should, a half where it was cut short at its
 * output limit, 0 where the model refused or did not keep to the asked format. docs/decisions/035 says why so coarse.
 */
export const scoreOf = (flaw: Flaw | undefined): number => {
  switch (flaw) {
    case undefined:
      return 1;
    case 'truncated':
      return 0.5;
    case 'refused':
    case 'invalid-output':
      return 0;
    default:
      return flaw satisfies never;
  }
};
