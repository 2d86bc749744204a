import type { BudgetStep, DecideAnswer, EscalateAnswer, StepNotice } from '../contract/escalation.ts';
import type { BudgetStore } from '../core/budget/budget-store.ts';
import { carryOut, escalate, waitsUntil } from '../core/budget/escalate.ts';
import type { Notice } from '../core/budget/make-notice.ts';
import type { Clock } from '../core/ports.ts';

type StepPorts = { budgets: BudgetStore; clock: Pick<Clock, 'now'> };

/**
 * One step of the budgets' state machine. Each may be repeated: Step Functions calls again when no answer came.
 *
 * @throws {StoreUnavailable} which the machine waits out
 */
export const takeStep = async (step: BudgetStep, ports: StepPorts): Promise<EscalateAnswer | DecideAnswer> => {
  switch (step.action) {
    case 'escalate':
      return takeEscalation(step, ports);
    case 'await': {
      const { account, cap, round, token, until } = step;
      await ports.budgets.putApproval({ account, cap: BigInt(cap), round, token, since: ports.clock.now() }, until);
      return { told: false };
    }
    case 'decide': {
      const { account, round, decision } = step;
      if (decision.decision === 'superseded') {
        await ports.budgets.endApproval(account, round);
        return { told: false };
      }
      const to = decision.decision === 'approve' ? BigInt(decision.to ?? '0') : null;
      const notice = await carryOut({ account, round, to, by: decision.by }, ports);
      return notice === undefined ? { told: false } : { told: true, notice: toStepNotice(notice) };
    }
  }
};

const takeEscalation = async (
  { account, need, by, mover }: Extract<BudgetStep, { action: 'escalate' }>,
  ports: StepPorts,
): Promise<EscalateAnswer> => {
  const spenders = by.map(({ key, user, cost }) => ({ key, user, cost: BigInt(cost) }));
  const escalated = await escalate({ account, need: BigInt(need), by: spenders, mover }, ports);
  if (escalated === undefined) return { moved: false };
  const { escalation, notice, endsAt } = escalated;
  const now = ports.clock.now();
  const until = waitsUntil(endsAt, now);
  return {
    moved: true,
    state: escalation.to,
    notice: toStepNotice(notice),
    account,
    cap: String(escalation.tier.cap),
    round: escalation.tier.round,
    until,
    waitSeconds: Math.max(1, Math.ceil((until - now) / 1000)),
  };
};

const toStepNotice = ({ subject, message, detail }: Notice): StepNotice => ({
  subject,
  message,
  detail,
  state: detail.state,
});
