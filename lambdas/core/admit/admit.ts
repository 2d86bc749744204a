import { epochOf, LANES } from '../../contract/timing.ts';
import { randomText } from '../authenticate/api-key.ts';
import type { Asked } from '../decode/decode.ts';
import { type Refusal, refuse } from '../failures.ts';
import type { AccountRef, HoldRequest, LimitFigures, LimitTake, Ports } from '../ports.ts';
import type { Receipt } from '../receipt.ts';
import type { Plan } from '../route/plan.ts';
import { accountsOf, scopesOf, takesOf } from './accounts.ts';
import { budgetRefusal, budgetStanding, rateRefusal } from './admit-refusals.ts';
import { holdCeiling } from './hold-ceiling.ts';
import { type OutputLimit, outputLimitFor } from './output-limit.ts';
import { makeRequestId } from './request-id.ts';

/** A request that every scope has admitted. Its entry is open in the ledger: from here on only settling ends it. */
export interface Admission {
  asked: Asked;
  plan: Plan;
  requestId: string;
  /** Tells a repeat of this request's writes from another request's. */
  nonce: string;
  epoch: number;
  accounts: AccountRef[];
  takes: LimitTake[];
  /** Nano-USD held on each account; grows with top-ups. */
  hold: bigint;
  isBudgeted: boolean;
  outputLimit: OutputLimit;
  /** Standing of the rate limits after this request. */
  limits: LimitFigures[];
  receipt: Receipt;
}

export type Admitted = { ok: true; admission: Admission } | { ok: false; refusal: Refusal };

type AdmitPorts = Pick<Ports, 'clock' | 'random' | 'limits' | 'ledger' | 'gateway' | 'log'>;

/** A wrong epoch is put right by the store's own time; past a few rounds the store's clock itself runs wild. */
const MOST_ROUNDS = 3;

/**
 * First trip: rate limits and a hold on every account, in parallel, all or nothing. Second trip: the ledger entry. An entry
 * exists only if every scope said yes, and no call is made without one (docs/ledger.md).
 *
 * @throws {StoreUnavailable} when no answer came; what is surely taken has been given back, the rest heals at the epoch's close
 */
export const admit = async (asked: Asked, plan: Plan, ports: AdmitPorts): Promise<Admitted> => {
  const { clock, limits, ledger } = ports;
  /** By how much the store's clock is ahead of ours, as far as it has said. */
  let aheadMs = 0;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const storeNow = clock.now() + aheadMs;
    const admission = draftAdmission(asked, plan, storeNow, ports);
    const hold = holdRequestOf(admission, ports);
    const [taken, held] = await Promise.allSettled([
      limits.take(admission.takes, admission.epoch, storeNow),
      ledger.hold(hold),
    ]);
    const sure = {
      limits: taken.status === 'fulfilled' && taken.value.kind === 'taken',
      hold: held.status === 'fulfilled' && held.value.kind === 'held',
    };

    if (taken.status === 'rejected' || held.status === 'rejected') {
      await giveBack(sure, admission, hold, ports);
      throw taken.status === 'rejected' ? taken.reason : (held as PromiseRejectedResult).reason;
    }
    if (held.value.kind === 'refused') {
      await giveBack(sure, admission, hold, ports);
      return { ok: false, refusal: budgetRefusal(held.value, hold.amount, storeNow) };
    }
    if (taken.value.kind === 'refused') {
      await giveBack(sure, admission, hold, ports);
      return { ok: false, refusal: rateRefusal(taken.value) };
    }
    if (held.value.kind === 'wrong-epoch') {
      await giveBack(sure, admission, hold, ports);
      aheadMs = held.value.storeNow - clock.now();
      continue;
    }

    admission.limits = taken.value.figures;
    admission.receipt.budget = budgetStanding(admission.accounts, held.value.figures);
    const [opened] = await Promise.allSettled([openEntry(admission, ports)]);
    if (opened.status === 'fulfilled' && opened.value) return { ok: true, admission };
    // It may exist all the same: it must be known dead before its holds go. The limits may go anyway, as nothing is called.
    const [dead] = await Promise.allSettled([ledger.refuse(admission.requestId, admission.epoch)]);
    await giveBack({ limits: true, hold: dead.status === 'fulfilled' }, admission, hold, ports);
    if (opened.status === 'rejected') throw opened.reason;
    if (dead.status === 'rejected') throw dead.reason;
  }
  return {
    ok: false,
    refusal: refuse('store_unavailable', "The store's clock and the gateway's do not agree. Try again in a moment.", {
      retryAfterMs: 1_000,
    }),
  };
};

const draftAdmission = (asked: Asked, plan: Plan, storeNow: number, { gateway, random }: AdmitPorts): Admission => {
  const { conversation, alias, caller, labels, surface } = asked;
  const scopes = scopesOf(caller, labels.user);
  const accounts = accountsOf(scopes, gateway.budgets, storeNow);
  const isBudgeted = accounts.some(({ cap }) => cap !== null);
  const [target] = plan.targets;
  const estimate = plan.estimateOf(target);
  const outputLimit = outputLimitFor(conversation, alias, target, isBudgeted);
  const epoch = epochOf(storeNow);
  return {
    asked,
    plan,
    requestId: makeRequestId({ epoch, lane: Math.floor(random.fraction() * LANES), random: randomText(random, 16) }),
    nonce: randomText(random, 12),
    epoch,
    accounts,
    takes: takesOf(scopes, gateway.limits, estimate.inputTokensHigh),
    hold: holdCeiling(target, conversation, estimate.inputTokensHigh, outputLimit.tokens),
    isBudgeted,
    outputLimit,
    limits: [],
    receipt: {
      surface: surface.name,
      stream: conversation.stream,
      plan: { targets: plan.targets.map(({ id }) => id), passedOver: plan.passedOver },
      estimate: { ...estimate, outputTokens: outputLimit.tokens },
      attempts: [],
      dropped: [],
      budget: { state: 'ok', scope: null },
      outputLimit,
    },
  };
};

export const holdRequestOf = (
  admission: Admission,
  { gateway }: Pick<Ports, 'gateway'>,
  amount = admission.hold,
): HoldRequest => ({
  accounts: admission.accounts,
  capVersion: gateway.policyVersion,
  epoch: admission.epoch,
  amount,
});

const openEntry = (admission: Admission, { ledger }: AdmitPorts): Promise<boolean> => {
  const { asked, requestId, nonce, epoch, hold, accounts, receipt } = admission;
  const { caller, labels, alias } = asked;
  return ledger.open({
    requestId,
    nonce,
    epoch,
    hold,
    accounts: accounts.map(({ key }) => key),
    keyId: caller.keyId,
    org: caller.org,
    team: caller.team,
    user: labels.user,
    tags: labels.tags,
    alias: alias.name,
    receipt,
  });
};

/**
 * Gives back what was surely taken. What may have been taken is left: giving it back twice would be worse than a leak. Nor
 * is a give-back sent twice, so one that gets no answer is a leak too, and heals like any other; the refusal stands.
 */
const giveBack = async (
  sure: { limits: boolean; hold: boolean },
  { takes, epoch, requestId }: Admission,
  hold: HoldRequest,
  { limits, ledger, clock, log }: AdmitPorts,
): Promise<void> => {
  const given = await Promise.allSettled([
    sure.limits ? limits.giveBack(takes, epoch, clock.now()) : undefined,
    sure.hold ? ledger.giveBack(hold) : undefined,
  ]);
  for (const each of given)
    if (each.status === 'rejected')
      log.warn("not given back: heals at the epoch's close", { request_id: requestId, error: each.reason });
};
