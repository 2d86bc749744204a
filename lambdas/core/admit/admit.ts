import { epochOf, LANES } from '../../contract/timing.ts';
import { randomText } from '../authenticate/api-key.ts';
import { affordableStandIn, type Downgrading, downgrade } from '../budget/stand-in.ts';
import type { Asked } from '../decode/decode.ts';
import { type Refusal, refuse } from '../failures.ts';
import type {
  AccountRef,
  AnswerClaim,
  HoldRequest,
  LimitFigures,
  LimitTake,
  Ports,
  RunEntry,
  RunOutcome,
} from '../ports.ts';
import { present } from '../read-json.ts';
import type { Receipt } from '../receipt.ts';
import type { Plan, StandIn } from '../route/plan.ts';
import type { Target } from '../target.ts';
import { accountsOf, runBudgetOf, scopesOf } from './accounts.ts';
import { budgetStanding } from './admit-refusals.ts';
import { lowerOutputLimit } from './clamp.ts';
import { holdCeiling } from './hold-ceiling.ts';
import { isBounded, takesOf, tokenCharge } from './limit-takes.ts';
import { type LoweredLimits, type OutputLimit, outputLimitOf } from './output-limit.ts';
import { refuseAdmission } from './refuse-admission.ts';
import { makeRequestId } from './request-id.ts';
import { type RunBook, type RunChain, runEntryOf } from './run-book.ts';
import { badRun, runRefusal } from './run-refusals.ts';
import {
  firstToAsk,
  giveQuotaBack,
  giveUnusedQuotasBack,
  type QuotaTake,
  takeNextQuota,
  takeQuota,
} from './target-quota.ts';

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
  /** Number of the policy that the accounts' caps come from; a top-up holds under the same. */
  capVersion: number;
  isBudgeted: boolean;
  /** At the target that was expected to be asked first. */
  outputLimit: OutputLimit;
  /** What back-pressure has lowered. */
  lowered: LoweredLimits;
  /** What targets' own quotas said in advance, until an attempt asks for it. */
  quotas: QuotaTake[];
  /** Corrections of targets' quotas under way: settling waits for them. */
  quotaWrites: Promise<void>[];
  /** Standing of the rate limits after this request. */
  limits: LimitFigures[];
  receipt: Receipt;
  /** The agent run that it is part of, with what started it. */
  run?: RunEntry;
  /** When that run is over, the store's time; null = it does not end by itself. */
  runEndsAt: number | null;
  /** The idempotency key that its answer is kept under. */
  claim?: AnswerClaim;
}

export type Admitted = { ok: true; admission: Admission } | { ok: false; refusal: Refusal };

export type AdmitPorts = Pick<
  Ports,
  'clock' | 'random' | 'limits' | 'ledger' | 'runs' | 'gateway' | 'log' | 'circuitBoard'
>;

/** A wrong epoch is put right by the store's own time; past a few rounds the store's clock itself runs wild. */
const MOST_ROUNDS = 4;
/** Others take what was left meanwhile: past a few tries there is too little to share. */
const MOST_CLAMPS = 4;

const NO_RUN: RunOutcome = { kind: 'entered', endsAt: null };

const GO = Promise.resolve(true);
const STOOD_DOWN = refuse('cancelled', 'The request was not to be admitted after all.');

/**
 * First trip: rate limits and a hold on every account, in parallel, all or nothing. Second trip: the ledger entry. An entry
 * exists only if every scope said yes, and no call is made without one (docs/ledger.md).
 *
 * @param mayGo asked beside the first trip; where it says no, nothing stays held and the refusal goes nowhere
 * @throws {StoreUnavailable} when no answer came; what is surely taken has been given back, the rest heals at the epoch's close
 */
