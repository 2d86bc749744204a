import type { Resources } from './template.ts';

/**
 * What CloudFormation needs to make, change and remove the stack: for a team that does not give CDK's
 * CloudFormation role AdministratorAccess. From the permissions that the CloudFormation registry declares for each
 * resource type's handlers (handler-permissions.json), less what belongs to features that this stack does not use.
 */

/** By resource type, what its handlers are declared to need; as the registry has it. */
export interface HandlerPermissions {
  source: string;
  schemaDate: string;
  types: Record<string, string[]>;
}

export interface PolicyStatementJson {
  Sid: string;
  Effect: 'Allow';
  Action: string[];
  Resource: string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}

export interface Policy {
  Version: '2012-10-17';
  Statement: PolicyStatementJson[];
}

interface ServiceRule {
  /** CloudFormation names what it makes after the stack, and the CDK what it names itself without the hyphen. */
  resources: string[];
  /** Actions of the service that its types' handlers name for features that are not used here. */
  without?: RegExp;
  /** Actions that its handlers need and the registry does not name. */
  also?: string[];
}

const STACKS = 'Tollgate*';
const HERE = 'REGION:ACCOUNT';

/** By the prefix of its actions, every service that the stack has resources of. */
const SERVICES: Record<string, ServiceRule> = {
  apigateway: {
    // Its ARNs carry ids, not names.
    resources: ['arn:aws:apigateway:REGION::/*'],
  },
  cloudwatch: {
    resources: [`arn:aws:cloudwatch:${HERE}:alarm:${STACKS}`, `arn:aws:cloudwatch::ACCOUNT:dashboard/*`],
  },
  dynamodb: {
    resources: [`arn:aws:dynamodb:${HERE}:table/${STACKS}`],
    // Global tables, Kinesis, imports: CloudFormation reads and writes no item of a table.
    without: /Replica|Kinesis|Import|:(Scan|Query|\w+Item)$/,
  },
  es: {
    // Names of domains are in lower case.
    resources: [`arn:aws:es:${HERE}:domain/${STACKS.toLowerCase()}`],
    // It names UpdateDomain, which IAM does not know (docs.aws.amazon.com, actions of OpenSearch Service).
    also: ['es:DescribeDomainConfig', 'es:UpdateDomainConfig'],
  },
  events: { resources: [`arn:aws:events:${HERE}:rule/${STACKS}`] },
  iam: {
    resources: [`arn:aws:iam::ACCOUNT:role/${STACKS}`],
    without: /User|Group|ServiceLinkedRole/,
  },
  lambda: {
    resources: [`arn:aws:lambda:${HERE}:function:${STACKS}`, `arn:aws:lambda:${HERE}:event-source-mapping:*`],
    without: /CapacityProvider|CodeSigning|LayerVersion|ScalingConfig|AssociateRuntimeAlias/,
  },
  logs: {
    resources: [`arn:aws:logs:${HERE}:log-group:${STACKS}`],
    without:
      /Delivery|DataProtection|IndexPolicy|IndexPolicies|ResourcePolic|BearerToken|KmsKey|:CreateLogStream|:PutLogEvents|:DescribeLogStreams/,
  },
  route53: { resources: ['arn:aws:route53:::hostedzone/*', 'arn:aws:route53:::change/*'] },
  scheduler: { resources: [`arn:aws:scheduler:${HERE}:schedule/*/${STACKS}`] },
  sns: { resources: [`arn:aws:sns:${HERE}:${STACKS}`] },
  sqs: { resources: [`arn:aws:sqs:${HERE}:${STACKS}`] },
  states: { resources: [`arn:aws:states:${HERE}:stateMachine:*`] },
  wafv2: { resources: [`arn:aws:wafv2:${HERE}:regional/*`, 'arn:aws:apigateway:REGION::/restapis/*'] },
};

/** Actions that no resource narrows (lists), where the service has such. */
const UNNARROWED =
  /:(List(Functions|EventSourceMappings|Tables|Queues|HostedZones|Rules|Roles|Topics|StateMachines|Schedules|Dashboards)|Describe(LogGroups|Alarms)|Get(EventSourceMapping)|CreateEventSourceMapping|listWebACLs|ListWebACLs)$/;

