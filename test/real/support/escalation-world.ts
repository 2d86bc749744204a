import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { SFNClient } from '@aws-sdk/client-sfn';
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import type { BudgetAccount, PendingApproval } from '../../../lambdas/core/budget/budget-store.ts';
import { type DeployedGateway, type Outputs, openDeployed } from './deployed-gateway.ts';
import { type Emulator, startEmulator } from './emulator.ts';

const STACK = 'Tollgate-prod';

/** What programs are told of an account. */
export interface Heard {
  account: string;
  state: string;
  crossed: string[];
  cap_usd: string;
  spent_usd: string;
  burn_usd_per_hour: string | null;
  cap_reached_at: string | null;
  period_ends_at: string | null;
  by: { key: string; user: string; cost_usd: string }[];
  decision?: { raised: boolean; by: string };
}

export interface Mail {
  Subject: string;
  Message: string;
}

/** A deployed gateway, somebody who listens to its budgets by both ways, and what its state machine is asked by. */
export interface EscalationWorld {
  emulator: Emulator;
  gateway: DeployedGateway;
  /** For the CLI. */
  env: Record<string, string>;
  /** ARN of the state machine, and of the topic that mail comes by. */
  machine: string;
  topic: string;
  sfn: SFNClient;
  dynamo: DynamoDBClient;
  /** The notices about an account so far, oldest first; waits for as many. */
  heard(account: string, count: number): Promise<Heard[]>;
  /** The notices about it that have come by now. */
  heardSoFar(account: string): Promise<Heard[]>;
  mailed(account: string, state: string): Promise<Mail>;
  tierOf(account: string): Promise<BudgetAccount['tier']>;
  pendingOf(account: string): Promise<PendingApproval>;
  /** Looks again and again, for half a minute at the most unless told. */
  until<T>(look: () => Promise<T | undefined>, what: string, withinMs?: number): Promise<T>;
  /** Physical id of the stack's one resource of that type and name. */
  resource(type: string, logicalId: string): Promise<string>;
  /** Bodies of all that waits in a queue. */
  receive(queue: string): Promise<string[]>;
  close(): Promise<void>;
}

/** @throws what went wrong, with nothing left running */
export const openEscalationWorld = async (config: GatewayConfig): Promise<EscalationWorld> => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-escalation-'));
  const emulator = await startEmulator({ waitScale: 0.02, timeoutScale: 0.0001 });
  try {
    const outputs = await deploy(emulator, folder, config);
    const topic = outputs['GatewayBudgetTopic'] ?? '';
    await listenTo(topic, emulator);
    const machine = await findResource(emulator, 'AWS::StepFunctions::StateMachine', 'GatewayEscalationMachine');
    return makeWorld({ emulator, folder, topic, machine, gateway: openDeployed(emulator, STACK, outputs) });
  } catch (error) {
    await emulator.stop();
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
};

const deploy = async (emulator: Emulator, folder: string, config: GatewayConfig): Promise<Outputs> => {
  const file = join(folder, 'gateway.json');
  const outputsFile = join(folder, 'outputs.json');
  writeFileSync(file, JSON.stringify(config));
  await emulator.cdk([
    ...['deploy', '--require-approval', 'never', '-c', 'stage=prod', '-c', `config=${file}`],
    ...['-c', 'responseTransfer=buffered', '--output', join(folder, 'cdk.out'), '--outputs-file', outputsFile],
  ]);
  return (JSON.parse(readFileSync(outputsFile, 'utf8')) as Record<string, Outputs>)[STACK] ?? {};
};

const sqs = (emulator: Emulator, form: Record<string, string>) =>
  emulator.ask('sqs', { form: { Version: '2012-11-05', ...form } });
