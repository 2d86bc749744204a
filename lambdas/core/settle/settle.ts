import type { Admission } from '../admit/admit.ts';
import type { AttemptRecord } from '../call/call.ts';
import type { Stop, Usage } from '../conversation.ts';
import type { Asked } from '../decode/decode.ts';
import type { Ports, Settlement } from '../ports.ts';
import type { Attempt, Outcome, Receipt } from '../receipt.ts';
import type { Plan } from '../route/plan.ts';
import type { Target } from '../target.ts';
import { attemptCost } from './attempt-cost.ts';

/** How a call ended, whatever happened. */
export interface CallEnd {
  outcome: Outcome;
  attempts: readonly AttemptRecord[];
  answeredBy?: Target;
  stop?: Stop;
  dropped: string[];
}

export interface Settled {
  /** Nano-USD. */
  cost: bigint;
  usage: Usage;
  receipt: Receipt;
}

/**
 * Enters what the request cost: exactly once, whatever happened. Never rejects: a settlement that the store did not take
 * goes to the queue, since the money is spent all the same.
 */
export const settle = async (
  end: CallEnd,
  asked: Asked,
  plan: Plan,
  admission: Admission,
  ports: Pick<Ports, 'ledger' | 'limits' | 'clock' | 'settleQueue' | 'log'>,
): Promise<Settled> => {
  const costs = end.attempts.map((attempt) => attemptCost(attempt, asked, plan, admission));
  const cost = costs.reduce((sum, { cost }) => sum + cost, 0n);
  const usage = costs.reduce((sum, { usage }) => addUsage(sum, usage), NO_USAGE);
  const overrun = cost - admission.hold;
  const receipt: Receipt = {
    ...admission.receipt,
    attempts: end.attempts.map((attempt, i) => describeAttempt(attempt, costs[i]?.usage, costs[i]?.cost ?? 0n)),
    outcome: end.outcome,
    dropped: end.dropped,
    usage,
    ...(end.answeredBy && { answeredBy: end.answeredBy.id, price: describePrice(end.answeredBy) }),
    ...(end.stop && { stop: end.stop }),
    ...(costs.some(({ isEstimated }) => isEstimated) && { usageEstimated: true }),
    ...(overrun > 0n && { overrun: overrun.toString() }),
  };
  if (overrun > 0n)
    ports.log.error('overrun: the provider bills more than was held', {
      request_id: admission.requestId,
      overrun_nano_usd: overrun,
    });

  const settlement: Settlement = {
    requestId: admission.requestId,
    nonce: admission.nonce,
    cost,
    inputTokens: usage.inputTokens + usage.cachedInputTokens + usage.cacheWrite5mTokens + usage.cacheWrite1hTokens,
    outputTokens: usage.outputTokens,
    receipt,
  };
  await Promise.all([
    enterSettlement(settlement, ports),
    settleLimits(admission, settlement.inputTokens + settlement.outputTokens, ports),
  ]);
  return { cost, usage, receipt };
};

const enterSettlement = async (
  settlement: Settlement,
  { ledger, settleQueue, log }: Pick<Ports, 'ledger' | 'settleQueue' | 'log'>,
) => {
  try {
    await ledger.settle(settlement);
  } catch (error) {
    log.error('settlement not entered, queued', { request_id: settlement.requestId, error });
    settleQueue.add(settlement);
  }
};

/** Best effort: a lost correction ages out of the limits by itself. */
const settleLimits = async (
  admission: Admission,
  usedTokens: number,
  { limits, clock, log }: Pick<Ports, 'limits' | 'clock' | 'log'>,
) => {
  try {
    await limits.settle(admission.takes, admission.epoch, usedTokens, clock.now());
  } catch (error) {
    log.warn('rate limits not corrected', { request_id: admission.requestId, error });
  }
};

const NO_USAGE: Usage = {
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
};

const addUsage = (a: Usage, b: Usage = NO_USAGE): Usage => ({
  inputTokens: a.inputTokens + b.inputTokens,
  cachedInputTokens: a.cachedInputTokens + b.cachedInputTokens,
  cacheWrite5mTokens: a.cacheWrite5mTokens + b.cacheWrite5mTokens,
  cacheWrite1hTokens: a.cacheWrite1hTokens + b.cacheWrite1hTokens,
  outputTokens: a.outputTokens + b.outputTokens,
  reasoningTokens: a.reasoningTokens + b.reasoningTokens,
});

const describeAttempt = (attempt: AttemptRecord, usage: Usage | undefined, cost: bigint): Attempt => ({
  target: attempt.target.id,
  startedAt: attempt.startedAt,
  durationMs: attempt.durationMs,
  ...(attempt.firstTokenMs !== undefined && { firstTokenMs: attempt.firstTokenMs }),
  ...(attempt.status !== undefined && { status: attempt.status }),
  ...(attempt.failure && { failure: attempt.failure.reason, message: attempt.failure.message }),
  ...(usage && { usage }),
  cost: cost.toString(),
});

const describePrice = ({ price }: Target): NonNullable<Receipt['price']> => ({
  input: price.input.toString(),
  cachedInput: price.cachedInput.toString(),
  cacheWrite5m: price.cacheWrite5m.toString(),
  cacheWrite1h: price.cacheWrite1h.toString(),
  output: price.output.toString(),
  source: price.source,
});
