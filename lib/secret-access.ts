import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import type { GatewayConfig } from '../lambdas/contract/config.ts';

const PREFIX = 'secret:';
/** Secrets Manager ends every secret's ARN with a hyphen and six characters of its own. */
const SUFFIX = '-??????';

/** The right to read the provider keys that the configuration names. The stack makes none of them: it never sees a key. */
export const secretStatements = (scope: Construct, config: GatewayConfig): PolicyStatement[] => {
  const stack = Stack.of(scope);
  const names = Object.values(config.providers).flatMap((provider) =>
    'apiKey' in provider && provider.apiKey?.startsWith(PREFIX) ? [provider.apiKey.slice(PREFIX.length)] : [],
  );
  const arnOf = (name: string): string =>
    `arn:${stack.partition}:secretsmanager:${stack.region}:${stack.account}:secret:${name}${SUFFIX}`;
  const resources = [...new Set(names)].map(arnOf);
  return resources.length === 0 ? [] : [new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources })];
};
