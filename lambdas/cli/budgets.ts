import { formatUsd, type NanoUsd } from '../contract/money.ts';
import { PERIODS, periodOf } from '../core/admit/periods.ts';
import type { AccessStore } from '../core/authenticate/access-store.ts';
import { parseAccountKey, periodSpan, readableId } from '../core/budget/account-period.ts';
import { stateAt, thresholdsOf } from '../core/budget/budget-state.ts';
import type { BudgetAccount, BudgetStore } from '../core/budget/budget-store.ts';
import type { Budget, BudgetPeriod, Budgets, CapOverride, ScopeKind } from '../core/budget/budgets.ts';
import { standingTier } from '../core/budget/decide-escalation.ts';
import { carryOut, setCapByHand } from '../core/budget/escalate.ts';
import { budgetOfScope, readFiledBudgets, withThresholds } from '../core/budget/filed-budgets.ts';
import { type DueEscalation, findEscalations } from '../core/budget/find-escalations.ts';
import { scopeKey } from '../core/budget/live-policy.ts';
import type { Clock } from '../core/ports.ts';
import { checkScopeExists, checkScopeName } from './check-scope.ts';
import { CommandFailed, isoTime, type Output, shortTime, table, UsageError } from './output.ts';

export interface BudgetPorts {
  access: Pick<AccessStore, 'findKey'>;
  budgets: BudgetStore;
  clock: Clock;
  /** Answers a workflow that waits; false = it waits no more. Absent where there is none (local). */
  answerWaiting?: (token: string, answer: object) => Promise<boolean>;
  /** Starts the workflow that tells people. Absent where there is none: a local gateway tells with its next refusal. */
  startEscalation?: (due: DueEscalation) => Promise<void>;
}

interface Row {
  /** What it holds for: `team search`, `each user`. */
  who: string;
  length: BudgetPeriod;
  cap: NanoUsd;
  source: 'file' | CapOverride;
  budget: Budget | undefined;
  /** Key of the present account; undefined for what holds for many. */
  account: string | undefined;
}

const KINDS: readonly ScopeKind[] = ['org', 'team', 'user', 'key', 'tag', 'alias', 'run'];

export const readKind = (text: string): ScopeKind => {
  const kind = KINDS.find((known) => known === text);
  if (kind === undefined) throw new UsageError(`Expected one of ${KINDS.join(', ')}, got ${JSON.stringify(text)}.`);
  return kind;
};

/** The caps that hold, each with where it comes from, and how the present accounts stand. */
export const showBudgets = async (
  wanted: { kind?: ScopeKind; id?: string },
  { budgets: store, clock }: Pick<BudgetPorts, 'budgets' | 'clock'>,
): Promise<Output> => {
  if (wanted.kind !== undefined && wanted.id !== undefined) checkScopeName(wanted.kind, wanted.id);
  const now = clock.now();
  const policy = await store.readPolicy();
  const { filed, budgets } = readFiledBudgets(policy);
  const live = policy.overrides.filter(({ until }) => until === null || until > now);
  const rows = rowsOf(budgets, filed?.org ?? 'default', live, wanted, now);
  const accounts = await store.readAccounts(rows.flatMap(({ account }) => account ?? []));
  const byKey = new Map(accounts.map((account) => [account.key, account]));
  const data = rows.map((row) => describeRow(row, row.account === undefined ? undefined : byKey.get(row.account)));
  const text = table([
    ['SCOPE', 'PERIOD', 'CAP USD', 'SPENT', 'HELD', 'STATE', 'SOURCE'],
    ...data.map((one) => [
      one.scope,
      one.period ?? one.length,
      one.cap_usd,
      one.spent_usd ?? '-',
      one.held_usd ?? '-',
      one.state ?? '-',
      one.source === 'file' ? 'file' : sourceText(one),
    ]),
  ]);
  return { text: rows.length === 0 ? 'No budget caps anything here.' : text, data };
};

