import { ceilDivide, type NanoUsd } from '../../contract/money.ts';
import { type Price, type RateCard, type Rates, type Service, timesPerMille } from '../../contract/price.ts';
import type { Usage } from '../conversation.ts';

const PER_MILLION = 1_000_000n;

/** Which of a price's rates a call is billed by. */
export interface Billing {
  service: Service;
  /** '' = wherever the provider likes, at the rates as they are. */
  geo: string;
}

export const STANDARD: Billing = { service: 'standard', geo: '' };

/**
 * What a call's tokens cost, nano-USD: each count at its own rate, in the tier that the whole input falls in, rounded up once.
 * Fees come on top (`feesOf`).
 *
 * @throws {RangeError} when a count is NaN or infinite: a codec that lets one through is broken, and no price is better than a free call.
 */
export const priceUsage = (price: RateCard, usage: Usage): NanoUsd => {
  let input = countOf(usage.inputTokens);
  let cached = countOf(usage.cachedInputTokens);
  let write5m = countOf(usage.cacheWrite5mTokens);
  let write1h = countOf(usage.cacheWrite1hTokens);
  let output = countOf(usage.outputTokens);
  const rates = ratesAt(price, input + cached + write5m + write1h);
  let sum = 0n;

  // Parts of the counts at rates of their own; taken from what they are likeliest to be a part of. More of them than there is
  // input is billed all the same.
  const takeInput = (tokens: bigint): void => {
    let left = tokens;
    const take = (from: bigint): bigint => {
      const taken = from < left ? from : left;
      left -= taken;
      return from - taken;
    };
    input = take(input);
    cached = take(cached);
    write5m = take(write5m);
    write1h = take(write1h);
  };
  const { audioInputTokens = 0, imageInputTokens = 0, audioOutputTokens = 0 } = usage.billed ?? {};
  if (rates.audioInput !== undefined) {
    const audio = countOf(audioInputTokens);
    takeInput(audio);
    sum += audio * rates.audioInput;
  }
  if (rates.imageInput !== undefined) {
    const images = countOf(imageInputTokens);
    takeInput(images);
    sum += images * rates.imageInput;
  }
  if (rates.audioOutput !== undefined) {
    const audio = countOf(audioOutputTokens);
    output = audio > output ? 0n : output - audio;
    sum += audio * rates.audioOutput;
  }
  sum +=
    input * rates.input +
    cached * rates.cachedInput +
    write5m * rates.cacheWrite5m +
    write1h * rates.cacheWrite1h +
    output * rates.output;
  return ceilDivide(sum, PER_MILLION);
};

/** The rates that hold for a request of that many input tokens, cached and written ones included. */
export const ratesAt = (card: RateCard, inputTokens: bigint): Rates =>
  card.tiers.findLast(({ aboveInputTokens }) => inputTokens > BigInt(aboveInputTokens))?.rates ?? card;

/** The rates of a way of serving at a place; undefined where the price has none for them. */
export const cardOf = (price: Price, { service, geo }: Billing): RateCard | undefined => {
  const card = service === 'standard' ? price : price.services?.[service];
  if (card === undefined || geo === '') return card;
  const perMille = price.geos !== undefined && Object.hasOwn(price.geos, geo) ? price.geos[geo] : undefined;
  return perMille === undefined ? undefined : timesPerMille(card, perMille);
};

/** A vendor's count as a bigint. Vendors have sent fractions and negative corrections: up to the next whole, never below nothing. */
const countOf = (tokens: number): bigint => BigInt(Math.ceil(Math.max(0, tokens)));
