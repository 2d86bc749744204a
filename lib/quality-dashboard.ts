import { Duration } from 'aws-cdk-lib';
import {
  Dashboard,
  GraphWidget,
  LogQueryVisualizationType,
  LogQueryWidget,
  PeriodOverride,
  SingleValueWidget,
  Stats,
  TextWidget,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { MetricName } from '../lambdas/contract/metrics.ts';
import { gatewayMetric, mathOf, searchMetrics } from './gateway-metrics.ts';

export interface QualityDashboardProps {
  /** Of the gateway function: its request lines say what was wrong with an answer. */
  readonly gatewayLog: ILogGroup;
}

const HOUR = Duration.hours(1);
const WEEK = Duration.days(7);
const BY_MODEL = ['Provider', 'Model'];

/** How good the answers are, by model: what can be seen of them (refused, cut short, not in the asked format), and what people said. */
export class QualityDashboard extends Construct {
  readonly dashboard: Dashboard;

  constructor(scope: Construct, id: string, { gatewayLog }: QualityDashboardProps) {
    super(scope, id);
    this.dashboard = new Dashboard(this, 'Dashboard', {
      defaultInterval: WEEK,
      periodOverride: PeriodOverride.INHERIT,
    });
    this.dashboard.addWidgets(
      figure('Quality, 7 days', 'QualityScore', Stats.AVERAGE),
      figure('Feedback, 7 days', 'FeedbackScore', Stats.AVERAGE),
      figure('Answers with feedback, 7 days', 'FeedbackScore', Stats.SAMPLE_COUNT),
    );
    this.dashboard.addWidgets(
      byModel('Quality by model, 0 to 1', 'QualityScore', Stats.AVERAGE, 1),
      byModel('Feedback by model, 0 to 1', 'FeedbackScore', Stats.AVERAGE, 1),
      byModel('Feedback by model, how many', 'FeedbackScore', Stats.SAMPLE_COUNT),
    );
    this.dashboard.addWidgets(
      new LogQueryWidget({
        title: 'What was wrong with answers, by model',
        logGroupNames: [gatewayLog.logGroupName],
        view: LogQueryVisualizationType.TABLE,
        width: 12,
        height: 8,
        queryLines: FLAWS,
      }),
      new LogQueryWidget({
        title: 'Feedback by label',
        logGroupNames: [gatewayLog.logGroupName],
        view: LogQueryVisualizationType.TABLE,
        width: 12,
        height: 8,
        queryLines: LABELS,
      }),
    );
    this.dashboard.addWidgets(
      new TextWidget({
        width: 24,
        height: 3,
        markdown:
          'An answer counts 1; ½ where it was cut short at its output limit; 0 where the model refused, or it is not the JSON that was asked for. Feedback (`POST /v1/feedback`) counts once more, as what was given. A machine sees no wrong answer, so 1 means *nothing seen*. The two tables read the log, which is paid by the gigabyte each time they are drawn.',
      }),
    );
  }
}

const FLAWS = [
  // A kept answer is no new one of its model.
  'filter message = "request" and outcome = "answered" and attempts > 0',
  'fields coalesce(flaw, "nothing seen") as seen',
  'stats count(*) as answers by target, seen',
  'sort target asc, answers desc',
  'limit 50',
];

const LABELS = [
  'filter message = "feedback"',
  'stats count(*) as answers, avg(FeedbackScore) as score by target, `gen_ai.evaluation.score.label` as label',
  'sort answers desc',
  'limit 50',
];

const figure = (title: string, name: MetricName, statistic: string): SingleValueWidget =>
  new SingleValueWidget({
    title,
    metrics: [gatewayMetric(name, {}, { statistic, period: WEEK, label: ' ' })],
    width: 8,
    height: 4,
    fullPrecision: false,
  });

const byModel = (title: string, name: MetricName, statistic: string, max?: number): GraphWidget =>
  new GraphWidget({
    title,
    width: 8,
    height: 7,
    left: [mathOf(searchMetrics(name, BY_MODEL, { statistic, period: HOUR }), '', HOUR)],
    leftYAxis: { min: 0, showUnits: false, ...(max !== undefined && { max }) },
  });
