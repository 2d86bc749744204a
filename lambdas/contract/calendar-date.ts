/** Calendar days in UTC, `YYYY-MM-DD`: what vendors announce is a day, not an instant. */

export const DAY_MS = 86_400_000;

/** Whether a value is a day that exists. */
export const isDate = (value: unknown): value is string =>
  typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value) && dateOf(Date.parse(value)) === value;

/** The day of an instant; undefined for what is none. */
export const dateOf = (timeMs: number): string | undefined =>
  Number.isFinite(timeMs) ? new Date(timeMs).toISOString().slice(0, 10) : undefined;

/** Whole days from the day of an instant to another day: 0 on that day, below 0 after it. */
export const daysUntil = (date: string, nowMs: number): number =>
  (Date.parse(date) - Math.floor(nowMs / DAY_MS) * DAY_MS) / DAY_MS;
