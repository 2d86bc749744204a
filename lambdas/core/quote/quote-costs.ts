import { formatUsd } from '../../contract/money.ts';
import type { Admission } from '../admit/admission.ts';
import { ceilingAt } from '../admit/at-target.ts';
import { outputLimitOf } from '../admit/output-limit.ts';
import type { Offer } from '../failures.ts';
import { cardOf, priceUsage, STANDARD } from '../settle/price-usage.ts';
import type { Target } from '../target.ts';

type Costs = Omit<Offer, 'model'>;

/** What an admitted request would cost at the target that answers it, as far as one can know before. */
export const costsOf = (admission: Admission, target: Target): Costs => {
  const { asked, plan, firstTarget, outputLimit } = admission;
  // Held for the first; the hop to another one raises it to what that can cost.
  const ceiling = target === firstTarget ? 0n : ceilingAt(target, admission, outputLimitOf(admission, target).tokens);
  const hold = ceiling > admission.hold ? ceiling : admission.hold;
  const { inputTokensLow, inputTokensHigh } = plan.estimateOf(target);
  const card = cardOf(target.price, STANDARD) ?? target.price;
  const expectedCost = priceUsage(card, {
    inputTokens: (inputTokensLow + inputTokensHigh) / 2,
    cachedInputTokens: 0,
    cacheWrite5mTokens: 0,
    cacheWrite1hTokens: 0,
    outputTokens:
      Math.min(outputLimit.tokens, asked.alias.defaultOutputTokens) * Math.max(1, asked.conversation.choices),
    reasoningTokens: 0,
  });
  return { target: target.id, expectedCost: expectedCost < hold ? expectedCost : hold, mostCost: hold };
};

/** As `error.tollgate.offers` and a quote show it. */
export const describeOffer = ({ model, ...costs }: Offer) => ({ model, ...describeCosts(costs) });

/** Dollars are JSON numbers, for reading; receipts carry exact amounts. */
export const describeCosts = ({ target, expectedCost, mostCost }: Costs) => ({
  target,
  expected_cost_usd: Number(formatUsd(expectedCost)),
  max_cost_usd: Number(formatUsd(mostCost)),
});
