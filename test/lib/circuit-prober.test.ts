import { describe, expect, test } from '@jest/globals';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { cachedDeployable } from '../support/cached-deployable.ts';
import { DEPLOYABLE } from '../support/deployable.ts';
import { listOf, ofType, type Resource, type Statement, statementsOf, synthGateway } from '../support/synth-gateway.ts';

const gateway = synthGateway();

const only = (type: string, part: string): Resource['Properties'] => {
  const found = ofType(gateway, type).filter(([id]) => id.includes(part));
  if (found.length !== 1) throw new Error(`expected one ${type} ${part}, got ${found.map(([id]) => id)}`);
  return found[0]?.[1].Properties ?? {};
};

const rule = only('AWS::Events::Rule', 'ProberWhileOpen');
const prober = only('AWS::Lambda::Function', 'ProberFunction');
const statements = statementsOf(gateway, 'GatewayProberFunctionRole');
const withAction = (action: RegExp): Statement[] =>
  statements.filter(({ Action }) => listOf(Action).some((one) => action.test(one)));

describe('the rule', () => {
  test('ticks every minute, to the prober alone, and is off until the prober puts it on', () => {
    expect(rule).toMatchObject({ ScheduleExpression: 'rate(1 minute)', State: 'DISABLED' });
    expect(rule['Targets']).toEqual([
      expect.objectContaining({ Arn: { 'Fn::GetAtt': [expect.stringMatching(/^GatewayProberFunction/), 'Arn'] } }),
    ]);
  });

  test('is the one that the function knows and may switch, and it may switch no other', () => {
    const { Variables: variables } = prober['Environment'] as { Variables: Record<string, unknown> };
    expect(variables['TOLLGATE_PROBE_RULE']).toBe(rule['Name']);
    const [grant, ...more] = withAction(/^events:/);
    expect(more).toEqual([]);
    expect(grant?.Action).toEqual(['events:DisableRule', 'events:EnableRule']);
    expect(grant?.Resource).toEqual({ 'Fn::Join': ['', expect.arrayContaining([`:rule/${rule['Name']}`])] });
  });

  test('has a name of its own in each stack and gateway, short enough for EventBridge', () => {
    expect(String(rule['Name'])).toMatch(/^Tollgate-Gateway-Prober-[\w-]+$|^TollgateGatewayProber\w+$/);
    expect(String(rule['Name']).length).toBeLessThanOrEqual(64);
  });
});

describe('the stream', () => {
  const mapping = only('AWS::Lambda::EventSourceMapping', 'ProberOpenings');

  test('lets nothing through to the prober but open circuits', () => {
    const { Filters: filters } = mapping['FilterCriteria'] as { Filters: { Pattern: string }[] };
    expect(filters.map(({ Pattern }) => JSON.parse(Pattern))).toEqual([
      { eventName: ['INSERT', 'MODIFY'], dynamodb: { NewImage: { state: { S: ['open'] } } } },
    ]);
  });

  test('tries again when the rule could not be put on, and then gives up into a queue', () => {
    expect(mapping).toMatchObject({
      EventSourceArn: { 'Fn::GetAtt': [expect.stringMatching(/^GatewayStateTargets/), 'StreamArn'] },
      MaximumRetryAttempts: 10,
      DestinationConfig: {
        OnFailure: { Destination: { 'Fn::GetAtt': [expect.stringMatching(/ProberFailures/), 'Arn'] } },
      },
    });
  });
});

describe('the function', () => {
  test('has time for its period, a probe and the stores', () => {
    expect(prober['Timeout']).toBe(120);
  });

  test('is tried again once when a round fails, which then reaches the queue', () => {
    expect(only('AWS::Lambda::EventInvokeConfig', 'Prober')).toMatchObject({ MaximumRetryAttempts: 1 });
    expect(JSON.stringify(only('AWS::Lambda::EventInvokeConfig', 'Prober'))).toContain('ProberFailures');
    expect(JSON.stringify(rule['Targets'])).toMatch(/DeadLetterConfig.*ProberFailures/);
  });

  // What it was seen to use: test/real/dynamodb-prober.test.ts, which fails for a right too many or too few.
  test('may do this on these tables, and no more', () => {
    const grants: Record<string, string[]> = {};
    for (const { Action, Resource } of withAction(/^dynamodb:/))
      for (const resource of listOf(Resource)) {
        const [id = '', attribute = ''] = (resource as { 'Fn::GetAtt': string[] })['Fn::GetAtt'];
        const table = `${id.replace(/^GatewayState|.{8}$/g, '')}${attribute === 'Arn' ? '' : `.${attribute}`}`;
        grants[table] = [...(grants[table] ?? []), ...listOf(Action).map((action) => action.slice(9))].sort();
      }
    expect(grants).toEqual({
      Targets: ['BatchGetItem', 'Scan', 'UpdateItem'],
      'Targets.StreamArn': ['DescribeStream', 'GetRecords', 'GetShardIterator', 'ListStreams'],
      Limits: ['GetItem', 'UpdateItem'],
      Ledger: ['PutItem', 'UpdateItem'],
      Accounts: ['GetItem', 'UpdateItem'],
    });
  });

  const ofProviders = (of: typeof gateway, role: string): Statement[] =>
    statementsOf(of, role).filter(({ Action }) => listOf(Action).some((one) => /^(secretsmanager|bedrock):/.test(one)));

  test('may call the models and read the keys of all targets as the gateway may, and count no tokens', () => {
    const ofGateway = ofProviders(gateway, 'GatewayFunctionRole');
    const called = ofGateway.filter(({ Action }) => Action !== 'bedrock:CountTokens');
    expect(called.length).toBe(ofGateway.length - 1);
    expect(ofProviders(gateway, 'GatewayProberFunctionRole')).toEqual(called);
  });

  test('may not ask the semantic cache’s embedder, nor read a key that only this one needs', () => {
    const probes = (more: Partial<GatewayConfig>): string =>
      JSON.stringify(
        ofProviders(synthGateway({ config: { ...cachedDeployable(), ...more } }), 'GatewayProberFunctionRole'),
      );
    expect(probes({})).not.toContain('titan');
    const vectors = { kind: 'openai', apiKey: 'secret:tollgate/vectors' } as const;
    const ofVectors = probes({
      providers: { ...DEPLOYABLE.providers, vectors },
      semanticCache: {
        embedder: { provider: 'vectors', model: 'text-embedding-3-small' },
        index: { domain: {} },
      },
    });
    expect(ofVectors).toContain('tollgate/openai');
    expect(ofVectors).not.toContain('tollgate/vectors');
    // cachedDeployable's only target is OpenAI's.
    expect(ofVectors).not.toContain('tollgate/anthropic');
  });
});

test('two gateways in one stack do not switch each other’s rules', async () => {
  const { AiGateway } = await import('../../lib/ai-gateway.ts');
  const both = synthGateway((stack) => {
    new AiGateway(stack, 'Second', { config: DEPLOYABLE });
    return {};
  });
  const names = ofType(both, 'AWS::Events::Rule').flatMap(([, { Properties }]) => Properties['Name'] ?? []);
  expect(new Set(names).size).toBe(2);
});
