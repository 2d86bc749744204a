import type { Admission } from '../admit/admission.ts';
import { outputLimitOf } from '../admit/output-limit.ts';
import type { AttemptRecord, CallResult } from '../call/call.ts';
import type { Stop, Usage } from '../conversation.ts';
import type { Settlement } from '../ledger.ts';
import { flawOf } from '../observe/flaw-of.ts';
import { type Ports, StoreUnavailable } from '../ports.ts';
import type { Attempt, Outcome, Receipt } from '../receipt.ts';
import type { Target } from '../target.ts';
import { abandon, giveLimitsBack, settleLimits } from './abandon.ts';
import { type AttemptCost, attemptCost, inputOf, NO_USAGE } from './attempt-cost.ts';
import { overrunOf } from './overrun.ts';
import { cardOf, ratesAt, STANDARD } from './price-usage.ts';

export interface Settled {
  /** Nano-USD. */
  cost: bigint;
  usage: Usage;
  receipt: Receipt;
  /** Also one of another alias, where a fallback led there. */
  answeredBy?: Target;
}

type SettlePorts = Pick<Ports, 'ledger' | 'limits' | 'clock' | 'settleQueue' | 'log'>;

/**
 * Enters what a request has cost, once its call has ended, however it ended. A settlement that the store does not take goes
 * to the queue, since the money is spent all the same. Rejects for bugs only; the entry then stays open and is closed whole.
 */
export const settle = async (result: CallResult, admission: Admission, ports: SettlePorts): Promise<Settled> => {
  try {
    const end = await endOf(result);
    const costs = end.attempts.map((attempt) => attemptCost(attempt, admission));
    const cost = costs.reduce((sum, { cost }) => sum + cost, besidesOf(admission));
    const usage = costs.reduce((sum, { usage }) => addUsage(sum, usage), NO_USAGE);
    const flaw = await flawOf(end, admission.asked.conversation, ports);
    const receipt = {
      ...finishReceipt(end, costs, usage, overrunOf({ cost, hold: admission.hold }), admission, ports),
      ...(flaw && { flaw }),
    };
    const inputTokens = inputOf(usage);
    const { requestId, nonce } = admission;
    await Promise.all([
      enter({ requestId, nonce, cost, inputTokens, outputTokens: usage.outputTokens, receipt }, ports),
      isUnasked(end)
        ? giveLimitsBack(admission, ports)
        : settleLimits(admission, inputTokens + usage.outputTokens, ports),
    ]);
    return { cost, usage, receipt, ...(end.answeredBy && { answeredBy: end.answeredBy }) };
  } catch (error) {
    await abandon(admission, ports);
    throw error;
  }
};

/** What was spent beside its calls: the vector of its question. Nano-USD. */
const besidesOf = ({ receipt }: Admission): bigint => BigInt(receipt.cache?.embedding?.cost ?? 0);

/** No target could be asked, or none was to be. */
const isUnasked = ({ outcome, attempts }: CallEnd): boolean =>
  (outcome === 'failed' || outcome === 'not-cached') && attempts.length === 0;

/** How a call ended. */
interface CallEnd {
  outcome: Outcome;
  attempts: readonly AttemptRecord[];
  answeredBy?: Target;
  stop?: Stop;
  dropped: string[];
}

const endOf = async (result: CallResult): Promise<CallEnd> => {
  switch (result.kind) {
    case 'answered': {
      const { attempts, target, answer, dropped } = result;
      return { outcome: 'answered', attempts, answeredBy: target, stop: answer.stop, dropped };
    }
    case 'streaming': {
      const { unsaid = [], ...end } = await result.ended;
      return { ...end, answeredBy: result.target, dropped: [...new Set([...result.dropped, ...unsaid])] };
    }
    case 'waiting':
      return endOf(await result.result);
    case 'failed':
      return { outcome: result.outcome, attempts: result.attempts, dropped: [] };
    default:
      return result satisfies never;
  }
};

