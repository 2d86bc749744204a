import { formatUsd } from '../../contract/money.ts';
import { hasReached, thresholdsOf } from '../budget/budget-state.ts';
import { type Refusal, refuse } from '../failures.ts';
import type { AccountFigures, AccountRef, HoldOutcome, LimitFigures, LimitOutcome } from '../ports.ts';
import type { Receipt } from '../receipt.ts';
import { type AccountRoom, roomsOf } from './account-rooms.ts';
import { periodEndsAt } from './periods.ts';

/**
 * Names the scope, what is left of its cap, what this request would hold, and when the period ends.
 *
 * @param lowestTokens the output limit that the amount stands for, where back-pressure could not go lower
 */
export const budgetRefusal = (
  refused: Extract<HoldOutcome, { kind: 'refused' }>,
  amount: bigint,
  nowMs: number,
  lowestTokens?: number,
): Refusal => {
  const { account, figures } = refused;
  const cap = figures?.cap ?? account.cap ?? 0n;
  const committed = figures?.committed ?? 0n;
  const left = cap > committed ? cap - committed : 0n;
  const endsAt = periodEndsAt(account.period, account.timeZone);
  const scope = `${account.scope} ${account.id}`;
  const period = endsAt === null ? '' : ` for ${account.period}`;
  // In words only: nobody knows when the others will end, nor what they leave.
  const mayComeSooner = figures !== undefined && figures.held > 0n && amount <= cap - figures.spent;
  const sooner = mayComeSooner ? ' What those leave unused comes free when they end.' : '';
  const standing =
    `The budget of ${scope}${period} has $${formatUsd(left)} of $${formatUsd(cap)} left ` +
    `($${formatUsd(figures?.held ?? 0n)} is held by requests under way), and this request may cost up to $${formatUsd(amount)}` +
    `${lowestTokens === undefined ? '' : ` even with an output limit of ${lowestTokens}`}.${sooner}`;
  const remedy = 'Lower its output limit, use a cheaper model, ask for a raise';
  // More than the whole cap: the next period has no room for it either, where there is one.
  if (amount > cap || endsAt === null)
    return refuse('budget_exceeded', `${standing} ${remedy}.`, { scope, shouldRetry: false });
  return refuse('budget_exceeded', `${standing} ${remedy}, or wait until ${new Date(endsAt).toISOString()}.`, {
    scope,
    retryAfterMs: Math.max(0, endsAt - nowMs),
    retryAt: endsAt,
    shouldRetry: false,
  });
};

/** Names the limit, its standing and the wait after which this very request would be admitted. */
export const rateRefusal = (refused: Extract<LimitOutcome, { kind: 'refused' }>): Refusal => {
  const { by, retryAfterMs, never, figures: limits } = refused;
  const [kind, ...id] = by.scope.split('#');
  const scope = `${kind} ${id.join('#')}`;
  const limit = limitText(by);
  if (never)
    return refuse(
      'rate_limit_exceeded',
      `This request alone is larger than the limit of ${scope}: ${limit}. Shorten it; waiting can't help.`,
      { scope, shouldRetry: false, limits },
    );
  return refuse(
    'rate_limit_exceeded',
    `The limit of ${scope} is reached: ${limit}, ${by.remaining} left. Try again in ${(retryAfterMs / 1000).toFixed(3)} s.`,
    { scope, retryAfterMs, limits },
  );
};

/** `600 requests per minute`, `8 requests at once` */
export const limitText = ({ what, limit }: LimitFigures): string =>
  what === 'concurrent' ? `${limit} requests at once` : `${limit} ${what} per minute`;

/** `warn` where an account is near its cap, held amounts included; of several the one with the smallest part of its cap left. */
export const budgetStanding = (accounts: AccountRef[], figures: AccountFigures[]): Receipt['budget'] => {
  let tightest: AccountRoom | undefined;
  for (const one of roomsOf(accounts, figures)) {
    const { account, committed, cap } = one;
    if (!hasReached(committed, cap, thresholdsOf(account).warnPerMille)) continue;
    if (tightest === undefined || committed * tightest.cap > tightest.committed * cap) tightest = one;
  }
  if (tightest === undefined) return { state: 'ok', scope: null };
  const { account, committed, cap } = tightest;
  return {
    state: 'warn',
    scope: `${account.scope} ${account.id}`,
    usedPerMille: cap === 0n ? 1000 : Number((committed * 1000n) / cap),
  };
};