const sourceText = ({
  set_by,
  set_at,
  until,
}: {
  set_by: string | null;
  set_at: string | null;
  until: string | null;
}) =>
  `${set_by} ${shortTime(Date.parse(set_at ?? ''))}${until === null ? '' : `, until ${shortTime(Date.parse(until))}`}`;

const describeRow = ({ who, length, cap, source, budget, account: key }: Row, account: BudgetAccount | undefined) => {
  const committed = account?.committed ?? 0n;
  const byHand = source === 'file' ? undefined : source;
  return {
    scope: who,
    length,
    period: key === undefined ? null : (key.split('#')[2] ?? null),
    account: key ?? null,
    cap_usd: formatUsd(cap),
    spent_usd: key === undefined ? null : formatUsd(account?.spent ?? 0n),
    held_usd: key === undefined ? null : formatUsd(account?.held ?? 0n),
    state: key === undefined ? null : stateAt(committed, cap, thresholdsOf(budget ?? { warnAt: WARN_AT })),
    /** As far as people have been told. */
    escalated_to: account === undefined ? null : standingTier({ ...account, cap }).state,
    source: byHand === undefined ? ('file' as const) : ('override' as const),
    set_by: byHand?.by ?? null,
    set_at: byHand === undefined ? null : isoTime(byHand.at),
    until: byHand === undefined || byHand.until === null ? null : isoTime(byHand.until),
  };
};

const WARN_AT = 0.8;

const rowsOf = (
  budgets: Budgets,
  org: string,
  overrides: readonly CapOverride[],
  wanted: { kind?: ScopeKind; id?: string },
  now: number,
): Row[] => {
  const named: [ScopeKind, string, Budget | undefined][] = [
    ['org', org, budgets.org],
    ...[...budgets.teams].map(([id, budget]) => ['team', id, budget] as [ScopeKind, string, Budget]),
    ...[...budgets.users].map(([id, budget]) => ['user', id, budget] as [ScopeKind, string, Budget]),
    ...[...budgets.keys].map(([id, budget]) => ['key', id, budget] as [ScopeKind, string, Budget]),
    ...[...budgets.tags].map(([id, budget]) => ['tag', id, budget] as [ScopeKind, string, Budget]),
    ...[...budgets.aliases].map(([id, budget]) => ['alias', id, budget] as [ScopeKind, string, Budget]),
    ...[...budgets.runs].map(([id, budget]) => ['run', id, budget] as [ScopeKind, string, Budget]),
  ];
  if (
    wanted.kind !== undefined &&
    wanted.id !== undefined &&
    !named.some(([k, id]) => k === wanted.kind && id === wanted.id)
  )
    named.push([wanted.kind, wanted.id, budgetOfScope(scopeKey(wanted.kind, wanted.id), budgets)]);
  const known = new Set(named.map(([kind, id]) => scopeKey(kind, id)));
  const own = named.flatMap(([kind, id, budget]) =>
    rowsOfScope(`${kind} ${id}`, scopeKey(kind, id), budget, overrides, budgets.timeZone, now),
  );
  const byHandOnly = [...new Set(overrides.map(({ scope }) => scope))]
    .filter((scope) => !known.has(scope))
    .flatMap((scope) =>
      rowsOfScope(readableId(scope.replace('#', ' ')), scope, undefined, overrides, budgets.timeZone, now),
    );
  const defaults: [string, Budget | undefined][] = [
    ['each team', budgets.perTeam],
    ['each user', budgets.perUser],
    ['each key', budgets.perKey],
    ...[...budgets.perTag].map(([name, budget]) => [`each tag ${name}`, budget] as [string, Budget]),
    ['each run', budgets.perRun],
  ];
  const many = defaults.flatMap(([who, budget]) =>
    PERIODS.flatMap((length): Row[] => {
      const cap = budget?.[length];
      return cap === undefined ? [] : [{ who, length, cap, source: 'file', budget, account: undefined }];
    }),
  );
  const all = [...own, ...byHandOnly, ...many];
  const { kind, id } = wanted;
  if (kind === undefined) return all;
  return all.filter(({ who }) => (id === undefined ? who.split(' ').includes(kind) : who === `${kind} ${id}`));
};