/** The vendor's words on an answer may repeat what is in it; those on a failed one are the attempt's message. */
const withoutWords = ({ explanation: _, error: __, ...stop }: Stop): Stop => stop;

/** @param overrun cost beyond the hold, nano-USD: entered in full, and somebody has to hear of it */
const finishReceipt = (
  end: CallEnd,
  costs: AttemptCost[],
  usage: Usage,
  overrun: bigint,
  admission: Admission,
  { log }: SettlePorts,
): Receipt => {
  const { receipt, requestId } = admission;
  if (overrun > 0n)
    log.error('overrun: the provider bills more than was held', { request_id: requestId, overrun_nano_usd: overrun });
  return {
    ...receipt,
    attempts: end.attempts.map((attempt, i) => describeAttempt(attempt, costs[i])),
    outcome: end.outcome,
    dropped: end.dropped,
    usage,
    ...(end.answeredBy && {
      answeredBy: end.answeredBy.id,
      price: describePrice(end.answeredBy, costs.at(-1)),
      outputLimit: outputLimitOf(admission, end.answeredBy),
    }),
    ...(end.stop && { stop: withoutWords(end.stop) }),
    ...(costs.some(({ isEstimated }) => isEstimated) && { usageEstimated: true }),
    ...(overrun > 0n && { overrun: overrun.toString() }),
  };
};

/** Never rejects. */
const enter = async (settlement: Settlement, { ledger, settleQueue, log }: SettlePorts): Promise<void> => {
  try {
    await ledger.settle(settlement);
  } catch (error) {
    const fields = { request_id: settlement.requestId, error };
    if (error instanceof StoreUnavailable) {
      log.error('settlement not entered, queued', fields);
      settleQueue.add(settlement);
    } else log.error("settlement refused by the ledger: the epoch's close charges the hold", fields);
  }
};

const addUsage = (a: Usage, b: Usage = NO_USAGE): Usage => ({
  inputTokens: a.inputTokens + b.inputTokens,
  cachedInputTokens: a.cachedInputTokens + b.cachedInputTokens,
  cacheWrite5mTokens: a.cacheWrite5mTokens + b.cacheWrite5mTokens,
  cacheWrite1hTokens: a.cacheWrite1hTokens + b.cacheWrite1hTokens,
  outputTokens: a.outputTokens + b.outputTokens,
  reasoningTokens: a.reasoningTokens + b.reasoningTokens,
});

const describeAttempt = (attempt: AttemptRecord, { cost, usage }: Partial<AttemptCost> = {}): Attempt => ({
  target: attempt.target.id,
  startedAt: attempt.startedAt,
  durationMs: attempt.durationMs,
  ...(attempt.firstTokenMs !== undefined && { firstTokenMs: attempt.firstTokenMs }),
  ...(attempt.status !== undefined && { status: attempt.status }),
  ...(attempt.failure && { failure: attempt.failure.reason, message: attempt.failure.message }),
  ...(usage && { usage }),
  ...(attempt.leastBad && { leastBad: true as const }),
  cost: (cost ?? 0n).toString(),
});

/** The rates that the answer was billed by, as far as they are known. */
const describePrice = (
  { price }: Target,
  { billing = STANDARD, fees = 0n, usage }: Partial<AttemptCost> = {},
): NonNullable<Receipt['price']> => {
  const card = cardOf(price, billing) ?? price;
  const rates = ratesAt(card, usage === undefined ? 0n : BigInt(inputOf(usage)));
  return {
    input: rates.input.toString(),
    cachedInput: rates.cachedInput.toString(),
    cacheWrite5m: rates.cacheWrite5m.toString(),
    cacheWrite1h: rates.cacheWrite1h.toString(),
    output: rates.output.toString(),
    source: price.source,
    ...(billing.service !== 'standard' && { service: billing.service }),
    ...(billing.geo !== '' && { geo: billing.geo }),
    ...(fees > 0n && { fees: fees.toString() }),
  };
};
