/**
 * The README's and docs/deploying.md's commands, run as they are written, in a copy of the project as a clone has it. What
 * is not as written: `npm ci` (the tests have run it), the placeholders, the address of the front door, and that the CDK asks
 * nothing before it deploys or destroys, and does not stream, which the emulator can't (settings in the home folder).
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, join, resolve } from 'node:path';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { HandlerPermissions, Policy } from '../../bench/pages/deployer-policy.ts';
import { type DeployedGateway, type Outputs, openDeployed, tablesOf } from './support/deployed-gateway.ts';
import { EMULATOR_PYTHON, type Emulator, startEmulator } from './support/emulator.ts';
import { commandsOf } from './support/page-commands.ts';

const NOT_COPIED = new Set(['node_modules', '.servers', '.git', 'cdk.out', '.tollgate', 'test', 'bench']);
const ACCOUNT = '000000000000';
const REGION = 'us-east-1';

let emulator: Emulator;
let folder: string;
let project: string;
let gateway: DeployedGateway;
let prod: Outputs;

const [install, dev, production, removal] = commandsOf('README.md', 'Deploy it');

/** Runs one line of a page in the project's folder. @returns what it printed */
const run = (written: string): Promise<string> =>
  new Promise((done, fail) => {
    // It asks whether one is sure, and only at a terminal.
    const line = written.replace(/^npx cdk destroy/, '$& --force');
    const env = {
      ...emulator.env,
      HOME: join(folder, 'home'),
      PATH: [join(folder, 'bin'), emulator.env['PATH'] ?? ''].join(delimiter),
      AWS_DEFAULT_REGION: REGION,
    };
    execFile(
      'bash',
      ['-eo', 'pipefail', '-c', line],
      { cwd: project, env, timeout: 300_000, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) =>
        error === null ? done(stdout + stderr) : fail(new Error(`${line}\n${stdout}${stderr}`.slice(-8_000))),
    );
  });

const runAll = async (lines: readonly string[] = []): Promise<string> => {
  let printed = '';
  for (const line of lines) printed += await run(line);
  return printed;
};

const outputsIn = (file: string, stack: string): Outputs => {
  const found = (JSON.parse(readFileSync(join(project, file), 'utf8')) as Record<string, Outputs>)[stack];
  if (found === undefined) throw new Error(`no outputs of ${stack}`);
  return found;
};

const outputsOf = async (stack: string): Promise<Outputs> => {
  const answer = JSON.parse(await run(`aws cloudformation describe-stacks --stack-name ${stack}`)) as {
    Stacks: { Outputs: { OutputKey: string; OutputValue: string }[] }[];
  };
  return Object.fromEntries(
    (answer.Stacks[0]?.Outputs ?? []).map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]),
  );
};

const statusOf = async (TableName: string): Promise<string> => {
  const client = new DynamoDBClient(emulator.client);
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
    return `${Table?.TableStatus}${Table?.DeletionProtectionEnabled === true ? ', protected' : ''}`;
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  } finally {
    client.destroy();
  }
};

let failed: string | undefined;

/** A test of the story, which ends with the first that fails. */
const chapter = (name: string, work: () => Promise<void>): void =>
  test(name, async () => {
    if (failed !== undefined) throw new Error(`not tried, since this failed: ${failed}`);
    failed = name;
    await work();
    failed = undefined;
  }, 600_000);

beforeAll(async () => {
  emulator = await startEmulator();
  folder = mkdtempSync(join(tmpdir(), 'tollgate-readme-'));
  project = join(folder, 'project');
  cpSync('.', project, { recursive: true, filter: (path) => !NOT_COPIED.has(basename(path)) });
  symlinkSync(resolve('node_modules'), join(project, 'node_modules'));
  writeFileSync(join(project, 'openai.key'), 'sk-of-the-readme\n');
  for (const name of ['home', 'bin']) mkdirSync(join(folder, name));
  writeFileSync(
    join(folder, 'home', '.cdk.json'),
    JSON.stringify({ requireApproval: 'never', context: { responseTransfer: 'buffered' } }),
  );
  const aws = `#!/usr/bin/env bash\nexec ${EMULATOR_PYTHON} ${resolve('test/real/support/aws-cli.py')} "$@"\n`;
  writeFileSync(join(folder, 'bin', 'aws'), aws, { mode: 0o755 });
}, 900_000);

