import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import type { Resource } from '../../test/support/synth-gateway.ts';
import { MONTH_DAYS, MONTH_HOURS, type Scheduled, type Standing } from './cost-model.ts';
import { type Resources, referredTo, withoutHash } from './template.ts';

/** Types that cost nothing while nobody uses them. */
const FREE_WHEN_IDLE = new Set([
  'AWS::ApiGateway::Account',
  'AWS::ApiGateway::BasePathMapping',
  'AWS::ApiGateway::Deployment',
  'AWS::ApiGateway::DomainName',
  'AWS::ApiGateway::GatewayResponse',
  'AWS::ApiGateway::Method',
  'AWS::ApiGateway::Resource',
  'AWS::ApiGateway::RestApi',
  'AWS::ApiGateway::Stage',
  'AWS::CDK::Metadata',
  // Storage of what is in it, which the million requests carry.
  'AWS::DynamoDB::Table',
  'AWS::Events::Rule',
  'AWS::IAM::ManagedPolicy',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::Lambda::EventInvokeConfig',
  // Lambda reads the streams of DynamoDB at no charge.
  'AWS::Lambda::EventSourceMapping',
  'AWS::Lambda::Function',
  'AWS::Lambda::Permission',
  'AWS::Lambda::Version',
  'AWS::Logs::LogGroup',
  'AWS::Logs::MetricFilter',
  'AWS::Logs::QueryDefinition',
  'AWS::Route53::RecordSet',
  'AWS::SNS::Subscription',
  'AWS::SNS::Topic',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::Queue',
  'AWS::SQS::QueuePolicy',
  'AWS::Scheduler::ScheduleGroup',
  'AWS::StepFunctions::StateMachine',
  'AWS::WAFv2::WebACLAssociation',
  // Calls a function when it is deployed.
  'Custom::Trigger',
]);

/** What AWS counts of an alarm: each metric that it looks at; of one on anomalies also the two edges of the band. */
const metricsOf = ({ Properties }: Resource): number => {
  const metrics = (Properties['Metrics'] ?? []) as { MetricStat?: unknown; Expression?: string }[];
  const measured = metrics.filter(({ MetricStat }) => MetricStat !== undefined).length;
  const bands = metrics.filter(({ Expression }) => Expression?.startsWith('ANOMALY_DETECTION_BAND')).length;
  return Math.max(1, measured + 2 * bands);
};

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

/** @throws {Error} for instances of which no price is known here */
const domainOf = ({ Properties }: Resource): Standing['standing'] => {
  const { InstanceType: type, InstanceCount: count } = Properties['ClusterConfig'] as {
    InstanceType: string;
    InstanceCount: number;
  };
  if (type !== 't3.small.search')
    throw new Error(`what a ${type} costs by the hour is not said in bench/pages/prices.ts`);
  const { VolumeSize: gib } = Properties['EBSOptions'] as { VolumeSize: number };
  return [
    { what: `${counted(count, 'node')} of a domain`, price: 'searchHours', quantity: count * MONTH_HOURS },
    { what: `its ${count * gib} GiB`, price: 'searchStorage', quantity: count * gib },
  ];
};

const MONTHLY: Record<string, (all: readonly Resource[]) => Standing['standing']> = {
  'AWS::CloudWatch::Alarm': (all) => [
    {
      what: counted(all.length, 'alarm'),
      price: 'alarmMetrics',
      quantity: all.reduce((sum, one) => sum + metricsOf(one), 0),
    },
  ],
  'AWS::CloudWatch::Dashboard': (all) => [
    { what: counted(all.length, 'dashboard'), price: 'dashboards', quantity: all.length },
  ],
  'AWS::OpenSearchService::Domain': (all) => all.flatMap(domainOf),
  'AWS::WAFv2::WebACL': (all) => [
    { what: 'the web ACL', price: 'webAcl', quantity: all.length },
    {
      what: 'its rules',
      price: 'webAclRules',
      quantity: all.reduce((sum, { Properties }) => sum + ((Properties['Rules'] as unknown[]) ?? []).length, 0),
    },
  ],
  'AWS::Scheduler::Schedule': () => [],
};

