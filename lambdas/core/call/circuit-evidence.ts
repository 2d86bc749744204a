import { type CallKind, FAILURE_WEIGHTS, failureRateOf, type TargetStatistics } from '../route/target-statistics.ts';
import { CIRCUIT } from './call-policy.ts';
import type { CircuitRecord } from './circuit-store.ts';
import type { CallReport } from './probe-verdict.ts';

/**
 * Failures in a row after one more call, weighted: a timeout has cost somebody seconds and counts for more. A busy target is
 * not a broken one: that counts in the share alone, and there for little.
 */
export const failuresInARow = (before: number, report: CallReport): number => {
  const kind = kindOf(report);
  if (kind === undefined || kind === 'limited') return before;
  return kind === 'ok' ? 0 : before + FAILURE_WEIGHTS[kind];
};

/**
 * Whether too large a share of a target's calls have failed of late, by what all processes have seen together. What its
 * circuit was opened for before does not open it again.
 */
export const failsTooOften = (
  statistics: TargetStatistics | undefined,
  { changedAt }: Pick<CircuitRecord, 'changedAt'>,
  now: number,
): boolean => {
  const { calls, rate } = failureRateOf(statistics, now, { since: changedAt, windowMs: CIRCUIT.rateWindowMs });
  return calls >= CIRCUIT.leastCalls && rate >= CIRCUIT.failureRate;
};

/** How the target did, whatever became of the request; undefined where nothing was learnt. */
const kindOf = (report: CallReport): CallKind | undefined => {
  if (report === 'ok') return 'ok';
  if (report === 'abandoned') return undefined;
  const { reason, countsAgainstCircuit } = report;
  if (!countsAgainstCircuit) return reason === 'rate_limited' ? 'limited' : undefined;
  switch (reason) {
    case 'first_token_timeout':
    case 'idle_timeout':
    case 'too_slow':
    case 'deadline':
      return 'timeout';
    case 'unauthorized':
    case 'not_found':
    case 'rate_limited':
      return 'misconfigured';
    default:
      return 'broken';
  }
};
