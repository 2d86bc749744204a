import { epochEnd, epochStart, GRACE_MS } from '../../contract/timing.ts';
import type { Clock } from '../../core/ports.ts';

/**
 * The table's time. Every answer of DynamoDB says what time it is there, to the second; that, never this machine's clock,
 * decides what epoch it is. Between answers the machine's clock only measures what has passed.
 */
export interface TableTime {
  /** Takes in the `Date` header of an answer to what was sent at `sentAt`, by this machine's clock. */
  note(date: string, sentAt: number): void;
  /** undefined before the first answer. */
  known(): number | undefined;
  /** The best guess: before the first answer, this machine's clock. Never within an epoch known to be closed. */
  now(): number;
  /** The last epoch in which nothing may begin any more, as far as is known: some account is closed through it. −1 = none. */
  fence(): number;
  /** Notes that nothing may begin in epochs up to this one. */
  raiseFence(epoch: number): void;
}

/** A `Date` header says the second in which it was written. */
const RESOLUTION_MS = 1_000;

/** @param clock this machine's; it may be wrong, and may jump */
export const makeTableTime = (clock: Clock): TableTime => {
  // The table's time is this clock's plus something in [least, most): every answer narrows it.
  let least = Number.NEGATIVE_INFINITY;
  let most = Number.POSITIVE_INFINITY;
  let fence = -1;

  /** This clock, as little corrected as the answers allow. */
  const guess = (): number => clock.now() + Math.min(Math.max(0, least), most - 1);

  return {
    note(date, sentAt) {
      const time = Date.parse(date);
      if (Number.isNaN(time)) return;
      const lower = time - clock.now();
      const upper = time + RESOLUTION_MS - sentAt;
      least = Math.max(least, lower);
      most = Math.min(most, upper);
      // The two clocks have moved against each other: only the last answer counts.
      if (least >= most) [least, most] = [lower, Math.max(upper, lower + 1)];
    },
    known: () => (Number.isFinite(least) ? guess() : undefined),
    now: () => Math.max(guess(), epochStart(fence + 1)),
    fence: () => fence,
    raiseFence(epoch) {
      fence = Math.max(fence, epoch);
    },
  };
};

/** Whether holds and entries of this epoch may begin at this time. */
export const isEpochOpen = (epoch: number, timeMs: number): boolean =>
  timeMs >= epochStart(epoch) - GRACE_MS && timeMs <= epochEnd(epoch) + GRACE_MS;
