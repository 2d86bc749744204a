import { Duration } from 'aws-cdk-lib';
import {
  Color,
  Dashboard,
  GraphWidget,
  type IMetric,
  PeriodOverride,
  SingleValueWidget,
  Stats,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import { withCanaries } from '../lambdas/contract/canary.ts';
import type { GatewayConfig } from '../lambdas/contract/config.ts';
import type { MetricName } from '../lambdas/contract/metrics.ts';
import { gatewayMetric, mathOf, searchMetrics } from './gateway-metrics.ts';

export interface ReliabilityDashboardProps {
  readonly config: GatewayConfig;
}

const STEP = Duration.minutes(5);
const DAY = Duration.days(1);
const PERCENTILES = [50, 95, 99];
const BY_MODEL = ['Provider', 'Model'];
/** CloudWatch takes so many metrics into one picture at most, those within expressions too: two a model here. */
const MOST_MODELS = 100;

/**
 * Whether requests are answered, how fast, and by whom: error rate, latency, first token, what Tollgate itself adds,
 * fallbacks, open circuits, refusals; in the whole and by provider and model.
 */
export class ReliabilityDashboard extends Construct {
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, { config }: ReliabilityDashboardProps) {
    super(scope, id);
    this.dashboard = new Dashboard(this, 'Dashboard', {
      defaultInterval: DAY,
      periodOverride: PeriodOverride.INHERIT,
    });
    this.dashboard.addWidgets(
      figure('Error rate, a day', [errorRate('percent', {}, 'all', DAY)]),
      figure('Latency, p95, a day', [
        gatewayMetric('LatencyMs', {}, { statistic: Stats.p(95), period: DAY, label: 'ms' }),
      ]),
      figure('Circuits open now', [
        gatewayMetric('CircuitOpen', {}, { statistic: Stats.MAXIMUM, period: Duration.minutes(1), label: 'models' }),
      ]),
      figure('Refusals, a day', [gatewayMetric('Refusals', {}, { period: DAY, label: 'refused' })]),
    );
    this.dashboard.addWidgets(
      graph('Requests that failed, percent', [errorRate('all', {}, 'all', STEP)], 6),
      graph('Latency of answers, ms', percentiles('LatencyMs'), 6),
      graph('First token, ms', percentiles('FirstTokenMs'), 6),
      graph('Time in Tollgate, ms', percentiles('GatewayOverheadMs'), 6),
    );
    this.dashboard.addWidgets(
      graph('Calls that failed, percent, by model', byModel(config), 8),
      graph('Latency of answers, p95 ms, by model', [search('LatencyMs', Stats.p(95))], 8),
      graph('First token, p95 ms, by model', [search('FirstTokenMs', Stats.p(95))], 8),
    );
    this.dashboard.addWidgets(
      graph('Left for another target, by model', [search('Fallbacks', Stats.SUM)], 8),
      circuits(),
      graph(
        'Requests and refusals',
        [
          gatewayMetric('Requests', {}, { period: STEP, label: 'requests' }),
          gatewayMetric('Refusals', {}, { period: STEP, label: 'refused' }),
          gatewayMetric('Fallbacks', {}, { period: STEP, label: 'moves to another target' }),
        ],
        8,
      ),
    );
    this.dashboard.addWidgets(
      new TextWidget({
        width: 24,
        height: 3,
        markdown:
          'What the ledger tells arrives seconds after a request has ended. A *call* is one attempt at one target; a *request* fails when no attempt answered it. *Time in Tollgate* is from arrival to the end of the answer, less the calls: round trips to the tables count, and waits before another attempt. Circuits are told of once a minute while one is open. Runbooks: docs/runbooks.',
      }),
    );
  }
}

/** Of requests, or of a model's calls; a hundred at most, though the ledger tells of an error and its request in two batches. */
const errorRate = (label: string, dimensions: Record<string, string>, name: string, period: Duration): IMetric =>
  mathOf(`100 * ${name}errors / ${name}requests`, label, period, {
    [`${name}errors`]: gatewayMetric('Errors', dimensions, { period }),
    [`${name}requests`]: gatewayMetric('Requests', dimensions, { period }),
  });

const byModel = ({ models }: GatewayConfig): IMetric[] => {
  const targets = Object.values(models).flatMap((alias) => withCanaries(alias.targets));
  const distinct = new Map(targets.map(({ provider, model }) => [`${provider}/${model}`, { provider, model }]));
  return [...distinct]
    .slice(0, MOST_MODELS)
    .map(([name, { provider, model }], i) => errorRate(name, { Provider: provider, Model: model }, `model${i}`, STEP));
};

const percentiles = (name: MetricName): IMetric[] =>
  PERCENTILES.map((percent) =>
    gatewayMetric(name, {}, { statistic: Stats.p(percent), period: STEP, label: `p${percent}` }),
  );

const search = (name: MetricName, statistic: string): IMetric =>
  mathOf(searchMetrics(name, BY_MODEL, { statistic, period: STEP }), '', STEP);

const circuits = (): GraphWidget =>
  new GraphWidget({
    title: 'Circuits open; aliases with nothing else',
    width: 8,
    height: 6,
    left: [
      mathOf(searchMetrics('CircuitOpen', BY_MODEL, { statistic: Stats.MAXIMUM, period: STEP }), '', STEP),
      mathOf(searchMetrics('AllCircuitsOpen', ['Alias'], { statistic: Stats.MAXIMUM, period: STEP }), '', STEP),
    ],
    leftYAxis: { min: 0, max: 1, showUnits: false },
    leftAnnotations: [{ value: 1, label: 'open', color: Color.RED }],
  });

const graph = (title: string, left: IMetric[], width: number): GraphWidget =>
  new GraphWidget({ title, left, width, height: 6, leftYAxis: { min: 0, showUnits: false } });

const figure = (title: string, metrics: IMetric[]): SingleValueWidget =>
  new SingleValueWidget({ title, metrics, width: 6, height: 4, fullPrecision: false });
