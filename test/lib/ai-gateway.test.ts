import { describe, expect, test } from '@jest/globals';
import { DEPLOYABLE } from '../support/deployable.ts';
import { listOf, ofType, type Statement, statementsOf, synthGateway } from '../support/synth-gateway.ts';

/** One file for the whole template: loading the CDK takes longer than all of this. */
const gateway = synthGateway();
const tables = ofType(gateway, 'AWS::DynamoDB::Table');

describe('the tables', () => {
  test('keep their logical ids: another id is another, empty table, and the ledger is lost', () => {
    expect(tables.map(([id]) => id)).toEqual([
      'GatewayStateAccess7080F650',
      'GatewayStateLimits431BAAB3',
      'GatewayStateTargets782E695D',
      'GatewayStateLedgerEDE0DE6B',
      'GatewayStateAccounts527F34B3',
      'GatewayStateResponsesC2AE2302',
    ]);
  });

  test('have the keys, lifetimes and streams that the code expects', () => {
    const shapes = Object.fromEntries(
      tables.map(([id, { Properties: properties }]) => [
        id.replace(/^GatewayState|.{8}$/g, ''),
        {
          keys: properties['KeySchema'],
          timeToLive: properties['TimeToLiveSpecification'],
          stream: properties['StreamSpecification'],
        },
      ]),
    );
    const byPk = [{ AttributeName: 'pk', KeyType: 'HASH' }];
    const expiring = { AttributeName: 'expires', Enabled: true };
    expect(shapes).toEqual({
      Access: { keys: byPk },
      Limits: { keys: byPk, timeToLive: expiring },
      Targets: { keys: byPk, stream: { StreamViewType: 'NEW_IMAGE' } },
      Ledger: {
        keys: [...byPk, { AttributeName: 'sk', KeyType: 'RANGE' }],
        timeToLive: expiring,
        stream: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
      },
      Accounts: { keys: byPk, timeToLive: expiring },
      Responses: { keys: byPk, timeToLive: expiring },
    });
  });

  test.each(tables)('%s outlives its stack, can be restored, is encrypted and paid by the request', (_, table) => {
    expect(table).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
    expect(table.Properties).toMatchObject({
      BillingMode: 'PAY_PER_REQUEST',
      DeletionProtectionEnabled: true,
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      SSESpecification: { SSEEnabled: true },
    });
    expect(table.Properties).not.toHaveProperty('TableName');
  });

  test('go with their stack only where that is asked for', () => {
    for (const [, table] of ofType(synthGateway({ retainState: false }), 'AWS::DynamoDB::Table')) {
      expect(table.DeletionPolicy).toBe('Delete');
      expect(table.Properties['DeletionProtectionEnabled']).toBe(false);
    }
  });
});

const functions = ofType(gateway, 'AWS::Lambda::Function').filter(([id]) => id.startsWith('Gateway'));

describe('the functions', () => {
  test.each(functions)('%s runs Node 24 on arm64 and keeps its log for a while', (_, { Properties: properties }) => {
    expect(properties).toMatchObject({ Runtime: 'nodejs24.x', Architectures: ['arm64'], Handler: 'index.handler' });
    const { LogGroup: group } = properties['LoggingConfig'] as { LogGroup: { Ref: string } };
    expect(gateway.resources[group.Ref]?.Properties['RetentionInDays']).toBe(90);
  });

  test('there are seven, and no others come with them', () => {
    expect(ofType(gateway, 'AWS::Lambda::Function').map(([id]) => id.slice(0, -8))).toEqual([
      'GatewayFunction',
      'GatewayPipelineProjector',
      'GatewayPipelineCloser',
      'GatewayPipelineAuditor',
      'GatewayEscalationStep',
      'GatewayProberFunction',
      'GatewayPinsFunction',
    ]);
  });

  test('their environment names tables and holds nothing secret', () => {
    for (const [, { Properties: properties }] of functions) {
      const { Variables } = properties['Environment'] as { Variables: Record<string, unknown> };
      // The prober's and the projector's own, which are names too: circuit-prober.test.ts and budget-escalation.test.ts.
      const { TOLLGATE_PROBE_RULE: _, TOLLGATE_ESCALATION_MACHINE: __, ...variables } = Variables;
      expect(Object.keys(variables).sort()).toEqual([
        'TOLLGATE_ACCESS_TABLE',
        'TOLLGATE_ACCOUNTS_TABLE',
        'TOLLGATE_LEDGER_TABLE',
        'TOLLGATE_LIMITS_TABLE',
        'TOLLGATE_RESPONSES_TABLE',
        'TOLLGATE_TARGETS_TABLE',
      ]);
      for (const value of Object.values(variables))
        expect(value).toEqual({ Ref: expect.stringMatching(/^GatewayState/) });
    }
  });

  test('the template holds no secret, not even the reference to one outside a policy', () => {
    const text = JSON.stringify(gateway.template.toJSON());
    expect(text).not.toContain('{{resolve:');
    expect(text).not.toMatch(/\b(sk|tg|AKIA)[-_][A-Za-z0-9]{8,}/);
    gateway.template.resourceCountIs('AWS::SecretsManager::Secret', 0);
  });

  test('nothing in it is paid by the hour', () => {
    const types = [...new Set(Object.values(gateway.resources).map(({ Type }) => Type))].sort();
    expect(types).toEqual([
      'AWS::ApiGateway::Account',
      'AWS::ApiGateway::Deployment',
      'AWS::ApiGateway::GatewayResponse',
      'AWS::ApiGateway::Method',
      'AWS::ApiGateway::Resource',
      'AWS::ApiGateway::RestApi',
      'AWS::ApiGateway::Stage',
      'AWS::CloudWatch::Alarm',
      'AWS::CloudWatch::Dashboard',
      'AWS::DynamoDB::Table',
      'AWS::Events::Rule',
      'AWS::IAM::Policy',
      'AWS::IAM::Role',
      'AWS::Lambda::EventInvokeConfig',
      'AWS::Lambda::EventSourceMapping',
      'AWS::Lambda::Function',
      'AWS::Lambda::Permission',
      'AWS::Logs::LogGroup',
      'AWS::SNS::Topic',
      'AWS::SNS::TopicPolicy',
      'AWS::SQS::Queue',
      'AWS::SQS::QueuePolicy',
      'AWS::StepFunctions::StateMachine',
    ]);
    expect(JSON.stringify(gateway.template.toJSON())).not.toContain('ProvisionedConcurrency');
  });
});

