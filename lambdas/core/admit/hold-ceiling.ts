import { ceilDivide, type NanoUsd } from '../../contract/money.ts';
import type { RateCard, Rates } from '../../contract/price.ts';
import type { Conversation } from '../conversation.ts';
import { cardOf } from '../settle/price-usage.ts';
import { type Reach, type ReachTarget, reachOf } from './reach.ts';

const PER_MILLION = 1_000_000n;

/**
 * The most that a call to `target` can cost, nano-USD: what is held before it is made. All input at the dearest rate that can
 * apply to it, once more for every use of a tool that the provider runs; the whole output limit for every choice; in the
 * dearest price tier, way of serving and place within reach; and every fee as often as it is permitted. For any usage within
 * these bounds, whatever the vendor says it bills by, the cost is at most this.
 *
 * @param inputTokensHigh the high estimate of the input, tokens
 * @param outputTokens the output limit of one choice, tokens, reasoning included
 */
export const holdCeiling = (
  target: ReachTarget,
  conversation: Conversation,
  inputTokensHigh: number,
  outputTokens: number,
): NanoUsd => {
  const reach = reachOf(target, conversation);
  const output =
    BigInt(Math.ceil(outputTokens)) * BigInt(Math.max(1, conversation.choices)) + BigInt(reach.predictionTokens);
  const input = inputInAll(BigInt(Math.ceil(inputTokensHigh)), output, target, reach);
  return (
    cardsOf(target, reach).reduce((most, card) => max(most, dearestTokens(card, input, output, reach)), 0n) +
    reach.searchFee * BigInt(reach.searches) +
    reach.fixedFees
  );
};

/** Every set of rates that the call may be billed by. */
const cardsOf = ({ price }: ReachTarget, { services, geos }: Reach): RateCard[] =>
  services.flatMap((service) => geos.flatMap((geo) => cardOf(price, { service, geo }) ?? []));

/**
 * Input tokens of all rounds together: after each use of a tool of the provider's the model reads everything again, what it
 * said and what the tool brought included, up to the context.
 */
const inputInAll = (
  first: bigint,
  output: bigint,
  { contextTokens, bounds }: ReachTarget,
  { toolUses }: Reach,
): bigint => {
  const context = BigInt(contextTokens);
  const more = BigInt(bounds?.tokensPerToolUse ?? contextTokens);
  let sum = first;
  for (let use = 1n; use <= BigInt(toolUses); use++) {
    const round = first + output + use * more;
    sum += max(first, round < context ? round : context);
  }
  return sum;
};

const dearestTokens = (card: RateCard, input: bigint, output: bigint, reach: Reach): NanoUsd =>
  [card, ...card.tiers.flatMap(({ aboveInputTokens, rates }) => (input > BigInt(aboveInputTokens) ? [rates] : []))]
    .map((rates) => ceilDivide(input * dearestInput(rates, reach) + output * dearestOutput(rates, reach), PER_MILLION))
    .reduce(max, 0n);

const dearestInput = (rates: Rates, { cacheWrites, hasAudio, hasImages }: Reach): bigint =>
  [
    rates.cachedInput,
    ...(cacheWrites.has('5m') ? [rates.cacheWrite5m] : []),
    ...(cacheWrites.has('1h') ? [rates.cacheWrite1h] : []),
    ...(hasAudio && rates.audioInput !== undefined ? [rates.audioInput] : []),
    ...(hasImages && rates.imageInput !== undefined ? [rates.imageInput] : []),
  ].reduce(max, rates.input);

const dearestOutput = ({ output, audioOutput = 0n }: Rates, { hasAudio }: Reach): bigint =>
  hasAudio ? max(output, audioOutput) : output;

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);
