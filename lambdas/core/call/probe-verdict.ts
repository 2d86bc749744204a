import type { AttemptFailure, AttemptReason } from '../failures.ts';
import type { Random } from '../ports.ts';
import { closeCircuit, openCircuit, returnLease } from './circuit.ts';
import type { CircuitRecord } from './circuit-store.ts';

/** What a call that entered came to. `abandoned` = nothing was learnt: the client left, or the call was never sent. */
export type CallReport = 'ok' | 'abandoned' | AttemptFailure;

export type Verdict = 'works' | 'broken' | 'unknown';

/** A target that turns one request down (busy, too long, not allowed) is not broken. */
export const verdictOf = (report: CallReport): Verdict => {
  if (report === 'ok') return 'works';
  if (report === 'abandoned') return 'unknown';
  if (report.countsAgainstCircuit) return 'broken';
  return report.reason === 'cancelled' || report.reason === 'deadline' ? 'unknown' : 'works';
};

/** Why a circuit moves, for people. */
export const reasonOf = (report: CallReport): string =>
  typeof report === 'string' ? report : [report.reason, report.status].filter((word) => word !== undefined).join(' ');

/** The reason of a circuit that was opened by calls under way, before one of them had failed. */
export const OVERDUE = 'overdue';

/** Reasons of circuits whose targets keep a call waiting rather than fail it. */
const SILENCES: ReadonlySet<string> = new Set<AttemptReason | typeof OVERDUE>([
  'first_token_timeout',
  'idle_timeout',
  'too_slow',
  'deadline',
  OVERDUE,
]);

/** Whether a circuit was opened by a target that says nothing. @param reason as `reasonOf` words it */
export const toldBySilence = (reason: string): boolean => SILENCES.has(reason.split(' ')[0] ?? '');

/** In the place of a prober's name: the call went to an open target because all others were shut as well. */
export const LEAST_BAD = 'least-bad';

/** Whether this prober holds the lease. */
export const isProber = ({ circuit }: CircuitRecord, probe: string): boolean =>
  circuit.state === 'half-open' && circuit.prober === probe;

/**
 * Where a probe's word moves the circuit, whoever probed: a user's request or the background prober.
 *
 * @returns undefined where there is nothing to move: the lease is another's by now, or nobody's
 */
export const afterProbe = (
  record: CircuitRecord,
  { report, probe }: { report: CallReport; probe: string },
  now: number,
  random: Pick<Random, 'fraction'>,
): CircuitRecord | undefined => {
  const verdict = verdictOf(report);
  // Any prober's good word counts, a late one's too: else a target slower than the lease would never close.
  if (probe === LEAST_BAD)
    return verdict === 'works' && record.circuit.state !== 'closed'
      ? closeCircuit(record, now, 'answered as the least bad')
      : undefined;
  if (verdict === 'works')
    return record.circuit.state === 'half-open' ? closeCircuit(record, now, 'probe answered') : undefined;
  if (!isProber(record, probe)) return undefined;
  if (verdict === 'unknown') return returnLease(record, now, 'probe abandoned');
  return openCircuit(record, now, random.fraction(), reasonOf(report));
};
