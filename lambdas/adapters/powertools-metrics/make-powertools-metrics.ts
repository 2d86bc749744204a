import { Metrics } from '@aws-lambda-powertools/metrics';
import {
  METRIC_UNITS,
  METRICS_NAMESPACE,
  type MetricName,
  type MetricRecord,
  toDimensionValue,
} from '../../contract/metrics.ts';

/** Hands metrics to CloudWatch, through lines in the function's log: no call, nothing to wait for. */
export type EmitMetrics = (records: readonly MetricRecord[]) => void;

/** Values of one metric in one line. CloudWatch takes a hundred; at that many Powertools publishes by itself, and the rest would lose its dimensions. */
const VALUES = 99;

/** Embedded metric format, by Powertools: one line of JSON on stdout for a combination of dimensions. */
export const makePowertoolsMetrics = (): EmitMetrics => {
  const metrics = new Metrics({ namespace: METRICS_NAMESPACE });
  // Powertools would name the function in every metric; ours say what was done, not by which function.
  metrics.clearDefaultDimensions();
  return (records) => {
    for (const { dimensions, values } of records) {
      const lists = Object.entries(values) as [MetricName, number[]][];
      const longest = Math.max(0, ...lists.map(([, list]) => list.length));
      for (let from = 0; from < longest; from += VALUES) {
        metrics.addDimensions(
          Object.fromEntries(Object.entries(dimensions).map(([name, value]) => [name, toDimensionValue(value)])),
        );
        for (const [name, list] of lists)
          for (const value of list.slice(from, from + VALUES)) metrics.addMetric(name, METRIC_UNITS[name], value);
        metrics.publishStoredMetrics();
      }
    }
  };
};
