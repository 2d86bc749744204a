import type { EscalationInput } from '../contract/escalation.ts';
import type { DueEscalation } from '../core/budget/find-escalations.ts';

/** What an execution of the budgets' state machine is started with. */
export const toEscalationInput = ({ account, need, by }: DueEscalation): EscalationInput => ({
  account,
  need: String(need),
  by: by.map(({ key, user, cost }) => ({ key, user, cost: String(cost) })),
});
