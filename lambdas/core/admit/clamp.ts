import type { NanoUsd } from '../../contract/money.ts';
import type { HoldOutcome } from '../ledger.ts';
import { roomsOf } from './account-rooms.ts';
import type { Admission } from './admission.ts';
import { ceilingAt, chargeAt } from './at-target.ts';
import type { LimitFigures, LimitOutcome, LimitTake } from './limit-store.ts';
import { chargedTokens } from './limit-takes.ts';
import { leastOutputTokens } from './output-limit.ts';

/**
 * Back-pressure: the largest output limit, tokens, with which every scope would admit the request as they stood a moment ago.
 * Scopes that clamp say how much; those that do not must admit what comes of it.
 *
 * @param held what the ledger said to the hold as it was
 * @param taken what the limits said
 * @returns undefined where nothing from the floor up has room
 */
export const lowerOutputLimit = (draft: Admission, held: HoldOutcome, taken: LimitOutcome): number | undefined => {
  const { asked, plan, accounts, takes, firstTarget } = draft;
  const desired = draft.outputLimit.tokens;
  const least = leastOutputTokens(draft, firstTarget);

  let most = desired;
  const rooms = held.kind === 'refused' ? roomsOf(accounts, held.standing) : [];
  for (const { account, room } of rooms)
    if (account.backPressure === 'clamp')
      most =
        largestWithin(room, (tokens) => ceilingAt(firstTarget, draft, tokens), { least, most }) ??
        Number.NEGATIVE_INFINITY;
  const figures = taken.kind === 'refused' ? taken.figures : [];
  const input = plan.estimateOf(firstTarget).inputTokensHigh;
  for (const { scope, limit } of takes) {
    const left = leftOf(figures, scope, 'tokens');
    if (limit.backPressure === 'clamp' && left !== undefined)
      most = Math.min(most, Math.floor((left - input) / Math.max(1, asked.conversation.choices)));
  }
  if (most < least || most >= desired) return undefined;

  const ceiling = ceilingAt(firstTarget, draft, most);
  const charge = chargeAt(firstTarget, draft, most);
  const fits =
    rooms.every(({ room }) => ceiling <= room) &&
    (taken.kind === 'taken' || takes.every((take) => isWithin(take, chargedTokens(take.limit, charge), figures)));
  return fits ? most : undefined;
};

/** The largest limit from `least` to `most` whose ceiling is within `room`, nano-USD: found by halving, whatever the price is made of. */
export const largestWithin = (
  room: NanoUsd,
  ceilingOf: (tokens: number) => NanoUsd,
  { least, most }: { least: number; most: number },
): number | undefined => {
  const fits = (tokens: number): boolean => ceilingOf(tokens) <= room;
  if (most < least || !fits(least)) return undefined;
  let low = least;
  let high = most;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
};

const leftOf = (figures: readonly LimitFigures[], scope: string, what: LimitFigures['what']): number | undefined =>
  figures.find((one) => one.scope === scope && one.what === what)?.remaining;

const isWithin = ({ scope }: LimitTake, tokens: number, figures: readonly LimitFigures[]): boolean =>
  (leftOf(figures, scope, 'requests') ?? 1) >= 1 &&
  (leftOf(figures, scope, 'concurrent') ?? 1) >= 1 &&
  (leftOf(figures, scope, 'tokens') ?? tokens) >= tokens;
