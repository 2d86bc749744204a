import { resolveBudgets } from '../route/resolve-budgets.ts';
import { parseAccountKey } from './account-period.ts';
import { thresholdsOf } from './budget-state.ts';
import type { BudgetAccount, BudgetPolicy, BudgetStore } from './budget-store.ts';
import type { Budget, Budgets } from './budgets.ts';
import { scopeKey } from './live-policy.ts';
import { type FiledBudgets, readFingerprint } from './policy-fingerprint.ts';

const WARN_AT = 0.8;

/** The file's budgets as the policy was numbered for them; none where no gateway has begun. */
export const readFiledBudgets = (
  policy: Pick<BudgetPolicy, 'fingerprint'>,
): { filed: FiledBudgets | undefined; budgets: Budgets } => {
  const filed = readFingerprint(policy.fingerprint);
  return { filed, budgets: resolveBudgets({ budgets: filed?.budgets ?? {} }) };
};

/** What the file says of a scope (`team#search`), by its name or by what holds for each of its kind. */
export const budgetOfScope = (scope: string, budgets: Budgets): Budget | undefined => {
  const [kind, id = ''] = scope.split('#');
  switch (kind) {
    case 'org':
      return budgets.org;
    case 'team':
      return named('team', budgets.teams, scope) ?? budgets.perTeam;
    case 'user':
      return named('user', budgets.users, scope) ?? budgets.perUser;
    case 'key':
      return named('key', budgets.keys, scope) ?? budgets.perKey;
    case 'tag':
      return named('tag', budgets.tags, scope) ?? budgets.perTag.get(id.split('=')[0] ?? '');
    case 'alias':
      return named('alias', budgets.aliases, scope);
    case 'run':
      return named('run', budgets.runs, scope) ?? budgets.perRun;
    default:
      return undefined;
  }
};

const named = (
  kind: Parameters<typeof scopeKey>[0],
  list: ReadonlyMap<string, Budget>,
  scope: string,
): Budget | undefined => [...list].find(([id]) => scopeKey(kind, id) === scope)?.[1];

/**
 * Accounts with thresholds and time zone: those that no hold has stamped take them from the file's budgets. The embedded
 * store stamps none, and an account may have had no cap until one was set by hand.
 *
 * @throws {StoreUnavailable}
 */
export const withThresholds = async (
  accounts: readonly BudgetAccount[],
  store: Pick<BudgetStore, 'readPolicy'>,
): Promise<BudgetAccount[]> => {
  if (accounts.every(({ thresholds }) => thresholds !== undefined)) return [...accounts];
  const { budgets } = readFiledBudgets(await store.readPolicy());
  return accounts.map((account) => {
    if (account.thresholds !== undefined) return account;
    const budget = budgetOfScope(parseAccountKey(account.key).scope, budgets) ?? { warnAt: WARN_AT };
    return { ...account, thresholds: { ...thresholdsOf(budget), timeZone: budgets.timeZone } };
  });
};
