import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, Stats, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { gatewayMetric, mathOf } from './gateway-metrics.ts';
import { describeAlarm } from './runbook.ts';

export interface ReliabilityAlarmsProps {
  readonly topic?: ITopic;
}

/** Percent of the requests of five minutes. */
const ERROR_RATE = 5;
/** Of fewer requests a rate says little: one of three that fails is no outage. */
const FEWEST_REQUESTS = 20;

/** Clients that get no answer. */
export class ReliabilityAlarms extends Construct {
  readonly all: readonly Alarm[];

  constructor(scope: Construct, id: string, { topic }: ReliabilityAlarmsProps) {
    super(scope, id);
    this.all = [this.errorRate(), this.allCircuitsOpen()];
    if (topic !== undefined) for (const alarm of this.all) alarm.addAlarmAction(new SnsAction(topic));
  }

  private errorRate(): Alarm {
    const period = Duration.minutes(5);
    const rate = mathOf(`IF(requests >= ${FEWEST_REQUESTS}, 100 * FILL(errors, 0) / requests, 0)`, 'percent', period, {
      errors: gatewayMetric('Errors', {}, { period }),
      requests: gatewayMetric('Requests', {}, { period }),
    });
    return new Alarm(this, 'ErrorRate', {
      metric: rate,
      threshold: ERROR_RATE,
      evaluationPeriods: 2,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      alarmDescription: describeAlarm(
        'ErrorRate',
        `More than ${ERROR_RATE} % of the requests got no whole answer for ten minutes, through no fault of their clients. The Reliability dashboard says which provider and model.`,
      ),
    });
  }

  private allCircuitsOpen(): Alarm {
    return new Alarm(this, 'AllCircuitsOpen', {
      metric: gatewayMetric('AllCircuitsOpen', {}, { statistic: Stats.MAXIMUM, period: Duration.minutes(1) }),
      threshold: 0,
      // Rounds of the prober are a minute apart, and a little more.
      evaluationPeriods: 3,
      datapointsToAlarm: 2,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      alarmDescription: describeAlarm(
        'AllCircuitsOpen',
        'An alias has no target left whose circuit is closed: its requests go to the least bad one, or fail. The metric by Alias says which.',
      ),
    });
  }
}
