import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ceilDivide, formatUsd, parseUsd } from '../../lambdas/contract/money.ts';

describe('parseUsd', () => {
  test.each([
    ['$20000', 20_000_000_000_000n],
    ['$20,000.50', 20_000_500_000_000n],
    ['0.15', 150_000_000n],
    [0.1, 100_000_000n],
    [1e-7, 100n],
    [1.5e21, 1_500_000_000_000_000_000_000_000_000_000n],
    ['0.0000000001', 1n],
    [0, 0n],
  ])('%p is %d nano-dollars', (amount, nano) => {
    expect(parseUsd(amount)).toBe(nano);
  });

  test.each(['', '$', '-1', 'NaN', 'Infinity', '1.', '.5', '0x10', '1 000', '1e5', Number.NaN, -1])(
    '%p is no amount',
    (amount) => {
      expect(() => parseUsd(amount)).toThrow(RangeError);
    },
  );

  test('what is written as dollars reads as the same amount', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 30n }), (nano) => expect(parseUsd(formatUsd(nano))).toBe(nano)),
    );
  });
});

describe('ceilDivide', () => {
  test('gives the least whole number that is enough', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 10n ** 40n }), fc.bigInt({ min: 1n, max: 10n ** 20n }), (a, b) => {
        const least = ceilDivide(a, b);
        expect(least * b >= a && (least - 1n) * b < a).toBe(true);
      }),
    );
  });
});
