import type { NanoUsd } from '../../contract/money.ts';
import { roomsOf } from '../admit/account-rooms.ts';
import type { Admission } from '../admit/admission.ts';
import { ceilingAt } from '../admit/at-target.ts';
import { outputLimitFor, outputLimitOf } from '../admit/output-limit.ts';
import { NO_ROOM, reserveBeside, withoutCanaries } from '../admit/pass-over-canaries.ts';
import { type Refusal, refuse } from '../failures.ts';
import type { AccountFigures, AccountRef, HoldOutcome } from '../ledger.ts';
import { present } from '../read-json.ts';
import type { StandIn } from '../route/plan.ts';
import { hasReached, thresholdsOf } from './budget-state.ts';

/** A budget that lets cheaper models answer. */
export interface Downgrading {
  /** `team search` */
  scope: string;
  withoutStandIn: 'allow' | 'reject';
}

/**
 * The tightest account that was in downgrade before this request came; one whose requests need a stand-in wins. The
 * request's own hold does not count: it is a ceiling, and a large one would let the stand-in answer on an untouched budget.
 * What is committed is counted, so nothing here waits for the projector, and a raise, which the figures carry, lifts it at once.
 *
 * @param own what this request holds on each account, and the figures count
 */
const downgradedBy = (
  accounts: readonly AccountRef[],
  figures: readonly AccountFigures[],
  own: NanoUsd,
): Downgrading | undefined => {
  let tightest: { account: AccountRef; before: NanoUsd; cap: NanoUsd } | undefined;
  for (const { account, committed, cap } of roomsOf(accounts, figures)) {
    const { downgradePerMille } = thresholdsOf(account);
    const before = committed - own;
    if (downgradePerMille === undefined || !hasReached(before, cap, downgradePerMille)) continue;
    const isStricter = account.withoutStandIn === 'reject' && tightest?.account.withoutStandIn !== 'reject';
    const isLooser = account.withoutStandIn !== 'reject' && tightest?.account.withoutStandIn === 'reject';
    if (tightest === undefined || isStricter || (!isLooser && before * tightest.cap > tightest.before * cap))
      tightest = { account, before, cap };
  }
  return tightest && downgradingOf(tightest.account);
};

const downgradingOf = ({ scope, id, withoutStandIn }: AccountRef): Downgrading => ({
  scope: `${scope} ${id}`,
  withoutStandIn: withoutStandIn ?? 'allow',
});

/**
 * The first stand-in whose ceiling every account has room for, where the asked-for model's has none in a budget that knows
 * downgrades and is past its warning.
 */
export const affordableStandIn = (
  refused: Extract<HoldOutcome, { kind: 'refused' }>,
  { asked, plan, accounts, isBudgeted }: Pick<Admission, 'asked' | 'plan' | 'accounts' | 'isBudgeted'>,
): (StandIn & { by: Downgrading }) | undefined => {
  const { account, figures, standing } = refused;
  const { warnPerMille, downgradePerMille } = thresholdsOf(account);
  const cap = figures?.cap ?? account.cap;
  if (figures === undefined || cap === null || downgradePerMille === undefined) return undefined;
  if (!hasReached(figures.committed, cap, warnPerMille)) return undefined;
  const rooms = roomsOf(accounts, standing);
  for (let standIn = standInOf({ asked, plan }); standIn !== undefined; standIn = standInOf(standIn)) {
    const untried = withoutCanaries(standIn.plan, NO_ROOM);
    for (const plan of [standIn.plan, ...(untried === undefined ? [] : [untried])]) {
      const planned = { ...standIn, plan };
      const hold = ceilingOf(planned, isBudgeted) + reserveOf(planned, isBudgeted);
      if (rooms.every(({ room }) => hold <= room)) return { ...planned, by: downgradingOf(account) };
    }
  }
  return undefined;
};

/** The vector of its question costs the same, whoever answers: a plan is made before that is known. */
const standInOf = ({ asked: { besides }, plan }: StandIn): StandIn | undefined => {
  const standIn = plan.standIn?.();
  return standIn && { ...standIn, asked: { ...standIn.asked, ...present('besides', besides) } };
};

const ceilingOf = (standIn: StandIn, isBudgeted: boolean): NanoUsd => {
  const { asked, plan } = standIn;
  const [target] = plan.targets;
  return ceilingAt(target, standIn, outputLimitFor(asked.conversation, asked.alias, target, isBudgeted).tokens);
};

const reserveOf = ({ asked, plan }: StandIn, isBudgeted: boolean): NanoUsd =>
  reserveBeside(plan.targets[0], { asked, plan, isBudgeted, lowered: { byTarget: new Map() } });

/**
 * Lets a cheaper model answer where a budget is in downgrade, before the entry is written: so it costs no trip.
 *
 * @param known the budget for whose sake a stand-in is what was admitted
 * @returns the refusal, where the budget wants a stand-in and there is none; nothing has been changed then
 */
export const downgrade = (
  admission: Admission,
  known: Downgrading | undefined,
  figures: readonly AccountFigures[],
): Refusal | undefined => {
  const by = known ?? downgradedBy(admission.accounts, figures, admission.hold);
  if (by === undefined) return undefined;
  const standIn = known === undefined ? standInOf(admission) : undefined;
  if (standIn !== undefined) putStandIn(admission, standIn);
  else if (known === undefined && by.withoutStandIn === 'reject') return noStandIn(admission, by);
  const { asked, receipt } = admission;
  const { scope, usedPerMille } = receipt.budget;
  receipt.budget = {
    state: 'downgrade',
    scope: by.scope,
    ...(scope === by.scope && present('usedPerMille', usedPerMille)),
  };
  if (asked.alias.name !== asked.conversation.model)
    receipt.downgrade = {
      from: asked.conversation.model,
      to: asked.alias.name,
      scope: by.scope,
      ceiling: String(ceilingOf(admission, admission.isBudgeted)),
    };
  return undefined;
};

/**
 * The hold stays as it is, and what is too much of it goes when the request settles; should the stand-in be the dearer one,
 * the call layer tops it up.
 */
const putStandIn = (admission: Admission, { asked, plan }: StandIn): void => {
  const [target] = plan.targets;
  const { receipt } = admission;
  admission.asked = asked;
  admission.plan = plan;
  admission.firstTarget = target;
  const outputLimit = outputLimitOf(admission, target);
  admission.outputLimit = outputLimit;
  receipt.plan = {
    targets: plan.targets.map(({ id }) => id),
    passedOver: [...plan.passedOver],
    ...present('canaries', plan.canaries),
  };
  receipt.estimate = { ...plan.estimateOf(target), outputTokens: outputLimit.tokens };
  receipt.outputLimit = outputLimit;
};

const noStandIn = ({ asked, plan }: Admission, { scope }: Downgrading): Refusal =>
  refuse(
    'budget_exceeded',
    `The budget of ${scope} is so far spent that only cheaper models answer, and "${asked.alias.name}" has none ` +
      `${plan.standIn === undefined ? '' : 'that can serve this request '}(downgradeTo). Use a cheaper model, or ask for a raise.`,
    { scope, shouldRetry: false },
  );
