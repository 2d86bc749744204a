import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Command as Program } from 'commander';
import { Construct } from 'constructs';
import { readPart } from '../../bench/pages/marked-part.ts';
import { OPERATING_PAGE, rightsTable } from '../../bench/pages/rights-table.ts';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { makeCli } from '../../lambdas/cli/cli.ts';
import { registerCommands } from '../../lambdas/cli/register-commands.ts';
import { findGateways } from '../../lambdas/wiring/find-gateways.ts';
import { AiGateway } from '../../lib/ai-gateway.ts';
import { COMMAND_RIGHTS, type Command, type CommandRights, GRANTED_COMMANDS } from '../../lib/cli-rights.ts';
import { DEPLOYABLE } from '../support/deployable.ts';
import type { Statement } from '../support/synth-gateway.ts';

type Job = keyof typeof GRANTED_COMMANDS;
const JOBS = Object.keys(GRANTED_COMMANDS) as Job[];
const COMMANDS = Object.keys(COMMAND_RIGHTS) as Command[];

/** Every command that can be told a stack: `keys create`. */
const stackCommands = (): string[] => {
  const program = new Program('tollgate');
  registerCommands(makeCli(program, 0, process));
  const namesOf = (command: Program, path: string[]): string[] =>
    command.commands.length > 0
      ? command.commands.flatMap((child) => namesOf(child, [...path, child.name()]))
      : command.options.some(({ long }) => long === '--stack')
        ? [path.join(' ')]
        : [];
  return namesOf(program, []);
};

test('every command of a stack has its rights, and a method that grants them', () => {
  expect([...COMMANDS].sort()).toEqual(stackCommands().sort());
  expect(Object.values(GRANTED_COMMANDS).flat().sort()).toEqual([...COMMANDS].sort());
});

/** A stack in which every job has a role, and what each of these may do. */
const synthGrants = (): { grants: Record<Job, Statement[]>; outputs: Record<string, { Value: unknown }> } => {
  const app = new App({ context: { ...cdkJson.context, 'aws:cdk:bundling-stacks': [] } });
  const stack = new Stack(app, 'Shop');
  const gateway = new AiGateway(new Construct(stack, 'Inner'), 'Ai', { config: DEPLOYABLE });
  new AiGateway(new Construct(stack, 'Other'), 'Ai', {
    config: {
      ...DEPLOYABLE,
      providers: { demo: { kind: 'simulator' } },
      models: { demo: { targets: [{ provider: 'demo', model: 'echo' }] } },
    },
  });
  for (const job of JOBS) gateway[job](new Role(stack, job, { assumedBy: new ServicePrincipal('ec2.amazonaws.com') }));
  const template = Template.fromStack(stack);
  const policies = Object.values(template.findResources('AWS::IAM::Policy')) as {
    Properties: { Roles: { Ref: string }[]; PolicyDocument: { Statement: Statement[] } };
  }[];
  const of = (job: Job): Statement[] =>
    policies
      .filter(({ Properties: { Roles: roles } }) => roles.some(({ Ref }) => Ref.startsWith(job)))
      .flatMap(({ Properties: { PolicyDocument: document } }) => document.Statement);
  const grants = Object.fromEntries(JOBS.map((job) => [job, of(job)])) as Record<Job, Statement[]>;
  return { grants, outputs: template.toJSON().Outputs };
};

const { grants, outputs } = synthGrants();

test('the outputs lead the command line to each of several gateways, whatever they stand in', () => {
  const texts = Object.entries(outputs).map(([name, { Value: value }]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
  ]);
  expect(findGateways(Object.fromEntries(texts))).toMatchObject([
    {
      id: 'InnerAi',
      tables: {
        ledger: expect.stringMatching(/"InnerAiStateLedger/),
        access: expect.stringMatching(/"InnerAiStateAccess/),
      },
      secretNames: ['tollgate/anthropic', 'tollgate/openai'],
    },
    { id: 'OtherAi', tables: { ledger: expect.stringMatching(/"OtherAiStateLedger/) }, secretNames: [] },
  ]);
});

describe('a grant', () => {
  const allOf = (job: Job): string[] => grants[job].flatMap(({ Action }) => Action);

  test.each(JOBS)('%s gives the rights of its commands, on single resources, and no others', (job) => {
    const wanted = GRANTED_COMMANDS[job].flatMap((command) => {
      const { tables = {}, secrets = [], machine = [] }: CommandRights = COMMAND_RIGHTS[command];
      return [...Object.values(tables).flat(), ...secrets, ...machine];
    });
    expect([...new Set(allOf(job))].sort()).toEqual([...new Set(['cloudformation:DescribeStacks', ...wanted])].sort());
    for (const { Resource: resource } of grants[job]) expect(JSON.stringify(resource)).not.toMatch(/^"\*"$/);
  });

  test('reaches only the tables of its commands', () => {
    const tablesOf = (job: Job): string[] =>
      [...JSON.stringify(grants[job]).matchAll(/"InnerAiState([A-Za-z]+?)[0-9A-F]{8}"/g)].map(([, name = '']) => name);
    expect([...new Set(tablesOf('grantManageKeys'))]).toEqual(['Access']);
    expect([...new Set(tablesOf('grantReadLedger'))].sort()).toEqual(['Accounts', 'Ledger', 'Responses']);
    expect([...new Set(tablesOf('grantManageCircuits'))]).toEqual(['Targets']);
    expect(tablesOf('grantPutSecrets')).toEqual([]);
  });

  test('of tables with more in them reaches only the items that its commands need', () => {
    const keysOf = (job: Job, table: string): unknown[] =>
      grants[job]
        .filter(({ Resource: resource }) => JSON.stringify(resource).includes(`State${table}`))
        .map(({ Condition: condition }) => (condition as Record<string, unknown>)?.['ForAllValues:StringLike']);
    // Who may write any item of the keys' table could make a key.
    expect(new Set(keysOf('grantManagePins', 'Access'))).toEqual(
      new Set([{ 'dynamodb:LeadingKeys': ['pin-overrides'] }]),
    );
    expect(keysOf('grantReadLedger', 'Responses')).toEqual([{ 'dynamodb:LeadingKeys': ['feedback#*'] }]);
  });

  test('to put secrets is for those that the configuration names, to write and not to read', () => {
    const [statement] = grants.grantPutSecrets.filter(({ Action }) =>
      JSON.stringify(Action).includes('secretsmanager'),
    );
    expect([statement?.Resource].flat().map((arn) => JSON.stringify(arn).match(/:secret:([^"]*)"/)?.[1])).toEqual([
      'tollgate/anthropic-??????',
      'tollgate/openai-??????',
    ]);
    expect(JSON.stringify(grants)).not.toContain('GetSecretValue');
  });
});

test('docs/operating.md says what each command asks for (npm run docs:operating)', () => {
  expect(readPart(readFileSync(OPERATING_PAGE, 'utf8'), 'rights')).toBe(rightsTable());
});
