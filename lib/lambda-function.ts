import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  ApplicationLogLevel,
  Architecture,
  Function as Lambda,
  LoggingFormat,
  Runtime,
  SystemLogLevel,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { bundleFunction } from './bundle-function.ts';

export interface LambdaFunctionProps {
  /** Folder under lambdas/ whose handler.ts it runs. */
  readonly folder:
    | 'gateway'
    | 'ledger-projector'
    | 'ledger-closer'
    | 'ledger-auditor'
    | 'circuit-probe'
    | 'budget-step'
    | 'pin-watch'
    | 'cache-keeper';
  readonly description: string;
  readonly memoryMb: number;
  readonly timeout: Duration;
  readonly environment: Record<string, string>;
  /** By name, what an `import` of that name in the code is replaced with. */
  readonly aliases?: Record<string, string>;
}

/** How long what functions and the front door log is kept. */
export const LOG_RETENTION = RetentionDays.THREE_MONTHS;

/**
 * One function with a role of its own that may write its own log and nothing else, Node 24 on arm64, its code and every
 * dependency bundled.
 */
export const makeLambdaFunction = (scope: Construct, id: string, props: LambdaFunctionProps): Lambda => {
  const { folder, description, memoryMb, timeout, environment, aliases = {} } = props;
  const logGroup = new LogGroup(scope, `${id}Log`, {
    retention: LOG_RETENTION,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const role = new Role(scope, `${id}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  logGroup.grantWrite(role);
  return new Lambda(scope, id, {
    code: bundleFunction(folder, aliases),
    handler: 'index.handler',
    description,
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    memorySize: memoryMb,
    timeout,
    role,
    logGroup,
    loggingFormat: LoggingFormat.JSON,
    applicationLogLevelV2: ApplicationLogLevel.INFO,
    // A start, end and report line a request would cost more than the request; what they say is in the metrics.
    systemLogLevelV2: SystemLogLevel.WARN,
    environment,
  });
};