const MINUTES: Record<string, number> = { minute: 1, hour: 60, day: 24 * 60 };

/** @throws {Error} for an expression whose runs it can't count */
export const runsAMonth = (expression: string): number => {
  const rate = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression);
  if (rate !== null) return (MONTH_DAYS * 24 * 60) / (Number(rate[1]) * (MINUTES[rate[2] ?? ''] ?? Number.NaN));
  // Minute and hour of every day.
  if (/^cron\(\d+ \d+ \* \* \? \*\)$/.test(expression)) return MONTH_DAYS;
  throw new Error(`bench/pages/idle-stack.ts can't count the runs of ${expression}`);
};

/** Those that a schedule calls which is switched on. */
const scheduledOf = (resources: Resources): Scheduled[] =>
  Object.values(resources)
    .filter(({ Type }) => Type === 'AWS::Events::Rule' || Type === 'AWS::Scheduler::Schedule')
    .filter(({ Properties }) => Properties['ScheduleExpression'] !== undefined && Properties['State'] !== 'DISABLED')
    .flatMap(({ Properties }) =>
      [...new Set(referredTo(Properties))]
        .filter((id) => resources[id]?.Type === 'AWS::Lambda::Function')
        .map((id) => ({
          id: withoutHash(id),
          runsAMonth: runsAMonth(String(Properties['ScheduleExpression'])),
          memoryMb: Number(resources[id]?.Properties['MemorySize']),
        })),
    );

/** The tables that a scheduled function's role names. */
const touchedBy = (resources: Resources, scheduled: readonly Scheduled[]): number => {
  const roles = Object.entries(resources)
    .filter(([id, { Type }]) => Type === 'AWS::Lambda::Function' && scheduled.some((one) => one.id === withoutHash(id)))
    .flatMap(([, { Properties }]) => referredTo(Properties['Role']));
  const tables = Object.values(resources)
    .filter(
      ({ Type, Properties }) =>
        Type === 'AWS::IAM::Policy' && referredTo(Properties['Roles']).some((id) => roles.includes(id)),
    )
    .flatMap(({ Properties }) => referredTo(Properties['PolicyDocument']))
    .filter((id) => resources[id]?.Type === 'AWS::DynamoDB::Table');
  return new Set(tables).size;
};

/**
 * What of a stack costs by the month though nobody asks anything.
 *
 * @throws {Error} naming a type of which that is not known here
 */
export const describeIdle = (resources: Resources, { providers }: GatewayConfig): Standing => {
  const byType = Map.groupBy(Object.values(resources), ({ Type }) => Type);
  const unknown = [...byType.keys()].filter((type) => !FREE_WHEN_IDLE.has(type) && MONTHLY[type] === undefined);
  if (unknown.length > 0)
    throw new Error(`what ${unknown.join(', ')} costs by the month is not said in bench/pages/idle-stack.ts`);
  const queues = (byType.get('AWS::Lambda::EventSourceMapping') ?? []).filter(({ Properties }) =>
    referredTo(Properties['EventSourceArn']).some((id) => resources[id]?.Type === 'AWS::SQS::Queue'),
  );
  if (queues.length > 0)
    throw new Error('a function that polls a queue costs while idle: bench/pages/idle-stack.ts has no rule for it');
  const secrets = new Set(
    Object.values(providers).flatMap((provider) =>
      'apiKey' in provider && provider.apiKey?.startsWith('secret:') ? [provider.apiKey] : [],
    ),
  );
  const scheduled = scheduledOf(resources);
  return {
    scheduled,
    standing: [
      { what: `${counted(secrets.size, 'secret')} of providers`, price: 'secrets', quantity: secrets.size },
      ...[...byType].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([type, all]) => MONTHLY[type]?.(all) ?? []),
    ],
    tables: byType.get('AWS::DynamoDB::Table')?.length ?? 0,
    tablesTouched: touchedBy(resources, scheduled),
  };
};
