import { formatUsd } from '../../contract/money.ts';
import { type Refusal, refuse } from '../failures.ts';
import type { AccountFigures, AccountRef, HoldOutcome, LimitOutcome } from '../ports.ts';
import type { Receipt } from '../receipt.ts';
import { periodEndsAt } from './account-keys.ts';

/** Names the scope, what is left of its cap, what this request would hold, and when the period ends. */
export const budgetRefusal = (
  refused: Extract<HoldOutcome, { kind: 'refused' }>,
  amount: bigint,
  nowMs: number,
): Refusal => {
  const { account, figures } = refused;
  const cap = figures?.cap ?? account.cap ?? 0n;
  const committed = figures?.committed ?? 0n;
  const left = cap > committed ? cap - committed : 0n;
  const endsAt = periodEndsAt(account.period);
  const scope = `${account.scope} ${account.id}`;
  return refuse(
    'budget_exceeded',
    `The budget of ${scope} for ${account.period} has $${formatUsd(left)} of $${formatUsd(cap)} left ` +
      `($${formatUsd(figures?.held ?? 0n)} is held by requests under way), and this request may cost up to $${formatUsd(amount)}. ` +
      `Lower its output limit, use a cheaper model, ask for a raise, or wait until ${new Date(endsAt).toISOString()}.`,
    { scope, retryAfterMs: Math.max(0, endsAt - nowMs), shouldRetry: false },
  );
};

/** Names the limit, its standing and the wait after which this very request would be admitted. */
export const rateRefusal = (refused: LimitOutcome): Refusal => {
  if (refused.kind === 'taken') throw new TypeError('a limit that was taken is not refused');
  const { by, retryAfterMs, never } = refused;
  const [kind, ...id] = by.scope.split('#');
  const scope = `${kind} ${id.join('#')}`;
  const limit = by.what === 'concurrent' ? `${by.limit} requests at once` : `${by.limit} ${by.what} per minute`;
  if (never)
    return refuse(
      'rate_limit_exceeded',
      `This request alone is larger than the limit of ${scope}: ${limit}. Shorten it; waiting can't help.`,
      {
        scope,
        shouldRetry: false,
      },
    );
  return refuse(
    'rate_limit_exceeded',
    `The limit of ${scope} is reached: ${limit}, ${by.remaining} left. Try again in ${(retryAfterMs / 1000).toFixed(3)} s.`,
    { scope, retryAfterMs },
  );
};

/** The tightest capped account: its share of the cap, held amounts included, decides between ok and warn. */
export const budgetStanding = (accounts: AccountRef[], figures: AccountFigures[]): Receipt['budget'] => {
  for (const account of accounts) {
    const standing = figures.find(({ key }) => key === account.key);
    const cap = standing?.cap ?? null;
    if (standing === undefined || cap === null) continue;
    // warnAt is a share written by a person; per mille keeps the comparison in integers.
    if (standing.committed * 1000n >= cap * BigInt(Math.round(account.warnAt * 1000)))
      return { state: 'warn', scope: `${account.scope} ${account.id}` };
  }
  return { state: 'ok', scope: null };
};
