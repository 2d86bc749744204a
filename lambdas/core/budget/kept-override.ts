import type { CapOverride } from './budgets.ts';

/** Caps set by hand are kept so long after their end: several runs of whoever looks for those that have ended may fail. */
const KEPT_MS = 60 * 60_000;

/** Whether a cap set by hand stays with the policy when that changes. */
export const isKept = ({ until }: Pick<CapOverride, 'until'>, nowMs: number): boolean =>
  until === null || until + KEPT_MS > nowMs;
