import { ceilDivide, type NanoUsd } from '../../contract/money.ts';
import type { Rates } from '../../contract/price.ts';
import type { CachePoint, Conversation } from '../conversation.ts';
import type { Target } from '../target.ts';

const PER_MILLION = 1_000_000n;

/**
 * The most that a call to `target` can cost, nano-USD: what is held before it is made. All input at the dearest rate that can
 * apply to it, the whole output limit for every choice, in the dearest price tier within reach. For any usage within the two
 * bounds, `priceUsage` is at most this.
 *
 * @param inputTokensHigh the high estimate of the input, tokens
 * @param outputTokens the output limit of one choice, tokens, reasoning included
 */
export const holdCeiling = (
  target: Pick<Target, 'price' | 'dialect'>,
  conversation: Conversation,
  inputTokensHigh: number,
  outputTokens: number,
): NanoUsd => {
  const input = BigInt(Math.ceil(inputTokensHigh));
  const output = BigInt(Math.ceil(outputTokens)) * BigInt(Math.max(1, conversation.choices));
  const writes = cacheWritesOf(target, conversation);
  const { price } = target;
  const reachable: Rates[] = [
    price,
    ...price.tiers.filter(({ aboveInputTokens }) => inputTokensHigh > aboveInputTokens).map(({ rates }) => rates),
  ];
  return reachable.reduce((dearest, rates) => {
    const cost = ceilDivide(input * dearestInput(rates, writes) + output * rates.output, PER_MILLION);
    return cost > dearest ? cost : dearest;
  }, 0n);
};

/** Which cache writes the vendor may bill. */
type CacheWrites = ReadonlySet<CachePoint['ttl']>;

const dearestInput = (rates: Rates, writes: CacheWrites): bigint =>
  [
    rates.input,
    rates.cachedInput,
    ...(writes.has('5m') ? [rates.cacheWrite5m] : []),
    ...(writes.has('1h') ? [rates.cacheWrite1h] : []),
  ].reduce((dearest, rate) => (rate > dearest ? rate : dearest));

const BOTH: CacheWrites = new Set(['5m', '1h']);

/**
 * OpenAI's models write their caches unasked; Anthropic's and Bedrock's only where the request marks a point, or asks for one
 * by a top-level `cache_control`, which the conversation does not hold.
 */
const cacheWritesOf = ({ dialect }: Pick<Target, 'dialect'>, conversation: Conversation): CacheWrites => {
  if (dialect === 'openai-chat' || conversation.sameDialectOnly.includes('cache_control')) return BOTH;
  const ttls = new Set<CachePoint['ttl']>();
  for (const { cache } of conversation.tools) if (cache !== undefined) ttls.add(cache.ttl);
  for (const turn of conversation.turns) {
    for (const part of turn.parts) {
      if ('cache' in part && part.cache !== undefined) ttls.add(part.cache.ttl);
      if (part.type !== 'tool-result') continue;
      for (const { cache } of part.content) if (cache !== undefined) ttls.add(cache.ttl);
    }
  }
  return ttls;
};
