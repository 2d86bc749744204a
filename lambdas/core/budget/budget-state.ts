import type { NanoUsd } from '../../contract/money.ts';

/** How far a budget has come: `warn` tells people, `downgrade` lets cheaper models answer, `reject` has no room left. */
export type BudgetState = 'ok' | 'warn' | 'downgrade' | 'reject';

const ORDER: readonly BudgetState[] = ['ok', 'warn', 'downgrade', 'reject'];

/** Whole thousandths of the cap, so that every comparison is one of integers. */
export interface Thresholds {
  warnPerMille: number;
  /** Absent = the budget never downgrades. */
  downgradePerMille?: number;
}

/** @param warnAt, downgradeAt shares of the cap (0..1), as a person wrote them */
export const thresholdsOf = ({ warnAt, downgradeAt }: { warnAt: number; downgradeAt?: number }): Thresholds => ({
  warnPerMille: Math.round(warnAt * 1000),
  ...(downgradeAt !== undefined && { downgradePerMille: Math.round(downgradeAt * 1000) }),
});

export const isBeyond = (state: BudgetState, other: BudgetState): boolean =>
  ORDER.indexOf(state) > ORDER.indexOf(other);

/** Whether an amount has come to so many thousandths of a cap. */
export const hasReached = (amount: NanoUsd, cap: NanoUsd, perMille: number): boolean =>
  amount * 1000n >= cap * BigInt(perMille);

/** The state of a budget of which this amount is gone. Whether there is room for a request only its hold can tell. */
export const stateAt = (
  amount: NanoUsd,
  cap: NanoUsd,
  { warnPerMille, downgradePerMille }: Thresholds,
): BudgetState => {
  if (amount >= cap) return 'reject';
  if (downgradePerMille !== undefined && hasReached(amount, cap, downgradePerMille)) return 'downgrade';
  return hasReached(amount, cap, warnPerMille) ? 'warn' : 'ok';
};

/** The states that lie after `from` up to `to`, in order; of a budget without `downgradeAt` that one is none of them. */
export const statesBetween = (from: BudgetState, to: BudgetState, { downgradePerMille }: Thresholds): BudgetState[] =>
  ORDER.slice(ORDER.indexOf(from) + 1, ORDER.indexOf(to) + 1).filter(
    (state) => state !== 'downgrade' || downgradePerMille !== undefined,
  );
