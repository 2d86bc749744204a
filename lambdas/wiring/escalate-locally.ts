import { thresholdsOf } from '../core/budget/budget-state.ts';
import { awaitApproval, escalate } from '../core/budget/escalate.ts';
import { findEscalations, needOf } from '../core/budget/find-escalations.ts';
import type { AccountRef, BudgetAccount, BudgetStore, Clock, Ledger, Log, OpenEntry } from '../core/ports.ts';

/** Accounts whose thresholds are remembered; those of users may be many. */
const MOST_ACCOUNTS = 10_000;

export interface LocalEscalation {
  ledger: Ledger;
  /** Resolves when everything that was settled has been looked at. */
  settled(): Promise<void>;
}

/**
 * The escalation of budgets in one process: after a request is settled, beside whatever comes next, its accounts are looked
 * at as the projector and the workflow do on AWS. Notices are log lines; at the cap an approval is noted, and waits in the
 * store for `tollgate budgets approve`.
 */
export const escalateLocally = (
  ledger: Ledger,
  { budgets, clock, log }: { budgets: BudgetStore; clock: Clock; log: Log },
): LocalEscalation => {
  const refs = new Map<string, AccountRef>();
  const open = new Map<string, OpenEntry>();
  let last: Promise<void> = Promise.resolve();

  const note = (accounts: readonly AccountRef[]): void => {
    for (const ref of accounts) {
      refs.delete(ref.key);
      if (ref.cap !== null) refs.set(ref.key, ref);
    }
    for (const key of refs.keys()) if (refs.size > MOST_ACCOUNTS) refs.delete(key);
  };

  /** The store does not keep thresholds here: the last hold said what they are. */
  const withThresholds = (account: BudgetAccount): BudgetAccount => {
    const ref = refs.get(account.key);
    return ref === undefined
      ? account
      : { ...account, thresholds: { ...thresholdsOf(ref), timeZone: ref.timeZone ?? 'UTC' } };
  };
  const store: BudgetStore = {
    ...budgets,
    readAccounts: async (keys) => (await budgets.readAccounts(keys)).map(withThresholds),
  };

  const look = async (entry: OpenEntry, cost: bigint): Promise<void> => {
    const keys = entry.accounts.filter((key) => refs.has(key));
    if (keys.length === 0) return;
    const accounts = await store.readAccounts(keys);
    for (const { account, need, by } of findEscalations(accounts, [
      { ...entry, cost, need: () => needOf(entry.hold, entry.receipt) },
    ])) {
      const escalated = await escalate({ account, need, by, mover: entry.requestId }, { budgets: store, clock });
      if (escalated === undefined) continue;
      const { notice, escalation } = escalated;
      if (escalation.to === 'reject') await awaitApproval(escalated, null, { budgets: store, clock });
      log.warn('budget', { ...notice.detail, notice: notice.message });
    }
  };

  return {
    ledger: {
      ...ledger,
      hold: (request) => {
        note(request.accounts);
        return ledger.hold(request);
      },
      open: async (entry) => {
        const isOpen = await ledger.open(entry);
        if (isOpen) open.set(entry.requestId, entry);
        return isOpen;
      },
      refuse: (requestId, epoch) => {
        open.delete(requestId);
        return ledger.refuse(requestId, epoch);
      },
      settle: async (settlement) => {
        await ledger.settle(settlement);
        const entry = open.get(settlement.requestId);
        open.delete(settlement.requestId);
        if (entry === undefined) return;
        last = last
          .then(() => look(entry, settlement.cost))
          .catch((error: unknown) => log.error('budgets not looked at', { request_id: settlement.requestId, error }));
      },
    },
    settled: () => last,
  };
};
