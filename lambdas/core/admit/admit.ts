import type { Asked } from '../decode/decode.ts';
import { refuse } from '../failures.ts';
import type { OpenEntry } from '../ledger.ts';
import type { Ports } from '../ports.ts';
import { present } from '../read-json.ts';
import type { Plan } from '../route/plan.ts';
import { type Admission, type Admitted, holdRequestOf } from './admission.ts';
import { type Decision, decide } from './decide.ts';
import { draftAdmission, type Wish } from './draft-admission.ts';
import type { RunOutcome } from './run-store.ts';
import { giveQuotaBack, giveUnusedQuotasBack, takeNextQuota, takeQuota } from './target-quota.ts';

export type AdmitPorts = Pick<
  Ports,
  'clock' | 'random' | 'limits' | 'ledger' | 'runs' | 'gateway' | 'log' | 'circuitBoard'
>;

/** A wrong epoch is put right by the store's own time; past a few rounds the store's clock itself runs wild. */
const MOST_ROUNDS = 4;

const GO = Promise.resolve(true);

/** What goes on beside the trips. */
export interface AdmitBeside {
  /** Asked beside the first; where it says no, nothing stays held and the refusal goes nowhere. */
  mayGo?: Promise<boolean> | undefined;
  /** Called as the second begins, in every round that comes so far. It must not throw. */
  onHeld?: (() => void) | undefined;
}

/**
 * Asks every scope for what the request may cost, and where some have too little, for what they have: each round is a draft
 * and at most two trips (`askAll`). An entry exists only if every scope said yes, and no call is made without one
 * (docs/ledger.md).
 *
 * @throws {StoreUnavailable} when no answer came; what is surely taken has been given back, the rest heals at the epoch's close
 */
export const admit = async (
  asked: Asked,
  plan: Plan,
  ports: AdmitPorts,
  { mayGo = GO, onHeld }: AdmitBeside = {},
): Promise<Admitted> => {
  let wish: Wish = { asked, plan, clamps: 0 };
  /** By how much the store's clock is ahead of ours, as far as it has said. */
  let aheadMs = 0;
  /** What it goes without has cost a round each. */
  const without = (): number => (wish.isWithoutCanaries ? 1 : 0) + (wish.asked.besides === asked.besides ? 0 : 1);
  for (let round = 0; round < MOST_ROUNDS + wish.clamps + without(); round++) {
    const storeNow = ports.clock.now() + aheadMs;
    const drafted = draftAdmission(wish, storeNow, ports);
    if (!drafted.ok) return drafted;
    const decision = await askAll(wish, drafted.admission, storeNow, ports, { mayGo, onHeld });
    switch (decision.kind) {
      case 'go':
        return drafted;
      case 'refused':
        return { ok: false, refusal: decision.refusal };
      case 'ask-again':
        wish = decision.wish;
        break;
      case 'other-parent':
        await ports.runs.learn(asked.caller.team, decision);
        break;
      case 'wrong-epoch':
        aheadMs = decision.storeNow - ports.clock.now();
    }
  }
  return { ok: false, refusal: CLOCKS_APART };
};

/**
 * One round. First trip: rate limits, a hold on every account, the run and the first target's quota, side by side. Second
 * trip: the ledger entry. What was surely taken goes back whichever way this ends, unless it ends in `go`.
 */
