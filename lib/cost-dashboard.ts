import { Duration } from 'aws-cdk-lib';
import {
  Color,
  Column,
  Dashboard,
  GraphWidget,
  GraphWidgetView,
  type IMetric,
  type IWidget,
  PeriodOverride,
  SingleValueWidget,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { GatewayConfig } from '../lambdas/contract/config.ts';
import { hasCaches } from '../lambdas/contract/configured-caches.ts';
import type { MetricName } from '../lambdas/contract/metrics.ts';
import { cacheGraphs } from './cache-graphs.ts';
import { gatewayMetric, mathOf, searchMetrics } from './gateway-metrics.ts';

export interface CostDashboardProps {
  readonly config: GatewayConfig;
}

const HOUR = Duration.hours(1);
const DAY = Duration.days(1);
const MONTH_DAYS = 30.44;
/** CloudWatch draws so many metrics in one picture at most. */
const MOST_SERIES = 50;

/**
 * What the models cost: today, this month and projected; by team, model and provider; budgets; cost per thousand requests;
 * overruns; and where answers are kept what that saves, and how often it is wrong. Days and months are UTC's. The first three dashboards of an account are free, each further one costs by the
 * month.
 */
export class CostDashboard extends Construct {
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, { config }: CostDashboardProps) {
    super(scope, id);
    this.dashboard = new Dashboard(this, 'Dashboard', {
      defaultInterval: Duration.days(31),
      periodOverride: PeriodOverride.INHERIT,
    });
    this.dashboard.addWidgets(
      figure('Spent today', [today('CostUsd')], DAY),
      figure('Spent this month', [thisMonth('CostUsd')]),
      figure('This month, projected', [projected()]),
      figure('Overruns, 31 days', [gatewayMetric('Overruns', {}, { period: Duration.days(31), label: 'overruns' })]),
    );
    this.dashboard.addWidgets(
      stacked('By team, US dollars a day', [mathOf(searchMetrics('CostUsd', ['Team'], { period: DAY }), '', DAY)]),
      stacked('By model, US dollars a day', [
        mathOf(searchMetrics('CostUsd', ['Provider', 'Model'], { period: DAY }), '', DAY),
      ]),
      stacked('By provider, US dollars a day', byProvider(config)),
    );
    this.dashboard.addWidgets(budgets(), perThousandRequests(config), tokens());
    if (hasCaches(config)) this.dashboard.addWidgets(savings(), ...cacheGraphs(config));
    this.dashboard.addWidgets(
      new TextWidget({
        width: 24,
        height: 2,
        markdown:
          'Amounts arrive with the ledger’s stream, seconds after a request has ended. These are figures to look at; the ledger has the exact ones: `tollgate ledger export`. Users and keys are there too: `GET /v1/usage`, Logs Insights.',
      }),
    );
  }
}

/** An amount in steps, with nothing where nobody called. */
const amountOf = (name: MetricName, period: Duration) => ({ amount: gatewayMetric(name, {}, { period }) });

/** Of the last points those of the same day, or month, as the very last one. */
const sameAsNow = (unit: 'DAY' | 'MONTH') =>
  `SUM(IF(${unit}(FILL(amount, 0)) == LAST(${unit}(FILL(amount, 0))), FILL(amount, 0), 0))`;

const today = (name: MetricName): IMetric => mathOf(sameAsNow('DAY'), 'US dollars', HOUR, amountOf(name, HOUR));
const thisMonth = (name: MetricName): IMetric => mathOf(sameAsNow('MONTH'), 'US dollars', DAY, amountOf(name, DAY));

/** As if the rest of the month were like its days so far. */
const projected = (): IMetric =>
  mathOf(
    `${sameAsNow('MONTH')} / LAST(DAY(FILL(amount, 0))) * ${MONTH_DAYS}`,
    'US dollars',
    DAY,
    amountOf('CostUsd', DAY),
  );

const byProvider = ({ providers }: GatewayConfig): IMetric[] =>
  Object.keys(providers)
    .slice(0, MOST_SERIES)
    .map((provider) =>
      mathOf(
        `SUM(${searchMetrics('CostUsd', ['Provider', 'Model'], { period: DAY, where: { Provider: provider } })})`,
        provider,
        DAY,
      ),
    );

const budgets = (): GraphWidget =>
  new GraphWidget({
    title: 'Budgets: share that is committed, each team’s tightest',
    width: 8,
    height: 7,
    left: [mathOf(searchMetrics('BudgetUsed', ['Team'], { statistic: 'Maximum', period: HOUR }), '', HOUR)],
    leftYAxis: { min: 0, showUnits: false },
    leftAnnotations: [
      { value: 0.8, label: 'warn', color: Color.ORANGE },
      { value: 1, label: 'nothing left', color: Color.RED },
    ],
  });

const perThousandRequests = ({ models }: GatewayConfig): GraphWidget =>
  new GraphWidget({
    title: 'US dollars per thousand requests',
    width: 8,
    height: 7,
    left: [
      perThousand('all', {}, 'all'),
      ...Object.keys(models)
        .slice(0, MOST_SERIES - 1)
        .map((alias, i) => perThousand(alias, { Alias: alias }, `alias${i}`)),
    ],
    leftYAxis: { min: 0, showUnits: false },
  });

const perThousand = (label: string, dimensions: Record<string, string>, name: string): IMetric =>
  mathOf(`1000 * ${name}cost / ${name}requests`, label, DAY, {
    [`${name}cost`]: gatewayMetric('CostUsd', dimensions, { period: DAY }),
    [`${name}requests`]: gatewayMetric('Requests', dimensions, { period: DAY }),
  });

const tokens = (): GraphWidget =>
  new GraphWidget({
    title: 'Tokens a day',
    width: 8,
    height: 7,
    left: (
      [
        ['InputTokens', 'input'],
        ['CachedTokens', 'input, from a cache'],
        ['OutputTokens', 'output'],
      ] as const
    ).map(([name, label]) => gatewayMetric(name, {}, { period: DAY, label })),
    leftYAxis: { min: 0, showUnits: false },
  });

const savings = (): IWidget =>
  new Column(
    figure('Saved by kept answers today', [today('SavedUsd')], DAY),
    figure('Saved this month', [thisMonth('SavedUsd')]),
  );

/** @param over what to look at, where that is not the dashboard's own time */
const figure = (title: string, metrics: IMetric[], over?: Duration): SingleValueWidget =>
  new SingleValueWidget({
    title,
    metrics,
    width: 6,
    height: 4,
    fullPrecision: false,
    ...(over === undefined ? {} : { start: `-P${over.toDays()}D` }),
  });

const stacked = (title: string, left: IMetric[]): GraphWidget =>
  new GraphWidget({
    title,
    left,
    width: 8,
    height: 7,
    stacked: true,
    view: GraphWidgetView.BAR,
    leftYAxis: { min: 0, showUnits: false },
  });
