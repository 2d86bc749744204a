import type { AttemptRecord } from '../call/call.ts';
import type { Ports } from '../ports.ts';
import type { Plan } from '../route/plan.ts';
import { inputOf, MOST_TOKENS } from '../settle/attempt-cost.ts';
import type { Target } from '../target.ts';
import type { Admission } from './admission.ts';
import { limitText } from './admit-refusals.ts';
import { chargeAt } from './at-target.ts';
import type { LimitTake } from './limit-store.ts';
import { chargedTokens } from './limit-takes.ts';
import type { LimitWait } from './limit-waits.ts';
import { outputLimitOf } from './output-limit.ts';

/**
 * A provider's own quota for one target, kept in a bucket that all aliases and callers share: so a request goes on to the
 * next target where the provider would only have said 429. One take an attempt, since a retry counts there too.
 */
export type QuotaTake =
  /** Ours until the attempt has ended. */
  | { kind: 'taken'; target: Target; take: LimitTake; epoch: number }
  /** `until`, milliseconds since 1970: when the same attempt would be let in; Infinity where it never is. */
  | { kind: 'full'; target: Target; until: number; why: string };

type QuotaPorts = Pick<Ports, 'limits' | 'clock' | 'log'>;

/** What an attempt asks of its target's quota; undefined where that has none. */
export const quotaTake = (
  target: Target,
  admission: Pick<Admission, 'asked' | 'plan' | 'isBudgeted' | 'lowered'>,
): LimitTake | undefined => {
  const { limits: limit } = target;
  if (limit === undefined) return undefined;
  const charge = chargeAt(target, admission, outputLimitOf(admission, target).tokens);
  return { scope: `target#${target.id}`, limit, tokens: chargedTokens(limit, charge) };
};

/**
 * Takes an attempt's place in its target's quota. The caller's own scopes are not asked here: a full target is no fault of
 * theirs, and costs them nothing.
 *
 * @returns undefined where the target has no quota
 * @throws {StoreUnavailable}
 */
export const takeQuota = async (
  target: Target,
  admission: Pick<Admission, 'asked' | 'plan' | 'isBudgeted' | 'lowered' | 'epoch'>,
  nowMs: number,
  { limits }: Pick<QuotaPorts, 'limits'>,
): Promise<QuotaTake | undefined> => {
  const take = quotaTake(target, admission);
  if (take === undefined) return undefined;
  const { epoch } = admission;
  const outcome = await limits.take([take], epoch, nowMs);
  if (outcome.kind === 'taken') return { kind: 'taken', target, take, epoch };
  return fullQuota(target, outcome, nowMs);
};

/** What a target's own quota says no with. */
export const fullQuota = (
  target: Target,
  { by, retryAfterMs, never }: LimitWait,
  nowMs: number,
): Extract<QuotaTake, { kind: 'full' }> => {
  const limit = limitText(by);
  return {
    kind: 'full',
    target,
    until: never ? Number.POSITIVE_INFINITY : nowMs + retryAfterMs,
    why: never ? `quota of target: the request alone is larger than ${limit}` : `quota of target: ${limit}`,
  };
};

/** The target that the call layer will ask first, as far as this process knows: the first whose circuit lets it in, else the first. */
export const firstToAsk = ({ targets }: Pick<Plan, 'targets'>, { circuitBoard }: Pick<Ports, 'circuitBoard'>): Target =>
  targets.find(({ id }) => circuitBoard.peek(id).kind === 'go') ?? targets[0];

/**
 * Where the first target is full, the one after it is asked beside the second trip, so that the hop costs no trip of its own.
 * Never rejects: what was not asked here is asked at the hop.
 */
export const takeNextQuota = async (
  admission: Admission,
  { limits, clock, circuitBoard, log }: QuotaPorts & Pick<Ports, 'circuitBoard'>,
): Promise<void> => {
  const full = new Set(admission.quotas.filter(({ kind }) => kind === 'full').map(({ target }) => target));
  if (full.size === 0) return;
  const next = admission.plan.targets.find((target) => !full.has(target) && circuitBoard.peek(target.id).kind === 'go');
  if (next === undefined) return;
  try {
    const quota = await takeQuota(next, admission, clock.now(), { limits });
    if (quota !== undefined) admission.quotas.push(quota);
  } catch (error) {
    log.warn('quota not asked in advance', { target: next.id, error });
  }
};

/** Undoes a take whose attempt was never sent. Never rejects: what is lost drains by itself. */
export const giveQuotaBack = async (
  quota: QuotaTake | undefined,
  { limits, clock, log }: QuotaPorts,
): Promise<void> => {
  if (quota?.kind !== 'taken') return;
  try {
    await limits.giveBack([quota.take], quota.epoch, clock.now());
  } catch (error) {
    log.warn('quota not given back: it drains by itself', { target: quota.target.id, error });
  }
};

/** Of targets that are not asked after all, since a stand-in answers. Never rejects. */
export const giveUnusedQuotasBack = async (admission: Admission, ports: QuotaPorts): Promise<void> => {
  const { quotas, plan } = admission;
  const unused = quotas.filter(({ target }) => !plan.targets.includes(target));
  if (unused.length === 0) return;
  admission.quotas = quotas.filter(({ target }) => plan.targets.includes(target));
  await Promise.all(unused.map((quota) => giveQuotaBack(quota, ports)));
};

/** The attempt has ended: its estimate is corrected to what the provider counted, as far as it did. Never rejects. */
export const settleQuota = async (
  quota: QuotaTake | undefined,
  record: AttemptRecord,
  { limits, clock, log }: QuotaPorts,
): Promise<void> => {
  if (quota?.kind !== 'taken') return;
  const { take, epoch } = quota;
  try {
    await limits.settle([take], epoch, usedTokens(record, take.tokens), clock.now());
  } catch (error) {
    log.warn('quota not corrected', { target: quota.target.id, error });
  }
};

/** What counts against the quota: the vendor's count, nothing where it did no work, else the estimate, or what was seen if that is more. */
const usedTokens = ({ usage, failure, seenOutputTokens }: AttemptRecord, estimate: number): number => {
  const counted = usage === undefined ? Number.NaN : inputOf(usage) + usage.outputTokens;
  // Vendors have sent fractions and worse.
  if (Number.isFinite(counted)) return Math.min(Math.max(0, Math.ceil(counted)), MOST_TOKENS);
  if (failure !== undefined && !failure.mayBeBilled) return 0;
  return Math.max(estimate, Math.ceil(seenOutputTokens));
};
