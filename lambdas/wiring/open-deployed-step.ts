import { makeDynamoBudgetStore } from '../adapters/dynamodb/budget-store.ts';
import type { PowertoolsLog } from '../adapters/powertools-log/make-powertools-log.ts';
import type { BudgetStore } from '../core/budget/budget-store.ts';
import type { Clock } from '../core/ports.ts';
import { openDeployedDynamo } from './open-deployed-dynamo.ts';

export interface DeployedStep {
  budgets: BudgetStore;
  clock: Clock;
  log: PowertoolsLog;
}

/** The budgets for their state machine. @throws {Error} when the environment names no tables */
export const openDeployedStep = (env: Readonly<Record<string, string | undefined>>): DeployedStep => {
  const { dynamo, clock, log } = openDeployedDynamo('budget-step', env);
  return { budgets: makeDynamoBudgetStore(dynamo), clock, log };
};
