import { formatUsd, type NanoUsd } from '../../contract/money.ts';
import { parseAccountKey, periodSpan } from './account-period.ts';
import type { BudgetState } from './budget-state.ts';
import type { BudgetAccount } from './budget-store.ts';
import { type BurnRate, burnRate } from './burn-rate.ts';
import type { Escalation } from './decide-escalation.ts';

/** One of those whose requests brought an account over a threshold. */
export interface Spender {
  key: string;
  user: string;
  /** What they paid together in the last batch, nano-USD. */
  cost: NanoUsd;
}

/** What people are told. JSON-ready: amounts are decimal US dollars, times ISO 8601. */
export interface Notice {
  /** Printable ASCII, at most 100 characters: the subject of a mail. */
  subject: string;
  /** For people. */
  message: string;
  /** For programs. */
  detail: NoticeDetail;
}

export interface NoticeDetail {
  account: string;
  scope: string;
  id: string;
  period: string;
  state: BudgetState;
  /** All thresholds that were crossed at once, the last one is `state`. */
  crossed: BudgetState[];
  cap_usd: string;
  spent_usd: string;
  held_usd: string;
  /** Of the cap, in thousandths. */
  spent_per_mille: number;
  burn_usd_per_hour: string | null;
  /** At that rate; null = not before the period ends. */
  cap_reached_at: string | null;
  period_ends_at: string | null;
  /** Whose requests came last. */
  by: { key: string; user: string; cost_usd: string }[];
  /** Somebody has decided about a budget at its cap. */
  decision?: { raised: boolean; by: string };
}

const SUBJECT_LENGTH = 100;
const MEANS: Record<Exclude<BudgetState, 'ok'>, string> = {
  warn: 'Requests are answered as before; answers carry a warning.',
  downgrade: 'Cheaper models answer from now on, where a model has one (downgradeTo).',
  reject: 'Requests are refused until the budget is raised or its period ends.',
};

/** What crossed, by whom, how fast the budget goes and when it will be gone. */
export const makeNotice = (
  account: BudgetAccount,
  { to, crossed }: Pick<Escalation, 'to' | 'crossed'>,
  by: readonly Spender[],
  nowMs: number,
): Notice => {
  const name = parseAccountKey(account.key);
  const { startsAt, endsAt } = periodSpan(name, account.thresholds?.timeZone ?? 'UTC');
  const cap = account.cap ?? 0n;
  const { spent, held } = account;
  // A lifetime has no beginning to measure from.
  const burn = startsAt === null ? undefined : burnRate({ spent, cap }, { startsAt, endsAt }, nowMs);
  const detail: NoticeDetail = {
    account: account.key,
    scope: name.kind,
    id: name.id,
    period: name.period,
    state: to,
    crossed: [...crossed],
    cap_usd: formatUsd(cap),
    spent_usd: formatUsd(spent),
    held_usd: formatUsd(held),
    spent_per_mille: cap === 0n ? 1000 : Number((spent * 1000n) / cap),
    burn_usd_per_hour: burn === undefined ? null : formatUsd(burn.perHour),
    cap_reached_at: isoOrNull(burn?.capReachedAt),
    period_ends_at: isoOrNull(endsAt),
    by: by.map(({ key, user, cost }) => ({ key, user, cost_usd: formatUsd(cost) })),
  };
  return { subject: subjectOf(detail), message: messageOf(detail, burn), detail };
};

const isoOrNull = (timeMs: number | null | undefined): string | null =>
  timeMs === null || timeMs === undefined ? null : new Date(timeMs).toISOString();

const subjectOf = ({ scope, id, state, spent_per_mille }: NoticeDetail): string => {
  const text = `Tollgate budget ${state}: ${scope} ${id} at ${percent(spent_per_mille)}`;
  return text.replace(/[^\x20-\x7e]/gu, '?').slice(0, SUBJECT_LENGTH);
};

const percent = (perMille: number): string =>
  perMille % 10 === 0 ? `${perMille / 10} %` : `${Math.floor(perMille / 10)}.${perMille % 10} %`;

const messageOf = (detail: NoticeDetail, burn: BurnRate | undefined): string => {
  const { scope, id, period, state, crossed, cap_usd, spent_usd, held_usd, spent_per_mille, by, account } = detail;
  const lines = [
    `The budget of ${scope} ${id} (${period === 'all' ? 'lifetime' : period}) is in state ${state}${crossed.length > 1 ? `, having crossed ${crossed.join(', ')} at once` : ''}.`,
    `Spent $${spent_usd} of $${cap_usd} (${percent(spent_per_mille)}), held by requests under way $${held_usd}.`,
    ...(burn === undefined
      ? []
      : [`Burning $${detail.burn_usd_per_hour} an hour since the period began; ${forecastOf(detail)}.`]),
    ...(by.length === 0
      ? []
      : [`Last by ${by.map(({ key, user, cost_usd }) => `key ${key} for ${user} ($${cost_usd})`).join(', ')}.`]),
    state === 'ok' ? '' : MEANS[state],
    ...(state === 'reject'
      ? [`To raise it: tollgate budgets approve '${account}' --to '$AMOUNT'. To leave it: --refuse.`]
      : []),
  ];
  return lines.filter((line) => line !== '').join('\n');
};

const forecastOf = ({ cap_reached_at, period_ends_at, state }: NoticeDetail): string => {
  if (state === 'reject') return `the period ends ${period_ends_at ?? 'never'}`;
  return cap_reached_at === null
    ? `at that rate the cap is not reached before the period ends (${period_ends_at ?? 'never'})`
    : `at that rate the cap is reached ${cap_reached_at}; the period ends ${period_ends_at ?? 'never'}`;
};