export const admit = async (
  asked: Asked,
  plan: Plan,
  ports: AdmitPorts,
  mayGo: Promise<boolean> = GO,
): Promise<Admitted> => {
  const { clock, limits, ledger, runs } = ports;
  /** Set once back-pressure has lowered the output limit. */
  let mostTokens: number | undefined;
  let clamps = 0;
  /** What was asked for, or the stand-in that a budget has room for. */
  let wanted: StandIn & { by?: Downgrading } = { asked, plan };
  /** By how much the store's clock is ahead of ours, as far as it has said. */
  let aheadMs = 0;
  for (let round = 0; round < MOST_ROUNDS + clamps; round++) {
    const storeNow = clock.now() + aheadMs;
    const chain = runsOf(asked, runs);
    if (!chain.ok) {
      await Promise.allSettled([mayGo]);
      return { ok: false, refusal: badRun('x-tollgate-parent-run', chain.problem) };
    }
    const target = firstToAsk(wanted.plan, ports);
    const admission = draftAdmission({ ...wanted, target, mostTokens }, chain.ids, storeNow, ports);
    const hold = holdRequestOf(admission);
    const [taken, held, entered, quota, go] = await Promise.allSettled([
      limits.take(admission.takes, admission.epoch, storeNow),
      ledger.hold(hold),
      admission.run === undefined ? NO_RUN : runs.enter(admission.run),
      takeQuota(target, admission, storeNow, ports),
      mayGo,
    ]);
    if (quota.status === 'fulfilled' && quota.value !== undefined) admission.quotas.push(quota.value);
    const sure = {
      limits: taken.status === 'fulfilled' && taken.value.kind === 'taken',
      hold: held.status === 'fulfilled' && held.value.kind === 'held',
      run: entered.status === 'fulfilled' && entered.value.kind === 'entered',
    };

    if (go.status === 'rejected' || !go.value) {
      await giveBack(sure, admission, hold, ports);
      return { ok: false, refusal: STOOD_DOWN };
    }
    if (isUnanswered(taken) || isUnanswered(held) || isUnanswered(entered) || isUnanswered(quota)) {
      await giveBack(sure, admission, hold, ports);
      throw [taken, held, entered, quota].find(isUnanswered)?.reason;
    }
    if (entered.value.kind !== 'entered') {
      await giveBack(sure, admission, hold, ports);
      if (entered.value.kind === 'refused') return { ok: false, refusal: runRefusal(entered.value) };
      await runs.learn(asked.caller.team, entered.value);
      continue;
    }
    if (held.value.kind === 'refused' || taken.value.kind === 'refused') await giveBack(sure, admission, hold, ports);
    if (held.value.kind === 'refused') {
      const standIn = affordableStandIn(held.value, admission);
      if (standIn !== undefined) {
        wanted = standIn;
        mostTokens = undefined;
        continue;
      }
    }
    if (held.value.kind === 'refused' || taken.value.kind === 'refused') {
      const lower = clamps < MOST_CLAMPS ? lowerOutputLimit(admission, target, held.value, taken.value) : undefined;
      if (lower === undefined)
        return { ok: false, refusal: refuseAdmission(admission, target, held.value, taken.value, storeNow) };
      mostTokens = lower;
      clamps += 1;
      continue;
    }
    if (held.value.kind === 'wrong-epoch') {
      await giveBack(sure, admission, hold, ports);
      aheadMs = held.value.storeNow - clock.now();
      continue;
    }

    admission.limits = taken.value.figures;
    admission.runEndsAt = entered.value.endsAt;
    admission.receipt.budget = budgetStanding(admission.accounts, held.value.figures);
    const withoutStandIn = downgrade(admission, wanted.by, held.value.figures);
    if (withoutStandIn !== undefined) {
      await giveBack(sure, admission, hold, ports);
      return { ok: false, refusal: withoutStandIn };
    }
    const [opened] = await Promise.allSettled([
      openEntry(admission, ports),
      takeNextQuota(admission, ports),
      giveUnusedQuotasBack(admission, ports),
    ]);
    if (opened.status === 'fulfilled' && opened.value) return { ok: true, admission };
    // It may exist all the same: it must be known dead before its holds go. The limits may go anyway, as nothing is called.
    const [dead] = await Promise.allSettled([ledger.refuse(admission.requestId, admission.epoch)]);
    await giveBack({ limits: true, run: true, hold: dead.status === 'fulfilled' }, admission, hold, ports);
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

/** The agent run that a request names and all that has started it, nearest first; none where it names none. */
export const runsOf = ({ caller, labels }: Asked, runs: RunBook): RunChain =>
  labels.run === undefined ? { ok: true, ids: [] } : runs.chainOf(caller.team, labels.run);

const isUnanswered = (one: PromiseSettledResult<unknown>): one is PromiseRejectedResult => one.status === 'rejected';

/** @param wanted.mostTokens the output limit that back-pressure allows, where it does not allow all */
export const draftAdmission = (
  { asked, plan, target, mostTokens }: StandIn & { target: Target; mostTokens: number | undefined },
  runs: readonly string[],
  storeNow: number,
  { gateway, random }: AdmitPorts,
): Admission => {
  const { conversation, alias, caller, labels, surface } = asked;
  // The alias is the one that was asked for, also where a stand-in answers.
  const { user, tags } = labels;
  const scopes = scopesOf(caller, { user, tags, aliases: [conversation.model], runs });
  const accounts = accountsOf(scopes, gateway.budgets, storeNow);
  const isBudgeted = isBounded(scopes, accounts, gateway.limits);
  const estimate = plan.estimateOf(target);
  const lowered: LoweredLimits = { ...present('all', mostTokens), byTarget: new Map() };
  const outputLimit = outputLimitOf({ asked, isBudgeted, lowered }, target);
  const charge = tokenCharge(estimate.inputTokensHigh, outputLimit.tokens, {
    usualTokens: alias.defaultOutputTokens,
    choices: conversation.choices,
  });
  const epoch = epochOf(storeNow);
  return {
    asked,
    plan,
    requestId: makeRequestId({ epoch, lane: Math.floor(random.fraction() * LANES), random: randomText(random, 16) }),
    nonce: randomText(random, 12),
    epoch,
    accounts,
    takes: takesOf(scopes, gateway.limits, charge),
    hold: holdCeiling(target, conversation, estimate.inputTokensHigh, outputLimit.tokens),
    capVersion: gateway.policyVersion,
    isBudgeted,
    outputLimit,
    lowered,
    quotas: [],
    quotaWrites: [],
    limits: [],
    ...(runs.length > 0 && { run: runEntryOf(caller.team, runs, (run) => runBudgetOf(run, gateway.budgets)) }),
    runEndsAt: null,
    receipt: {
      surface: surface.name,
      stream: conversation.stream,
      plan: { targets: plan.targets.map(({ id }) => id), passedOver: [...plan.passedOver] },
      estimate: { ...estimate, outputTokens: outputLimit.tokens },
      attempts: [],
      dropped: [],
      budget: { state: 'ok', scope: null },
      outputLimit,
    },
  };
};

export const holdRequestOf = (admission: Admission, amount = admission.hold): HoldRequest => ({
  accounts: admission.accounts,
  capVersion: admission.capVersion,
  epoch: admission.epoch,
  amount,
});

const openEntry = (admission: Admission, { ledger }: AdmitPorts): Promise<boolean> => {
  const { asked, requestId, nonce, epoch, hold, accounts, receipt } = admission;
  const [run, parentRun] = admission.run?.runs ?? [];
  const { caller, labels, conversation } = asked;
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
    // The one asked for, also where a stand-in answers.
    alias: conversation.model,
    ...present('run', run?.id),
    ...present('parentRun', parentRun?.id),
    receipt,
  });
};

/**
 * Gives back what was surely taken. What may have been taken is left: giving it back twice would be worse than a leak. Nor
 * is a give-back sent twice, so one that gets no answer is a leak too, and heals like any other; the refusal stands.
 */
const giveBack = async (
  sure: { limits: boolean; hold: boolean; run: boolean },
  { takes, epoch, requestId, run, quotas }: Admission,
  hold: HoldRequest,
  ports: AdmitPorts,
): Promise<void> => {
  const { limits, ledger, runs, clock, log } = ports;
  const given = await Promise.allSettled([
    sure.limits ? limits.giveBack(takes, epoch, clock.now()) : undefined,
    sure.hold ? ledger.giveBack(hold) : undefined,
    sure.run && run !== undefined ? runs.leave(run) : undefined,
    ...quotas.splice(0).map((quota) => giveQuotaBack(quota, ports)),
  ]);
  for (const each of given)
    if (each.status === 'rejected')
      log.warn("not given back: heals at the epoch's close", { request_id: requestId, error: each.reason });
};
