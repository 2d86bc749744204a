import type { NanoUsd } from '../../contract/money.ts';
import type { HoldOutcome } from '../ledger.ts';
import type { Plan, StandIn } from '../route/plan.ts';
import { planOf } from '../route/plan-of.ts';
import { targetOfCanary } from '../route/target-of-canary.ts';
import type { Target } from '../target.ts';
import type { Admission } from './admission.ts';
import { ceilingAt, chargeAt } from './at-target.ts';
import type { LimitOutcome } from './limit-store.ts';
import { chargedTokens } from './limit-takes.ts';
import { outputLimitOf } from './output-limit.ts';

type Sized = Pick<Admission, 'asked' | 'plan' | 'isBudgeted' | 'lowered'>;

/**
 * What is held beside a call: for a canary on trial what its target can cost, so that whatever the trial is billed, the target
 * can be asked after it. Nano-USD; 0 for any other target.
 */
export const reserveBeside = (target: Target, sized: Sized): NanoUsd => {
  const own = targetBehind(target, sized);
  return own === undefined ? 0n : callCeilingAt(own, sized);
};

/** The target that a canary on trial is tried for, in the plan that it stands in, a fallback's too; undefined for any other target. */
export const targetBehind = (target: Target, planned: StandIn): Target | undefined =>
  target.canaryOf?.onTrial === true ? targetOfCanary(target, planOf(target, planned)?.targets ?? []) : undefined;

/** Without what the request costs beside its calls, which is held once. */
const callCeilingAt = (target: Target, sized: Sized): NanoUsd =>
  ceilingAt(target, sized, outputLimitOf(sized, target).tokens) - (sized.asked.besides ?? 0n);

/** The same plan without those canaries whose targets are in it; undefined where there are none. */
export const withoutCanaries = <P extends Plan>(plan: P, reason: string): P | undefined => {
  const canaries = plan.targets.filter(
    (target) => target.canaryOf?.onTrial === true && targetOfCanary(target, plan.targets) !== undefined,
  );
  const [first, ...rest] = plan.targets.filter((target) => !canaries.includes(target));
  if (canaries.length === 0 || first === undefined) return undefined;
  const passedOver = [...plan.passedOver, ...canaries.map(({ id }) => ({ target: id, reason }))];
  return { ...plan, targets: [first, ...rest], passedOver };
};

/**
 * The request without its canaries, where those who said no were asked for one, and its target would take less of them: nobody
 * is refused, given a shorter answer or another model for the sake of a trial.
 */
export const passOverCanaries = (
  draft: Admission,
  held: HoldOutcome,
  taken: LimitOutcome,
): Pick<StandIn, 'plan'> | undefined => {
  const { firstTarget, plan } = draft;
  const own = targetBehind(firstTarget, draft);
  if (own === undefined) return undefined;
  const tokens = outputLimitOf(draft, own).tokens;
  const isCheaper = held.kind === 'refused' && ceilingAt(own, draft, tokens) < draft.hold;
  const mine = chargeAt(own, draft, tokens);
  const isLighter =
    taken.kind === 'refused' && draft.takes.some(({ limit, tokens }) => chargedTokens(limit, mine) < tokens);
  const less = isCheaper || isLighter ? withoutCanaries(plan, NO_ROOM) : undefined;
  return less && { plan: less };
};

/** Why a canary is not asked. */
export const NO_ROOM = 'no room for a trial in a budget or a limit';