describe('the ledger pipeline', () => {
  test('reads the stream one batch a shard at a time, ended entries only, and gives up into a queue', () => {
    const [mapping] = ofType(gateway, 'AWS::Lambda::EventSourceMapping');
    expect(mapping?.[1].Properties).toMatchObject({
      StartingPosition: 'TRIM_HORIZON',
      ParallelizationFactor: 1,
      TumblingWindowInSeconds: 900,
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 10,
      MaximumRecordAgeInSeconds: 3_600,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      DestinationConfig: {
        OnFailure: { Destination: { 'Fn::GetAtt': [expect.stringMatching(/ProjectorFailures/), 'Arn'] } },
      },
    });
    const { Filters: filters } = (mapping?.[1].Properties['FilterCriteria'] ?? {}) as {
      Filters?: { Pattern: string }[];
    };
    expect(filters?.map(({ Pattern }) => JSON.parse(Pattern))).toEqual([
      { eventName: ['INSERT', 'MODIFY'], dynamodb: { NewImage: { state: { S: ['settled', 'lost'] } } } },
    ]);
  });

  test('closes epochs every five minutes, and failures of that reach a queue', () => {
    const [rule] = ofType(gateway, 'AWS::Events::Rule');
    expect(rule?.[1].Properties).toMatchObject({ ScheduleExpression: 'rate(5 minutes)', State: 'ENABLED' });
    const [invoke] = ofType(gateway, 'AWS::Lambda::EventInvokeConfig');
    expect(JSON.stringify(invoke?.[1].Properties['DestinationConfig'])).toContain('CloserFailures');
    expect(JSON.stringify(rule?.[1].Properties['Targets'])).toMatch(/DeadLetterConfig.*CloserFailures/);
  });

  test('queues are encrypted and take nothing unencrypted', () => {
    for (const [, { Properties }] of ofType(gateway, 'AWS::SQS::Queue'))
      expect(Properties['SqsManagedSseEnabled']).toBe(true);
    for (const [, { Properties }] of ofType(gateway, 'AWS::SQS::QueuePolicy'))
      expect(JSON.stringify(Properties)).toContain('"aws:SecureTransport":"false"');
  });

  test('alarms look at every way in which it can stand still', () => {
    const ids = ofType(gateway, 'AWS::CloudWatch::Alarm').map(([id]) => id.slice(0, -8));
    // Those over cost and over what clients see: cost-dashboard.test.ts, reliability-dashboard.test.ts.
    expect(ids.filter((id) => id.startsWith('GatewayAlarms')).map((id) => id.slice('GatewayAlarms'.length))).toEqual([
      'GatewayErrors',
      'GatewayThrottles',
      'ProjectorBehind',
      'ProjectorGaveUp',
      'EscalationFailed',
      'CloserFailed',
      'CloserSilent',
      'AuditFound',
      'ProberFailed',
      'PinWatchFailed',
      'PinRetires',
    ]);
  });
});

const ROLES = {
  gateway: 'GatewayFunctionRole',
  projector: 'GatewayPipelineProjectorRole',
  closer: 'GatewayPipelineCloserRole',
  auditor: 'GatewayPipelineAuditorRole',
};

/** `GatewayStateLedger…` → `Ledger`, with `.StreamArn` where it is the stream. */
const tableOf = (resource: unknown): string => {
  const [id = '', attribute] = (resource as { 'Fn::GetAtt'?: [string, string] })['Fn::GetAtt'] ?? [];
  return id.replace(/^GatewayState|.{8}$/g, '') + (attribute === 'Arn' ? '' : `.${attribute}`);
};

