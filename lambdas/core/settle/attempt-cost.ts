import type { NanoUsd } from '../../contract/money.ts';
import type { Service } from '../../contract/price.ts';
import type { Admission } from '../admit/admission.ts';
import { holdCeiling } from '../admit/hold-ceiling.ts';
import { outputLimitOf } from '../admit/output-limit.ts';
import { type Reach, reachOf } from '../admit/reach.ts';
import type { AttemptRecord } from '../call/call.ts';
import type { Conversation, Usage } from '../conversation.ts';
import { type AnyDialectName, isOpenaiDialect } from '../dialect.ts';
import type { Target } from '../target.ts';
import { type Billing, cardOf, priceUsage, STANDARD } from './price-usage.ts';

/** What one attempt is entered with. */
export interface AttemptCost {
  /** Nano-USD. */
  cost: NanoUsd;
  usage?: Usage;
  /** The vendor gave no full count, or billed by a rate that nobody knows: this is ours. */
  isEstimated: boolean;
  /** Which rates the cost comes from, and what of it is fees; absent where it is the ceiling, or nothing. */
  billing?: Billing;
  /** Nano-USD. */
  fees?: NanoUsd;
}

/** More than any model reads or writes for one request: a count beyond it is no count. Sums of such counts stay exact. */
export const MOST_TOKENS = 1_000_000_000;

/**
 * The vendor's count wherever it gave one (docs/decisions/005), at the rates that it says it billed by (016). An attempt that
 * was broken off counts the output that was seen, if that is more than the vendor had said so far. A count that lacks one side,
 * or is none at all, is made up from what was sent and seen; an attempt that may be billed without a word from the vendor is
 * charged its whole ceiling: the ledger is never below what a call may have cost.
 */
export const attemptCost = (
  attempt: AttemptRecord,
  admission: Pick<Admission, 'asked' | 'plan' | 'isBudgeted' | 'lowered'>,
): AttemptCost => {
  const { target, usage, failure } = attempt;
  if (usage === undefined && failure !== undefined && !failure.mayBeBilled) return { cost: 0n, isEstimated: false };
  const { conversation } = admission.asked;
  const inputTokens = admission.plan.estimateOf(target).inputTokensHigh;
  // What was sent stands: a later hop may have been lowered further.
  const limitTokens = attempt.sentOutputLimit ?? outputLimitOf(admission, target).tokens;
  const ceiling = (): NanoUsd => holdCeiling(target, conversation, inputTokens, limitTokens);
  if (usage !== undefined && isWhole(attempt, usage)) {
    const priced = priceAttempt(attempt, conversation, usage);
    if (priced.isKnown) return { ...priced.costs, usage, isEstimated: false };
    // Rates that nobody knows: as a call of which nothing is known, and never below what is.
    return { cost: max(priced.costs.cost, ceiling()), usage, isEstimated: true };
  }

  const seenTokens = Math.min(attempt.seenOutputTokens, limitTokens * conversation.choices);
  if (usage === undefined ? seenTokens === 0 && failure !== undefined : !isCount(usage))
    return { cost: ceiling(), isEstimated: true };

  const told = usage ?? NO_USAGE;
  const estimate: Usage = {
    ...told,
    ...(inputOf(told) === 0 && { inputTokens }),
    outputTokens: Math.max(told.outputTokens, seenTokens),
  };
  const priced = priceAttempt(attempt, conversation, estimate);
  return priced.isKnown
    ? { ...priced.costs, usage: estimate, isEstimated: true }
    : { cost: max(priced.costs.cost, ceiling()), usage: estimate, isEstimated: true };
};

interface PricedAttempt {
  costs: { cost: NanoUsd; billing: Billing; fees: NanoUsd };
  /** Whether the price has the rates that the vendor says it billed by. */
  isKnown: boolean;
}

const TELL_SEARCHES: ReadonlySet<AnyDialectName> = new Set<AnyDialectName>(['anthropic-messages', 'openai-responses']);

/** Tokens at the rates that were told, or at the dearest of those that may have been used; and fees, as often as was told or permitted. */
const priceAttempt = ({ target, failure }: AttemptRecord, conversation: Conversation, usage: Usage): PricedAttempt => {
  const { price } = target;
  const reach = reachOf(target, conversation);
  const counted = withLongWrites(target, reach, usage);
  // Anthropic and OpenAI's Responses tell of every search; elsewhere as many are charged as were permitted.
  const told = usage.billed?.webSearches ?? (TELL_SEARCHES.has(target.dialect) ? 0 : undefined);
  // Searches that nobody asked for are billed all the same.
  const searchFee = reach.searches > 0 ? reach.searchFee : price.fees?.webSearch?.high;
  const fees = reach.fixedFees + (searchFee ?? 0n) * BigInt(told ?? reach.searches);
  const billings = billingsOf(reach, usage);
  const cards = billings.flatMap((billing) => {
    const card = cardOf(price, billing) ?? standardInstead(target, billing);
    return card === undefined ? [] : [{ cost: priceUsage(card, counted) + fees, billing, fees }];
  });
  const [first, ...rest] = cards;
  return {
    costs: rest.reduce(
      (dearest, one) => (one.cost > dearest.cost ? one : dearest),
      first ?? { cost: priceUsage(price, counted) + fees, billing: STANDARD, fees },
    ),
    isKnown:
      first !== undefined &&
      (searchFee !== undefined || (told ?? 0) === 0) &&
      // Broken off between two rounds of a tool: what is told is of the rounds so far.
      (failure === undefined || reach.toolUses === 0),
  };
};

/** What the vendor said stands alone. Of the ways of serving that it did not name any may be meant; a place is named where it costs. */
const billingsOf = (reach: Reach, { billed = {} }: Usage): Billing[] => {
  const services: Service[] = billed.service === undefined ? reach.services : [billed.service];
  const geo = billed.geo ?? reach.geos[0] ?? '';
  return services.map((service) => ({ service, geo }));
};

/** No vendor asks more for `flex` than for its usual service. */
const standardInstead = ({ price }: Target, { service, geo }: Billing) =>
  service === 'flex' ? cardOf(price, { service: 'standard', geo }) : undefined;

/** OpenAI's dialect counts all cache writes as one; where a longer life was asked for, they have it. */
const withLongWrites = ({ dialect }: Target, { cacheWrites }: Reach, usage: Usage): Usage =>
  isOpenaiDialect(dialect) && cacheWrites.has('1h')
    ? {
        ...usage,
        cacheWrite5mTokens: 0,
        cacheWrite1hTokens: usage.cacheWrite5mTokens + usage.cacheWrite1hTokens,
      }
    : usage;

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);

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

const isCount = ({ billed = {}, ...counts }: Usage): boolean =>
  [inputOf({ ...counts }), ...Object.values(counts), ...Object.values(billed)].every(
    (count) => typeof count === 'string' || (Number.isSafeInteger(count) && count >= 0 && count <= MOST_TOKENS),
  );
