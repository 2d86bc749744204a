import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { gatewayMetric } from './gateway-metrics.ts';
import { describeAlarm } from './runbook.ts';

export interface CacheAlarmsProps {
  readonly topic?: ITopic;
}

/** Kept answers that were wrong. Made where there is a semantic cache. */
export class CacheAlarms extends Construct {
  readonly all: readonly Alarm[];

  constructor(scope: Construct, id: string, { topic }: CacheAlarmsProps) {
    super(scope, id);
    this.all = [
      // One for all aliases, each with its own bound: who audits compares them.
      new Alarm(this, 'CacheTightened', {
        metric: gatewayMetric('CacheTightened', {}, { period: Duration.hours(1) }),
        threshold: 0,
        evaluationPeriods: 1,
        comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
        treatMissingData: TreatMissingData.NOT_BREACHING,
        alarmDescription: describeAlarm(
          'CacheTightened',
          'Audits found that a semantic cache gives wrong answers more often than its alias allows. Its threshold was raised, or it has turned itself off; the log says which.',
        ),
      }),
    ];
    if (topic !== undefined) for (const alarm of this.all) alarm.addAlarmAction(new SnsAction(topic));
  }
}
