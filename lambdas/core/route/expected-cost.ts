import type { NanoUsd } from '../../contract/money.ts';
import type { TokenEstimate } from '../admit/estimate.ts';
import { reachOf } from '../admit/reach.ts';
import type { Conversation } from '../conversation.ts';
import { isOpenaiDialect } from '../dialect.ts';
import { cardOf, priceUsage } from '../settle/price-usage.ts';
import type { Alias, Target } from '../target.ts';
import { middleOf } from './expected-tokens.ts';

/**
 * What this request will likely cost at a target, nano-USD: the input between its two estimates, an answer as long as is usual
 * for the alias or as the request allows, in the price tier that the input falls in, at the rates of the way of serving and
 * the place that it asks for, with the fees that are sure. No bound: that is the hold.
 *
 * @param cachedTokens how much of the input the target has in its prompt cache, as it was estimated: only where the
 * conversation has been there
 */
export const expectedCost = (
  target: Target,
  { conversation, alias }: { conversation: Conversation; alias: Pick<Alias, 'defaultOutputTokens'> },
  estimate: TokenEstimate,
  cachedTokens: number,
): NanoUsd => {
  const reach = reachOf(target, conversation);
  const input = middleOf(estimate);
  const cached = Math.min(input, Math.max(0, Math.floor(cachedTokens)));
  const fresh = input - cached;
  // Where the request marks what is to be kept, what is not in the cache yet is written to it. OpenAI's dialect writes unasked.
  const isWritten = !isOpenaiDialect(target.dialect) && reach.cacheWrites.size > 0;
  const write = reach.cacheWrites.has('1h') ? 'cacheWrite1hTokens' : 'cacheWrite5mTokens';
  const usage = {
    inputTokens: isWritten ? 0 : fresh,
    cachedInputTokens: cached,
    cacheWrite5mTokens: 0,
    cacheWrite1hTokens: 0,
    ...(isWritten && { [write]: fresh }),
    outputTokens: expectedOutput(conversation, alias, target) * Math.max(1, conversation.choices),
    reasoningTokens: 0,
  };
  const service = reach.services.at(-1) ?? 'standard';
  const card = cardOf(target.price, { service, geo: reach.geos[0] ?? '' }) ?? target.price;
  return priceUsage(card, usage) + reach.fixedFees;
};

/** Tokens of one choice: the request's own limit where that is less than is usual. */
export const expectedOutput = (
  { maxOutputTokens }: Pick<Conversation, 'maxOutputTokens'>,
  { defaultOutputTokens }: Pick<Alias, 'defaultOutputTokens'>,
  target: Pick<Target, 'maxOutputTokens'>,
): number => Math.min(maxOutputTokens ?? Number.POSITIVE_INFINITY, defaultOutputTokens, target.maxOutputTokens);
