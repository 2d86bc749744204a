import { formatUsd } from '../../contract/money.ts';
import { admit } from '../admit/admit.ts';
import type { CallResult } from '../call/call.ts';
import { callRequestOf } from '../call/call-request.ts';
import { callTargets } from '../call/call-targets.ts';
import type { CircuitRecord } from '../call/circuit-store.ts';
import { type Verdict, verdictOf } from '../call/probe-verdict.ts';
import type { Refusal } from '../failures.ts';
import type { Ports } from '../ports.ts';
import { planRoute } from '../route/plan.ts';
import { abandon } from '../settle/abandon.ts';
import { settle } from '../settle/settle.ts';
import type { Target } from '../target.ts';
import { makeProbeLease } from './probe-lease.ts';
import { askProbe } from './probe-request.ts';

/** What a request needs too, but for those who ask and their answer. */
export type ProbePorts = Pick<
  Ports,
  | 'clock'
  | 'random'
  | 'limits'
  | 'runs'
  | 'runs'
  | 'circuits'
  | 'ledger'
  | 'settleQueue'
  | 'secrets'
  | 'upstream'
  | 'log'
  | 'loadSurface'
  | 'dialects'
  | 'providers'
  | 'gateway'
>;

/** `taken`: somebody else was faster. `refused`: a budget, a limit or the store said no, and nobody was asked. */
export type ProbeOutcome = Verdict | 'taken' | 'refused';

/**
 * Tries one broken target by a request of Tollgate's own: admitted, called, judged and settled by the code that serves
 * users (handle-request.ts), as the caller `circuit-probe`. The hold comes before the lease, so that a budget without room
 * moves no circuit, and the lease's time is the call's alone.
 *
 * @param seen its circuit as read, due for a probe
 * @throws {StoreUnavailable} when it could not be admitted
 */
export const probeTarget = async (
  target: Target,
  seen: CircuitRecord,
  probePorts: ProbePorts,
  signal: AbortSignal,
): Promise<ProbeOutcome> => {
  const lease = makeProbeLease(seen, probePorts);
  const ports = { ...probePorts, circuitBoard: lease.board };
  const refused = ({ code, message, scope }: Refusal): ProbeOutcome => {
    ports.log.warn('circuit not probed: refused', { target: target.id, 'error.type': code, scope, message });
    return 'refused';
  };
  const asked = await askProbe(target, ports);
  const planned = planRoute(asked, ports.dialects);
  if (!planned.ok) return refused(planned.refusal);
  const admitted = await admit(asked, planned.plan, ports);
  if (!admitted.ok) return refused(admitted.refusal);

  const { admission } = admitted;
  let result: CallResult;
  try {
    result = await callTargets(callRequestOf(admission, { signal, killed: undefined }, ports), ports);
  } catch (error) {
    await Promise.all([abandon(admission, ports), lease.conclude()]);
    throw error;
  }
  // Beside each other: a ledger that is slow to answer must not cost the lease.
  const concluded = lease.conclude();
  try {
    const { cost, receipt } = await settle(result, admission, ports);
    const report = lease.report();
    const outcome = report === undefined ? 'taken' : verdictOf(report);
    const { status, durationMs, failure } = receipt.attempts.at(-1) ?? {};
    ports.log.info('circuit probed', {
      request_id: admission.requestId,
      target: target.id,
      outcome,
      reason: failure,
      status,
      duration_ms: durationMs,
      cost_usd: formatUsd(cost),
    });
    return outcome;
  } finally {
    await concluded;
  }
};
