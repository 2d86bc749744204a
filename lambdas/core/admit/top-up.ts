import type { AttemptRecord } from '../call/call.ts';
import { type Refusal, refuse } from '../failures.ts';
import { type Ports, StoreUnavailable } from '../ports.ts';
import { attemptCost } from '../settle/attempt-cost.ts';
import type { Target } from '../target.ts';
import { type Admission, holdRequestOf } from './admit.ts';
import { budgetRefusal } from './admit-refusals.ts';
import { holdCeiling } from './hold-ceiling.ts';
import { outputLimitFor } from './output-limit.ts';

/**
 * Makes the hold cover one more attempt: what the earlier ones may be billed, and this target's own ceiling. A hop that
 * the hold already covers costs no trip. The dearer call may be made only when every account has said yes.
 */
export const topUp = async (
  target: Target,
  earlier: readonly AttemptRecord[],
  admission: Admission,
  ports: Pick<Ports, 'ledger' | 'gateway' | 'clock' | 'log'>,
): Promise<Refusal | undefined> => {
  const { asked, plan } = admission;
  const billed = earlier.reduce((sum, attempt) => sum + attemptCost(attempt, admission).cost, 0n);
  const limit = outputLimitFor(asked.conversation, asked.alias, target, admission.isBudgeted);
  const ceiling = holdCeiling(target, asked.conversation, plan.estimateOf(target).inputTokensHigh, limit.tokens);
  const needed = billed + ceiling;
  const from = admission.hold;
  if (needed <= from) return undefined;

  const more = holdRequestOf(admission, ports, needed - from);
  try {
    const outcome = await ports.ledger.topUp(admission.requestId, more, { from, to: needed });
    if (outcome.kind === 'held') {
      admission.hold = needed;
      return undefined;
    }
    if (outcome.kind === 'refused') return budgetRefusal(outcome, more.amount, ports.clock.now());
    return refuse('store_unavailable', `The hold for "${target.id}" came too late: the request ran past its epoch.`, {
      retryAfterMs: 1_000,
    });
  } catch (error) {
    // Unanswered: the extra may be held and heals at the close; the dearer target stays uncalled.
    if (!(error instanceof StoreUnavailable)) throw error;
    ports.log.error('top-up unanswered', { request_id: admission.requestId, target: target.id, error });
    return refuse('store_unavailable', 'The ledger did not answer, and no call is made without it. Try again.', {
      retryAfterMs: 1_000,
    });
  }
};
