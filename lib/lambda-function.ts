import { join } from 'node:path';
import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { ApplicationLogLevel, Architecture, LoggingFormat, Runtime, SystemLogLevel } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

export interface LambdaFunctionProps {
  /** Folder under lambdas/ whose handler.ts it runs. */
  readonly folder:
    | 'gateway'
    | 'ledger-projector'
    | 'ledger-closer'
    | 'ledger-auditor'
    | 'circuit-probe'
    | 'budget-step';
  readonly description: string;
  readonly memoryMb: number;
  readonly timeout: Duration;
  readonly environment: Record<string, string>;
  /** By name, what an `import` of that name in the code is replaced with. */
  readonly aliases?: Record<string, string>;
  /** The parts that this configuration needs. */
  readonly parts?: readonly Part[];
}

const ROOT = join(import.meta.dirname, '..');

/** How long what functions and the front door log is kept. */
export const LOG_RETENTION = RetentionDays.THREE_MONTHS;

/** What the SDK loads only where a function lacks credentials of its own, which never happens on Lambda: a sixth of the bundle. */
const NEVER_LOADED = [
  '@aws-sdk/credential-provider-http',
  '@aws-sdk/credential-provider-ini',
  '@aws-sdk/credential-provider-login',
  '@aws-sdk/credential-provider-process',
  '@aws-sdk/credential-provider-sso',
  '@aws-sdk/credential-provider-web-identity',
  '@aws-sdk/nested-clients',
  '@smithy/credential-provider-imds',
];

/**
 * Parts that only some configurations need: files of their own beside the bundle, which it loads when it wants them
 * (package.json, "imports").
 */
const PARTS = {
  '#bedrock-sdk': 'lambdas/adapters/bedrock/bedrock-sdk.ts',
  '#simulator': 'lambdas/adapters/simulator/make-simulator.ts',
} as const;

export type Part = keyof typeof PARTS;

const fileOf = (part: Part): string => `./${part.slice(1)}.mjs`;

const COMMON_ARGUMENTS = { '--legal-comments': 'none', '--charset': 'utf8' };

/** The command that bundles a part as the function itself is bundled. */
const bundlePart = (part: Part, outputDir: string): string =>
  [
    'npx --no-install esbuild',
    PARTS[part],
    '--bundle --minify --platform=node --format=esm --target=node24 --main-fields=module,main',
    ...NEVER_LOADED.map((name) => `--external:${name}`),
    ...Object.entries(COMMON_ARGUMENTS).map(([name, value]) => `${name}=${value}`),
    `--banner:js=${JSON.stringify(BANNER)}`,
    `--log-level=warning --outfile=${JSON.stringify(join(outputDir, fileOf(part)))}`,
  ].join(' ');

/** CommonJS parts inside an ES module ask for `require`. */
const BANNER =
  "import{createRequire as tollgateRequire}from'node:module';const require=tollgateRequire(import.meta.url);";

/**
 * One function with a role of its own that may write its own log and nothing else, Node 24 on arm64, its code and every
 * dependency in one ES module.
 */
export const makeLambdaFunction = (scope: Construct, id: string, props: LambdaFunctionProps): NodejsFunction => {
  const { folder, description, memoryMb, timeout, environment, aliases = {}, parts = [] } = props;
  const allParts = Object.keys(PARTS) as Part[];
  const replaced = { ...Object.fromEntries(allParts.map((part) => [part, fileOf(part)])), ...aliases };
  const logGroup = new LogGroup(scope, `${id}Log`, {
    retention: LOG_RETENTION,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const role = new Role(scope, `${id}Role`, { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
  logGroup.grantWrite(role);
  return new NodejsFunction(scope, id, {
    entry: join(ROOT, 'lambdas', folder, 'handler.ts'),
    projectRoot: ROOT,
    depsLockFilePath: join(ROOT, 'package-lock.json'),
    handler: 'handler',
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
    awsSdkConnectionReuse: false,
    environment,
    bundling: {
      format: OutputFormat.ESM,
      target: 'node24',
      mainFields: ['module', 'main'],
      minify: true,
      banner: BANNER,
      // The SDK comes along, at the version that was tested: Lambda's own changes by itself, and starts slower.
      bundleAwsSDK: true,
      externalModules: [...NEVER_LOADED, ...allParts.map(fileOf)],
      esbuildArgs: {
        ...COMMON_ARGUMENTS,
        ...Object.fromEntries(Object.entries(replaced).map(([name, file]) => [`--alias:${name}`, file])),
      },
      commandHooks: {
        beforeBundling: () => [],
        beforeInstall: () => [],
        afterBundling: (_inputDir, outputDir) => parts.map((part) => bundlePart(part, outputDir)),
      },
    },
  });
};
