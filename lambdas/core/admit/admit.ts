import { epochOf, LANES } from '../../contract/timing.ts';
import { randomText } from '../authenticate/api-key.ts';
import type { Asked } from '../decode/decode.ts';
import { type Refusal, refuse } from '../failures.ts';
import type { AccountRef, HoldOutcome, HoldRequest, LimitFigures, LimitOutcome, LimitTake, Ports } from '../ports.ts';
import type { Receipt } from '../receipt.ts';
import type { Plan } from '../route/plan.ts';
import { accountsOf, scopesOf, takesOf } from './accounts.ts';
import { budgetRefusal, budgetStanding, rateRefusal } from './admit-refusals.ts';
import { holdCeiling } from './hold-ceiling.ts';
import { type OutputLimit, outputLimitFor } from './output-limit.ts';
import { makeRequestId } from './request-id.ts';

/** A request that every scope has admitted. Its entry is open in the ledger: from here on only settling ends it. */
export interface Admission {
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

type AdmitPorts = Pick<Ports, 'clock' | 'random' | 'limits' | 'ledger' | 'gateway'>;

/** A wrong epoch is put right by the store's own time; past a few rounds the store's clock itself runs wild. */
const MOST_ROUNDS = 3;

/**
 * First trip: rate limits and a hold on every account, in parallel, all or nothing. Second trip: the ledger entry. An entry
 * exists only if every scope said yes, and no call is made without one (docs/ledger.md).
 *
 * @throws {StoreUnavailable} when no answer came; what is surely taken has been given back, the rest heals at the epoch's close
 */
export const admit = async (asked: Asked, plan: Plan, ports: AdmitPorts): Promise<Admitted> => {
  let storeNow = ports.clock.now();
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const admission = draftAdmission(asked, plan, storeNow, ports);
    const hold = holdRequestOf(admission, ports);
    const [taken, held] = await Promise.allSettled([
      ports.limits.take(admission.takes, admission.epoch, storeNow),
      ports.ledger.hold(hold),
    ]);
    const giveBack = () => undo(taken, held, admission, hold, ports);

    if (taken.status === 'rejected' || held.status === 'rejected') {
      await giveBack();
      throw taken.status === 'rejected' ? taken.reason : (held as PromiseRejectedResult).reason;
    }
    if (held.value.kind === 'refused' || taken.value.kind === 'refused') {
      await giveBack();
      return {
        ok: false,
        refusal:
          held.value.kind === 'refused' ? budgetRefusal(held.value, hold.amount, storeNow) : rateRefusal(taken.value),
      };
    }
    if (held.value.kind === 'wrong-epoch') {
      await giveBack();
      storeNow = held.value.storeNow;
      continue;
    }

    admission.limits = taken.value.figures;
    admission.receipt.budget = budgetStanding(admission.accounts, held.value.figures);
    if (await openEntry(asked, admission, ports)) return { ok: true, admission };
    // The entry may exist all the same: it must be known dead before its holds go.
    await ports.ledger.refuse(admission.requestId, admission.epoch);
    await giveBack();
    storeNow = ports.clock.now();
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

const openEntry = (asked: Asked, admission: Admission, { ledger }: AdmitPorts): Promise<boolean> =>
  ledger.open({
    requestId: admission.requestId,
    nonce: admission.nonce,
    epoch: admission.epoch,
    hold: admission.hold,
    accounts: admission.accounts.map(({ key }) => key),
    keyId: asked.caller.keyId,
    org: asked.caller.org,
    team: asked.caller.team,
    user: asked.labels.user,
    tags: asked.labels.tags,
    alias: asked.alias.name,
    receipt: admission.receipt,
  });

/** Gives back what was surely taken. What may have been taken is left: giving it back twice would be worse than a leak. */
const undo = async (
  taken: PromiseSettledResult<LimitOutcome>,
  held: PromiseSettledResult<HoldOutcome>,
  admission: Admission,
  hold: HoldRequest,
  { limits, ledger, clock }: AdmitPorts,
): Promise<void> => {
  const isTaken = taken.status === 'fulfilled' && taken.value.kind === 'taken';
  const isHeld = held.status === 'fulfilled' && held.value.kind === 'held';
  await Promise.all([
    isTaken ? limits.giveBack(admission.takes, admission.epoch, clock.now()) : undefined,
    isHeld ? ledger.giveBack(hold) : undefined,
  ]);
};