const askAll = async (
  wish: Wish,
  draft: Admission,
  storeNow: number,
  ports: AdmitPorts,
  { mayGo, onHeld }: AdmitBeside,
): Promise<Decision> => {
  const { limits, ledger, runs } = ports;
  const [taken, held, entered, quota, go] = await Promise.allSettled([
    limits.take(draft.takes, draft.epoch, storeNow),
    ledger.hold(holdRequestOf(draft)),
    draft.run === undefined ? NO_RUN : runs.enter(draft.run),
    takeQuota(draft.firstTarget, draft, storeNow, ports),
    mayGo,
  ]);
  if (quota.status === 'fulfilled' && quota.value !== undefined) draft.quotas.push(quota.value);
  const sure: SurelyTaken = {
    limits: taken.status === 'fulfilled' && taken.value.kind === 'taken',
    hold: held.status === 'fulfilled' && held.value.kind === 'held',
    run: entered.status === 'fulfilled' && entered.value.kind === 'entered',
  };
  let isAdmitted = false;
  try {
    if (go.status === 'rejected' || !go.value) return { kind: 'refused', refusal: STOOD_DOWN };
    if (taken.status === 'rejected') throw taken.reason;
    if (held.status === 'rejected') throw held.reason;
    if (entered.status === 'rejected') throw entered.reason;
    if (quota.status === 'rejected') throw quota.reason;
    const decision = decide(wish, draft, { taken: taken.value, held: held.value, entered: entered.value }, storeNow);
    if (decision.kind !== 'go') return decision;
    onHeld?.();
    isAdmitted = await writeEntry(draft, sure, ports);
    return isAdmitted ? decision : { kind: 'ask-again', wish };
  } finally {
    if (!isAdmitted) await giveBack(sure, draft, ports);
  }
};

const NO_RUN: RunOutcome = { kind: 'entered', endsAt: null };

const STOOD_DOWN = refuse('cancelled', 'The request was not to be admitted after all.');
const CLOCKS_APART = refuse(
  'store_unavailable',
  "The store's clock and the gateway's do not agree. Try again in a moment.",
  { retryAfterMs: 1_000 },
);

/** What the store has said yes to. What it may have done without a word is not ours to give back. */
interface SurelyTaken {
  limits: boolean;
  hold: boolean;
  run: boolean;
}

/** @returns false when it came too late for its epoch, and is surely dead */
const writeEntry = async (admission: Admission, sure: SurelyTaken, ports: AdmitPorts): Promise<boolean> => {
  const { ledger } = ports;
  const entry = entryOf(admission);
  const [opened] = await Promise.allSettled([
    ledger.open(entry),
    takeNextQuota(admission, ports),
    giveUnusedQuotasBack(admission, ports),
  ]);
  if (opened.status === 'fulfilled' && opened.value) return true;
  // It may exist all the same: it must be known dead before its hold goes. The limits may go anyway, as nothing is called.
  const [dead] = await Promise.allSettled([ledger.refuse(entry.requestId, entry.epoch)]);
  sure.hold = dead.status === 'fulfilled';
  if (opened.status === 'rejected') throw opened.reason;
  if (dead.status === 'rejected') throw dead.reason;
  return false;
};

const entryOf = ({ asked, requestId, nonce, epoch, hold, accounts, run, receipt }: Admission): OpenEntry => {
  const { caller, labels, conversation } = asked;
  const [own, parent] = run?.runs ?? [];
  return {
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
    ...present('run', own?.id),
    ...present('parentRun', parent?.id),
    receipt,
  };
};

/**
 * Gives back what was surely taken. What may have been taken is left: giving it back twice would be worse than a leak. Nor
 * is a give-back sent twice, so one that gets no answer is a leak too, and heals like any other; the refusal stands.
 */
const giveBack = async (sure: SurelyTaken, draft: Admission, ports: AdmitPorts): Promise<void> => {
  const { limits, ledger, runs, clock, log } = ports;
  const { takes, epoch, requestId, run } = draft;
  const given = await Promise.allSettled([
    sure.limits ? limits.giveBack(takes, epoch, clock.now()) : undefined,
    sure.hold ? ledger.giveBack(holdRequestOf(draft)) : undefined,
    sure.run && run !== undefined ? runs.leave(run) : undefined,
    ...draft.quotas.splice(0).map((quota) => giveQuotaBack(quota, ports)),
  ]);
  for (const each of given)
    if (each.status === 'rejected')
      log.warn("not given back: heals at the epoch's close", { request_id: requestId, error: each.reason });
};
