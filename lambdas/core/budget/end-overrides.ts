import { periodOf } from '../admit/periods.ts';
import type { Clock } from '../ports.ts';
import type { BudgetAccount, BudgetStore } from './budget-store.ts';
import { budgetOfScope, readFiledBudgets, withThresholds } from './filed-budgets.ts';
import { isKept } from './kept-override.ts';

export interface EndOverridesPorts {
  budgets: Pick<BudgetStore, 'readPolicy' | 'readAccounts' | 'setCap'>;
  clock: Pick<Clock, 'now'>;
  /** Takes the next number of the policy, if this is still its number. @returns it */
  renumber(seen: number): Promise<number | undefined>;
}

/**
 * Stamps accounts whose cap by hand has ended with the file's cap. Without it their next hold does, which may be a refused
 * one that nobody is told of: an account that spent more than the file allows sees no settlement. Doing it again changes
 * nothing; where somebody sets another cap at the same time, theirs is newer and stays.
 *
 * @returns the accounts of all that has ended lately, with thresholds, as they stand now
 * @throws {StoreUnavailable}
 */
export const endOverrides = async ({ budgets, clock, renumber }: EndOverridesPorts): Promise<BudgetAccount[]> => {
  const policy = await budgets.readPolicy();
  const now = clock.now();
  const { budgets: filed } = readFiledBudgets(policy);
  const caps = new Map<string, bigint>();
  for (const override of policy.overrides) {
    if (override.until === null || override.until > now || !isKept(override, now)) continue;
    const { scope, length } = override;
    const cap = budgetOfScope(scope, filed)?.[length];
    // Under no cap nothing is crossed.
    if (cap !== undefined) caps.set(`${scope}#${periodOf(length, now, filed.timeZone)}`, cap);
  }
  const keys = [...caps.keys()];
  if (keys.length === 0) return [];
  const accounts = await budgets.readAccounts(keys);
  const stamped = accounts.filter(({ key, cap }) => cap !== caps.get(key));
  if (stamped.length > 0) {
    // Somebody has changed the policy in this instant: the next run looks again.
    const version = await numberFor(stamped, policy.version, renumber);
    if (version === undefined) return [];
    for (const { key } of stamped) await budgets.setCap(key, caps.get(key) ?? 0n, version, Math.floor(now));
  }
  return withThresholds(stamped.length > 0 ? await budgets.readAccounts(keys) : accounts, budgets);
};

/** A number above those that the accounts are under. */
const numberFor = async (
  accounts: readonly BudgetAccount[],
  version: number,
  renumber: EndOverridesPorts['renumber'],
): Promise<number | undefined> =>
  accounts.every(({ capVersion }) => capVersion < version) ? version : renumber(version);
