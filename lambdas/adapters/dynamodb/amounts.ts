import { formatUsd, type NanoUsd } from '../../contract/money.ts';

/** DynamoDB keeps 38 digits; sums of many amounts must fit too. */
export const MAX_AMOUNT: NanoUsd = 10n ** 30n;

/** @throws {RangeError} when the amount is negative or too large to be stored. */
export const checkAmount = (name: string, amount: NanoUsd): NanoUsd => {
  if (amount < 0n || amount > MAX_AMOUNT)
    throw new RangeError(`${name}: expected an amount from $0 to $${formatUsd(MAX_AMOUNT)}, got $${formatUsd(amount)}`);
  return amount;
};

/** @throws {RangeError} when the count is not a whole number from 0. */
export const checkCount = (name: string, count: number): number => {
  if (!Number.isSafeInteger(count) || count < 0)
    throw new RangeError(`${name}: expected a whole number from 0, got ${count}`);
  return count;
};
