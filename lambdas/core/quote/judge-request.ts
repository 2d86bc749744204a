import { type Admission, type AdmitPorts, draftAdmission, runsOf } from '../admit/admit.ts';
import { lowerOutputLimit } from '../admit/clamp.ts';
import { refuseAdmission, waitFor } from '../admit/refuse-admission.ts';
import { badRun, refusalOf, runRefusal } from '../admit/run-refusals.ts';
import { firstToAsk } from '../admit/target-quota.ts';
import { affordableStandIn, downgrade } from '../budget/stand-in.ts';
import type { Asked } from '../decode/decode.ts';
import type { Refusal } from '../failures.ts';
import type { AccountFigures, HoldOutcome, LimitFigures, LimitOutcome, LimitTake, RunRecord } from '../ports.ts';
import type { Plan } from '../route/plan.ts';

/** How the scopes of some requests stand, read and not touched. */
export interface Standing {
  accounts: ReadonlyMap<string, AccountFigures>;
  limits: readonly LimitFigures[];
  runs: readonly RunRecord[];
}

export type Judgement = { ok: true; admission: Admission } | { ok: false; admission: Admission; refusal: Refusal };

/** What `judge` would ask the store of. */
export interface Draft {
  asked: Asked;
  plan: Plan;
  admission: Admission;
}

/** A request as it would be admitted at `nowMs`; a refusal where its run can't be. */
export const draftOf = (
  asked: Asked,
  plan: Plan,
  nowMs: number,
  ports: AdmitPorts,
): { ok: true; draft: Draft } | { ok: false; refusal: Refusal } => {
  const chain = runsOf(asked, ports.runs);
  if (!chain.ok) return { ok: false, refusal: badRun('x-tollgate-parent-run', chain.problem) };
  const target = firstToAsk(plan, ports);
  const admission = draftAdmission({ asked, plan, target, mostTokens: undefined }, chain.ids, nowMs, ports);
  return { ok: true, draft: { asked, plan, admission } };
};

/** One read of all that these requests' admissions would be asked of, side by side. @throws {StoreUnavailable} */
export const readStanding = async (
  drafts: readonly Draft[],
  nowMs: number,
  { ledger, limits, runs, gateway }: AdmitPorts,
): Promise<Standing> => {
  const accounts = new Map(drafts.flatMap(({ admission }) => admission.accounts.map((ref) => [ref.key, ref])));
  const takes = new Map(drafts.flatMap(({ admission }) => admission.takes.map((take) => [take.scope, take])));
  const run = drafts.find(({ admission }) => admission.run !== undefined)?.admission.run;
  const [figures, limitFigures, records] = await Promise.all([
    ledger.figures([...accounts.keys()]),
    limits.read([...takes.values()], nowMs),
    run === undefined
      ? []
      : runs.read(
          run.team,
          run.runs.map(({ id }) => id),
        ),
  ]);
  return {
    accounts: new Map(
      figures.map((one) => {
        const ref = accounts.get(one.key);
        // A newer policy than this process's has stamped the account: that one is enforced.
        const isNewer = one.capVersion > gateway.policyVersion;
        return [one.key, { ...one, cap: isNewer || ref === undefined ? one.cap : ref.cap }];
      }),
    ),
    limits: limitFigures,
    runs: records,
  };
};

/**
 * Whether a request would be admitted as its scopes stood when they were read, by the rules of `admit`: with the stand-in
 * and the lowered output limit that it would get. Nothing is taken, so somebody else may be faster.
 */
export const judge = (draft: Draft, standing: Standing, nowMs: number, ports: AdmitPorts): Judgement => {
  const { admission } = draft;
  const over = runOver(admission, standing, nowMs);
  if (over !== undefined) return { ok: false, admission, refusal: over };
  return judgeScopes(draft, admission, standing, nowMs, ports);
};

const judgeScopes = (
  { asked, plan }: Pick<Draft, 'asked' | 'plan'>,
  admission: Admission,
  standing: Standing,
  nowMs: number,
  ports: AdmitPorts,
  tries = MOST_TRIES,
): Judgement => {
  const target = firstToAsk(plan, ports);
  const runIds = admission.run?.runs.map(({ id }) => id) ?? [];
  const held = holdOutcome(admission, standing);
  const taken = limitOutcome(admission.takes, standing.limits);
  if (held.kind === 'held' && taken.kind === 'taken') {
    const refusal = downgrade(admission, undefined, held.figures);
    return refusal === undefined ? { ok: true, admission } : { ok: false, admission, refusal };
  }
  const again = (instead: Pick<Draft, 'asked' | 'plan'>, mostTokens?: number): Judgement => {
    const wanted = { ...instead, target: firstToAsk(instead.plan, ports), mostTokens };
    return judgeScopes(instead, draftAdmission(wanted, runIds, nowMs, ports), standing, nowMs, ports, tries - 1);
  };
  if (tries > 0 && held.kind === 'refused') {
    const standIn = affordableStandIn(held, admission);
    if (standIn !== undefined) return again(standIn);
  }
  const lower = tries > 0 ? lowerOutputLimit(admission, target, held, taken) : undefined;
  if (lower !== undefined) return again({ asked, plan }, lower);
  return { ok: false, admission, refusal: refuseAdmission(admission, target, held, taken, nowMs) };
};

/** A stand-in, and its output limit lowered. */
const MOST_TRIES = 2;

const runOver = ({ run }: Admission, { runs }: Standing, nowMs: number): Refusal | undefined => {
  for (const by of run?.runs ?? []) {
    const record = runs.find(({ id }) => id === by.id);
    const because = record && refusalOf(record, by, nowMs);
    if (record !== undefined && because !== undefined) return runRefusal({ kind: 'refused', by, because, record });
  }
  return undefined;
};

/** What `hold` would say. */
const holdOutcome = ({ accounts, hold }: Admission, { accounts: known }: Standing): HoldOutcome => {
  const standing = accounts.flatMap(({ key }) => known.get(key) ?? []);
  for (const account of accounts) {
    const figures = known.get(account.key);
    const cap = figures === undefined ? account.cap : figures.cap;
    if (cap !== null && (figures?.committed ?? 0n) + hold > cap) return { kind: 'refused', account, figures, standing };
  }
  return {
    kind: 'held',
    figures: standing.map((one) => ({ ...one, committed: one.committed + hold, held: one.held + hold })),
  };
};

/** What `take` would say. */
const limitOutcome = (takes: readonly LimitTake[], all: readonly LimitFigures[]): LimitOutcome => {
  const figures = all.filter(({ scope }) => takes.some((take) => take.scope === scope));
  const waits = takes.flatMap(({ scope, tokens }) =>
    figures.filter((one) => one.scope === scope).map((by) => ({ by, ...waitFor(by, tokens) })),
  );
  const refusing = waits.filter(({ by, never, retryAfterMs }) => never || retryAfterMs > 0 || by.remaining < 1);
  const [first, ...others] = refusing;
  if (first === undefined) return { kind: 'taken', figures };
  const longest = others.reduce((a, b) => (b.never || (!a.never && b.retryAfterMs > a.retryAfterMs) ? b : a), first);
  return { kind: 'refused', ...longest, figures };
};
