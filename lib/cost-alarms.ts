import { Duration } from 'aws-cdk-lib';
import { Alarm, AnomalyDetectionAlarm, ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import type { GatewayConfig } from '../lambdas/contract/config.ts';
import { formatUsd, parseUsd } from '../lambdas/contract/money.ts';
import { gatewayMetric } from './gateway-metrics.ts';
import { describeAlarm } from './runbook.ts';

export interface CostAlarmsProps {
  readonly config: GatewayConfig;
  readonly topic?: ITopic;
}

/** Spending at so many times the pace that uses up the organisation's month is told within the hour. */
const FAST = 6n;
const HOURS_IN_MONTH = 730n;
/** Standard deviations off the usual. */
const BAND = 3;

/** Money that is spent in a way nobody planned. Budgets stop it in the end; these say so before. */
export class CostAlarms extends Construct {
  readonly all: readonly Alarm[];

  constructor(scope: Construct, id: string, { config, topic }: CostAlarmsProps) {
    super(scope, id);
    this.all = [this.overruns(), this.anomaly(), ...this.burnRate(config)];
    if (topic !== undefined) for (const alarm of this.all) alarm.addAlarmAction(new SnsAction(topic));
  }

  private overruns(): Alarm {
    return new Alarm(this, 'Overruns', {
      metric: gatewayMetric('Overruns', {}, { period: Duration.minutes(5) }),
      threshold: 0,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      alarmDescription: describeAlarm(
        'Overruns',
        'A provider billed more than was held, so a cap may have been passed by that much. The log line "overrun" names the request, its receipt the target and the price.',
      ),
    });
  }

  private anomaly(): Alarm {
    return new AnomalyDetectionAlarm(this, 'CostAnomaly', {
      metric: gatewayMetric('CostUsd', {}, { period: Duration.hours(1) }),
      stdDevs: BAND,
      evaluationPeriods: 2,
      comparisonOperator: ComparisonOperator.GREATER_THAN_UPPER_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
      alarmDescription: describeAlarm(
        'CostAnomaly',
        'Two hours cost far more than such hours usually do. The Cost dashboard says which team and which model.',
      ),
    });
  }

  /** Only where the organisation has a month to burn. */
  private burnRate({ budgets }: GatewayConfig): Alarm[] {
    const monthly = budgets?.org?.monthly;
    if (monthly === undefined) return [];
    const hourly = (parseUsd(monthly) * FAST) / HOURS_IN_MONTH;
    return [
      new Alarm(this, 'BurnRate', {
        metric: gatewayMetric('CostUsd', {}, { period: Duration.hours(1) }),
        threshold: Number(formatUsd(hourly)),
        evaluationPeriods: 1,
        comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
        treatMissingData: TreatMissingData.NOT_BREACHING,
        alarmDescription: describeAlarm(
          'BurnRate',
          `An hour cost more than $${formatUsd(hourly)}: at ${FAST} times the pace that the organisation's budget of the month allows, it lasts five days.`,
        ),
      }),
    ];
  }
}
