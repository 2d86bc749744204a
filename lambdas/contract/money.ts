/**
 * Money is an integer number of nano-USD (10⁻⁹ US dollars) held in a bigint; no amount ever passes through floating point.
 * A price is nano-USD per million tokens, so that $0.0375 per million is the exact integer 37_500_000.
 */
export type NanoUsd = bigint;

/** Nano-USD per million units (tokens, unless the name says otherwise). */
export type NanoUsdPerMillion = bigint;

const NANO_DIGITS = 9;
const DECIMAL = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/;

/**
 * Reads a US dollar amount exactly: `'$20000'`, `'0.15'`, `1e-7`. Digits beyond the ninth decimal round up, since every
 * use of an amount here is a price or a cap on spending that the owner wrote with fewer.
 *
 * @throws {RangeError} when the text is not a non-negative decimal number.
 */
export const parseUsd = (amount: string | number): NanoUsd => {
  const text = String(amount).trim().replace(/^\$/, '').replaceAll(',', '');
  const match = DECIMAL.exec(text);
  if (match === null)
    throw new RangeError(`expected a dollar amount such as "$20" or 0.15, got ${JSON.stringify(amount)}`);
  const [, whole = '0', fraction = '', exponent = '0'] = match;
  const shift = Number(exponent) + NANO_DIGITS - fraction.length;
  const digits = BigInt(whole + fraction);
  if (shift >= 0) return digits * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  return ceilDivide(digits, divisor);
};

/** Writes an amount as plain decimal dollars without trailing zeros: `1500000n` → `"0.0015"`. */
export const formatUsd = (amount: NanoUsd): string => {
  const sign = amount < 0n ? '-' : '';
  const digits = (amount < 0n ? -amount : amount).toString().padStart(NANO_DIGITS + 1, '0');
  const whole = digits.slice(0, -NANO_DIGITS);
  const fraction = digits.slice(-NANO_DIGITS).replace(/0+$/, '');
  return `${sign}${whole}${fraction === '' ? '' : `.${fraction}`}`;
};

/** ⌈a / b⌉ for a ≥ 0, b > 0. */
export const ceilDivide = (a: bigint, b: bigint): bigint => (a + b - 1n) / b;

/** A factor with at most three decimals (`1.1`, `'0.5'`) in thousandths, exactly. @throws {RangeError} for any other text */
export const parsePerMille = (factor: string | number): number => {
  const match = /^(\d{1,9})(?:\.(\d{1,3}))?$/.exec(String(factor));
  if (match === null) throw new RangeError(`expected a factor such as 1.1, got ${JSON.stringify(factor)}`);
  const [, whole = '0', fraction = ''] = match;
  return Number(whole + fraction.padEnd(3, '0'));
};
