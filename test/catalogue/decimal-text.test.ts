import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  compareDecimals,
  decimalText,
  factorBetween,
  perMillion,
  times,
} from '../../lambdas/catalogue/decimal-text.ts';
import { parsePerMille, parseUsd } from '../../lambdas/contract/money.ts';

/** Figures as price lists have them: up to nine decimals. */
const decimal = fc
  .tuple(fc.nat(100_000), fc.nat(999_999_999))
  .map(([whole, nano]) => `${whole}.${String(nano).padStart(9, '0')}`);

const usd = (nanoUsd: bigint): string => {
  const digits = nanoUsd.toString().padStart(10, '0');
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`;
};

describe('decimal text', () => {
  test.each([
    ['0.13', '0.25', '0.52'],
    ['1.75', '1', '1.75'],
    ['60', '10', '6'],
    ['0.05', '0.1', '0.5'],
    ['1', '3', undefined],
    ['0.1234', '1', undefined],
    ['0', '3', '0'],
    ['3', '0', undefined],
  ])('%s is %s times %s', (a, b, factor) => {
    expect(factorBetween(a, b)).toBe(factor);
  });

  test('a factor that is found gives the figure back, to the nano-dollar', () => {
    fc.assert(
      // Thousands of nano-dollars, so that every factor's product is whole.
      fc.property(
        fc.bigInt({ min: 1n, max: 10n ** 11n }),
        fc.integer({ min: 1, max: 9_999 }),
        (thousands, perMille) => {
          const factor = factorBetween(usd(thousands * BigInt(perMille)), usd(thousands * 1_000n));
          expect(factor === undefined ? undefined : parsePerMille(factor)).toBe(perMille);
        },
      ),
    );
  });

  test('figures are ordered as their exact amounts are', () => {
    fc.assert(
      fc.property(decimal, decimal, (a, b) => {
        const [left, right] = [parseUsd(a), parseUsd(b)];
        expect(Math.sign(compareDecimals(a, b))).toBe(left === right ? 0 : left < right ? -1 : 1);
      }),
    );
    expect(compareDecimals('0.1', '0.10')).toBe(0);
    expect(compareDecimals('10', '9.9')).toBeGreaterThan(0);
  });

  test.each([
    [0.15, '0.15'],
    [1e-7, '0.0000001'],
    [12, '12'],
    [1.5e21, '1500000000000000000000'],
  ])('%d is written as it is', (value, text) => {
    expect(decimalText(value)).toBe(text);
  });

  test('hundredths are exact', () => {
    expect(times('0.11', 125n)).toBe('0.1375');
    expect(times('0.01', 100_000n)).toBe('10');
  });

  test('every figure of a source comes out as it is written there, digit by digit', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99_999_999 }), fc.integer({ min: 0, max: 15 }), (mantissa, places) => {
        const perToken = Number(`${mantissa}e-${places}`);
        const digits = (BigInt(mantissa) * 10n ** 6n).toString().padStart(places + 1, '0');
        const exact = `${digits.slice(0, digits.length - places)}.${digits.slice(digits.length - places)}`;
        expect(perMillion(perToken)).toBe(exact.replace(/\.?0*$/, ''));
      }),
    );
  });
});
