import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Stage, Validations } from 'aws-cdk-lib';
import type { Function as Lambda } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import type { DeployedConfig } from '../lambdas/catalogue/deployed-config.ts';
import type { GatewayConfig } from '../lambdas/contract/config.ts';
import { bedrockStatements, type Callers, modelsBehindProfiles } from './bedrock-access.ts';
import type { LambdaFunctionProps } from './lambda-function.ts';
import { secretStatements } from './secret-access.ts';

/** What goes into the bundle of a function that calls the providers which the configuration names. */
export const providerCode = (
  scope: Construct,
  deployed: DeployedConfig,
): Required<Pick<LambdaFunctionProps, 'aliases'>> => ({
  aliases: { 'tollgate:config': writeConfig(scope, deployed) },
});

/** The rights to call the providers that the configuration names: their keys, and Bedrock's models. */
export const grantProviders = (
  scope: Construct,
  grantee: Lambda,
  config: GatewayConfig,
  callers: Callers = 'gateway',
): void => {
  const keys = secretStatements(scope, callers === 'gateway' ? config : withTargetsProviders(config));
  for (const statement of [...keys, ...bedrockStatements(scope, config, callers)]) grantee.addToRolePolicy(statement);
  for (const model of modelsBehindProfiles(config, callers))
    Validations.of(scope).acknowledge({
      id: `AwsSolutions::AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:bedrock:*::foundation-model/${model}]`,
      reason:
        'An inference profile sends a call to any of its regions, which AWS may extend; the condition allows it through that profile only.',
    });
};

/** Without providers that no model's target names, such as one that only makes the vectors of the semantic cache. */
const withTargetsProviders = (config: GatewayConfig): GatewayConfig => {
  const named = new Set(Object.values(config.models).flatMap(({ targets }) => targets.map(({ provider }) => provider)));
  return {
    ...config,
    providers: Object.fromEntries(Object.entries(config.providers).filter(([name]) => named.has(name))),
  };
};

/** Writes what the bundle takes in. The name is the content's, so that several gateways of one app keep apart. */
const writeConfig = (scope: Construct, deployed: DeployedConfig): string => {
  const text = JSON.stringify(deployed);
  const folder = resolve(Stage.of(scope)?.outdir ?? 'cdk.out');
  const file = join(folder, `tollgate-config.${createHash('sha256').update(text).digest('hex').slice(0, 16)}.json`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, text);
  return file;
};
