import { Duration } from 'aws-cdk-lib';
import { Color, GraphWidget, Stats } from 'aws-cdk-lib/aws-cloudwatch';
import type { GatewayConfig } from '../lambdas/contract/config.ts';
import { MAX_WRONG_SHARE, semanticAliases } from '../lambdas/contract/configured-caches.ts';
import { toDimensionValue } from '../lambdas/contract/metrics.ts';
import { gatewayMetric, mathOf } from './gateway-metrics.ts';

const HOUR = Duration.hours(1);
/** CloudWatch draws so many metrics in one picture at most, three of each alias. */
const MOST_SERIES = 50;

/** How often there is a kept answer, and how often it is wrong. */
export const cacheGraphs = (config: GatewayConfig): GraphWidget[] => {
  const aliases = semanticAliases(config).slice(0, Math.floor(MOST_SERIES / 3));
  return aliases.length === 0 ? [hits()] : [hits(), wrongHits(aliases, config)];
};

const hits = (): GraphWidget =>
  new GraphWidget({
    title: 'Answered from the cache, percent of the requests',
    width: 9,
    height: 8,
    left: [
      mathOf('100 * FILL(hits, 0) / requests', 'percent', HOUR, {
        hits: gatewayMetric('CacheHits', {}, { period: HOUR }),
        requests: gatewayMetric('Requests', {}, { period: HOUR }),
      }),
    ],
    right: [
      gatewayMetric('CacheFailures', {}, { period: HOUR, label: 'requests for which it did not answer in time' }),
    ],
    leftYAxis: { min: 0, max: 100, showUnits: false },
    rightYAxis: { min: 0, showUnits: false },
  });

/** Of each alias the share of wrong hits as audits have found it, and where the true one lies with 95 %. */
const wrongHits = (aliases: readonly string[], { models }: GatewayConfig): GraphWidget =>
  new GraphWidget({
    title: 'Wrong hits of the semantic cache, share of those that were audited',
    width: 9,
    height: 8,
    left: aliases.flatMap((alias) =>
      (
        [
          ['CacheWrongShare', alias],
          ['CacheWrongShareLow', `${alias}, at least`],
          ['CacheWrongShareHigh', `${alias}, at most`],
        ] as const
      ).map(([name, label]) =>
        gatewayMetric(name, { Alias: toDimensionValue(alias) }, { period: HOUR, statistic: Stats.AVERAGE, label }),
      ),
    ),
    right: [gatewayMetric('CacheWrongHits', {}, { period: HOUR, label: 'wrong hits' })],
    leftYAxis: { min: 0, showUnits: false },
    rightYAxis: { min: 0, showUnits: false },
    leftAnnotations: [
      ...new Set(aliases.map((alias) => models[alias]?.cache?.semantic?.maxWrongShare ?? MAX_WRONG_SHARE)),
    ].map((value) => ({ value, label: 'allowed', color: Color.RED })),
  });
