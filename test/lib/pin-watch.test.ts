import { describe, expect, test } from '@jest/globals';
import { App, Stack } from 'aws-cdk-lib';
import cdkJson from '../../cdk.json' with { type: 'json' };
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { AiGateway } from '../../lib/ai-gateway.ts';
import { checkDeployedConfig } from '../../lib/check-deployed-config.ts';
import { DEPLOYABLE } from '../support/deployable.ts';
import { listOf, ofType, type Resource, statementsOf, synthGateway } from '../support/synth-gateway.ts';

const gateway = synthGateway({ config: { ...DEPLOYABLE, alerts: { email: ['a@example.com'] } } });

const only = (type: string, part: string): Resource['Properties'] => {
  const found = ofType(gateway, type).filter(([id]) => id.includes(part));
  if (found.length !== 1) throw new Error(`expected one ${type} ${part}, got ${found.map(([id]) => id)}`);
  return found[0]?.[1].Properties ?? {};
};
const arnOf = (id: RegExp) => ({ 'Fn::GetAtt': [expect.stringMatching(id), 'Arn'] });

describe('the watcher of pins', () => {
  test('runs once a day, is tried again, and gives up into a queue', () => {
    expect(only('AWS::Events::Rule', 'PinsEveryMorning')).toMatchObject({
      ScheduleExpression: 'cron(17 6 * * ? *)',
      State: 'ENABLED',
      Targets: [{ Arn: arnOf(/^GatewayPinsFunction/), DeadLetterConfig: { Arn: arnOf(/^GatewayPinsFailures/) } }],
    });
    expect(only('AWS::Lambda::EventInvokeConfig', 'Pins')).toMatchObject({
      MaximumRetryAttempts: 2,
      DestinationConfig: { OnFailure: { Destination: arnOf(/^GatewayPinsFailures/) } },
    });
    // Its claims last longer than it may run, and less than the minute after which a failed run is tried again.
    expect(only('AWS::Lambda::Function', 'PinsFunction')['Timeout']).toBe(30);
  });

  test('may remember pins, send events of its kind, and nothing else', () => {
    const statements = statementsOf(gateway, 'GatewayPinsFunctionRole').filter(
      ({ Action }) => !listOf(Action).some((action) => /^(logs|sqs):/.test(action)),
    );
    expect(statements.map(({ Action }) => Action)).toEqual([
      ['dynamodb:BatchGetItem', 'dynamodb:UpdateItem'],
      'events:PutEvents',
      'bedrock:ListFoundationModels',
    ]);
    // Where pins are remembered are the keys, too.
    expect(statements[0]?.Condition).toEqual({ 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['pin#*'] } });
    expect(statements[1]?.Condition).toEqual({
      StringEquals: { 'events:source': 'tollgate', 'events:detail-type': 'Tollgate Pin' },
    });
  });

  test.each<[string, GatewayConfig['providers'], string]>([
    ['nothing is Bedrock’s', DEPLOYABLE.providers, 'anthropic'],
    [
      'Bedrock is called with a key of its own',
      { bedrock: { kind: 'bedrock', regions: ['us-east-1'], apiKey: 'secret:tollgate/bedrock' } },
      'bedrock',
    ],
  ])('may not ask Bedrock where %s', (_, providers, provider) => {
    const model = provider === 'bedrock' ? 'us.anthropic.claude-haiku-4-5-20251001-v1:0' : 'claude-haiku-4-5-20251001';
    const config = { ...DEPLOYABLE, providers, models: { assistant: { targets: [{ provider, model }] } } };
    const actions = statementsOf(synthGateway({ config }), 'GatewayPinsFunctionRole').flatMap(({ Action }) => Action);
    expect(actions).toContain('events:PutEvents');
    expect(actions).not.toContain('bedrock:ListFoundationModels');
  });

  test('its events go to the people who are told of budgets, those of other gateways do not', () => {
    expect(only('AWS::Events::Rule', 'PinsTell')).toMatchObject({
      EventPattern: {
        source: ['tollgate'],
        'detail-type': ['Tollgate Pin'],
        resources: [arnOf(/^GatewayPinsFunction/)],
      },
      Targets: [
        {
          Arn: { Ref: expect.stringMatching(/^GatewayPinsNotices/) },
          InputPath: '$.detail.message',
          DeadLetterConfig: { Arn: arnOf(/^GatewayPinsFailures/) },
        },
      ],
    });
    expect(only('AWS::SNS::Subscription', 'PinsNotices')).toMatchObject({
      Protocol: 'email',
      Endpoint: 'a@example.com',
    });
  });

  test('the alarm looks at the alias with the fewest days', () => {
    expect(only('AWS::CloudWatch::Alarm', 'PinRetires')).toMatchObject({
      MetricName: 'DaysToSunset',
      Statistic: 'Minimum',
      Threshold: 7,
      ComparisonOperator: 'LessThanOrEqualToThreshold',
      EvaluationPeriods: 2,
      DatapointsToAlarm: 1,
    });
  });
});

const pinnedTo = (model: string, more: object = {}): GatewayConfig => ({
  providers: { openai: { kind: 'openai', apiKey: 'secret:tollgate/openai' } },
  models: { assistant: { targets: [{ provider: 'openai', model, ...more }] } },
});
const RETIRED = Date.parse('2026-12-11');

describe('a synth', () => {
  test('fails for a version that has retired, with the way out, from that day on', () => {
    const config = pinnedTo('gpt-5-2025-08-07');
    expect(() => checkDeployedConfig(config, RETIRED - 1)).not.toThrow();
    expect(() => checkDeployedConfig(config, RETIRED)).toThrow(
      /models\.assistant\.targets\[0\]\.model: "gpt-5-2025-08-07" retired on 2026-12-11 \(developers\.openai\.com.*\); replaced by gpt-6\.1-sol: \$1\.25 → \$2 in, .*Take another model, or leave the target out\..*lifecycle: \{ retires: 'DATE' \}/,
    );
  });

  test('takes its owner’s word for it that it is still served', () => {
    for (const retires of ['2027-06-30', 'never'])
      expect(() =>
        checkDeployedConfig(pinnedTo('gpt-5-2025-08-07', { lifecycle: { retires } }), RETIRED),
      ).not.toThrow();
    const own = pinnedTo('gpt-5.4-2026-03-05', { lifecycle: { retires: '2026-12-01' } });
    expect(() => checkDeployedConfig(own, RETIRED)).toThrow(/retired on 2026-12-01 \(configuration\)/);
  });

  test('warns of one that retires within 90 days, and of no other; the day is the one it is given', () => {
    const warningsOn = (today: string): string[] => {
      const app = new App({ context: { ...cdkJson.context, 'aws:cdk:bundling-stacks': [] } });
      const stack = new Stack(app, 'Tollgate');
      const { node } = new AiGateway(stack, 'Gateway', { config: pinnedTo('gpt-5-2025-08-07'), today });
      return node.metadata.filter(({ type }) => type === 'aws:cdk:warning').map(({ data }) => String(data));
    };
    expect(warningsOn('2026-09-11')).toEqual([]);
    expect(warningsOn('2026-09-12')).toEqual([
      expect.stringMatching(
        /^openai\/gpt-5-2025-08-07 \(assistant\) retires 2026-12-11, in 90 days .*replaced by gpt-6\.1-sol/,
      ),
    ]);
    expect(() => warningsOn('2026-12-11')).toThrow(/retired on 2026-12-11/);
    expect(() => warningsOn('tomorrow')).toThrow(/today: expected a day such as "2027-01-31", got "tomorrow"/);
  });
});
