import type { Admission } from '../admit/admit.ts';
import { holdCeiling } from '../admit/hold-ceiling.ts';
import { outputLimitFor } from '../admit/output-limit.ts';
import type { AttemptRecord } from '../call/call.ts';
import type { Usage } from '../conversation.ts';
import { priceUsage } from './price-usage.ts';

/** What one attempt is entered with. */
export interface AttemptCost {
  /** Nano-USD. */
  cost: bigint;
  usage?: Usage;
  /** The vendor gave no full count: this is ours, within the hold. */
  isEstimated: boolean;
}

/** More than any model reads or writes for one request: a count beyond it is no count. Sums of such counts stay exact. */
const MOST_TOKENS = 1_000_000_000;

/**
 * The vendor's count wherever it gave one (docs/decisions/005). An attempt that was broken off counts the output that was
 * seen, if that is more than the vendor had said so far. A count that lacks one side, or is none at all, is made up from
 * what was sent and seen; an attempt that may be billed without a word from the vendor is charged its whole ceiling: the
 * ledger is never below what a call may have cost.
 */
export const attemptCost = (
  attempt: AttemptRecord,
  admission: Pick<Admission, 'asked' | 'plan' | 'isBudgeted'>,
): AttemptCost => {
  const { target, usage, failure } = attempt;
  if (usage === undefined && failure !== undefined && !failure.mayBeBilled) return { cost: 0n, isEstimated: false };
  if (usage !== undefined && isWhole(attempt, usage))
    return { cost: priceUsage(target.price, usage), usage, isEstimated: false };

  const { conversation, alias } = admission.asked;
  const inputTokens = admission.plan.estimateOf(target).inputTokensHigh;
  const limit = outputLimitFor(conversation, alias, target, admission.isBudgeted);
  const ceiling = holdCeiling(target, conversation, inputTokens, limit.tokens);
  const seenTokens = Math.min(attempt.seenOutputTokens, limit.tokens * conversation.choices);
  if (usage === undefined ? seenTokens === 0 && failure !== undefined : !isCount(usage))
    return { cost: ceiling, isEstimated: true };

  const told = usage ?? NO_USAGE;
  const estimate: Usage = {
    ...told,
    ...(inputOf(told) === 0 && { inputTokens }),
    outputTokens: Math.max(told.outputTokens, seenTokens),
  };
  return { cost: priceUsage(target.price, estimate), usage: estimate, isEstimated: true };
};

export const NO_USAGE: Usage = {
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
};

/** All input, from a cache or not, tokens. */
export const inputOf = (usage: Usage): number =>
  usage.inputTokens + usage.cachedInputTokens + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens;

/** Whether the vendor's count says all. Content that counts as nothing, or came from no input, was not counted. */
const isWhole = ({ failure, seenOutputTokens }: AttemptRecord, usage: Usage): boolean =>
  isCount(usage) &&
  (failure === undefined || usage.outputTokens >= seenOutputTokens) &&
  (usage.outputTokens > 0 || seenOutputTokens === 0) &&
  (usage.outputTokens === 0 || inputOf(usage) > 0);

const isCount = (usage: Usage): boolean =>
  [inputOf(usage), ...Object.values(usage)].every(
    (tokens) => Number.isSafeInteger(tokens) && tokens >= 0 && tokens <= MOST_TOKENS,
  );
