import type { Refusal } from '../failures.ts';
import type { HoldOutcome, LimitFigures, LimitOutcome } from '../ports.ts';
import type { Target } from '../target.ts';
import type { Admission } from './admit.ts';
import { budgetRefusal, rateRefusal } from './admit-refusals.ts';
import { largestWithin, leastOf, withRoom } from './clamp.ts';
import { LIMIT_PERIOD_US } from './gcra.ts';
import { holdCeiling } from './hold-ceiling.ts';
import { chargedTokens, tokenCharge } from './limit-takes.ts';
import { outputLimitFor } from './output-limit.ts';

type Refused<Outcome> = Extract<Outcome, { kind: 'refused' }>;

/**
 * What a request is told that some scope did not admit: the scope that will refuse it longest, and when the same request
 * would be admitted by all of them, if nobody else took or gave back anything.
 */
export const refuseAdmission = (
  admission: Admission,
  target: Target,
  held: HoldOutcome,
  taken: LimitOutcome,
  nowMs: number,
): Refusal => {
  const rate = taken.kind === 'refused' ? rateRefusal(longestRate(admission, target, held, taken)) : undefined;
  const limits = taken.kind === 'refused' ? taken.figures : withoutTakes(admission, taken.figures);
  if (held.kind !== 'refused') {
    if (rate === undefined) throw new Error(`${admission.requestId} was admitted and refused`);
    return rate;
  }
  const budget = longestBudget(admission, target, held, nowMs);
  if (rate === undefined || budget.retryAfterMs === undefined) return { ...budget, limits };
  // Both refuse: it takes both to come round. A request that no waiting helps is told so.
  if (rate.retryAfterMs === undefined) return rate;
  if (rate.retryAfterMs <= budget.retryAfterMs) return { ...budget, limits };
  const { retryAt: _, ...rest } = budget;
  return { ...rest, retryAfterMs: rate.retryAfterMs, limits };
};

/** Between which output limits the request may come to be asked, whatever the scopes with back-pressure have left by then. */
const reachOfLimit = (admission: Admission, target: Target, held: HoldOutcome) => {
  const { asked, plan, accounts, takes, isBudgeted } = admission;
  const { conversation, alias } = asked;
  const input = plan.estimateOf(target).inputTokensHigh;
  const lowestTokens = leastOf(admission, target);
  let mostTokens = outputLimitFor(conversation, alias, target, isBudgeted).tokens;
  const standing = held.kind === 'refused' ? held.standing : held.kind === 'held' ? held.figures : [];
  for (const { account, figures } of withRoom(accounts, { standing })) {
    const cap = figures === undefined ? account.cap : figures.cap;
    if (account.backPressure === 'clamp' && cap !== null)
      mostTokens =
        largestWithin(cap, target, conversation, input, { least: lowestTokens, most: mostTokens }) ?? lowestTokens;
  }
  for (const { limit } of takes)
    if (limit.backPressure === 'clamp' && limit.tokensPerMinute !== undefined)
      mostTokens = Math.min(
        mostTokens,
        Math.floor((limit.tokensPerMinute - input) / Math.max(1, conversation.choices)),
      );
  return {
    lowestTokens,
    mostTokens: Math.max(mostTokens, lowestTokens),
    ceilingOf: (tokens: number) => holdCeiling(target, conversation, input, tokens),
  };
};

const longestBudget = (admission: Admission, target: Target, held: Refused<HoldOutcome>, nowMs: number): Refusal => {
  const { accounts, hold } = admission;
  const { lowestTokens, mostTokens, ceilingOf } = reachOfLimit(admission, target, held);
  const lowest = ceilingOf(lowestTokens);
  const most = ceilingOf(mostTokens);
  let longest: { until: number; refusal: Refusal } | undefined;
  for (const { account, figures, room } of withRoom(accounts, held)) {
    const isClamped = account.backPressure === 'clamp';
    const amount = isClamped ? lowest : most;
    if (room >= amount) continue;
    const refusal = budgetRefusal({ ...held, account, figures }, amount, nowMs, isClamped ? lowestTokens : undefined);
    const until = refusal.retryAt ?? Number.POSITIVE_INFINITY;
    if (longest === undefined || until > longest.until) longest = { until, refusal };
  }
  // Room has come back since: the account that refused stands for it.
  return longest?.refusal ?? budgetRefusal(held, hold, nowMs);
};

