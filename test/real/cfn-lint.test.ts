import { describe, expect, test } from '@jest/globals';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { HostedZone } from 'aws-cdk-lib/aws-route53';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { cachedDeployable } from '../support/cached-deployable.ts';
import { type SynthesisedGateway, synthGateway } from '../support/synth-gateway.ts';
import { lintTemplate } from './support/run-cfn-lint.ts';

const VARIANTS: [string, () => SynthesisedGateway][] = [
  ['as it is', () => synthGateway()],
  ['buffered', () => synthGateway({ responseTransfer: 'buffered' })],
  [
    'with a semantic cache on two nodes',
    () => synthGateway({ config: cachedDeployable({ domain: { instances: 2 } }) }),
  ],
  [
    'with everything that can be asked for',
    () =>
      synthGateway((stack) => ({
        config: cachedDeployable(),
        firewall: { requestsPer5Minutes: 2_000 },
        alarmTopic: Topic.fromTopicArn(stack, 'Topic', 'arn:aws:sns:us-east-1:111122223333:alarms'),
        retainState: false,
        domain: {
          name: 'ai.example.com',
          certificate: Certificate.fromCertificateArn(
            stack,
            'Certificate',
            'arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234-1234-1234-123456789012',
          ),
          zone: HostedZone.fromHostedZoneAttributes(stack, 'Zone', { hostedZoneId: 'Z1', zoneName: 'example.com' }),
        },
      })),
  ],
];

describe('cfn-lint', () => {
  test.each(VARIANTS)('has nothing to say of the template %s', async (_, synth) => {
    expect(await lintTemplate(synth().template.toJSON())).toEqual([]);
  });

  test('does look: an invalid value is found', async () => {
    const template = synthGateway().template.toJSON();
    for (const resource of Object.values<{ Type: string; Properties: Record<string, unknown> }>(template.Resources))
      if (resource.Type === 'AWS::DynamoDB::Table') resource.Properties['BillingMode'] = 'BY_THE_HOUR';
    expect((await lintTemplate(template)).join('\n')).toContain('BY_THE_HOUR');
  });
});
