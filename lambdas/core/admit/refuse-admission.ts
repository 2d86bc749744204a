import type { NanoUsd } from '../../contract/money.ts';
import type { Refusal } from '../failures.ts';
import type { HoldOutcome } from '../ledger.ts';
import { type AccountRoom, roomsOf } from './account-rooms.ts';
import type { Admission } from './admission.ts';
import { budgetRefusal, isSpentSomewhere, rateRefusal } from './admit-refusals.ts';
import { ceilingAt, chargeAt } from './at-target.ts';
import { largestWithin } from './clamp.ts';
import type { LimitOutcome, LimitTake } from './limit-store.ts';
import { chargedTokens } from './limit-takes.ts';
import { longestWait, withoutTakes } from './limit-waits.ts';
import { leastOutputTokens, outputLimitFor } from './output-limit.ts';

type Refused<Outcome> = Extract<Outcome, { kind: 'refused' }>;

/**
 * What a request is told that some scope did not admit: the scope that will refuse it longest, and when the same request
 * would be admitted by all of them, if nobody else took or gave back anything.
 */
export const refuseAdmission = (draft: Admission, held: HoldOutcome, taken: LimitOutcome, nowMs: number): Refusal => {
  const reach = reachOfLimit(draft, held);
  const rate = taken.kind === 'refused' ? refuseRate(draft, reach, taken) : undefined;
  const limits = taken.kind === 'refused' ? taken.figures : withoutTakes(draft.takes, taken.figures);
  if (held.kind !== 'refused') {
    if (rate === undefined) throw new Error(`${draft.requestId} was admitted and refused`);
    return rate;
  }
  const budget = longestBudget(draft, reach, held, nowMs);
  if (rate === undefined || budget.retryAfterMs === undefined) return { ...budget, limits };
  // Both refuse: it takes both to come round. A request that no waiting helps is told so.
  if (rate.retryAfterMs === undefined) return rate;
  const { retryAt, ...rest } = budget;
  const isSure = retryAt !== undefined && (retryAt === null || retryAt >= nowMs + rate.retryAfterMs);
  return {
    ...rest,
    ...(isSure && { retryAt }),
    retryAfterMs: Math.max(rate.retryAfterMs, budget.retryAfterMs),
    limits,
  };
};

/** Between which output limits the request may come to be asked, whatever the scopes with back-pressure have left by then. */
interface Reach {
  lowestTokens: number;
  mostTokens: number;
}

const reachOfLimit = (draft: Admission, held: HoldOutcome): Reach => {
  const { asked, plan, accounts, takes, isBudgeted, firstTarget } = draft;
  const { conversation, alias } = asked;
  const input = plan.estimateOf(firstTarget).inputTokensHigh;
  const lowestTokens = leastOutputTokens(draft, firstTarget);
  let mostTokens = outputLimitFor(conversation, alias, firstTarget, isBudgeted).tokens;
  const ceilingOf = (tokens: number): NanoUsd => ceilingAt(firstTarget, draft, tokens);
  const standing = held.kind === 'refused' ? held.standing : held.kind === 'held' ? held.figures : [];
  for (const { account, cap } of roomsOf(accounts, standing))
    if (account.backPressure === 'clamp')
      mostTokens = largestWithin(cap, ceilingOf, { least: lowestTokens, most: mostTokens }) ?? lowestTokens;
  for (const { limit } of takes)
    if (limit.backPressure === 'clamp' && limit.tokensPerMinute !== undefined)
      mostTokens = Math.min(
        mostTokens,
        Math.floor((limit.tokensPerMinute - input) / Math.max(1, conversation.choices)),
      );
  return { lowestTokens, mostTokens: Math.max(mostTokens, lowestTokens) };
};

const longestBudget = (
  draft: Admission,
  { lowestTokens, mostTokens }: Reach,
  held: Refused<HoldOutcome>,
  nowMs: number,
): Refusal => {
  const lowest = ceilingAt(draft.firstTarget, draft, lowestTokens);
  const most = ceilingAt(draft.firstTarget, draft, mostTokens);
  const amountOf = ({ account }: AccountRoom): NanoUsd => (account.backPressure === 'clamp' ? lowest : most);
  const short = roomsOf(draft.accounts, held.standing).filter((one) => one.room < amountOf(one));
  const isSpentElsewhere = short.some((one) => isSpentSomewhere([one], amountOf(one)));
  let longest: { until: number; refusal: Refusal } | undefined;
  for (const one of short) {
    const { account, figures } = one;
    const refusal = budgetRefusal({ account, figures }, amountOf(one), nowMs, {
      lowestTokens: account.backPressure === 'clamp' ? lowestTokens : undefined,
      isSpentElsewhere,
    });
    const until = refusal.retryAt ?? Number.POSITIVE_INFINITY;
    if (longest === undefined || until > longest.until) longest = { until, refusal };
  }
  // Room has come back since: the account that refused stands for it.
  return longest?.refusal ?? budgetRefusal(held, draft.hold, nowMs);
};

/**
 * The store tells the wait for what was asked of it. Where back-pressure may lower the request, the wait is worked out from
 * the standing: until the scopes that lower it have the least that it can be given, and the others all that they may be asked
 * for.
 */
const refuseRate = (draft: Admission, { lowestTokens, mostTokens }: Reach, taken: Refused<LimitOutcome>): Refusal => {
  const { takes, accounts, firstTarget } = draft;
  const asked = takes.find(({ scope }) => scope === taken.by.scope)?.tokens;
  if ([...takes.map(({ limit }) => limit), ...accounts].every(({ backPressure }) => backPressure !== 'clamp'))
    return rateRefusal(taken, asked);
  const lowest = chargeAt(firstTarget, draft, lowestTokens);
  const most = chargeAt(firstTarget, draft, mostTokens);
  const tokensOf = ({ limit }: LimitTake): number =>
    chargedTokens(limit, limit.backPressure === 'clamp' ? lowest : most);
  const longest = longestWait(takes, taken.figures, tokensOf);
  // Room has come back since: what the store said stands.
  if (longest === undefined) return rateRefusal({ ...taken, never: false }, asked);
  const take = takes.find(({ scope }) => scope === longest.by.scope);
  return rateRefusal({ ...taken, ...longest }, take && tokensOf(take));
};
