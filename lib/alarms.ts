import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type CreateAlarmOptions,
  type Metric,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { EPOCH_MS } from '../lambdas/contract/timing.ts';
import type { BudgetEscalation } from './budget-escalation.ts';
import type { CircuitProber } from './circuit-prober.ts';
import { gatewayMetric } from './gateway-metrics.ts';
import type { LedgerPipeline } from './ledger-pipeline.ts';
import type { PinWatch } from './pin-watch.ts';
import { describeAlarm } from './runbook.ts';
import type { SemanticCache } from './semantic-cache.ts';

export interface AlarmsProps {
  readonly gateway: IFunction;
  readonly pipeline: LedgerPipeline;
  readonly escalation: BudgetEscalation;
  readonly prober: CircuitProber;
  readonly pinWatch: PinWatch;
  /** Absent where there is none. */
  readonly semanticCache?: SemanticCache;
  readonly topic?: ITopic;
}

/** The last of the notices. */
const ALARM_DAYS = 7;

/** What somebody has to look at. None of it loses money or admits too much: refusals come early, or answers fail. */
export class Alarms extends Construct {
  readonly all: readonly Alarm[];

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const { gateway, pipeline, escalation, prober, pinWatch, semanticCache, topic } = props;
    const period = Duration.millis(EPOCH_MS);
    const above = (alarmId: string, metric: Metric, description: string, options: Partial<CreateAlarmOptions> = {}) =>
      new Alarm(this, alarmId, {
        metric,
        threshold: 0,
        evaluationPeriods: 1,
        comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
        treatMissingData: TreatMissingData.NOT_BREACHING,
        alarmDescription: describeAlarm(alarmId, description),
        ...options,
      });
    const waiting = { period, statistic: 'Maximum' };
    this.all = [
      above(
        'GatewayErrors',
        gateway.metricErrors({ period }),
        'The gateway function died or timed out. Its log says why; what it held is charged when its epoch closes.',
      ),
      above(
        'GatewayThrottles',
        gateway.metricThrottles({ period }),
        "Requests were refused for lack of concurrency: raise the account's Lambda quota or lower the throttle.",
      ),
      above(
        'ProjectorBehind',
        pipeline.metricProjectorLag(waiting),
        'Accounts lag more than 15 minutes behind the ledger: budgets refuse early until they catch up.',
        { threshold: Duration.minutes(15).toMilliseconds() },
      ),
      above(
        'ProjectorGaveUp',
        pipeline.projectorFailures.metricApproximateNumberOfMessagesVisible(waiting),
        'The projector gave up on records. The close of their epoch repairs the accounts; the queue says which they were.',
      ),
      above(
        'EscalationFailed',
        escalation.failures.metricApproximateNumberOfMessagesVisible(waiting),
        'A budget crossed a threshold and somebody could not be told, or a raise not be made; the queue says what.',
      ),
      above(
        'CloserFailed',
        pipeline.closerFailures.metricApproximateNumberOfMessagesVisible(waiting),
        'Runs of the closer failed: holds that leaked stay on the accounts until one succeeds.',
      ),
      above(
        'CloserSilent',
        pipeline.closer.metricInvocations({ period, statistic: 'Sum' }),
        'The closer has not run for 15 minutes: accounts stay high, and refusals come early.',
        {
          threshold: 1,
          evaluationPeriods: 3,
          comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
          treatMissingData: TreatMissingData.BREACHING,
        },
      ),
      above(
        'AuditFound',
        pipeline.auditFindings.metricApproximateNumberOfMessagesVisible(waiting),
        'The nightly audit found accounts that were not the sum of their entries, or entries that are not those that were sealed; its log says which. Or it did not come to an end.',
      ),
      above(
        'ProberFailed',
        prober.failures.metricApproximateNumberOfMessagesVisible(waiting),
        'Rounds of the circuit prober failed, or it could not be started: broken targets are tried again by requests alone.',
      ),
      above(
        'PinWatchFailed',
        pinWatch.failures.metricApproximateNumberOfMessagesVisible(waiting),
        'The daily look at pinned model versions failed, or somebody could not be told of one that retires; the queue says what.',
      ),
      above(
        'PinRetires',
        gatewayMetric('DaysToSunset', {}, { statistic: 'Minimum', period: Duration.days(1) }),
        `A model version that an alias is pinned to retires within ${ALARM_DAYS} days, or has. The metric by Alias says of which alias.`,
        {
          threshold: ALARM_DAYS,
          comparisonOperator: ComparisonOperator.LESS_THAN_OR_EQUAL_TO_THRESHOLD,
          // It is measured once a day, not always at the same second.
          evaluationPeriods: 2,
          datapointsToAlarm: 1,
        },
      ),
      ...(semanticCache === undefined
        ? []
        : [
            above(
              'CacheKeeperFailed',
              semanticCache.failures.metricApproximateNumberOfMessagesVisible(waiting),
              "The semantic cache's index could not be made or swept: its questions are misses, or it keeps what has expired until the domain is full. No request fails for it.",
            ),
          ]),
    ];
    if (topic !== undefined) for (const alarm of this.all) alarm.addAlarmAction(new SnsAction(topic));
  }
}
