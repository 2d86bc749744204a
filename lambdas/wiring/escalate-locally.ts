import { randomUUID } from 'node:crypto';
import { thresholdsOf } from '../core/budget/budget-state.ts';
import type { BudgetAccount, BudgetStore } from '../core/budget/budget-store.ts';
import { awaitApproval, escalate } from '../core/budget/escalate.ts';
import { type EndedRequest, findEscalations, needOf } from '../core/budget/find-escalations.ts';
import type { AccountFigures, AccountRef, Ledger, OpenEntry } from '../core/ledger.ts';
import type { Clock, Log } from '../core/ports.ts';

/** Accounts whose thresholds are remembered; those of users may be many. */
const MOST_ACCOUNTS = 10_000;

export interface LocalEscalation {
  ledger: Ledger;
  /** Resolves when everything that was settled has been looked at. */
  settled(): Promise<void>;
}

/**
 * The escalation of budgets in one process: after a request is settled, beside whatever comes next, its accounts are looked
 * at as the projector and the workflow do on AWS; so is an account that refuses under a cap it has not refused under, since
 * one that was lowered below what is spent sees no settlement. Notices are log lines; at the cap an approval is noted, and waits in the
 * store for `tollgate budgets approve`.
 */
export const escalateLocally = (
  ledger: Ledger,
  { budgets, clock, log }: { budgets: BudgetStore; clock: Clock; log: Log },
): LocalEscalation => {
  const refs = new Map<string, AccountRef>();
  const open = new Map<string, OpenEntry>();
  /** By account, the cap under which a refusal has been looked at: whatever is spent under it later, settlements look at. */
  const refusedUnder = new Map<string, string>();
  /** Settled, and not looked at yet. */
  const ended: (EndedRequest & { requestId: string })[] = [];
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

  const lookAt = async (accountKeys: readonly string[], ended: EndedRequest[], mover: string): Promise<void> => {
    const keys = accountKeys.filter((key) => refs.has(key));
    if (keys.length === 0) return;
    const accounts = await store.readAccounts(keys);
    for (const { account, need, by } of findEscalations(accounts, ended)) {
      const escalated = await escalate({ account, need, by, mover }, { budgets: store, clock });
      if (escalated === undefined) continue;
      const { notice, escalation } = escalated;
      if (escalation.to === 'reject') await awaitApproval(escalated, null, { budgets: store, clock });
      log.warn('budget', { ...notice.detail, notice: notice.message });
    }
  };

  /** At all that have been settled since the last look, as the projector does. */
  const look = async (): Promise<void> => {
    const batch = ended.splice(0);
    const [first] = batch;
    if (first === undefined) return;
    try {
      await lookAt([...new Set(batch.flatMap(({ accounts }) => accounts))], batch, first.requestId);
    } catch (error) {
      log.error('budgets not looked at', { request_id: first.requestId, requests: batch.length, error });
    }
  };

  const noteRefusal = ({ key, cap, capVersion }: AccountFigures): void => {
    const under = `${cap} ${capVersion}`;
    if (refusedUnder.get(key) === under) return;
    refusedUnder.delete(key);
    refusedUnder.set(key, under);
    for (const oldest of refusedUnder.keys()) if (refusedUnder.size > MOST_ACCOUNTS) refusedUnder.delete(oldest);
    last = last
      .then(() => lookAt([key], [], `refusal-${randomUUID()}`))
      .catch((error: unknown) => {
        // The next refusal looks again.
        if (refusedUnder.get(key) === under) refusedUnder.delete(key);
        log.error('budget not looked at', { account: key, error });
      });
  };

  return {
    ledger: {
      ...ledger,
      hold: async (request) => {
        note(request.accounts);
        const outcome = await ledger.hold(request);
        if (outcome.kind === 'refused' && outcome.figures !== undefined) noteRefusal(outcome.figures);
        return outcome;
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
        ended.push({ ...entry, cost: settlement.cost, need: () => needOf(entry.hold, entry.receipt) });
        last = last.then(look);
      },
    },
    settled: () => last,
  };
};
