/**
 * The metrics in CloudWatch (README, "What it costs, in CloudWatch"). Names are promises: dashboards and alarms of others
 * depend on them. Every combination of dimensions is a metric that is paid by the month, so users and keys are never
 * dimensions: they are in the ledger and in the log.
 */

export const METRICS_NAMESPACE = 'Tollgate';

/** Metrics by name, in CloudWatch's units. Most come from the ledger's entries; those that no entry knows say where from. */
export const METRIC_UNITS = {
  /** US dollars. */
  CostUsd: 'None',
  InputTokens: 'Count',
  OutputTokens: 'Count',
  /** Input tokens that were read from a provider's prompt cache. */
  CachedTokens: 'Count',
  /** Requests; by provider and model: calls made to it. Audits of the semantic cache are calls, and no requests. */
  Requests: 'Count',
  /**
   * Requests that ended without a whole answer through no fault of the client, those among them that the gateway could not
   * even open an entry for; by provider and model: calls that failed.
   */
  Errors: 'Count',
  /** Moves to another target after a failure; by provider and model: the one that was left. */
  Fallbacks: 'Count',
  /** From the first call to the end of the answer; by provider and model: of one call that answered. */
  LatencyMs: 'Milliseconds',
  /** From a call to its first token. */
  FirstTokenMs: 'Milliseconds',
  /**
   * Time in Tollgate, by the gateway: from the request's arrival to the end of its answer, less what calls to providers
   * took (each from its sending to the end of its answer). Round trips to the store count, and waits between calls.
   */
  GatewayOverheadMs: 'Milliseconds',
  /** Requests that the gateway turned down before anything was held, or gave everything back: keys, limits, budgets, bad input. By the gateway. */
  Refusals: 'Count',
  /** By provider and model: 1 while a circuit of it is not closed, 0 once all are again; in the whole: how many models. Nothing while nothing is open. By the prober. */
  CircuitOpen: 'None',
  /** How many aliases have all their circuits open; by alias: 1 or 0. Likewise. */
  AllCircuitsOpen: 'Count',
  /** 0 to 1: one value an answer (docs/decisions/035), and one more for each feedback. */
  QualityScore: 'None',
  /** What people gave (`POST /v1/feedback`), 0 to 1. By the gateway. */
  FeedbackScore: 'None',
  /** Requests that were answered from the cache, of those for which it was asked. */
  CacheHits: 'Count',
  /** US dollars that these would have cost. */
  SavedUsd: 'None',
  /** Requests for which part of the cache had no answer in time, or none at all: misses. Nothing while there are none. */
  CacheFailures: 'Count',
  /** Hits of the semantic cache that an audit found wrong. */
  CacheWrongHits: 'Count',
  /**
   * By alias, with every audit: the share of wrong hits among those that were audited under the present threshold, 0 to 1, and
   * the ends of the interval that holds the true share with 95 %.
   */
  CacheWrongShare: 'None',
  CacheWrongShareLow: 'None',
  CacheWrongShareHigh: 'None',
  /** Times that a semantic cache was found to be wrong too often: its threshold was raised, or it turned itself off. Nothing otherwise. */
  CacheTightened: 'Count',
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
  /** Days until a version that an alias is pinned to retires, the nearest of them; 0 and below: it has. Nothing where no date is known. By the watcher of pins, daily. */
  DaysToSunset: 'None',
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
      'CircuitOpen',
      'QualityScore',
      'FeedbackScore',
    ],
  },
  {
    dimensions: ['Alias'],
    metrics: [
      'CostUsd',
      'Requests',
      'AllCircuitsOpen',
      'DaysToSunset',
      'CacheWrongShare',
      'CacheWrongShareLow',
      'CacheWrongShareHigh',
    ],
  },
  { dimensions: ['Team'], metrics: ['CostUsd', 'Requests', 'BudgetUsed'] },
] as const satisfies readonly { dimensions: readonly string[]; metrics: readonly MetricName[] }[];

/** Values of metrics under one combination of dimensions. */
export interface MetricRecord {
  dimensions: Readonly<Record<string, string>>;
  values: Partial<Record<MetricName, number[]>>;
}

/**
 * The field of a log line that carries metrics: on Lambda they become CloudWatch's, out of the line itself, so that they
 * cost no line of their own. Under the dimensions, and in the whole.
 */
export interface LoggedMetrics {
  dimensions?: Readonly<Record<string, string>>;
  values: Partial<Record<MetricName, number>>;
}

const MAX_DIMENSION_LENGTH = 255;

/** CloudWatch takes visible ASCII, and not nothing; names of teams may hold anything. */
export const toDimensionValue = (text: string): string => {
  const safe = text.replaceAll(/[^\x20-\x7e]/gu, (character) => encodeURIComponent(character.toWellFormed()));
  return safe.trim() === '' ? '-' : safe.replace(/^:/, '%3A').slice(0, MAX_DIMENSION_LENGTH);
};
