import type { BudgetPeriod } from '../budget/budgets.ts';

/** Shortest first. */
export const PERIODS: readonly BudgetPeriod[] = ['daily', 'weekly', 'monthly', 'lifetime'];

/** Name of the period that never ends. */
export const LIFETIME = 'all';

const DAY_MS = 86_400_000;
/** No zone has ever been farther from UTC. */
const FARTHEST_MS = 26 * 3_600_000;

/**
 * Name of the period that holds this time in the zone: `2026-11-22`, the ISO week `2026-W47`, `2026-11`, `all`. The zone is
 * no part of it: a cap goes on holding where another zone is configured (docs/decisions/017).
 */
export const periodOf = (length: BudgetPeriod, timeMs: number, timeZone = 'UTC'): string => {
  switch (length) {
    case 'daily':
      return dayName(dayOf(timeMs, timeZone));
    case 'weekly':
      return weekName(dayOf(timeMs, timeZone));
    case 'monthly':
      return dayName(dayOf(timeMs, timeZone)).slice(0, 7);
    case 'lifetime':
      return LIFETIME;
  }
};

const DATE = /^(\d{4})-(\d{2})(?:-(\d{2}))?$/;
const WEEK = /^(\d{4})-W(\d{2})$/;

/**
 * When a period ends and the next begins in the zone, milliseconds since 1970: the very instant, whether its last day has
 * 23, 24 or 25 hours. null = never.
 *
 * @throws {RangeError} when the name is not one that `periodOf` makes.
 */
export const periodEndsAt = (period: string, timeZone = 'UTC'): number | null => {
  if (period === LIFETIME) return null;
  const [, weekYear, week] = WEEK.exec(period) ?? [];
  if (weekYear !== undefined) return dayStart(firstMonday(Number(weekYear)) + 7 * Number(week), timeZone);
  const [, year, month, day] = DATE.exec(period) ?? [];
  if (year === undefined)
    throw new RangeError(
      `expected a period such as 2026-11-22, 2026-W47, 2026-11 or all, got ${JSON.stringify(period)}`,
    );
  const next =
    day === undefined
      ? dayNumber(Number(year), Number(month) + 1, 1)
      : dayNumber(Number(year), Number(month), Number(day) + 1);
  return dayStart(next, timeZone);
};

/** Of which kind a period is by its name; undefined for what no period is called. */
export const lengthOf = (period: string): BudgetPeriod | undefined => {
  if (period === LIFETIME) return 'lifetime';
  if (WEEK.test(period)) return 'weekly';
  const [date, , , day] = DATE.exec(period) ?? [];
  if (date === undefined) return undefined;
  return day === undefined ? 'monthly' : 'daily';
};

// Days are counted from 1 January 1970, a Thursday, by the calendar on the wall.

const dayNumber = (year: number, month: number, day: number): number => Date.UTC(year, month - 1, day) / DAY_MS;
/** Each request names its accounts by the same day, several times over. */
const named = { day: Number.NaN, name: '' };
const dayName = (day: number): string => {
  if (day !== named.day) Object.assign(named, { day, name: new Date(day * DAY_MS).toISOString().slice(0, 10) });
  return named.name;
};

/** 0 = Monday. */
const weekdayOf = (day: number): number => (((day + 3) % 7) + 7) % 7;

/** The Monday of a year's first ISO week, the one that 4 January lies in. */
const firstMonday = (year: number): number => {
  const fourth = dayNumber(year, 1, 4);
  return fourth - weekdayOf(fourth);
};

/** A week belongs to the year that its Thursday lies in. */
const weekName = (day: number): string => {
  const thursday = day - weekdayOf(day) + 3;
  const year = new Date(thursday * DAY_MS).getUTCFullYear();
  const week = (thursday - 3 - firstMonday(year)) / 7 + 1;
  return `${String(year).padStart(4, '0')}-W${String(week).padStart(2, '0')}`;
};

interface Zone {
  format: Intl.DateTimeFormat;
  /** The day that was last asked for, from its first instant up to the next day's. */
  last: { day: number; from: number; to: number };
}

/** A process knows the one zone that is configured. */
const zones = new Map<string, Zone>();

const zoneOf = (timeZone: string): Zone => {
  let zone = zones.get(timeZone);
  if (zone === undefined) {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    zone = { format, last: { day: 0, from: 0, to: 0 } };
    zones.set(timeZone, zone);
  }
  return zone;
};

/** What the clock on the wall shows, as if it were UTC. */
const wallTime = (timeMs: number, { format }: Zone): number => {
  const shown = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0 };
  for (const { type, value } of format.formatToParts(timeMs)) if (type in shown) shown[type as 'day'] = Number(value);
  const { year, month, day, hour, minute, second } = shown;
  return Date.UTC(year, month - 1, day, hour, minute, second) + (((timeMs % 1000) + 1000) % 1000);
};

/** The instant at which the wall calendar comes to this day: midnight, or the end of a jump over it. */
const dayStart = (day: number, timeZone: string): number => {
  const midnight = day * DAY_MS;
  if (timeZone === 'UTC') return midnight;
  const zone = zoneOf(timeZone);
  // Twice, for the zone's offset may change between its own midnight and that of UTC.
  let guess = midnight;
  for (let i = 0; i < 2; i++) {
    guess = midnight - (wallTime(guess, zone) - guess);
    if (wallTime(guess, zone) === midnight && wallTime(guess - 1, zone) < midnight) return guess;
  }
  // There is no such midnight: the first instant after it.
  let before = midnight - FARTHEST_MS;
  let from = midnight + FARTHEST_MS;
  while (from - before > 1) {
    const middle = Math.floor((before + from) / 2);
    if (wallTime(middle, zone) < midnight) before = middle;
    else from = middle;
  }
  return from;
};

/**
 * The day that holds this time, by the days' first instants: a wall clock that is put back over midnight does not bring
 * yesterday's budget back.
 */
const dayOf = (timeMs: number, timeZone: string): number => {
  if (timeZone === 'UTC') return Math.floor(timeMs / DAY_MS);
  const zone = zoneOf(timeZone);
  if (timeMs >= zone.last.from && timeMs < zone.last.to) return zone.last.day;
  let day = Math.floor(wallTime(timeMs, zone) / DAY_MS);
  while (dayStart(day, timeZone) > timeMs) day -= 1;
  while (dayStart(day + 1, timeZone) <= timeMs) day += 1;
  zone.last = { day, from: dayStart(day, timeZone), to: dayStart(day + 1, timeZone) };
  return day;
};
