import type { Duration } from 'aws-cdk-lib';
import { MathExpression, Metric, type MetricOptions } from 'aws-cdk-lib/aws-cloudwatch';
import { METRICS_NAMESPACE, type MetricName } from '../lambdas/contract/metrics.ts';

/** One of the gateway's own metrics under one combination of dimensions. */
export const gatewayMetric = (
  metricName: MetricName,
  dimensionsMap: Record<string, string> = {},
  options: MetricOptions = {},
): Metric => new Metric({ namespace: METRICS_NAMESPACE, metricName, dimensionsMap, statistic: 'Sum', ...options });

/** All series of a metric that have just these dimensions: what is found, not what was known when this was deployed. */
export const searchMetrics = (
  metricName: MetricName,
  dimensions: readonly string[],
  { statistic = 'Sum', period, where = {} }: { statistic?: string; period: Duration; where?: Record<string, string> },
): string => {
  const schema = [METRICS_NAMESPACE, ...dimensions].join(',');
  const terms = [
    `MetricName="${metricName}"`,
    ...Object.entries(where).map(([name, value]) => `${name}="${value.replaceAll(/["\\]/g, '\\$&')}"`),
  ];
  return `SEARCH('{${schema}} ${terms.join(' ')}', '${statistic}', ${period.toSeconds()})`;
};

/** An expression over metrics by the names that it uses. */
export const mathOf = (
  expression: string,
  label: string,
  period: Duration,
  usingMetrics: Record<string, Metric> = {},
): MathExpression => new MathExpression({ expression, label, period, usingMetrics });
