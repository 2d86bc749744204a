import { capInForce, roomsOf } from '../admit/account-rooms.ts';
import type { Admission } from '../admit/admission.ts';
import type { AdmitPorts } from '../admit/admit.ts';
import { decide } from '../admit/decide.ts';
import { draftAdmission, type Wish } from '../admit/draft-admission.ts';
import type { LimitFigures, LimitOutcome, LimitTake } from '../admit/limit-store.ts';
import { longestWait } from '../admit/limit-waits.ts';
import { refusalOf } from '../admit/run-refusals.ts';
import type { RunOutcome, RunRecord } from '../admit/run-store.ts';
import { quotaTake } from '../admit/target-quota.ts';
import type { Asked } from '../decode/decode.ts';
import type { Refusal } from '../failures.ts';
import type { AccountFigures, HoldOutcome } from '../ledger.ts';
import type { Plan } from '../route/plan.ts';

/** How the scopes of some requests stand, read and not touched. */
export interface Standing {
  accounts: ReadonlyMap<string, AccountFigures>;
  limits: readonly LimitFigures[];
  runs: readonly RunRecord[];
}

/** What `judge` would ask the store of. */
export interface Draft {
  wish: Wish;
  admission: Admission;
}

export type Judgement = { ok: true; admission: Admission } | { ok: false; admission: Admission; refusal: Refusal };

/** A request as it would be admitted at `nowMs`; a refusal where its run can't be. */
export const draftOf = (
  asked: Asked,
  plan: Plan,
  nowMs: number,
  ports: AdmitPorts,
): { ok: true; draft: Draft } | { ok: false; refusal: Refusal } => draftFor({ asked, plan, clamps: 0 }, nowMs, ports);

const draftFor = (wish: Wish, nowMs: number, ports: AdmitPorts): ReturnType<typeof draftOf> => {
  const drafted = draftAdmission(wish, nowMs, ports);
  return drafted.ok ? { ok: true, draft: { wish, admission: drafted.admission } } : drafted;
};

/** One read of all that these requests' admissions would be asked of, side by side. @throws {StoreUnavailable} */
export const readStanding = async (
  drafts: readonly Draft[],
  nowMs: number,
  { ledger, limits, runs, gateway }: AdmitPorts,
): Promise<Standing> => {
  const accounts = new Map(drafts.flatMap(({ admission }) => admission.accounts.map((ref) => [ref.key, ref])));
  const takes = new Map(
    drafts.flatMap(({ admission }) =>
      [...admission.takes, ...quotaTakesOf(admission)].map((take) => [take.scope, take]),
    ),
  );
  // All are the same caller's: there is one run, or none.
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
        return [one.key, ref === undefined ? one : { ...one, cap: capInForce(ref, one, gateway.policyVersion) }];
      }),
    ),
    limits: limitFigures,
    runs: records,
  };
};

/** What an attempt at each of its targets would take of that target's own quota. */
const quotaTakesOf = (admission: Admission): LimitTake[] =>
  admission.plan.targets.flatMap((target) => quotaTake(target, admission) ?? []);

/**
 * Whether a request would be admitted as its scopes stood when they were read, with the stand-in and the lowered output limit
 * that it would get: what `admit` decides by what the store says, decided by what was read. Nothing is taken, so somebody else
 * may be faster.
 */
export const judge = ({ wish, admission }: Draft, standing: Standing, nowMs: number, ports: AdmitPorts): Judgement => {
  const decision = decide(
    wish,
    admission,
    {
      taken: limitOutcome(admission, standing),
      held: holdOutcome(admission, standing),
      entered: runOutcome(admission, standing, nowMs),
    },
    nowMs,
  );
  switch (decision.kind) {
    case 'go':
      return { ok: true, admission };
    case 'refused':
      return { ok: false, admission, refusal: decision.refusal };
    case 'ask-again': {
      const again = draftFor(decision.wish, nowMs, ports);
      return again.ok ? judge(again.draft, standing, nowMs, ports) : { ok: false, admission, refusal: again.refusal };
    }
    default:
      throw new Error(`nothing that is only read says ${decision.kind}`);
  }
};

/** What `enter` would say. */
const runOutcome = ({ run }: Admission, { runs }: Standing, nowMs: number): RunOutcome => {
  for (const by of run?.runs ?? []) {
    const record = runs.find(({ id }) => id === by.id);
    const because = record && refusalOf(record, by, nowMs);
    if (record !== undefined && because !== undefined) return { kind: 'refused', by, because, record };
  }
  return { kind: 'entered', endsAt: null };
};

/** What `hold` would say. */
const holdOutcome = ({ accounts, hold, capVersion }: Admission, { accounts: known }: Standing): HoldOutcome => {
  const standing = accounts.flatMap(({ key }) => known.get(key) ?? []);
  const short = roomsOf(accounts, standing).find(({ room }) => hold > room);
  if (short !== undefined) return { kind: 'refused', account: short.account, figures: short.figures, standing };
  const held = accounts.map(({ key, cap }) => {
    const before = known.get(key) ?? { ...UNTOUCHED, key, cap, capVersion };
    return { ...before, committed: before.committed + hold, held: before.held + hold };
  });
  return { kind: 'held', figures: held };
};

const UNTOUCHED = { committed: 0n, spent: 0n, held: 0n, requests: 0, inputTokens: 0, outputTokens: 0 };

/** What `take` would say. */
const limitOutcome = ({ takes }: Admission, { limits }: Standing): LimitOutcome => {
  const figures = limits.filter(({ scope }) => takes.some((take) => take.scope === scope));
  const longest = longestWait(takes, figures, ({ tokens }) => tokens);
  return longest === undefined ? { kind: 'taken', figures } : { kind: 'refused', ...longest, figures };
};
