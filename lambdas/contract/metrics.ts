/**
 * The metrics in CloudWatch (README, "What it costs, in CloudWatch"). Names are promises: dashboards and alarms of others
 * depend on them. Every combination of dimensions is a metric that is paid by the month, so users and keys are never
 * dimensions: they are in the ledger and in the log.
 */

export const METRICS_NAMESPACE = 'Tollgate';

/** Metrics that entries of the ledger and accounts give, by name, in CloudWatch's units. */
export const METRIC_UNITS = {
  /** US dollars. */
  CostUsd: 'None',
  InputTokens: 'Count',
  OutputTokens: 'Count',
  /** Input tokens that were read from a provider's prompt cache. */
  CachedTokens: 'Count',
  /** Requests; by provider and model: calls made to it. */
  Requests: 'Count',
  /** Requests that ended without a whole answer through no fault of the client; by provider and model: calls that failed. */
  Errors: 'Count',
  /** Moves to another target after a failure; by provider and model: the one that was left. */
  Fallbacks: 'Count',
  /** From the first call to the end of the answer; by provider and model: of one call that answered. */
  LatencyMs: 'Milliseconds',
  /** From a call to its first token. */
  FirstTokenMs: 'Milliseconds',
  /** Requests that a provider billed beyond their hold. */
  Overruns: 'Count',
  /** From a settlement to its turn at the projector. */
  ProjectorLagMs: 'Milliseconds',
  /** Share of a team's tightest budget that is committed, 0 to 1 and beyond. */
  BudgetUsed: 'None',
  /** Age of the newest epoch that is closed, beyond the age it is due at. */
  CloseLagMs: 'Milliseconds',
  /** Accounts that the audit found to differ from their entries. */
  AuditDifferences: 'Count',
} as const;

export type MetricName = keyof typeof METRIC_UNITS;

/** The sets of dimensions, each with the metrics that have it. */
export const DIMENSION_SETS = [
  { dimensions: [], metrics: Object.keys(METRIC_UNITS) as MetricName[] },
  {
    dimensions: ['Provider', 'Model'],
    metrics: [
      'CostUsd',
      'InputTokens',
      'OutputTokens',
      'CachedTokens',
      'Requests',
      'Errors',
      'Fallbacks',
      'LatencyMs',
      'FirstTokenMs',
    ],
  },
  { dimensions: ['Alias'], metrics: ['CostUsd', 'Requests'] },
  { dimensions: ['Team'], metrics: ['CostUsd', 'Requests', 'BudgetUsed'] },
] as const satisfies readonly { dimensions: readonly string[]; metrics: readonly MetricName[] }[];

/** Values of metrics under one combination of dimensions. */
export interface MetricRecord {
  dimensions: Readonly<Record<string, string>>;
  values: Partial<Record<MetricName, number[]>>;
}