const rowsOfScope = (
  who: string,
  scope: string,
  budget: Budget | undefined,
  overrides: readonly CapOverride[],
  timeZone: string,
  now: number,
): Row[] =>
  PERIODS.flatMap((length): Row[] => {
    const override = overrides.find((one) => one.scope === scope && one.length === length);
    const cap = override?.cap ?? budget?.[length];
    if (cap === undefined) return [];
    const account = `${scope}#${periodOf(length, now, timeZone)}`;
    return [{ who, length, cap, source: override ?? 'file', budget, account }];
  });

export interface SetCaps {
  kind: ScopeKind;
  /** Of a run: `team/run`. */
  id: string | undefined;
  /** `file` = what the file says holds again. */
  caps: Partial<Record<BudgetPeriod, NanoUsd | 'file'>>;
  until: number | null;
  by: string;
}

/** Sets caps by hand: at once on the present account, within seconds everywhere. */
export const setBudget = async ({ kind, id, caps, until, by }: SetCaps, ports: BudgetPorts): Promise<Output> => {
  const { budgets: store, clock, access } = ports;
  const wanted = PERIODS.flatMap((length) => (caps[length] === undefined ? [] : [[length, caps[length]] as const]));
  if (wanted.length === 0)
    throw new UsageError('Say which cap: --daily, --weekly, --monthly or --lifetime, with an amount.');
  const { filed, budgets } = readFiledBudgets(await store.readPolicy());
  const name = kind === 'org' ? (id ?? filed?.org ?? 'default') : id;
  if (name === undefined) throw new UsageError(`Say which ${kind}: budgets set ${kind} NAME …`);
  checkScopeName(kind, name);
  // A cap may be taken away from what is no more.
  const warnings = wanted.every(([, cap]) => cap === 'file') ? [] : await checkScopeExists(kind, name, filed, access);
  const scope = scopeKey(kind, name);
  const now = clock.now();
  const accounts: string[] = [];
  for (const [length, cap] of wanted) {
    const account = `${scope}#${periodOf(length, now, budgets.timeZone)}`;
    accounts.push(account);
    if (cap === 'file') {
      const version = await store.override({ scope, length }, null, now);
      const filedCap = budgetOfScope(scope, budgets)?.[length];
      if (filedCap !== undefined) await store.setCap(account, filedCap, version, now);
    } else await setCapByHand({ scope, length, cap, by, until }, account, ports);
    await endWaiting(account, by, ports);
  }
  return {
    ...(await showBudgets({ kind, id: name }, ports)),
    warnings: [...warnings, ...(await tell(accounts, ports))],
  };
};

/**
 * A cap below what is spent is a crossing that no settlement will show, since nothing passes any more. The caps hold already:
 * that nobody could be told is a warning.
 */
const tell = async (accounts: string[], { budgets, startEscalation }: BudgetPorts): Promise<string[]> => {
  if (startEscalation === undefined) return [];
  const due = findEscalations(await withThresholds(await budgets.readAccounts(accounts), budgets), []);
  const told = await Promise.allSettled(due.map(startEscalation));
  return told.flatMap((one, i) =>
    one.status === 'fulfilled'
      ? []
      : [
          `The cap of ${due[i]?.account} holds, but nobody was told that it is crossed: ${one.reason instanceof Error ? one.reason.message : String(one.reason)}`,
        ],
  );
};

/** Whoever waits for an approval of what has just been set otherwise need not wait on. */
const endWaiting = async (account: string, by: string, { budgets, answerWaiting }: BudgetPorts): Promise<void> => {
  const pending = await budgets.readApproval(account);
  if (pending === undefined) return;
  if (pending.token !== null && answerWaiting !== undefined)
    await answerWaiting(pending.token, { decision: 'superseded', by });
  await budgets.endApproval(account, pending.round);
};

const SHOWS_WITHIN_MS = 20_000;