afterAll(async () => {
  await gateway?.close();
  await emulator?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 30_000);

describe('the README’s commands', () => {
  chapter('bootstrap the account', async () => {
    expect(install?.[0]).toBe('npm ci');
    expect(await runAll(install?.slice(1))).toContain('bootstrapped');
  });

  let key = '';

  chapter('put a provider key, deploy the dev stage and make a key', async () => {
    const printed = await runAll(dev);
    const outputs = outputsIn('outputs.json', 'Tollgate-dev');
    expect(printed).toContain(outputs['GatewayOpenAiBaseUrl']);
    expect(printed).not.toContain('sk-of-the-readme');
    key = /tg_\w+/.exec(printed)?.[0] ?? '';
    expect(key).not.toBe('');
    gateway = openDeployed(emulator, 'Tollgate-dev', outputs);
  });

  chapter('lead to a first answer, by either SDK', async () => {
    const messages = [{ role: 'user' as const, content: 'Hello' }];
    const answer = await gateway.openai(key).chat.completions.create({ model: 'demo', messages });
    expect(answer.choices[0]?.message.content).toBe('Hello');
    const message = await gateway.anthropic(key).messages.create({ model: 'demo', max_tokens: 100, messages });
    expect(message.content).toMatchObject([{ type: 'text', text: 'Hello' }]);
  });

  chapter('deploy the production stage beside it', async () => {
    await runAll(production);
    prod = await outputsOf('Tollgate-prod');
    const tables = tablesOf(prod);
    for (const table of Object.values(tables)) expect(await statusOf(table)).toBe('ACTIVE, protected');
    expect(Object.values(tables)).not.toContain(gateway.tables.ledger);
  });

  chapter('update it: nothing is replaced', async () => {
    const [update = []] = commandsOf('docs/deploying.md', 'Update');
    const printed = await runAll(update);
    expect(printed).toContain('There were no differences');
    expect(printed).toContain('Tollgate-prod (no changes)');
    expect(tablesOf(await outputsOf('Tollgate-prod'))).toEqual(tablesOf(prod));
  });
});

describe('the deployer’s policy', () => {
  const permissions = JSON.parse(readFileSync('bench/pages/handler-permissions.json', 'utf8')) as HandlerPermissions;
  /**
   * By resource type, its ARN. Log groups are left out: AWS names them after the stack, the emulator in a way of its own.
   */
  const ARNS: Record<string, (physicalId: string) => string> = {
    'AWS::CloudWatch::Alarm': (id) => `arn:aws:cloudwatch:${REGION}:${ACCOUNT}:alarm:${id}`,
    'AWS::DynamoDB::Table': (id) => `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/${id}`,
    'AWS::Events::Rule': (id) => `arn:aws:events:${REGION}:${ACCOUNT}:rule/${id}`,
    'AWS::IAM::Role': (id) => `arn:aws:iam::${ACCOUNT}:role/${id}`,
    'AWS::Lambda::Function': (id) => `arn:aws:lambda:${REGION}:${ACCOUNT}:function:${id}`,
    'AWS::SQS::Queue': (id) => `arn:aws:sqs:${REGION}:${ACCOUNT}:${basename(id)}`,
  };
  let policy: Policy;

  chapter('is made by the page’s commands, and taken by the bootstrap', async () => {
    const [commands = []] = commandsOf('docs/deploying.md', 'Without AdministratorAccess');
    const here = commands.map((line) => line.replaceAll('111122223333', ACCOUNT));
    expect(await runAll(here)).toContain('bootstrapped');
    policy = JSON.parse(readFileSync(join(project, 'deployer-policy.json'), 'utf8')) as Policy;
    expect(JSON.stringify(policy)).not.toMatch(/ACCOUNT|REGION/);
  });

  const simulate = async (actions: readonly string[], arn: string): Promise<string[]> => {
    const form: Record<string, string> = {
      Action: 'SimulateCustomPolicy',
      Version: '2010-05-08',
      'PolicyInputList.member.1': JSON.stringify(policy),
      'ResourceArns.member.1': arn,
    };
    for (const [i, action] of actions.entries()) form[`ActionNames.member.${i + 1}`] = action;
    const xml = await emulator.ask('iam', { form });
    const named = [...xml.matchAll(/<EvalActionName>(.*?)</g)].map(([, action = '']) => action);
    const decided = [...xml.matchAll(/<EvalDecision>(.*?)</g)].map(([, decision = '']) => decision);
    expect(decided).toHaveLength(actions.length);
    return named.filter((_, i) => decided[i] !== 'allowed');
  };

  chapter('allows each action of each type on what the stack was seen to make', async () => {
    const { StackResources } = JSON.parse(
      await run('aws cloudformation describe-stack-resources --stack-name Tollgate-prod'),
    ) as { StackResources: { ResourceType: string; PhysicalResourceId: string }[] };
    const allowed = new Set(policy.Statement.flatMap(({ Action }) => Action));
    const seen = new Set<string>();
    const denied: string[] = [];
    for (const { ResourceType, PhysicalResourceId } of StackResources) {
      const arn = ARNS[ResourceType]?.(PhysicalResourceId);
      if (arn === undefined) continue;
      seen.add(ResourceType);
      // What a handler asks of other services is about other resources.
      const own = `${arn.split(':')[2]}:`;
      const actions = (permissions.types[ResourceType] ?? []).filter(
        (action) => action.startsWith(own) && allowed.has(action),
      );
      for (const action of await simulate(actions, arn)) denied.push(`${action} on ${arn}`);
    }
    expect(denied).toEqual([]);
    expect([...seen].sort()).toEqual(Object.keys(ARNS).sort());
  });

  chapter('allows none of it on what another stack made', async () => {
    const others = ['dynamodb:DeleteTable', 'dynamodb:UpdateTable'];
    const arn = `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/Payments-Ledger`;
    expect(await simulate(others, arn)).toEqual(others);
    expect(await simulate(['iam:PassRole'], `arn:aws:iam::${ACCOUNT}:role/Admin`)).toEqual(['iam:PassRole']);
  });
});

describe('removal', () => {
  chapter('takes production away as the README says, and leaves its tables', async () => {
    await runAll(removal);
    expect(await outputsOf('Tollgate-prod').catch(() => undefined)).toBeUndefined();
    for (const table of Object.values(tablesOf(prod))) expect(await statusOf(table)).toBe('ACTIVE, protected');
  });

  chapter('then deletes what was kept, as docs/deploying.md says', async () => {
    const [, kept = []] = commandsOf('docs/deploying.md', 'Remove');
    const { ledger } = tablesOf(prod);
    await expect(run(`aws dynamodb delete-table --table-name ${ledger}`)).rejects.toThrow(/deletion protection/i);
    await runAll(kept.map((line) => line.replace('TABLE', ledger)));
    expect(await statusOf(ledger)).toBe('ResourceNotFoundException');
  });

  chapter('cdk destroy takes a dev stage whole', async () => {
    await run('npx cdk destroy');
    for (const table of Object.values(gateway.tables)) expect(await statusOf(table)).toBe('ResourceNotFoundException');
  });
});
