import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PERIODS, periodEndsAt, periodOf } from '../../../lambdas/core/admit/periods.ts';

const at = (time: string): number => Date.parse(time);
const endOf = (period: string, timeZone?: string): string | null => {
  const end = periodEndsAt(period, timeZone);
  return end === null ? null : new Date(end).toISOString();
};

/** Offsets of whole and half hours, summer time on both sides of the world and at midnight, days that never were, and the far ends. */
const ZONES = [
  'UTC',
  'Europe/Berlin',
  'Europe/London',
  'America/New_York',
  'America/Los_Angeles',
  'America/St_Johns',
  'America/Sao_Paulo',
  'America/Havana',
  'America/Santiago',
  'America/Nuuk',
  'Africa/Cairo',
  'Africa/Casablanca',
  'Asia/Beirut',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'Asia/Tehran',
  'Australia/Adelaide',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'Pacific/Chatham',
  'Pacific/Kiritimati',
  'Pacific/Niue',
  'Antarctica/Troll',
];
const zones = fc.constantFrom(...ZONES);
const lengths = fc.constantFrom(...PERIODS.filter((length) => length !== 'lifetime'));
const times = fc.integer({ min: 0, max: Date.UTC(2060, 0, 1) });

/** The wall calendar's date, by another way than the code's: the platform formats it. */
const wallDate = (timeMs: number, timeZone: string): string => {
  const format = calendars.get(timeZone) ?? new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' });
  calendars.set(timeZone, format);
  return format.format(timeMs);
};
const calendars = new Map<string, Intl.DateTimeFormat>();

describe('the names of periods', () => {
  test.each([
    ['2026-11-22T23:59:59.999Z', '2026-11-22', '2026-W47', '2026-11'],
    ['2026-11-23T00:00:00.000Z', '2026-11-23', '2026-W48', '2026-11'],
    ['2026-11-30T23:59:59.999Z', '2026-11-30', '2026-W49', '2026-11'],
    ['2026-12-31T23:59:59.999Z', '2026-12-31', '2026-W53', '2026-12'],
    // A week belongs to the year of its Thursday.
    ['2027-01-03T23:59:59.999Z', '2027-01-03', '2026-W53', '2027-01'],
    ['2027-01-04T00:00:00.000Z', '2027-01-04', '2027-W01', '2027-01'],
    ['2024-12-30T00:00:00.000Z', '2024-12-30', '2025-W01', '2024-12'],
    ['2028-02-29T12:00:00.000Z', '2028-02-29', '2028-W09', '2028-02'],
  ])('%s lies in the day %s, the week %s and the month %s of UTC', (time, day, week, month) => {
    expect(periodOf('daily', at(time))).toBe(day);
    expect(periodOf('weekly', at(time))).toBe(week);
    expect(periodOf('monthly', at(time))).toBe(month);
    expect(periodOf('lifetime', at(time))).toBe('all');
  });

  test.each([
    ['2026-11-22T23:30:00Z', 'Europe/Berlin', '2026-11-23', '2026-W48', '2026-11'],
    ['2026-11-30T23:30:00Z', 'Europe/Berlin', '2026-12-01', '2026-W49', '2026-12'],
    ['2026-12-01T04:59:59Z', 'America/New_York', '2026-11-30', '2026-W49', '2026-11'],
    ['2026-12-01T05:00:00Z', 'America/New_York', '2026-12-01', '2026-W49', '2026-12'],
    ['2026-10-31T10:00:00Z', 'Pacific/Kiritimati', '2026-11-01', '2026-W44', '2026-11'],
  ])('%s in %s lies in %s, %s and %s', (time, zone, day, week, month) => {
    expect(periodOf('daily', at(time), zone)).toBe(day);
    expect(periodOf('weekly', at(time), zone)).toBe(week);
    expect(periodOf('monthly', at(time), zone)).toBe(month);
  });

  test('the day is the one on the wall, in every zone (but where the wall clock is put back over midnight)', () => {
    fc.assert(
      fc.property(zones, fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2060, 0, 1) }), (zone, timeMs) => {
        expect(periodOf('daily', timeMs, zone)).toBe(wallDate(timeMs, zone));
      }),
      { numRuns: 500 },
    );
  });

  test('a clock that is put back over midnight does not bring yesterday back', () => {
    // 7 November 2010 at 00:01 in St. John's the clocks went back to 23:01 of the 6th.
    const midnight = at('2010-11-07T02:30:00Z');
    expect(wallDate(midnight, 'America/St_Johns')).toBe('2010-11-07');
    expect(wallDate(midnight + 90_000, 'America/St_Johns')).toBe('2010-11-06');
    for (const length of ['daily', 'weekly', 'monthly'] as const) {
      const names = [0, 90_000, 59 * 60_000, 61 * 60_000].map((ms) => {
        // Another day in between, so that nothing is remembered of this one.
        periodOf(length, midnight - 10 * 86_400_000, 'America/St_Johns');
        return periodOf(length, midnight + ms, 'America/St_Johns');
      });
      expect(names).toEqual(names.toSorted());
    }
  });

  test('what was asked before changes no answer', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(zones, lengths, times), { minLength: 2, maxLength: 6 }), (asked) => {
        const once = asked.map(([zone, length, timeMs]) => periodOf(length, timeMs, zone));
        const again = asked.toReversed().map(([zone, length, timeMs]) => periodOf(length, timeMs, zone));
        expect(again.toReversed()).toEqual(once);
      }),
    );
  });
});