/** Answers the workflow of an account at its cap; a local one is raised right here. */
export const approveBudget = async (
  { account, to, by }: { account: string; to: NanoUsd | null; by: string },
  ports: BudgetPorts,
): Promise<Output> => {
  const { budgets, clock, answerWaiting } = ports;
  const name = readAccountKey(account);
  const pending = await budgets.readApproval(account);
  if (pending === undefined) return raiseUnasked({ account, to, by }, ports);
  if (to !== null && to <= pending.cap)
    throw new UsageError(`--to has to be more than the cap it has come to, $${formatUsd(pending.cap)}.`);
  if (pending.token === null || answerWaiting === undefined) {
    const notice = await carryOut({ account, round: pending.round, to, by }, ports);
    if (notice === undefined) throw tooLate(name.period);
    return { text: notice.message, data: { account, raised_to_usd: to === null ? null : formatUsd(to), by } };
  }
  const answer = { decision: to === null ? 'refuse' : 'approve', ...(to !== null && { to: String(to) }), by };
  if (!(await answerWaiting(pending.token, answer)))
    throw new CommandFailed(
      `The workflow that waited for ${account} has ended. "budgets set" changes a cap at any time.`,
    );
  const isDone = await until(clock, async () => {
    if (to === null) return (await budgets.readApproval(account)) === undefined;
    const [figures] = await budgets.readAccounts([account]);
    return figures !== undefined && figures.cap !== null && figures.cap >= to;
  });
  const what = to === null ? 'The refusal' : `The raise to $${formatUsd(to)}`;
  return {
    text: isDone
      ? `${what} of ${account} by ${by} is done.`
      : `${what} of ${account} is on its way; "budgets show" will tell.`,
    data: { account, raised_to_usd: to === null ? null : formatUsd(to), by, done: isDone },
  };
};

/** An account at its cap may be raised where nothing waits too: its cap was lowered below what is spent, or the wait is over. */
const raiseUnasked = async (
  { account, to, by }: { account: string; to: NanoUsd | null; by: string },
  ports: BudgetPorts,
): Promise<Output> => {
  const [figures] = await withThresholds(await ports.budgets.readAccounts([account]), ports.budgets);
  const cap = figures?.cap ?? null;
  const isAtCap =
    figures !== undefined && cap !== null && (figures.spent >= cap || standingTier(figures).state === 'reject');
  if (!isAtCap || to === null)
    throw new CommandFailed(
      `Nothing waits for an approval of ${account}${isAtCap ? ': it is left at its cap as it is' : ''}. "budgets show" says how it stands; "budgets set" changes a cap at any time.`,
    );
  if (to <= cap) throw new UsageError(`--to has to be more than the cap it has come to, $${formatUsd(cap)}.`);
  const name = parseAccountKey(account);
  const notice = await carryOut({ account, round: standingTier(figures).round, to, by }, ports);
  if (notice === undefined) throw tooLate(name.period);
  const { endsAt } = periodSpan(name, figures.thresholds?.timeZone ?? 'UTC');
  const lasts = endsAt === null ? 'for good' : `until its period ends, ${shortTime(endsAt)}`;
  return {
    text: `${notice.message}\nNothing waited for an approval: the cap was raised all the same, ${lasts}.`,
    data: { account, raised_to_usd: formatUsd(to), by, until: endsAt === null ? null : isoTime(endsAt) },
  };
};

const tooLate = (period: string): CommandFailed =>
  new CommandFailed(`It comes too late: the period ${period} is over, or the cap is that high already.`);

const readAccountKey = (account: string): ReturnType<typeof parseAccountKey> => {
  try {
    return parseAccountKey(account);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`${error.message}.`);
    throw error;
  }
};

const until = async (clock: Clock, isDone: () => Promise<boolean>): Promise<boolean> => {
  const endsAt = clock.now() + SHOWS_WITHIN_MS;
  for (;;) {
    if (await isDone()) return true;
    if (clock.now() >= endsAt) return false;
    await clock.sleep(250);
  }
};
