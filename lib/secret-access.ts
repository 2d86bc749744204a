import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { GatewayConfig } from '../lambdas/contract/config.ts';

const PREFIX = 'secret:';
/** Secrets Manager ends every secret's ARN with a hyphen and six characters of its own. */
const SUFFIX = '-??????';

/** The secrets that the configuration refers to, without `secret:`, each once. */
export const secretNames = (config: GatewayConfig): string[] => {
  const names = Object.values(config.providers).flatMap((provider) =>
    'apiKey' in provider && provider.apiKey?.startsWith(PREFIX) ? [provider.apiKey.slice(PREFIX.length)] : [],
  );
  return [...new Set(names)].sort();
};

/** Of a secret by that name, whenever it was made. */
export const secretArn = (scope: Construct, name: string): string => {
  const { partition, region, account } = Stack.of(scope);
  return `arn:${partition}:secretsmanager:${region}:${account}:secret:${name}${SUFFIX}`;
};

/** The right to read the provider keys that the configuration names. The stack makes none of them: it never sees a key. */
export const secretStatements = (scope: Construct, config: GatewayConfig): PolicyStatement[] => {
  const resources = secretNames(config).map((name) => secretArn(scope, name));
  return resources.length === 0 ? [] : [new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources })];
};