/** What goes with any stack of the CDK, and with tables and functions. */
const EXTRA: PolicyStatementJson[] = [
  {
    Sid: 'PassTheRolesToTheirServices',
    Effect: 'Allow',
    Action: ['iam:PassRole'],
    Resource: [`arn:aws:iam::ACCOUNT:role/${STACKS}`],
    Condition: {
      StringEquals: {
        'iam:PassedToService': [
          'apigateway.amazonaws.com',
          'events.amazonaws.com',
          'lambda.amazonaws.com',
          'scheduler.amazonaws.com',
          'states.amazonaws.com',
        ],
      },
    },
  },
  {
    Sid: 'CodeAndTemplateOfTheBootstrap',
    Effect: 'Allow',
    Action: ['s3:GetObject', 's3:GetObjectVersion', 's3:GetBucketLocation', 's3:ListBucket'],
    Resource: ['arn:aws:s3:::cdk-*-assets-ACCOUNT-*'],
  },
  {
    Sid: 'VersionOfTheBootstrap',
    Effect: 'Allow',
    Action: ['ssm:GetParameters'],
    Resource: [`arn:aws:ssm:${HERE}:parameter/cdk-bootstrap/*`],
  },
  {
    Sid: 'KeyOfTheTables',
    Effect: 'Allow',
    Action: ['kms:CreateGrant', 'kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt'],
    Resource: [`arn:aws:kms:${HERE}:key/*`],
    Condition: { StringEquals: { 'kms:ViaService': 'dynamodb.REGION.amazonaws.com' } },
  },
  {
    Sid: 'RoleOfApiGatewayItself',
    Effect: 'Allow',
    Action: ['iam:CreateServiceLinkedRole'],
    Resource: ['arn:aws:iam::ACCOUNT:role/aws-service-role/ops.apigateway.amazonaws.com/*'],
  },
];

/** Types of a template that make nothing in the account. */
const NOTHING = new Set(['AWS::CDK::Metadata']);

export const typesOf = (resources: Resources): string[] =>
  [...new Set(Object.values(resources).map(({ Type }) => Type))]
    // What a type of the CDK's own does, its function does with a role of that function's.
    .filter((type) => !NOTHING.has(type) && !type.startsWith('Custom::'))
    .sort();

const serviceOf = (action: string): string => action.slice(0, action.indexOf(':'));

/** By the word in a type, what its actions begin with, where that is another. */
const OTHER_PREFIXES: Record<string, string> = { opensearchservice: 'es', stepfunctions: 'states' };

/** The service that a type's own actions belong to. */
const ownService = (type: string): string => {
  const word = (type.split('::')[1] ?? '').toLowerCase();
  return OTHER_PREFIXES[word] ?? word;
};

/**
 * @param types of the resources that the stack may have
 * @param isAddition whether it stands beside the policy of a whole stack
 * @throws {Error} naming every type that no permissions or no rule is known of
 */
export const deployerPolicy = (
  types: readonly string[],
  { types: known }: HandlerPermissions,
  { isAddition = false } = {},
): Policy => {
  const unknown = types.filter((type) => known[type] === undefined || SERVICES[ownService(type)] === undefined);
  if (unknown.length > 0)
    throw new Error(
      `no permissions are known for ${unknown.join(', ')}: run "npm run docs:policy", and add the service to bench/pages/deployer-policy.ts`,
    );
  const byService = new Map<string, Set<string>>();
  for (const type of types)
    for (const action of known[type] ?? []) {
      const service = serviceOf(action);
      const rule = SERVICES[service];
      if (service !== ownService(type) || rule === undefined || rule.without?.test(action) === true) continue;
      byService.set(service, (byService.get(service) ?? new Set()).add(action));
    }
  // Its own role is passed by a statement of its own, with a condition.
  byService.get('iam')?.delete('iam:PassRole');
  for (const [service, actions] of byService) for (const action of SERVICES[service]?.also ?? []) actions.add(action);
  if (byService.has('wafv2')) byService.get('wafv2')?.add('apigateway:SetWebACL');
  const all = [...byService.keys()].sort();
  const unnarrowed = all.flatMap((service) =>
    [...(byService.get(service) ?? [])].filter((one) => UNNARROWED.test(one)),
  );
  return {
    Version: '2012-10-17',
    Statement: [
      ...all.map(
        (service): PolicyStatementJson => ({
          Sid: `${service[0]?.toUpperCase()}${service.slice(1)}`,
          Effect: 'Allow',
          Action: [...(byService.get(service) ?? [])].filter((one) => !UNNARROWED.test(one)).sort(),
          Resource: SERVICES[service]?.resources ?? [],
        }),
      ),
      { Sid: 'Lists', Effect: 'Allow', Action: unnarrowed.sort(), Resource: ['*'] },
      ...(isAddition ? [] : EXTRA),
    ],
  };
};