/**
 * The store tells the wait for what was asked of it. Where back-pressure may lower the request, the wait is worked out from
 * the standing (rounded up to the millisecond): until the scopes that lower it have the least that it can be given, and the
 * others all that they may be asked for.
 */
const longestRate = (
  admission: Admission,
  target: Target,
  held: HoldOutcome,
  taken: Refused<LimitOutcome>,
): Refused<LimitOutcome> => {
  const { asked, plan, takes, accounts } = admission;
  if ([...takes.map(({ limit }) => limit), ...accounts].every(({ backPressure }) => backPressure !== 'clamp'))
    return taken;
  const { conversation, alias } = asked;
  const { lowestTokens, mostTokens } = reachOfLimit(admission, target, held);
  const input = plan.estimateOf(target).inputTokensHigh;
  const options = { usualTokens: alias.defaultOutputTokens, choices: conversation.choices };
  const lowest = tokenCharge(input, lowestTokens, options);
  const most = tokenCharge(input, mostTokens, options);
  const waits = takes.flatMap(({ scope, limit }) =>
    taken.figures
      .filter((figures) => figures.scope === scope)
      .map((figures) => ({
        by: figures,
        ...waitFor(figures, chargedTokens(limit, limit.backPressure === 'clamp' ? lowest : most)),
      })),
  );
  const refusing = waits.filter(({ never, retryAfterMs }) => never || retryAfterMs > 0);
  const [first, ...others] = refusing;
  // Room has come back since: what the store said stands.
  if (first === undefined) return taken.never ? { ...taken, never: false } : taken;
  const orderOf = ({ never, retryAfterMs }: (typeof waits)[number]) =>
    never ? Number.POSITIVE_INFINITY : retryAfterMs;
  const longest = others.reduce((a, b) => (orderOf(b) > orderOf(a) ? b : a), first);
  return { ...taken, ...longest };
};

const PERIOD_MS = LIMIT_PERIOD_US / 1000;

/** Until `tokens` (or one request) would be admitted, ms; 0 = now. */
export const waitFor = (figures: LimitFigures, tokens: number): { retryAfterMs: number; never: boolean } => {
  const { what, limit, remaining, resetMs } = figures;
  const units = what === 'tokens' ? tokens : 1;
  if (units > limit) return { retryAfterMs: 0, never: true };
  if (units <= remaining) return { retryAfterMs: 0, never: false };
  // Places come free when requests end; the store's own hint says when to look again.
  if (what === 'concurrent') return { retryAfterMs: resetMs, never: false };
  return { retryAfterMs: Math.max(1, Math.ceil(resetMs + (units * PERIOD_MS) / limit - PERIOD_MS)), never: false };
};

/** The standing before a take that has been given back. */
const withoutTakes = ({ takes }: Admission, figures: readonly LimitFigures[]): LimitFigures[] =>
  figures.map((one) => {
    const take = takes.find(({ scope }) => scope === one.scope);
    if (take === undefined) return one;
    const units = one.what === 'tokens' ? take.tokens : 1;
    const remaining = Math.min(one.limit, one.remaining + units);
    if (one.what === 'concurrent') return { ...one, remaining, resetMs: remaining === one.limit ? 0 : one.resetMs };
    return {
      ...one,
      remaining,
      resetMs: Math.max(0, Math.floor(one.resetMs - (units * PERIOD_MS) / one.limit)),
    };
  });
