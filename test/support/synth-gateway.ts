import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { AiGateway, type AiGatewayProps } from '../../lib/ai-gateway.ts';
import { DEPLOYABLE } from './deployable.ts';

/** Of a CloudFormation template, what the tests look at. */
export interface Resource {
  Type: string;
  Properties: Record<string, unknown>;
  DeletionPolicy?: string;
  UpdateReplacePolicy?: string;
}

export interface SynthesisedGateway {
  template: Template;
  resources: Record<string, Resource>;
  /** By logical id. */
  outputs: Record<string, { Value: unknown }>;
}

/** A stack with one gateway, without bundling any code: the template alone. */
export const synthGateway = (
  props: Partial<AiGatewayProps> | ((stack: Stack) => Partial<AiGatewayProps>) = {},
  context: Record<string, unknown> = {},
): SynthesisedGateway => {
  // The same path each time, since it goes into the hash that stands for code which is not bundled.
  const outdir = join(tmpdir(), `tollgate-synth-${process.pid}`);
  try {
    const app = new App({ outdir, context: { ...cdkJson.context, 'aws:cdk:bundling-stacks': [], ...context } });
    const stack = new Stack(app, 'Tollgate');
    new AiGateway(stack, 'Gateway', {
      config: DEPLOYABLE,
      today: '2026-11-23',
      ...(typeof props === 'function' ? props(stack) : props),
    });
    const template = Template.fromStack(stack);
    const { Resources, Outputs } = template.toJSON();
    return { template, resources: Resources, outputs: Outputs };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
};

/** The resources of a type, by logical id. */
export const ofType = ({ resources }: SynthesisedGateway, type: string): [string, Resource][] =>
  Object.entries(resources).filter(([, resource]) => resource.Type === type);

export interface Statement {
  Action: string | string[];
  Resource: unknown;
  Condition?: unknown;
}

/** The statements that a role has, of all its policies. @param roleId beginning of its logical id */
export const statementsOf = (gateway: SynthesisedGateway, roleId: string): Statement[] =>
  ofType(gateway, 'AWS::IAM::Policy').flatMap(([, { Properties }]) => {
    const roles = Properties['Roles'] as { Ref: string }[];
    if (!roles.some(({ Ref }) => Ref.startsWith(roleId))) return [];
    return (Properties['PolicyDocument'] as { Statement: Statement[] }).Statement;
  });

export const listOf = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);
