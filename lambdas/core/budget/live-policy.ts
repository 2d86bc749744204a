import { accountKey } from '../admit/account-keys.ts';
import type { Clock, Gateway, Log } from '../ports.ts';
import { makeReadAnew } from '../read-anew.ts';
import type { BudgetPolicy, BudgetStore } from './budget-store.ts';
import type { CapOverride } from './budgets.ts';

/** Age from which the caps set by hand are read anew. */
const REFRESH_MS = 3_000;
/** A read that hangs must not be the last one. */
const PATIENCE_MS = 10_000;

export interface LivePolicy {
  /** The gateway with the budgets as they hold now: the file's and the caps set by hand. */
  gateway: Gateway;
  /** Reads what was set by hand. Never rejects: what is known holds on. */
  refresh(): Promise<void>;
}

/**
 * Lets caps set by hand hold without a restart. Whoever looks at the budgets gets what is known, at once; where that is a
 * few seconds old it is read anew beside the request. An account whose cap was set by hand has been stamped with it already,
 * so a process that has not read it yet is held to it all the same: this is for accounts that begin, and for its messages.
 *
 * The number of the policy follows the store's only while that is numbered for this very file: a process of an older
 * deployment must not write the caps of its file under a newer number.
 *
 * @param fingerprint of the file's budgets, as they were numbered
 */
export const makeLivePolicy = (
  gateway: Gateway,
  fingerprint: string,
  { budgets: store, clock, log }: { budgets: Pick<BudgetStore, 'readPolicy'>; clock: Clock; log: Log },
): LivePolicy => {
  let budgets = gateway.budgets;
  let policyVersion = gateway.policyVersion;

  const take = (policy: BudgetPolicy): void => {
    budgets = { ...gateway.budgets, overrides: byAccount(policy.overrides) };
    if (policy.fingerprint === fingerprint) policyVersion = Math.max(policyVersion, policy.version);
  };

  const { whenOlder, refresh } = makeReadAnew({
    read: () => store.readPolicy(),
    take,
    onDown: (error) => log.warn('caps set by hand not read: those that are known hold on', { error }),
    patienceMs: PATIENCE_MS,
    clock,
  });

  return {
    gateway: {
      ...gateway,
      get budgets() {
        whenOlder(REFRESH_MS);
        return budgets;
      },
      get policyVersion() {
        return policyVersion;
      },
    },
    refresh,
  };
};

/** By what `accountsOf` looks them up by. */
const byAccount = (overrides: readonly CapOverride[]): ReadonlyMap<string, CapOverride> =>
  new Map(overrides.map((override) => [`${override.scope}#${override.length}`, override]));

/** The scope's part of its accounts' keys: `team#search`. */
export const scopeKey = (kind: Parameters<typeof accountKey>[0], id: string): string =>
  accountKey(kind, id, '').slice(0, -1);
