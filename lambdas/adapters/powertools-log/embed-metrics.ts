import {
  type LoggedMetrics,
  METRIC_UNITS,
  METRICS_NAMESPACE,
  type MetricName,
  toDimensionValue,
} from '../../contract/metrics.ts';

/**
 * A log record's field `metrics` in CloudWatch's embedded metric format: CloudWatch takes the values out of the line as it
 * comes in, and the line stays what it was. Once under the record's dimensions, and once under none.
 */
export const embedMetrics = (fields: Record<string, unknown>, nowMs: number): Record<string, unknown> => {
  const { metrics, ...others } = fields;
  const { values, dimensions = {} } = (metrics ?? {}) as Partial<LoggedMetrics>;
  // Another field of that name stays what it is: a log line must not break a request.
  if (typeof values !== 'object' || values === null) return fields;
  const names = Object.keys(values).filter((name): name is MetricName => Object.hasOwn(METRIC_UNITS, name));
  if (names.length === 0) return others;
  const keys = Object.keys(dimensions);
  return {
    ...others,
    ...Object.fromEntries(Object.entries(dimensions).map(([name, value]) => [name, toDimensionValue(String(value))])),
    ...values,
    _aws: {
      Timestamp: nowMs,
      CloudWatchMetrics: [
        {
          Namespace: METRICS_NAMESPACE,
          Dimensions: keys.length === 0 ? [[]] : [[], keys],
          Metrics: names.map((Name) => ({ Name, Unit: METRIC_UNITS[Name] })),
        },
      ],
    },
  };
};
