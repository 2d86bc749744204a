import { describe, expect, test } from '@jest/globals';
import { daysUntil, isDate } from '../../lambdas/contract/calendar-date.ts';
import { checkConfig } from '../../lambdas/contract/check-config.ts';

describe('a day', () => {
  test.each(['2026-11-23', '2028-02-29', '1970-01-01'])('%s is one', (text) => expect(isDate(text)).toBe(true));
  test.each([
    '2026-02-29',
    '2026-13-01',
    '2026-1-1',
    '20261123',
    'never',
    '2026-11-23T00:00:00Z',
    '',
    20_261_123,
    null,
  ])('%j is none', (value) => expect(isDate(value)).toBe(false));

  test('is as far away as the calendar says, whatever the hour', () => {
    const on = (time: string) => daysUntil('2027-03-01', Date.parse(time));
    expect([on('2027-02-28T00:00:00Z'), on('2027-02-28T23:59:59.999Z'), on('2027-03-01T00:00:00Z')]).toEqual([1, 1, 0]);
    expect([on('2027-03-02T12:00:00Z'), on('2026-03-01T12:00:00Z')]).toEqual([-1, 365]);
  });
});

test.each([
  ['retires', '2027-02-30', /lifecycle\.retires: expected a date such as "2027-01-31", or "never", got "2027-02-30"/],
  ['deprecated', 'never', /lifecycle\.deprecated: expected a date such as "2027-01-31", got "never"/],
  ['successor', 'two words', /lifecycle\.successor: expected the provider's name of a model/],
  ['retired', '2027-01-01', /lifecycle\.retired: unknown field\. Did you mean "retires"\?/],
])('lifecycle.%s of a target can not be %s', (field, value, message) => {
  const checked = checkConfig({
    providers: { demo: { kind: 'simulator' } },
    models: { demo: { targets: [{ provider: 'demo', model: 'echo', lifecycle: { [field]: value } }] } },
  });
  expect(checked.ok ? '' : checked.problems.map(({ path, message: text }) => `${path}: ${text}`).join('\n')).toMatch(
    message,
  );
});
