import type { BudgetStep } from '../contract/escalation.ts';
import { openDeployedStep } from '../wiring/open-deployed-step.ts';
import { takeStep } from './take-step.ts';

const opened = openDeployedStep(process.env);

/** What the budgets' state machine has done between its own states (lib/budget-escalation.ts). */
export const handler = (step: BudgetStep, context: object): ReturnType<typeof takeStep> => {
  opened.log.beginInvocation(context);
  return takeStep(step, opened);
};
