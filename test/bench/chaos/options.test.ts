import { describe, expect, test } from '@jest/globals';
import { readChaosOptions, STEPS } from '../../../bench/chaos/options.ts';

describe('npm run chaos', () => {
  test('runs every scenario with ten thousand clients unless told otherwise', () => {
    expect(readChaosOptions([])).toEqual({ clients: 10_000, steps: STEPS, withPeers: false, write: false });
  });

  test('--only keeps the order of the page, and may leave nothing but the peers', () => {
    expect(readChaosOptions(['--only', 'store,fail-over'])?.steps).toEqual(['fail-over', 'store']);
    expect(readChaosOptions(['--only=', '--peers'])).toMatchObject({ steps: [], withPeers: true });
  });

  test('--help asks for nothing to be run', () => {
    expect(readChaosOptions(['--help'])).toBeUndefined();
  });

  test.each([
    [['--clients', '10'], 'a whole number from 100'],
    [['--clients', 'many'], 'a whole number from 100'],
    [['--only', 'storms'], 'fail-over'],
    [['--only', 'store', '--write'], '--only='],
  ])('%j is refused with what is allowed', (args, words) => {
    expect(() => readChaosOptions(args)).toThrow(words);
  });
});
