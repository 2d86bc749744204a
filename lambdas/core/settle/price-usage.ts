import { ceilDivide, type NanoUsd } from '../../contract/money.ts';
import type { Price, Rates } from '../../contract/price.ts';
import type { Usage } from '../conversation.ts';

const PER_MILLION = 1_000_000n;

/**
 * What a call's tokens cost, nano-USD: each count at its own rate, in the tier that the whole input falls in, rounded up once.
 *
 * @throws {RangeError} when a count is NaN or infinite: a codec that lets one through is broken, and no price is better than a free call.
 */
export const priceUsage = (price: Price, usage: Usage): NanoUsd => {
  const input = countOf(usage.inputTokens);
  const cached = countOf(usage.cachedInputTokens);
  const write5m = countOf(usage.cacheWrite5mTokens);
  const write1h = countOf(usage.cacheWrite1hTokens);
  const output = countOf(usage.outputTokens);
  const rates = ratesAt(price, input + cached + write5m + write1h);
  return ceilDivide(
    input * rates.input +
      cached * rates.cachedInput +
      write5m * rates.cacheWrite5m +
      write1h * rates.cacheWrite1h +
      output * rates.output,
    PER_MILLION,
  );
};

/** The rates that hold for a request of that many input tokens, cached and written ones included. */
export const ratesAt = (price: Price, inputTokens: bigint): Rates =>
  price.tiers.findLast(({ aboveInputTokens }) => inputTokens > BigInt(aboveInputTokens))?.rates ?? price;

/** A vendor's count as a bigint. Vendors have sent fractions and negative corrections: up to the next whole, never below nothing. */
const countOf = (tokens: number): bigint => BigInt(Math.ceil(Math.max(0, tokens)));
