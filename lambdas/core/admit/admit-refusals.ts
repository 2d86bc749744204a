import { formatUsd } from '../../contract/money.ts';
import { hasReached, thresholdsOf } from '../budget/budget-state.ts';
import { type Refusal, refuse } from '../failures.ts';
import type { AccountFigures, AccountRef, HoldOutcome } from '../ledger.ts';
import type { Receipt } from '../receipt.ts';
import { type AccountRoom, roomsOf } from './account-rooms.ts';
import type { LimitFigures, LimitOutcome } from './limit-store.ts';
import { periodEndsAt } from './periods.ts';

/** When to look again for room that requests under way hold: nobody knows when they end, most within seconds. */
const HELD_RETRY_MS = 5_000;

/** Whether room for `amount` more than the request's `own` hold is only held by others: it may come free any moment. */
const isOnlyHeld = ({ figures, cap }: AccountRoom, amount: bigint, own: bigint): boolean =>
  figures !== undefined && figures.held > own && own + amount <= cap - figures.spent;

/** What more is known of a refused hold. */
export interface RefusedHold {
  /** The output limit that the amount stands for, where back-pressure could not go lower. */
  lowestTokens?: number | undefined;
  /** What the request holds already on every account, nano-USD. */
  own?: bigint;
  /** Another account refuses as well, for longer than holds last. */
  isSpentElsewhere?: boolean;
}

/**
 * Names the scope, what is left of its cap, what this request would hold, and when the period ends. Where requests under way
 * only hold the room, the wait is a short one, and the end of the period the instant at which it is sure.
 */
export const budgetRefusal = (
  refused: Pick<Extract<HoldOutcome, { kind: 'refused' }>, 'account' | 'figures'>,
  amount: bigint,
  nowMs: number,
  { lowestTokens, own = 0n, isSpentElsewhere = false }: RefusedHold = {},
): Refusal => {
  const { account, figures } = refused;
  const cap = figures?.cap ?? account.cap ?? 0n;
  const committed = figures?.committed ?? 0n;
  // As it would be without this request, and for all that it asks.
  const room = cap - committed + own;
  const left = room > 0n ? room : 0n;
  const held = (figures?.held ?? own) - own;
  const total = own + amount;
  const endsAt = periodEndsAt(account.period, account.timeZone);
  const scope = `${account.scope} ${account.id}`;
  const period = endsAt === null ? '' : ` for ${account.period}`;
  const mayComeSooner = isOnlyHeld({ account, figures, cap, committed, room: cap - committed }, amount, own);
  const sooner = mayComeSooner ? ' What those leave unused comes free when they end.' : '';
  const standing =
    `The budget of ${scope}${period} has $${formatUsd(left)} of $${formatUsd(cap)} left ` +
    `($${formatUsd(held)} is held by requests under way), and this request may cost up to $${formatUsd(total)}` +
    `${lowestTokens === undefined ? '' : ` even with an output limit of ${lowestTokens}`}.${sooner}`;
  const remedy = 'Lower its output limit, use a cheaper model, ask for a raise';
  const isShort = mayComeSooner && !isSpentElsewhere;
  // More than the whole cap: the next period has no room for it either, where there is one.
  const text =
    total > cap || endsAt === null
      ? `${standing} ${remedy}.`
      : `${standing} ${remedy}, or wait until ${new Date(endsAt).toISOString()}.`;
  if (isShort) return refuse('budget_exceeded', text, { scope, retryAfterMs: HELD_RETRY_MS, retryAt: endsAt });
  if (total > cap || endsAt === null) return refuse('budget_exceeded', text, { scope, shouldRetry: false });
  return refuse('budget_exceeded', text, {
    scope,
    retryAfterMs: Math.max(0, endsAt - nowMs),
    retryAt: endsAt,
    shouldRetry: false,
  });
};

/** Whether one of the accounts without room for `amount` has spent it: then no request that ends makes room. */
export const isSpentSomewhere = (rooms: readonly AccountRoom[], amount: bigint, own = 0n): boolean =>
  rooms.some((one) => one.room < amount && !isOnlyHeld(one, amount, own));

/**
 * Names the limit, its standing and the wait after which this very request would be admitted.
 *
 * @param tokens what a tokens limit would count for the request
 */
export const rateRefusal = (refused: Extract<LimitOutcome, { kind: 'refused' }>, tokens?: number): Refusal => {
  const { by, retryAfterMs, never, figures: limits } = refused;
  const [kind, ...id] = by.scope.split('#');
  const scope = `${kind} ${id.join('#')}`;
  const limit = limitText(by);
  const needs = by.what === 'tokens' && tokens !== undefined ? `; this request counts ${tokens}` : '';
  if (never)
    return refuse(
      'rate_limit_exceeded',
      `This request alone is larger than the limit of ${scope}: ${limit}${needs}. Shorten it; waiting can't help.`,
      { scope, shouldRetry: false, limits },
    );
  return refuse(
    'rate_limit_exceeded',
    `The limit of ${scope} is reached: ${limit}, ${by.remaining} left${needs}. Try again in ${(retryAfterMs / 1000).toFixed(3)} s.`,
    { scope, retryAfterMs, limits },
  );
};

/** `600 requests per minute`, `8 requests at once` */
export const limitText = ({ what, limit }: LimitFigures): string =>
  what === 'concurrent' ? `${limit} requests at once` : `${limit} ${what} per minute`;

/**
 * `warn` where an account was near its cap when this request came, what others hold included; of several the one with the
 * smallest part of its cap left. The request's own hold does not count: it is a ceiling, and most of it comes back.
 *
 * @param own what this request holds on each account, and the figures count
 */
export const budgetStanding = (accounts: AccountRef[], figures: AccountFigures[], own: bigint): Receipt['budget'] => {
  let tightest: { account: AccountRef; used: bigint; cap: bigint } | undefined;
  for (const { account, committed, cap } of roomsOf(accounts, figures)) {
    const used = committed - own;
    if (!hasReached(used, cap, thresholdsOf(account).warnPerMille)) continue;
    if (tightest === undefined || used * tightest.cap > tightest.used * cap) tightest = { account, used, cap };
  }
  if (tightest === undefined) return { state: 'ok', scope: null };
  const { account, used, cap } = tightest;
  return {
    state: 'warn',
    scope: `${account.scope} ${account.id}`,
    usedPerMille: cap === 0n ? 1000 : Number((used * 1000n) / cap),
  };
};
