/** What the budgets' state machine (lib/budget-escalation.ts), its function and the command line say to each other. */

/** Environment variable of the projector and the closer: the machine they start. */
export const ESCALATION_VARIABLE = 'TOLLGATE_ESCALATION_MACHINE';

/** On the default event bus. */
export const EVENT_SOURCE = 'tollgate';
export const EVENT_TYPE = 'Tollgate Budget';

/** Input of an execution. Amounts are decimal nano-USD: JSON has no bigint. */
export interface EscalationInput {
  account: string;
  need: string;
  by: { key: string; user: string; cost: string }[];
}

export type BudgetStep =
  /** `mover`: the execution's name. */
  | ({ action: 'escalate'; mover: string } & EscalationInput)
  /** Notes the token by which somebody's decision is waited for. */
  | { action: 'await'; token: string; account: string; cap: string; round: number; until: number }
  | { action: 'decide'; account: string; round: number; decision: ApprovalAnswer };

/** What the command line answers a waiting execution with. */
export interface ApprovalAnswer {
  /** `superseded`: the cap was set by other means. */
  decision: 'approve' | 'refuse' | 'superseded';
  /** Decimal nano-USD; with `approve` only. */
  to?: string;
  by: string;
}

/** What people are told; the detail is the event's. */
export interface StepNotice {
  subject: string;
  message: string;
  detail: object;
  state: string;
}

/** Answers of the function: of `escalate` and of `decide`. Of `moved: false` and `told: false` the rest is absent. */
export interface EscalateAnswer {
  moved: boolean;
  state?: string;
  notice?: StepNotice;
  account?: string;
  cap?: string;
  round?: number;
  until?: number;
  waitSeconds?: number;
}
export interface DecideAnswer {
  told: boolean;
  notice?: StepNotice;
}
