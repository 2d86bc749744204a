import type { Admission } from '../admit/admit.ts';
import { holdCeiling } from '../admit/hold-ceiling.ts';
import { outputLimitFor } from '../admit/output-limit.ts';
import type { AttemptRecord } from '../call/call.ts';
import type { Usage } from '../conversation.ts';
import type { Asked } from '../decode/decode.ts';
import type { Plan } from '../route/plan.ts';
import { priceUsage } from './price-usage.ts';

/** What one attempt is entered with. */
export interface AttemptCost {
  /** Nano-USD. */
  cost: bigint;
  usage?: Usage;
  /** The vendor gave no full count: this is ours, within the hold. */
  isEstimated: boolean;
}

/**
 * The vendor's count wherever it gave one. An attempt that was broken off counts the output that was seen, if that is more
 * than the vendor had said so far. One that may be billed without a word from the vendor is charged its whole ceiling: the
 * ledger is never below what a call may have cost.
 */
export const attemptCost = (
  attempt: AttemptRecord,
  asked: Asked,
  plan: Plan,
  admission: Pick<Admission, 'isBudgeted'>,
): AttemptCost => {
  const { target, usage, failure, seenOutputTokens } = attempt;
  if (usage !== undefined) {
    const isComplete = failure === undefined || usage.outputTokens >= seenOutputTokens;
    const counted = isComplete ? usage : { ...usage, outputTokens: seenOutputTokens };
    return { cost: priceUsage(target.price, counted), usage: counted, isEstimated: !isComplete };
  }
  if (failure !== undefined && !failure.mayBeBilled) return { cost: 0n, isEstimated: false };

  const inputTokens = plan.estimateOf(target).inputTokensHigh;
  const limit = outputLimitFor(asked.conversation, asked.alias, target, admission.isBudgeted);
  const ceiling = holdCeiling(target, asked.conversation, inputTokens, limit.tokens);
  if (seenOutputTokens === 0 && failure !== undefined) return { cost: ceiling, isEstimated: true };
  const seen: Usage = {
    inputTokens,
    cachedInputTokens: 0,
    cacheWrite5mTokens: 0,
    cacheWrite1hTokens: 0,
    outputTokens: Math.min(seenOutputTokens, limit.tokens),
    reasoningTokens: 0,
  };
  const cost = priceUsage(target.price, seen);
  return { cost: cost < ceiling ? cost : ceiling, usage: seen, isEstimated: true };
};
