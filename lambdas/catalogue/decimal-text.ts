/** Exact arithmetic on decimal text: prices never pass through floating point on their way into the catalogue. */

const MILLION_EXPONENT = 6;

/** Dollars per token, as JSON has them (`1.5e-7`), in dollars per million as exact decimal text (`0.15`). */
export const perMillion = (dollarsPerToken: number): string => decimalText(dollarsPerToken, MILLION_EXPONENT);

/** A number as JSON has it, times ten to the `shift`, as exact decimal text. */
export const decimalText = (value: number, shift = 0): string => {
  const [mantissa = '', exponent = '0'] = String(value).split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  return placePoint(whole + fraction, whole.length + Number(exponent) + shift);
};

/** Decimal text times a whole number of hundredths, exactly. */
export const times = (decimal: string, hundredths: bigint): string => {
  const [whole = '', fraction = ''] = decimal.split('.');
  const digits = (BigInt(whole + fraction) * hundredths).toString().padStart(fraction.length + 3, '0');
  return placePoint(digits, digits.length - fraction.length - 2);
};

/** `digits` with the decimal point after the first `point` of them, without idle zeros. */
const placePoint = (digits: string, point: number): string => {
  const padded = digits.padStart(digits.length + Math.max(0, 1 - point), '0').padEnd(point, '0');
  const at = Math.max(1, point);
  const whole = padded.slice(0, at).replace(/^0+(?=\d)/, '');
  const fraction = padded.slice(at).replace(/0+$/, '');
  return fraction === '' ? whole : `${whole}.${fraction}`;
};

/** What `decimal` is of `base`, where that is a factor of at most three decimals; undefined where it is not. */
export const factorBetween = (decimal: string, base: string): string | undefined => {
  const [a, b] = aligned(decimal, base);
  if (b === 0n || (a * 1_000n) % b !== 0n) return undefined;
  const digits = ((a * 1_000n) / b).toString().padStart(4, '0');
  return placePoint(digits, digits.length - 3);
};

/** Below 0 where `a` is the smaller, above where it is the greater. */
export const compareDecimals = (a: string, b: string): number => {
  const [left, right] = aligned(a, b);
  return left === right ? 0 : left < right ? -1 : 1;
};

/** Both as whole numbers of the same unit. */
const aligned = (a: string, b: string): [bigint, bigint] => {
  const split = [a, b].map((text) => text.split('.'));
  const places = Math.max(...split.map(([, fraction = '']) => fraction.length));
  const [left = 0n, right = 0n] = split.map(([whole = '', fraction = '']) =>
    BigInt(whole + fraction.padEnd(places, '0')),
  );
  return [left, right];
};