const queueArn = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`;

/** Programs by the event bus, people by the topic; a queue for each. */
const listenTo = async (topic: string, emulator: Emulator): Promise<void> => {
  for (const QueueName of ['events', 'mails']) await sqs(emulator, { Action: 'CreateQueue', QueueName });
  const mails = { Protocol: 'sqs', Endpoint: queueArn('mails') };
  await emulator.ask('sns', { form: { Action: 'Subscribe', TopicArn: topic, ...mails, Version: '2010-03-31' } });
  const bus = new EventBridgeClient(emulator.client);
  await bus.send(new PutRuleCommand({ Name: 'budgets', EventPattern: '{"source":["tollgate"]}' }));
  await bus.send(new PutTargetsCommand({ Rule: 'budgets', Targets: [{ Id: 'queue', Arn: queueArn('events') }] }));
  bus.destroy();
};

const fromXml = (xml: string) =>
  xml
    .replaceAll('&quot;', '"')
    .replaceAll('&#34;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&#39;', "'")
    .replaceAll('&#x27;', "'")
    .replaceAll('&amp;', '&');

/** Physical id of the stack's one resource of that type and name. */
const findResource = async (emulator: Emulator, type: string, logicalId: string): Promise<string> => {
  const form = { Action: 'DescribeStackResources', StackName: STACK };
  const xml = await emulator.ask('cloudformation', { form });
  const found = [...xml.matchAll(/<member>(.*?)<\/member>/gs)]
    .map(([, member = '']) => member)
    .filter((member) => member.includes(`>${type}<`) && member.includes(`>${logicalId}`))
    .map((member) => /<PhysicalResourceId>(.*?)</.exec(member)?.[1]);
  const [id] = found;
  if (found.length !== 1 || id === undefined) throw new Error(`expected one ${logicalId}: ${found}`);
  return id;
};

const makeWorld = (made: {
  emulator: Emulator;
  folder: string;
  topic: string;
  machine: string;
  gateway: DeployedGateway;
}): EscalationWorld => {
  const { emulator, folder, topic, machine, gateway } = made;
  const sfn = new SFNClient(emulator.client);
  const dynamo = new DynamoDBClient(emulator.client);
  const events: Heard[] = [];
  const mails: Mail[] = [];

  const receive = async (queue: string): Promise<string[]> => {
    const bodies: string[] = [];
    for (;;) {
      const xml = await sqs(emulator, {
        Action: 'ReceiveMessage',
        QueueUrl: `${emulator.endpoint}/000000000000/${queue}`,
        MaxNumberOfMessages: '10',
        VisibilityTimeout: '3600',
      });
      const found = [...xml.matchAll(/<Body>(.*?)<\/Body>/gs)].map(([, body = '']) => fromXml(body));
      if (found.length === 0) return bodies;
      bodies.push(...found);
    }
  };

  const listen = async (): Promise<void> => {
    for (const body of await receive('events')) events.push((JSON.parse(body) as { detail: Heard }).detail);
    for (const body of await receive('mails')) mails.push(JSON.parse(body) as Mail);
  };

  const until = async <T>(look: () => Promise<T | undefined>, what: string, withinMs = 30_000): Promise<T> => {
    const endsAt = Date.now() + withinMs;
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
      if (Date.now() > endsAt)
        throw new Error(
          `not within ${withinMs / 1_000} s: ${what}; heard ${JSON.stringify([events, mails])}\n${emulator.log().slice(-3_000)}`,
        );
      await new Promise((wake) => setTimeout(wake, 100));
    }
  };

  const heardSoFar = async (account: string): Promise<Heard[]> => {
    await listen();
    return events.filter((event) => event.account === account);
  };

  return {
    ...{ emulator, gateway, machine, topic, sfn, dynamo, until, receive, heardSoFar },
    env: { ...emulator.env, TOLLGATE_STACK: STACK },

    heard: (account, count) =>
      until(async () => {
        const own = await heardSoFar(account);
        return own.length >= count ? own : undefined;
      }, `${count} notices of ${account}`),

    mailed: (account, state) =>
      until(async () => {
        await listen();
        const id = account.split('#')[1] ?? '';
        return mails.find(({ Subject }) => Subject.includes(` ${state}: `) && Subject.includes(id));
      }, `a mail of ${account}: ${state}`),

    tierOf: async (account) => (await gateway.stores.budgets.readAccounts([account]))[0]?.tier,

    pendingOf: (account) => until(() => gateway.stores.budgets.readApproval(account), `an approval of ${account}`),

    resource: (type, logicalId) => findResource(emulator, type, logicalId),

    async close() {
      sfn.destroy();
      dynamo.destroy();
      await gateway.close();
      await emulator.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
