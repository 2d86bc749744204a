export interface Summary {
  p50: number;
  p95: number;
  p99: number;
}

export interface Spread {
  median: number;
  min: number;
  max: number;
}

const byValue = (a: number, b: number): number => a - b;

/** Nearest rank: the smallest value that at least `share` of all values do not exceed. NaN of an empty list. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

/** Percentiles of one cell's requests. */
export function summarize(values: readonly number[]): Summary {
  const sorted = values.toSorted(byValue);
  return { p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95), p99: percentile(sorted, 0.99) };
}

/** Median, least and most of the rounds. The median of an even count is the mean of the middle two. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted(byValue);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? Number.NaN;
  const high = sorted[Math.floor(middle)] ?? Number.NaN;
  return { median: (low + high) / 2, min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}
