import type { BudgetStep } from '../contract/escalation.ts';
import { openDeployedLedger } from '../wiring/open-deployed-ledger.ts';
import { takeStep } from './take-step.ts';

const opened = openDeployedLedger('budget-step', process.env);

/** What the budgets' state machine has done between its own states (lib/budget-escalation.ts). */
export const handler = (step: BudgetStep, context: object): ReturnType<typeof takeStep> => {
  opened.log.beginInvocation(context);
  return takeStep(step, opened);
};
