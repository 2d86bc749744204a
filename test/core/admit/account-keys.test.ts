import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { accountKey, periodEndsAt, periodOf } from '../../../lambdas/core/admit/account-keys.ts';
import type { ScopeKind } from '../../../lambdas/core/ports.ts';

const scopes = fc.constantFrom<ScopeKind>('org', 'team', 'user', 'key');
const periods = fc.constantFrom('2026-11', '2026-11-22', '2026-12');
/** Ids made of what could go wrong, lone surrogates included. */
const ids = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc
    .array(fc.constantFrom('#', '%', '2', '3', '5', 'u', 'h', '\ud800', '\udc00', '2026-11', 'team', '\n', 'é'), {
      maxLength: 8,
    })
    .map((parts) => parts.join('')),
);
const triple = fc.tuple(scopes, ids, periods);

describe('account keys', () => {
  test('an ordinary id stands in its key as it is', () => {
    expect(accountKey('team', 'search', '2026-11')).toBe('team#search#2026-11');
    expect(accountKey('user', 'ada.lovelace@example.com', '2026-11-22')).toBe(
      'user#ada.lovelace@example.com#2026-11-22',
    );
    expect(accountKey('user', 'Zoë 東京', '2026-11')).toBe('user#Zoë 東京#2026-11');
  });

  test('an id can never spell the key of another account', () => {
    expect(accountKey('user', 'a#2026-11', '2026-12')).toBe('user#a%232026-11#2026-12');
    expect(accountKey('user', 'a%23', '2026-12')).not.toBe(accountKey('user', 'a#', '2026-12'));
    expect(accountKey('user', '\ud800', '2026-12')).not.toBe(accountKey('user', '\ufffd', '2026-12'));
  });

  test('two accounts never share a key, not even written as UTF-8', () => {
    fc.assert(
      fc.property(triple, triple, (a, b) => {
        const same = a.every((part, i) => part === b[i]);
        const bytes = (parts: typeof a) => Buffer.from(accountKey(...parts), 'utf8').toString('hex');
        expect(bytes(a) === bytes(b)).toBe(same);
      }),
      { numRuns: 2_000 },
    );
  });

  test('a key has two marks, no control character, and fits into a DynamoDB key', () => {
    fc.assert(
      fc.property(triple, (parts) => {
        const key = accountKey(...parts);
        expect(key.split('#')).toHaveLength(3);
        expect(key).not.toMatch(/\p{Cc}/u);
        expect(Buffer.byteLength(key)).toBeLessThan(2_048);
      }),
    );
  });

  test('long ids that differ only at their end have keys of their own', () => {
    const long = 'x'.repeat(5_000);
    expect(accountKey('user', `${long}1`, '2026-11')).not.toBe(accountKey('user', `${long}2`, '2026-11'));
  });
});

describe('periods', () => {
  test.each([
    ['2026-11-22T23:59:59.999Z', '2026-11-22', '2026-11'],
    ['2026-11-30T23:59:59.999Z', '2026-11-30', '2026-11'],
    ['2026-12-01T00:00:00.000Z', '2026-12-01', '2026-12'],
    ['2026-12-31T23:59:59.999Z', '2026-12-31', '2026-12'],
    ['2028-02-29T12:00:00.000Z', '2028-02-29', '2028-02'],
  ])('%s lies in the day %s and the month %s, in UTC', (time, day, month) => {
    expect(periodOf('daily', Date.parse(time))).toBe(day);
    expect(periodOf('monthly', Date.parse(time))).toBe(month);
  });

  test.each([
    ['2026-11', '2026-12-01T00:00:00.000Z'],
    ['2026-12', '2027-01-01T00:00:00.000Z'],
    ['2026-11-22', '2026-11-23T00:00:00.000Z'],
    ['2026-12-31', '2027-01-01T00:00:00.000Z'],
    ['2028-02-28', '2028-02-29T00:00:00.000Z'],
  ])('%s ends at %s', (period, end) => {
    expect(new Date(periodEndsAt(period)).toISOString()).toBe(end);
  });

  test('a period ends at the first instant that lies in the next', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<'daily' | 'monthly'>('daily', 'monthly'),
        fc.integer({ min: 0, max: Date.UTC(2200, 0, 1) }),
        (length, timeMs) => {
          const period = periodOf(length, timeMs);
          const end = periodEndsAt(period);
          expect(periodOf(length, end - 1)).toBe(period);
          expect(periodOf(length, end)).not.toBe(period);
          expect(end).toBeGreaterThan(timeMs);
        },
      ),
    );
  });

  test.each(['', '2026', '2026-1', '2026-11-22T00', 'x2026-11'])('%j is no period', (period) => {
    expect(() => periodEndsAt(period)).toThrow(RangeError);
  });
});