const tableGrantsOf = (statements: Statement[]): Record<string, string[]> => {
  const grants: Record<string, string[]> = {};
  for (const { Action, Resource } of statements) {
    const actions = listOf(Action).flatMap((action) => /^dynamodb:(.+)$/.exec(action)?.[1] ?? []);
    if (actions.length > 0)
      for (const resource of listOf(Resource))
        grants[tableOf(resource)] = [...(grants[tableOf(resource)] ?? []), ...actions].sort();
  }
  return grants;
};

describe('least privilege', () => {
  test('no action of any policy is a wildcard, and nothing is granted on everything but what knows no resources', () => {
    const statements = ofType(gateway, 'AWS::IAM::Policy').flatMap(
      ([, { Properties }]) => (Properties['PolicyDocument'] as { Statement: Statement[] }).Statement,
    );
    expect(statements.length).toBeGreaterThan(8);
    for (const { Action, Resource } of statements) {
      expect(listOf(Action).filter((action) => action.includes('*'))).toEqual([]);
      if (Action !== 'bedrock:ListFoundationModels') expect(listOf(Resource)).not.toContain('*');
    }
  });

  test('each function has a role of its own, with no policy of AWS', () => {
    const roles = ofType(gateway, 'AWS::Lambda::Function').map(
      ([, { Properties }]) => (Properties['Role'] as { 'Fn::GetAtt': string[] })['Fn::GetAtt'][0],
    );
    expect(new Set(roles).size).toBe(roles.length);
    for (const role of roles) expect(gateway.resources[role ?? '']?.Properties).not.toHaveProperty('ManagedPolicyArns');
  });

  // What the gateway was seen to use: test/real/lambda-runtime.test.ts, which fails for a right too many or too few.
  test('functions may do this on these tables, and no more', () => {
    expect(tableGrantsOf(statementsOf(gateway, ROLES.gateway))).toEqual({
      Access: ['GetItem'],
      Limits: ['BatchGetItem', 'GetItem', 'PutItem', 'UpdateItem'],
      Targets: ['BatchGetItem', 'UpdateItem'],
      Ledger: ['GetItem', 'PutItem', 'UpdateItem'],
      Accounts: ['BatchGetItem', 'ConditionCheckItem', 'GetItem', 'PutItem', 'UpdateItem'],
      Responses: ['GetItem', 'UpdateItem'],
    });
    expect(tableGrantsOf(statementsOf(gateway, ROLES.projector))).toEqual({
      Accounts: ['UpdateItem'],
      Targets: ['GetItem', 'UpdateItem'],
      'Ledger.StreamArn': ['DescribeStream', 'GetRecords', 'GetShardIterator', 'ListStreams'],
    });
    expect(tableGrantsOf(statementsOf(gateway, ROLES.closer))).toEqual({
      Accounts: ['BatchGetItem', 'GetItem', 'PutItem', 'UpdateItem'],
      Ledger: ['Query', 'UpdateItem'],
    });
    expect(tableGrantsOf(statementsOf(gateway, ROLES.auditor))).toEqual({
      Accounts: ['BatchGetItem', 'GetItem', 'PutItem', 'Scan', 'UpdateItem'],
      Ledger: ['GetItem', 'Query'],
    });
  });

  const CALLS = ['bedrock:InvokeModel', 'bedrock:InvokeModelWithResponseStream'];

  test('the gateway reads the secrets that its configuration names, and calls the models that it names', () => {
    const statements = statementsOf(gateway, ROLES.gateway);
    const secrets = statements.filter(({ Action }) => listOf(Action).some((action) => action.startsWith('secrets')));
    expect(secrets.map(({ Action }) => Action)).toEqual(['secretsmanager:GetSecretValue']);
    const named = JSON.stringify(secrets);
    expect(named).toContain(':secret:tollgate/openai-??????');
    expect(named).toContain(':secret:tollgate/anthropic-??????');
    expect(listOf(secrets[0]?.Resource)).toHaveLength(2);

    const models = statements.filter(({ Action }) => listOf(Action).some((action) => action.startsWith('bedrock')));
    expect(models.map(({ Action }) => listOf(Action))).toEqual([CALLS, CALLS, ['bedrock:CountTokens']]);
    const text = JSON.stringify(models);
    expect(text).toContain(':inference-profile/us.anthropic.claude-haiku-4-5-20251001-v1:0');
    expect(text).toContain(':bedrock:*::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0');
    expect(models[1]?.Condition).toHaveProperty('StringEquals');
  });

  test('a configuration without secrets and Bedrock gives no right to any', () => {
    const simulated = synthGateway({
      config: {
        providers: { demo: { kind: 'simulator' } },
        models: { demo: { targets: [{ provider: 'demo', model: 'echo' }] } },
      },
    });
    const text = JSON.stringify(statementsOf(simulated, ROLES.gateway));
    expect(text).not.toContain('secretsmanager');
    expect(text).not.toContain('bedrock');
  });
});

test('a stack with a configuration that can not be deployed is not made', () => {
  const providers = { ...DEPLOYABLE.providers, x: { kind: 'openai', apiKey: 'env:X' } } as const;
  expect(() => synthGateway({ config: { ...DEPLOYABLE, providers } })).toThrow(/providers\.x\.apiKey/);
});
