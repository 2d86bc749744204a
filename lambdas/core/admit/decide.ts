import { affordableStandIn, downgrade } from '../budget/stand-in.ts';
import type { Refusal } from '../failures.ts';
import type { HoldOutcome } from '../ledger.ts';
import { roomsOf } from './account-rooms.ts';
import type { Admission } from './admission.ts';
import { budgetStanding } from './admit-refusals.ts';
import { lowerOutputLimit } from './clamp.ts';
import type { Wish } from './draft-admission.ts';
import type { LimitOutcome } from './limit-store.ts';
import { passOverCanaries } from './pass-over-canaries.ts';
import { refuseAdmission } from './refuse-admission.ts';
import { runRefusal } from './run-refusals.ts';
import type { RunOutcome } from './run-store.ts';

/** What the scopes have said to a draft. */
export interface Answers {
  taken: LimitOutcome;
  held: HoldOutcome;
  entered: RunOutcome;
}

export type Decision =
  | { kind: 'go' }
  | { kind: 'refused'; refusal: Refusal }
  /** Those that said no may say yes to this. */
  | { kind: 'ask-again'; wish: Wish }
  /** The draft was made of something that is not so: the run's chain, or the time. */
  | Extract<RunOutcome, { kind: 'other-parent' }>
  | Extract<HoldOutcome, { kind: 'wrong-epoch' }>;

/** Others take what was left meanwhile: past a few tries there is too little to share. */
const MOST_CLAMPS = 4;

/**
 * What becomes of a draft, by what the scopes have said to it: of an admission, where they were asked, and of a quote, where
 * they were read. On `go` the draft says how its scopes stand, and names the stand-in where a budget is in downgrade.
 */
export const decide = (wish: Wish, draft: Admission, { taken, held, entered }: Answers, nowMs: number): Decision => {
  if (entered.kind === 'other-parent') return entered;
  if (entered.kind === 'refused') return refused(runRefusal(entered));
  if (held.kind === 'refused' || taken.kind === 'refused') {
    const bare = held.kind === 'refused' ? withoutBesides(draft) : draft;
    const less = wishForLess({ ...wish, asked: bare.asked }, bare, held, taken, bare !== draft);
    return less === undefined ? refused(refuseAdmission(bare, held, taken, nowMs)) : { kind: 'ask-again', wish: less };
  }
  if (held.kind === 'wrong-epoch') return held;

  draft.limits = taken.figures;
  draft.runEndsAt = entered.endsAt;
  if (entered.endsBy !== undefined) draft.runEndsBy = entered.endsBy;
  draft.receipt.budget = budgetStanding(draft.accounts, held.figures, draft.hold);
  const withoutStandIn = downgrade(draft, wish.by, held.figures);
  return withoutStandIn === undefined ? { kind: 'go' } : refused(withoutStandIn);
};

/**
 * The answer is what was asked for; what it might cost beside its calls serves to save some of them. Where there is no room for
 * both, whoever finds `asked.besides` gone does without.
 */
const withoutBesides = (draft: Admission): Admission => {
  const { besides = 0n, ...asked } = draft.asked;
  return besides === 0n ? draft : { ...draft, asked, hold: draft.hold - besides };
};

/**
 * The same without its vector, or without a trial, before a whole answer of a cheaper model, and that before a shorter one.
 *
 * @param isBare the draft has just been relieved of what it might cost beside its calls
 */
const wishForLess = (
  wish: Wish,
  draft: Admission,
  held: HoldOutcome,
  taken: LimitOutcome,
  isBare: boolean,
): Wish | undefined => {
  const { clamps } = wish;
  if (
    isBare &&
    held.kind === 'refused' &&
    roomsOf(draft.accounts, held.standing).every(({ room }) => draft.hold <= room)
  )
    return wish;
  const untried = passOverCanaries(draft, held, taken);
  if (untried !== undefined) return { ...wish, ...untried, isWithoutCanaries: true };
  const standIn = held.kind === 'refused' ? affordableStandIn(held, draft) : undefined;
  if (standIn !== undefined) return { ...standIn, clamps };
  const mostTokens = clamps < MOST_CLAMPS ? lowerOutputLimit(draft, held, taken) : undefined;
  return mostTokens === undefined ? undefined : { ...wish, mostTokens, clamps: clamps + 1 };
};

const refused = (refusal: Refusal): Decision => ({ kind: 'refused', refusal });