describe('the end of a period', () => {
  test.each([
    ['2026-11', '2026-12-01T00:00:00.000Z'],
    ['2026-12', '2027-01-01T00:00:00.000Z'],
    ['2026-11-22', '2026-11-23T00:00:00.000Z'],
    ['2026-12-31', '2027-01-01T00:00:00.000Z'],
    ['2028-02-28', '2028-02-29T00:00:00.000Z'],
    ['2026-W47', '2026-11-23T00:00:00.000Z'],
    ['2026-W53', '2027-01-04T00:00:00.000Z'],
    ['2025-W01', '2025-01-06T00:00:00.000Z'],
  ])('%s ends at %s in UTC', (period, end) => {
    expect(endOf(period)).toBe(end);
  });

  test.each([
    // 23 and 25 hours.
    ['2026-03-29', 'Europe/Berlin', '2026-03-28T23:00:00.000Z', '2026-03-29T22:00:00.000Z'],
    ['2026-10-25', 'Europe/Berlin', '2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z'],
    // Half an hour of summer time.
    ['2026-10-04', 'Australia/Lord_Howe', '2026-10-03T13:30:00.000Z', '2026-10-04T13:00:00.000Z'],
    // There is no midnight: the day begins at one.
    ['2026-04-24', 'Africa/Cairo', '2026-04-23T22:00:00.000Z', '2026-04-24T21:00:00.000Z'],
    ['2026-03-29', 'Asia/Beirut', '2026-03-28T22:00:00.000Z', '2026-03-29T21:00:00.000Z'],
    // Midnight comes twice: the day before has 25 hours.
    ['2026-10-24', 'Asia/Beirut', '2026-10-23T21:00:00.000Z', '2026-10-24T22:00:00.000Z'],
  ])('%s in %s lasts from %s to %s', (day, zone, from, to) => {
    expect(endOf(day, zone)).toBe(to);
    expect(periodOf('daily', at(from), zone)).toBe(day);
    expect(periodOf('daily', at(from) - 1, zone)).not.toBe(day);
    expect(periodOf('daily', at(to) - 1, zone)).toBe(day);
    expect(periodOf('daily', at(to), zone)).not.toBe(day);
  });

  test('a day that a zone left out ends where it begins', () => {
    // Samoa went from the 29th of December 2011 to the 31st.
    expect(endOf('2011-12-29', 'Pacific/Apia')).toBe('2011-12-30T10:00:00.000Z');
    expect(endOf('2011-12-30', 'Pacific/Apia')).toBe('2011-12-30T10:00:00.000Z');
    expect(periodOf('daily', at('2011-12-30T10:00:00Z'), 'Pacific/Apia')).toBe('2011-12-31');
  });

  test('is the first instant of the next one, in every zone', () => {
    fc.assert(
      fc.property(zones, lengths, times, (zone, length, timeMs) => {
        const period = periodOf(length, timeMs, zone);
        const end = periodEndsAt(period, zone) ?? 0;
        expect(end).toBeGreaterThan(timeMs);
        expect(periodOf(length, end - 1, zone)).toBe(period);
        expect(periodOf(length, end, zone)).not.toBe(period);
        const days = (end - timeMs) / 86_400_000;
        expect(days).toBeLessThan({ daily: 1.2, weekly: 7.2, monthly: 31.2, lifetime: 0 }[length]);
      }),
      { numRuns: 300 },
    );
  });

  test('a lifetime has none', () => {
    expect(periodEndsAt('all', 'Europe/Berlin')).toBeNull();
  });

  test.each(['', '2026', '2026-1', '2026-W1', '2026-11-22T00', 'x2026-11', 'ALL'])('%j is no period', (period) => {
    expect(() => periodEndsAt(period)).toThrow(RangeError);
  });
});
