import type { NanoUsd } from '../../contract/money.ts';
import { estimateConversation } from '../admit/estimate.ts';
import { holdCeiling } from '../admit/hold-ceiling.ts';
import { NO_USAGE } from '../settle/attempt-cost.ts';
import { priceUsage } from '../settle/price-usage.ts';
import type { Target } from '../target.ts';
import { askForVector } from './ask-for-vector.ts';

/** The most tokens that a text can count as. */
export const embeddingTokensHigh = (text: string, target: Target): number =>
  estimateConversation(askForVector(text, target).conversation, target).inputTokensHigh;

/** The most that the vector of a text can cost, nano-USD: what is held before it is asked for. */
export const embeddingCeiling = (text: string, target: Target): NanoUsd =>
  holdCeiling(target, askForVector(text, target).conversation, embeddingTokensHigh(text, target), 0);

/**
 * What a vector has cost, nano-USD, rounded up once.
 *
 * @param inputTokens as the vendor counted, or as it may bill at most; 0 where nobody was asked
 */
export const embeddingCost = ({ price }: Pick<Target, 'price'>, inputTokens: number): NanoUsd =>
  inputTokens === 0 ? 0n : priceUsage(price, { ...NO_USAGE, inputTokens }) + (price.fees?.call ?? 0n);
