import { formatUsd, type NanoUsd } from '../../contract/money.ts';
import type { Clock } from '../ports.ts';
import { parseAccountKey, periodSpan } from './account-period.ts';
import type { BudgetAccount, BudgetStore, PendingApproval } from './budget-store.ts';
import { decideEscalation, type Escalation } from './decide-escalation.ts';
import { withThresholds } from './filed-budgets.ts';
import { makeNotice, type Notice, type Spender } from './make-notice.ts';

const TRIES = 20;

export interface Escalated {
  escalation: Escalation;
  notice: Notice;
  /** null = the period never ends. */
  endsAt: number | null;
}

type EscalatePorts = { budgets: BudgetStore; clock: Pick<Clock, 'now'> };

/**
 * Moves an account up to the state that its spending has come to, once, however many try: the tier is compared as it was
 * read. Whoever has moved it has something to tell; everybody else has not.
 *
 * @param mover who moves it: a repeat, whose first answer was lost, is told the same again
 * @returns undefined where nothing is left to do: it is there already, the cap has been raised, the period is over
 * @throws {StoreUnavailable}
 */
export const escalate = async (
  { account: key, need, by, mover }: { account: string; need: NanoUsd; by: readonly Spender[]; mover: string },
  { budgets, clock }: EscalatePorts,
): Promise<Escalated | undefined> => {
  for (let i = 0; i < TRIES; i++) {
    const [account] = await withThresholds(await budgets.readAccounts([key]), budgets);
    if (account === undefined) return undefined;
    const now = clock.now();
    const { endsAt } = periodSpan(parseAccountKey(key), account.thresholds?.timeZone ?? 'UTC');
    if (endsAt !== null && endsAt <= now) return undefined;
    const escalation = ownMove(account, mover) ?? decideEscalation(account, need);
    if (escalation === undefined) return undefined;
    if (ownMove(account, mover) !== undefined)
      return { escalation, notice: makeNotice(account, escalation, by, now), endsAt };
    const tier = { ...escalation.tier, at: Math.floor(now), mover };
    if (await budgets.moveTier(key, account.tier, tier))
      return { escalation, notice: makeNotice(account, escalation, by, now), endsAt };
  }
  throw new Error(`${key} is escalated by too many at once`);
};

/** The move that this very mover has made. What it began from is not known any more. */
const ownMove = ({ key, tier, cap }: BudgetAccount, mover: string): Escalation | undefined =>
  tier === undefined || tier.mover !== mover || tier.cap !== cap
    ? undefined
    : { account: key, from: 'ok', to: tier.state, crossed: [tier.state], tier };

/** What somebody decided about an account at its cap. */
export interface Decision {
  account: string;
  round: number;
  /** The new cap, nano-USD; null = it is not raised. */
  to: NanoUsd | null;
  by: string;
}

/**
 * Carries a decision out. A raise is a cap set by hand until the account's period ends: it takes the next number of the
 * policy, stamps the account at once, and every gateway reads it within seconds. Repeating it changes nothing that matters.
 *
 * @returns what is to be told; undefined where it comes too late: the period is over, or the cap is that high already
 * @throws {StoreUnavailable}
 */
export const carryOut = async (
  { account: key, round, to, by }: Decision,
  ports: EscalatePorts,
): Promise<Notice | undefined> => {
  const { budgets, clock } = ports;
  const now = clock.now();
  const name = parseAccountKey(key);
  const [account] = await withThresholds(await budgets.readAccounts([key]), budgets);
  const { endsAt } = periodSpan(name, account?.thresholds?.timeZone ?? 'UTC');
  const pending = await budgets.readApproval(key);
  let isLate = account === undefined || (endsAt !== null && endsAt <= now);
  if (!isLate && to !== null) {
    if (account?.cap === null || (account?.cap ?? 0n) >= to) isLate = true;
    else await setCapByHand({ scope: name.scope, length: name.length, cap: to, by, until: endsAt }, key, ports);
  }
  if (pending !== undefined && pending.round === round) await budgets.endApproval(key, round);
  if (isLate || account === undefined) return undefined;
  const notice = makeNotice(
    { ...account, cap: to ?? account.cap },
    { to: to === null ? 'reject' : 'ok', crossed: [] },
    [],
    now,
  );
  const what = to === null ? `left at $${notice.detail.cap_usd}` : `raised to $${formatUsd(to)}`;
  const text = `The budget of ${name.kind} ${name.id} (${name.period}) was ${what} by ${by}.`;
  return {
    subject: `Tollgate budget ${to === null ? 'not raised' : 'raised'}: ${name.kind} ${name.id}`
      .replace(/[^\x20-\x7e]/gu, '?')
      .slice(0, 100),
    message: `${text}\nSpent $${notice.detail.spent_usd}.`,
    detail: { ...notice.detail, decision: { raised: to !== null, by } },
  };
};

/** Sets the cap of a scope's period kind, and of its present account at once. @returns the policy's new number */
export const setCapByHand = async (
  {
    scope,
    length,
    cap,
    by,
    until,
  }: Pick<Parameters<BudgetStore['override']>[0], 'scope' | 'length'> & {
    cap: NanoUsd;
    by: string;
    until: number | null;
  },
  account: string,
  { budgets, clock }: EscalatePorts,
): Promise<number> => {
  const now = Math.floor(clock.now());
  const version = await budgets.override({ scope, length }, { scope, length, cap, by, at: now, until }, now);
  await budgets.setCap(account, cap, version, now);
  return version;
};

/** How long an approval may be waited for at most: a workflow lives for a year. */
const LONGEST_WAIT_MS = 364 * 86_400_000;

/** Until when a raise can still be approved. */
export const waitsUntil = (endsAt: number | null, nowMs: number): number =>
  Math.min(endsAt ?? Number.POSITIVE_INFINITY, nowMs + LONGEST_WAIT_MS);

/** Notes what waits for somebody's word. */
export const awaitApproval = (
  { escalation: { account, tier }, endsAt }: Pick<Escalated, 'escalation' | 'endsAt'>,
  token: string | null,
  { budgets, clock }: EscalatePorts,
): Promise<void> => {
  const since = clock.now();
  const approval: PendingApproval = { account, cap: tier.cap, round: tier.round, token, since };
  return budgets.putApproval(approval, waitsUntil(endsAt, since));
};
