import type { Conversation } from '../conversation.ts';
import type { AccountFigures, AccountRef, HoldOutcome, LimitFigures, LimitOutcome, LimitTake } from '../ports.ts';
import type { Target } from '../target.ts';
import type { Admission } from './admit.ts';
import { holdCeiling } from './hold-ceiling.ts';
import { chargedTokens, tokenCharge } from './limit-takes.ts';
import { leastOutputTokens, outputLimitFor } from './output-limit.ts';

/**
 * Back-pressure: the largest output limit, tokens, with which every scope would admit the request as they stood a moment ago.
 * Scopes that clamp say how much; those that do not must admit what comes of it.
 *
 * @param held what the ledger said to the hold as it was
 * @param taken what the limits said
 * @returns undefined where nothing from the floor up has room
 */
export const lowerOutputLimit = (
  admission: Admission,
  target: Target,
  held: HoldOutcome,
  taken: LimitOutcome,
): number | undefined => {
  const { asked, accounts, takes } = admission;
  const { conversation, alias } = asked;
  const input = admission.plan.estimateOf(target).inputTokensHigh;
  const desired = admission.outputLimit.tokens;
  const least = leastOf(admission, target);

  let most = desired;
  const short = held.kind === 'refused' ? withRoom(accounts, held) : [];
  for (const { account, room } of short)
    if (account.backPressure === 'clamp')
      most = largestWithin(room, target, conversation, input, { least, most }) ?? Number.NEGATIVE_INFINITY;
  const figures = taken.kind === 'refused' ? taken.figures : [];
  for (const { scope, limit } of takes) {
    const left = leftOf(figures, scope, 'tokens');
    if (limit.backPressure === 'clamp' && left !== undefined)
      most = Math.min(most, Math.floor((left - input) / Math.max(1, conversation.choices)));
  }
  if (most < least || most >= desired) return undefined;

  const ceiling = holdCeiling(target, conversation, input, most);
  const charge = tokenCharge(input, most, { usualTokens: alias.defaultOutputTokens, choices: conversation.choices });
  const fits =
    short.every(({ room }) => ceiling <= room) &&
    (taken.kind === 'taken' || takes.every((take) => isWithin(take, chargedTokens(take.limit, charge), figures)));
  return fits ? most : undefined;
};

/** The lowest limit that this request may be given at a target: its own, where that is below the floor. */
export const leastOf = ({ asked, isBudgeted }: Pick<Admission, 'asked' | 'isBudgeted'>, target: Target): number => {
  const { conversation, alias } = asked;
  return leastOutputTokens(conversation, alias, outputLimitFor(conversation, alias, target, isBudgeted).tokens);
};

/** Every capped account and what is left of it, as a refused hold has shown it. */
export const withRoom = (
  accounts: readonly AccountRef[],
  { standing }: { standing: readonly AccountFigures[] },
): { account: AccountRef; figures: AccountFigures | undefined; room: bigint }[] => {
  const byKey = new Map(standing.map((figures) => [figures.key, figures]));
  return accounts.flatMap((account) => {
    const figures = byKey.get(account.key);
    const cap = figures === undefined ? account.cap : figures.cap;
    return cap === null ? [] : [{ account, figures, room: cap - (figures?.committed ?? 0n) }];
  });
};

/** The largest limit from `least` to `most` whose ceiling is within `room`, nano-USD: found by halving, whatever the price is made of. */
export const largestWithin = (
  room: bigint,
  target: Target,
  conversation: Conversation,
  inputTokensHigh: number,
  { least, most }: { least: number; most: number },
): number | undefined => {
  const fits = (tokens: number): boolean => holdCeiling(target, conversation, inputTokensHigh, tokens) <= room;
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
