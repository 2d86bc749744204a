import type { BudgetStore } from '../core/budget/budget-store.ts';
import type { Clock, Log } from '../core/ports.ts';

/** Longer than Lambda lets environments of the version before begin, once a function has been updated. */
export const PATIENCE_MS = 15_000;

interface PolicyStores {
  budgets: Pick<BudgetStore, 'readPolicy'>;
  policyVersion(fingerprint: string): Promise<number>;
}

/**
 * While a deployment is updated or rolled back, an environment of the version that goes may begin after one of the version
 * that comes, and number its budgets last: accounts would then keep the old caps for as long as no new environment begins.
 * So an environment that has seen another's budgets numbered last, and 15 seconds later still gets requests, numbers its own
 * anew. Environments of the version that goes get none by then, so the one that stays has the last word.
 *
 * Only for deployed gateways: there the environments of one version follow those of another.
 */
export const keepPolicyNumbered = (
  fingerprint: string,
  { budgets, policyVersion }: PolicyStores,
  { clock, log }: { clock: Pick<Clock, 'now'>; log: Log },
): Pick<BudgetStore, 'readPolicy'> => {
  let otherSince: number | undefined;
  return {
    readPolicy: async () => {
      const policy = await budgets.readPolicy();
      if (policy.fingerprint === fingerprint) {
        otherSince = undefined;
        return policy;
      }
      const now = clock.now();
      // A clock that was set back begins again.
      if (otherSince === undefined || otherSince > now) otherSince = now;
      if (now - otherSince < PATIENCE_MS) return policy;
      otherSince = undefined;
      const version = await policyVersion(fingerprint);
      log.warn('another version had numbered its budgets last: these are numbered anew', { version });
      // With the caps set by hand as they stand now.
      return budgets.readPolicy();
    },
  };
};
