import { describe, expect, test } from '@jest/globals';
import { parseDuration } from '../../lambdas/contract/duration.ts';

describe('a duration', () => {
  test.each([
    ['0s', 0],
    ['250ms', 250],
    ['90s', 90_000],
    ['10m', 600_000],
    ['24h', 86_400_000],
    [' 30d ', 2_592_000_000],
    ['3650d', 315_360_000_000],
  ])('%j is %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each(['', '10', 'm', '-5m', '1.5h', '1h30m', '3651d', '9999999999999d', '10 m'])('%j is none', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});
