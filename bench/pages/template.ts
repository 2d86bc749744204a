import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { HostedZone } from 'aws-cdk-lib/aws-route53';
import { Topic } from 'aws-cdk-lib/aws-sns';
import cdkJson from '../../cdk.json' with { type: 'json' };
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { AiGateway, type AiGatewayProps } from '../../lib/ai-gateway.ts';
import prod from '../../stages/prod.config.ts';
import { type Bundle, bundleFunctions } from '../../test/real/support/bundle-gateway.ts';
import { cachedDeployable } from '../../test/support/cached-deployable.ts';
import type { Resource } from '../../test/support/synth-gateway.ts';

/** By logical id. */
export type Resources = Record<string, Resource>;

/** The stack that the generated pages describe: the production stage, as `npx cdk deploy -c stage=prod` makes it. */
export const DESCRIBED: GatewayConfig = prod;

const resourcesWith = (outdir: string, props: (stack: Stack) => Partial<AiGatewayProps>): Resources => {
  const app = new App({ outdir, context: { ...cdkJson.context, 'aws:cdk:bundling-stacks': [] } });
  const stack = new Stack(app, 'Tollgate-prod');
  new AiGateway(stack, 'Gateway', { config: DESCRIBED, ...props(stack) });
  return Template.fromStack(stack).toJSON().Resources;
};

/** Its resources, without bundling any code. */
export const describedResources = (outdir: string): Resources => resourcesWith(outdir, () => ({}));

/** The same with everything that can be asked for: a domain with its zone, a firewall, alarms that are told, a semantic cache. */
export const fullResources = (outdir: string): Resources =>
  resourcesWith(outdir, (stack) => ({
    config: cachedDeployable(),
    firewall: { requestsPer5Minutes: 2_000 },
    alarmTopic: Topic.fromTopicArn(stack, 'Topic', 'arn:aws:sns:us-east-1:111122223333:alarms'),
    domain: {
      name: 'ai.example.com',
      certificate: Certificate.fromCertificateArn(
        stack,
        'Certificate',
        'arn:aws:acm:us-east-1:111122223333:certificate/12345678-1234-1234-1234-123456789012',
      ),
      zone: HostedZone.fromHostedZoneAttributes(stack, 'Zone', { hostedZoneId: 'Z1', zoneName: 'example.com' }),
    },
  }));

/** Its functions' code, bundled. @returns by logical id without the hash */
export const describedBundles = (): Record<string, Bundle> => bundleFunctions(DESCRIBED);

/** `GatewayPipelineCloser1A2B3C4D` → `GatewayPipelineCloser` */
export const withoutHash = (logicalId: string): string => logicalId.replace(/[0-9A-F]{8}$/, '');

/** Every logical id that a value refers to. */
export const referredTo = (value: unknown): string[] => {
  if (Array.isArray(value)) return value.flatMap(referredTo);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    if (name === 'Ref' && typeof inner === 'string') return [inner];
    if (name === 'Fn::GetAtt' && Array.isArray(inner)) return [String(inner[0])];
    return referredTo(inner);
  });
};
