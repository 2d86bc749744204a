import { describe, expect, test } from '@jest/globals';
import { InvalidArgumentError } from 'commander';
import {
  readCount,
  readExpiry,
  readList,
  readName,
  readOverrideTime,
  readRights,
  readTags,
  readTimeout,
  readUrl,
} from '../../lambdas/cli/read-options.ts';

const NOW = Date.UTC(2026, 10, 22);

describe('options', () => {
  test('that are well formed are read', () => {
    expect(readName(' search app ')).toBe('search app');
    expect(readList('a, b,a')).toEqual(['a', 'b']);
    expect(readRights('read-usage,act-for-users')).toEqual(['read-usage', 'act-for-users']);
    expect(readTags('cost=42,project=x/y')).toEqual({ cost: '42', project: 'x/y' });
    expect(readExpiry('30d', NOW)).toBe(NOW + 30 * 86_400_000);
    expect(readExpiry('2027-01-31', NOW)).toBe(Date.UTC(2027, 0, 31));
    expect(readExpiry('2027-01-31T12:30Z', NOW)).toBe(Date.UTC(2027, 0, 31, 12, 30));
    expect(readCount('1000')).toBe(1000);
    expect(readOverrideTime('10m')).toBe(600_000);
    expect(readTimeout('1h')).toBe(3_600_000);
    expect(readUrl('https://gw.example.com/base/v1/')).toBe('https://gw.example.com/base');
    expect(readUrl('http://127.0.0.1:8787')).toBe('http://127.0.0.1:8787');
  });

  test.each<[string, () => unknown]>([
    ['an empty name', () => readName('  ')],
    ['a name too long', () => readName('x'.repeat(257))],
    ['a name with an escape', () => readName('a\u001bb')],
    ['a list with a gap', () => readList('a,,b')],
    ['a right that is none', () => readRights('admin')],
    ['a tag without a value', () => readTags('a=')],
    ['too many tags', () => readTags(Array.from({ length: 17 }, (_, i) => `t${i}=1`).join(','))],
    ['an expiry in the past', () => readExpiry('2026-11-21', NOW)],
    ['an expiry now', () => readExpiry('0s', NOW)],
    ['an expiry that is no date', () => readExpiry('2027-02-31x', NOW)],
    ['a month that is none', () => readExpiry('2027-13-01', NOW)],
    ['a count of none', () => readCount('0')],
    ['a count with a fraction', () => readCount('1.5')],
    ['a count too large', () => readCount('1001')],
    ['an override for no time', () => readOverrideTime('0s')],
    ['an override for years', () => readOverrideTime('31d')],
    ['no timeout', () => readTimeout('0s')],
    ['a URL of files', () => readUrl('file:///etc/passwd')],
    ['a URL that is none', () => readUrl('localhost')],
  ])('%s is refused', (_, read) => {
    expect(read).toThrow(InvalidArgumentError);
  });
});
