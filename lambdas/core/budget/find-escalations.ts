import type { NanoUsd } from '../../contract/money.ts';
import type { Receipt } from '../receipt.ts';
import { stateAt } from './budget-state.ts';
import type { BudgetAccount } from './budget-store.ts';
import { decideEscalation, executionName } from './decide-escalation.ts';
import type { Spender } from './make-notice.ts';

/** A request that has just ended, as far as its accounts' budgets care. */
export interface EndedRequest {
  accounts: readonly string[];
  /** What another one like it would have to hold, nano-USD; asked only where it matters. */
  need(): NanoUsd;
  /** Nano-USD. */
  cost: NanoUsd;
  keyId: string;
  user: string;
}

/** An escalation that some account is due. */
export interface DueEscalation {
  /** The same for whoever finds it, however often. */
  name: string;
  account: string;
  /** What the smallest of the last requests would have to hold again, nano-USD. */
  need: NanoUsd;
  by: Spender[];
}

const MOST_NAMED = 3;

/** Which accounts have crossed a threshold that nobody has been told of, and by whose requests. */
export const findEscalations = (accounts: readonly BudgetAccount[], ended: readonly EndedRequest[]): DueEscalation[] =>
  accounts.flatMap((account) => {
    const last = ended.filter((request) => request.accounts.includes(account.key));
    const need = isPastWarning(account) ? leastNeed(last) : 0n;
    const escalation = decideEscalation(account, need);
    if (escalation === undefined) return [];
    return [{ name: executionName(escalation), account: account.key, need, by: spendersOf(last) }];
  });

const isPastWarning = ({ spent, cap, thresholds }: BudgetAccount): boolean =>
  cap !== null && thresholds !== undefined && stateAt(spent, cap, thresholds) !== 'ok';

/** A need of nothing says nothing of what the next request needs. */
const leastNeed = (ended: readonly EndedRequest[]): NanoUsd =>
  ended.reduce((least, request) => {
    const need = request.need();
    return need > 0n && (least === 0n || need < least) ? need : least;
  }, 0n);

/** What another request like this one would have to hold: of one that a stand-in has answered, the stand-in's ceiling. */
export const needOf = (hold: NanoUsd, receipt: Pick<Receipt, 'downgrade'> | undefined): NanoUsd =>
  receipt?.downgrade === undefined ? hold : BigInt(receipt.downgrade.ceiling);

/** Those who paid most, dearest first. */
const spendersOf = (ended: readonly EndedRequest[]): Spender[] => {
  const sums = new Map<string, Spender>();
  for (const { keyId: key, user, cost } of ended) {
    const name = JSON.stringify([key, user]);
    sums.set(name, { key, user, cost: (sums.get(name)?.cost ?? 0n) + cost });
  }
  return [...sums.values()].toSorted((a, b) => (a.cost > b.cost ? -1 : a.cost < b.cost ? 1 : 0)).slice(0, MOST_NAMED);
};
