import type { NanoUsd } from '../../contract/money.ts';
import { digestOf } from '../digest.ts';
import { type BudgetState, isBeyond, stateAt, statesBetween, type Thresholds } from './budget-state.ts';
import type { AccountTier, BudgetAccount } from './budget-store.ts';

/** A threshold that an account's spending has crossed and nobody has been told of. */
export interface Escalation {
  account: string;
  from: BudgetState;
  to: BudgetState;
  /** All that lie between, `to` included: several may be crossed at once. */
  crossed: BudgetState[];
  /** The account's tier once it has been moved; when, and by whom, the mover adds. */
  tier: Omit<AccountTier, 'at' | 'mover'>;
}

/**
 * Whether an account has to move up, by what has been spent: held amounts come and go, and nobody is to be called out for
 * them. It is at `reject` when its cap is spent, or, past the warning, when a request such as the last would not fit.
 *
 * A tier belongs to the cap that it was reached under. Under another cap the account begins at `ok`, in a new round, so
 * that a raise lowers it and the same threshold can be crossed again.
 *
 * @param need what the smallest of the last requests held, nano-USD
 */
export const decideEscalation = (account: BudgetAccount, need: NanoUsd): Escalation | undefined => {
  const { cap, spent, thresholds, key } = account;
  if (cap === null || thresholds === undefined) return undefined;
  const { state: from, round } = standingTier(account);
  const to = stateToBe(spent, cap, need, thresholds);
  if (!isBeyond(to, from)) return undefined;
  return { account: key, from, to, crossed: statesBetween(from, to, thresholds), tier: { state: to, cap, round } };
};

const stateToBe = (spent: NanoUsd, cap: NanoUsd, need: NanoUsd, thresholds: Thresholds): BudgetState => {
  const state = stateAt(spent, cap, thresholds);
  return state !== 'ok' && spent + need > cap ? 'reject' : state;
};

/** Where an account stands under its present cap. */
export const standingTier = ({
  tier,
  cap,
}: Pick<BudgetAccount, 'tier' | 'cap'>): { state: BudgetState; round: number } => {
  if (tier === undefined) return { state: 'ok', round: 1 };
  return tier.cap === cap ? { state: tier.state, round: tier.round } : { state: 'ok', round: tier.round + 1 };
};

/**
 * Name of the workflow's execution for an escalation: the same for whoever sees it, however often, another one after a raise.
 * At most 80 characters, none of which Step Functions forbids.
 */
export const executionName = ({ account, to, tier }: Escalation): string =>
  `${to}-${digestOf([account, to, tier.cap, tier.round].join('|'), 30)}`;
