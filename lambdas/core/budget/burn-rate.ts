import type { NanoUsd } from '../../contract/money.ts';

const HOUR_MS = 3_600_000n;
/** Up to the year 9999, which is as far as a date can be written. */
const LAST_DATE_MS = 253_402_300_799_000n;

export interface BurnRate {
  /** Nano-USD an hour since the period began, rounded down. */
  perHour: NanoUsd;
  /** When the cap is reached at that rate, milliseconds since 1970; null where that is not within the period. */
  capReachedAt: number | null;
}

/**
 * How fast a budget goes, by what has been spent in the part of its period that has passed. Integers throughout.
 *
 * @param period its first instant and its end; no end = it never ends
 */
export const burnRate = (
  { spent, cap }: { spent: NanoUsd; cap: NanoUsd },
  period: { startsAt: number; endsAt: number | null },
  nowMs: number,
): BurnRate => {
  const elapsedMs = BigInt(Math.max(1, Math.floor(nowMs - period.startsAt)));
  const used = spent > 0n ? spent : 0n;
  return { perHour: (used * HOUR_MS) / elapsedMs, capReachedAt: reachedAt(used, cap, elapsedMs, period.endsAt, nowMs) };
};

const reachedAt = (
  spent: NanoUsd,
  cap: NanoUsd,
  elapsedMs: bigint,
  endsAt: number | null,
  nowMs: number,
): number | null => {
  if (spent >= cap) return Math.floor(nowMs);
  if (spent === 0n) return null;
  const at = BigInt(Math.floor(nowMs)) + ((cap - spent) * elapsedMs + spent - 1n) / spent;
  return at >= BigInt(endsAt ?? LAST_DATE_MS) ? null : Number(at);
};
