import type { EscalationWorkflow } from '../adapters/step-functions/escalation-workflow.ts';
import { ESCALATION_VARIABLE, type EscalationInput } from '../contract/escalation.ts';
import type { BudgetAccount } from '../core/budget/budget-store.ts';
import { type DueEscalation, type EndedRequest, findEscalations, needOf } from '../core/budget/find-escalations.ts';
import type { Log } from '../core/ports.ts';
import type { Receipt } from '../core/receipt.ts';
import { toEscalationInput } from './escalation-input.ts';

/** What was applied to the accounts, and by which requests. */
export interface AppliedBatch {
  applied: readonly BudgetAccount[];
  ended: readonly (Omit<EndedRequest, 'cost' | 'need'> & {
    hold: bigint;
    use: { cost: bigint };
    readReceipt(): Receipt | undefined;
  })[];
}

/** Starts an execution of the budgets' state machine for each threshold that a batch has crossed. Never rejects. */
export type StartEscalations = (batch: AppliedBatch) => Promise<void>;

/** Escalations that wait for the next batch at most, where Step Functions is away. */
const MOST_WAITING = 1_000;

/**
 * A crossing is seen by the account's figures, not by the batch: whatever is not started now is due again with the next
 * request that is settled on the account. What could not be started is also kept here, and tried with the next batch,
 * since an account at its cap may see no other request.
 *
 * @throws {Error} when the environment does not name the machine
 */
export const openDeployedEscalations = (
  env: Readonly<Record<string, string | undefined>>,
  log: Log,
): StartEscalations => {
  const machine = env[ESCALATION_VARIABLE];
  if (!machine)
    throw new Error(`${ESCALATION_VARIABLE} is not set: the function does not know the budgets' state machine`);
  return startEscalations(openLate(machine), log);
};

/** Thresholds are crossed seldom: the client is read by the first that is. */
const openLate = (machine: string): Pick<EscalationWorkflow, 'start'> => {
  let opening: Promise<EscalationWorkflow> | undefined;
  return {
    start: async (name, input) => {
      opening ??= import('../adapters/step-functions/escalation-workflow.ts').then(({ openEscalationWorkflow }) =>
        openEscalationWorkflow(machine),
      );
      await (await opening).start(name, input);
    },
  };
};

export const startEscalations = (
  workflow: { start(name: string, input: EscalationInput): Promise<void> },
  log: Log,
): StartEscalations => {
  const waiting = new Map<string, DueEscalation>();
  return async ({ applied, ended }) => {
    const requests = ended.map((request) => ({
      ...request,
      cost: request.use.cost,
      need: () => needOf(request.hold, request.readReceipt()),
    }));
    for (const due of findEscalations(applied, requests)) waiting.set(due.name, due);
    for (const name of [...waiting.keys()].slice(0, -MOST_WAITING)) waiting.delete(name);
    await Promise.all(
      [...waiting].map(async ([name, due]) => {
        const { account } = due;
        try {
          await workflow.start(name, toEscalationInput(due));
          waiting.delete(name);
          log.info('budget escalation', { account, execution: name });
        } catch (error) {
          log.error('budget escalation not started: tried again with the next batch', {
            account,
            execution: name,
            error,
          });
        }
      }),
    );
  };
};
