import { App, Stack } from 'aws-cdk-lib';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { loadConfigFile } from '../lambdas/adapters/config-file/load-config-file.ts';
import { problemText } from '../lambdas/contract/config-problem.ts';
import { configOfStage, STAGES, stackOfStage } from '../lambdas/contract/stack-outputs.ts';
import { AiGateway } from '../lib/ai-gateway.ts';

/**
 * The CDK app behind `npx cdk deploy`. Context (`-c name=value`):
 *
 *   stage             dev (default) or prod: the configuration stages/<stage>.config.ts, the stack Tollgate-<stage>
 *   config            another configuration file
 *   alarmTopicArn     where alarms are told
 *   today             the day that pinned model versions are judged by (YYYY-MM-DD): what would fail then
 *   responseTransfer  buffered, for an emulator that can't stream
 */
const app = new App();

const contextOf = <const T extends string>(name: string, allowed?: readonly T[]): T | undefined => {
  const value: unknown = app.node.tryGetContext(name);
  if (value === undefined) return undefined;
  if (typeof value === 'string' && (allowed === undefined || allowed.includes(value as T))) return value as T;
  throw new TypeError(`-c ${name}: expected ${allowed?.join(' or ') ?? 'text'}, got ${JSON.stringify(value)}`);
};

const stage = contextOf('stage', STAGES) ?? 'dev';
const file = contextOf('config') ?? configOfStage(stage);
const responseTransfer = contextOf('responseTransfer', ['stream', 'buffered']) ?? 'stream';
const alarmTopicArn = contextOf('alarmTopicArn');
const today = contextOf('today');

const loaded = await loadConfigFile(file);
if (!loaded.ok)
  throw new Error(`${file} can't be deployed:\n${loaded.problems.map((one) => `  ${problemText(one)}`).join('\n')}`);

const stack = new Stack(app, stackOfStage(stage), {
  description: 'Tollgate, an AI gateway',
  terminationProtection: stage === 'prod',
});
new AiGateway(stack, 'Gateway', {
  config: loaded.config,
  responseTransfer,
  retainState: stage === 'prod',
  ...(today !== undefined && { today }),
  ...(alarmTopicArn !== undefined && { alarmTopic: Topic.fromTopicArn(stack, 'AlarmTopic', alarmTopicArn) }),
});
