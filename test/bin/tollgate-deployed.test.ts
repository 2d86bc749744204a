/** The command line and its words with AWS: what it asks, and what it makes of the answers. That they are AWS's is test/real's to prove. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Command } from 'commander';
import { makeCli } from '../../lambdas/cli/cli.ts';
import { registerCommands } from '../../lambdas/cli/register-commands.ts';
import { runProgram } from '../../lambdas/cli/run-program.ts';
import { SECRETS_OUTPUT, TABLE_OUTPUTS } from '../../lambdas/contract/stack-outputs.ts';

const program = resolve(import.meta.dirname, '../../bin/tollgate.ts');
const SECRET = 'sk-the-providers-own-0123456789';

jest.setTimeout(60_000);

type Outputs = Record<string, string>;
type Answer = { status: number; body: string };

let server: Server;
let endpoint: string;
/** By name, what CloudFormation says of it; a name that is not here is no stack. */
let stacks: Record<string, Outputs | Answer>;
/** What the JSON services answer, by action. */
let answers: Record<string, Answer>;
let asked: { action: string; body: Record<string, unknown> }[];

const json = (status: number, body: object): Answer => ({ status, body: JSON.stringify(body) });
const denied = (action: string): Answer =>
  json(400, {
    __type: 'AccessDeniedException',
    message: `User: arn:aws:iam::1:user/ann is not authorized to perform: ${action} on resource: arn:the-resource because no identity-based policy allows the ${action} action`,
  });
const xmlError = (status: number, code: string, message: string): Answer => ({
  status,
  body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>r</RequestId></ErrorResponse>`,
});

const describeStack = (name: string): Answer => {
  const found = stacks[name];
  if (found === undefined) return xmlError(400, 'ValidationError', `Stack with id ${name} does not exist`);
  if (typeof found['body'] === 'string') return found as Answer;
  const outputs = Object.entries(found as Outputs).map(
    ([key, value]) =>
      `<member><OutputKey>${key}</OutputKey><OutputValue>${value.replaceAll('"', '&quot;')}</OutputValue></member>`,
  );
  return {
    status: 200,
    body: `<DescribeStacksResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStacksResult><Stacks><member><StackName>${name}</StackName><StackStatus>CREATE_COMPLETE</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime><Outputs>${outputs.join('')}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`,
  };
};

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const target = request.headers['x-amz-target'];
    if (target === undefined) {
      const form = new URLSearchParams(text);
      asked.push({ action: String(form.get('Action')), body: Object.fromEntries(form) });
      const { status, body } = describeStack(String(form.get('StackName')));
      response.writeHead(status, { 'content-type': 'text/xml' }).end(body);
      return;
    }
    const action = String(target).split('.')[1] ?? '';
    asked.push({ action, body: JSON.parse(text) });
    const { status, body } = answers[action] ?? json(400, { __type: 'UnknownOperationException' });
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  stacks = { 'Tollgate-dev': gateway('Gateway') };
  answers = { Scan: json(200, { Items: [], Count: 0, ScannedCount: 0 }) };
  asked = [];
});

/** The outputs of a gateway; the names of its tables begin with its id. */
const gateway = (id: string, secrets: string[] = ['tollgate/openai']): Outputs => ({
  ...Object.fromEntries(Object.values(TABLE_OUTPUTS).map((output) => [id + output, `${id}-${output}`])),
  [id + SECRETS_OUTPUT]: JSON.stringify(secrets),
});

/** Nobody's account, and no file of whoever runs the tests. */
const environment = (): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_ENDPOINT_URL: endpoint,
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'test',
  AWS_SECRET_ACCESS_KEY: 'test',
});

interface World {
  env?: Record<string, string>;
  without?: string[];
  input?: string;
}

const environmentOf = ({ env = {}, without = [] }: World): Record<string, string> =>
  Object.fromEntries(Object.entries({ ...environment(), ...env }).filter(([name]) => !without.includes(name)));

/** The program as a process of its own. */
const spawnIt = async (words: string[], world: World = {}) => {
  const env = environmentOf(world);
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', program, ...words], { env });
  const out = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => (out.stdout += chunk));
  child.stderr.on('data', (chunk) => (out.stderr += chunk));
  child.stdin.on('error', () => undefined);
  child.stdin.end(world.input);
  const [status] = await once(child, 'close');
  return { status: status as number | null, ...out };
};

/** The same in this process, which takes a tenth of the time. */
const run = async (words: string[], world: World = {}) => {
  const before = process.env;
  // The SDK reads it here, and nowhere else.
  process.env = environmentOf(world);
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end(world.input);
  const io = { stdin, stdout, stderr, env: process.env };
  const command = new Command('tollgate');
  try {
    const status = await runProgram(command, words, io, () => registerCommands(makeCli(command, Date.now(), io)));
    return { status, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
  } finally {
    process.env = before;
  }
};

const tableAsked = (): unknown => asked.find(({ action }) => action === 'Scan')?.body['TableName'];

describe('which gateway', () => {
  test('the one stack of bin/app.ts that there is, and the command says which that is', async () => {
    expect(await run(['keys', 'list'])).toEqual({
      status: 0,
      stdout: 'No keys.\n',
      stderr: 'Tollgate-dev in eu-west-1:\n',
    });
    expect(tableAsked()).toBe('Gateway-AccessTable');
  });

  test.each([
    ['--stack', ['--stack', 'Ours'], {}],
    ['TOLLGATE_STACK', [], { TOLLGATE_STACK: 'Ours' }],
    ['--stack before TOLLGATE_STACK', ['--stack', 'Ours'], { TOLLGATE_STACK: 'Tollgate-dev' }],
  ])('the stack that %s names, in whatever construct it holds it', async (_, words, env) => {
    stacks['Ours'] = { SiteUrl: 'https://x', ...gateway('InnerAi') };
    expect(await run(['keys', 'list', '--json', ...words], { env })).toEqual({ status: 0, stdout: '[]\n', stderr: '' });
    expect(tableAsked()).toBe('InnerAi-AccessTable');
  });

  test('the region that --region names', async () => {
    expect((await run(['keys', 'list', '--region', 'us-west-2'], { without: ['AWS_REGION'] })).stderr).toBe(
      'Tollgate-dev in us-west-2:\n',
    );
  });

  test('of several in a stack the one that --gateway names, and none unless it is named', async () => {
    stacks['Tollgate-dev'] = { ...gateway('Ai'), ...gateway('AiTwo') };
    expect(await run(['keys', 'list'])).toMatchObject({
      status: 2,
      stderr: 'The stack Tollgate-dev has several gateways: Ai, AiTwo. Say which: --gateway ID.\n',
    });
    expect(tableAsked()).toBeUndefined();
    expect((await run(['keys', 'list', '--gateway', 'Ai-Two'])).status).toBe(0);
    expect(tableAsked()).toBe('AiTwo-AccessTable');
    expect(await run(['keys', 'list', '--gateway', 'Three'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('no gateway "Three". It has: Ai, AiTwo.'),
    });
  });

  test('none by guess, where there are stacks of several stages', async () => {
    stacks['Tollgate-prod'] = gateway('Gateway');
    expect(await run(['keys', 'list'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('Tollgate-dev and Tollgate-prod in eu-west-1. Say which: --stack'),
    });
    expect(tableAsked()).toBeUndefined();
  });

  test('the one that the caller may look at, where another is not theirs', async () => {
    stacks['Tollgate-prod'] = xmlError(403, 'AccessDenied', 'User: ann is not authorized to perform: x');
    expect((await run(['keys', 'list'])).stderr).toBe('Tollgate-dev in eu-west-1:\n');
  });
});

describe('what is wrong is told, and what to do', () => {
  test.each([
    ['no stack', 1, {}, [], 'There is no stack Tollgate-dev or Tollgate-prod in eu-west-1'],
    ['no stack of that name', 1, {}, ['--stack', 'Nope'], 'There is no stack Nope in eu-west-1'],
    ['no gateway in the stack', 1, { Shop: { SiteUrl: 'x' } }, ['--stack', 'Shop'], 'no outputs of a Tollgate gateway'],
    ['two places at once', 2, {}, ['--stack', 'Shop', '--local'], '--local is a store on this machine'],
    ['an empty name', 2, {}, ['--stack', ''], '--stack is empty'],
  ])('%s', async (_, status, found, words, message) => {
    stacks = found;
    expect(await run(['keys', 'list', ...words])).toEqual({
      status,
      stdout: '',
      stderr: expect.stringContaining(message),
    });
    const { status: again, stdout, stderr } = await run(['keys', 'list', '--json', ...words]);
    expect([again, stdout]).toEqual([status, '']);
    expect(JSON.parse(stderr)).toEqual({ error: { message: expect.stringContaining(message) } });
  });

  test('a gateway of another version', async () => {
    const { GatewayLimitsTable: _, ...older } = gateway('Gateway');
    stacks = { 'Tollgate-dev': older };
    expect(await run(['keys', 'list'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('another version of Tollgate: it has no output LimitsTable'),
    });
  });

  test.each([
    ['no region', ['AWS_REGION'], 2, 'No AWS region is configured. Say --region'],
    ['no credentials', ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'], 1, 'No AWS credentials'],
  ])('%s', async (_, without, status, message) => {
    expect(await run(['keys', 'list'], { without })).toEqual({
      status,
      stdout: '',
      stderr: expect.stringContaining(message),
    });
    expect(asked).toEqual([]);
  });

  test('by the program as by its parts', async () => {
    expect(await spawnIt(['keys', 'list', '--stack', 'Nope', '--json'])).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(/^\{"error":\{"message":"There is no stack Nope in eu-west-1/),
    });
  });

  test('AWS out of reach', async () => {
    const gone = createServer().listen(0, '127.0.0.1');
    await once(gone, 'listening');
    const { port } = gone.address() as AddressInfo;
    gone.close();
    await once(gone, 'close');
    expect(await spawnIt(['keys', 'list'], { env: { AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` } })).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^AWS can not be reached \(ECONNREFUSED/),
    });
  });

  test('a right that is missing: which, on what, whose', async () => {
    answers = { PutItem: denied('dynamodb:PutItem') };
    const { status, stdout, stderr } = await run(['keys', 'create', 'app', '--team', 't', '--json']);
    expect([status, stdout]).toEqual([1, '']);
    expect(JSON.parse(stderr).error.message).toMatch(
      /^dynamodb:PutItem is not allowed on arn:the-resource: arn:aws:iam::1:user\/ann needs that right/,
    );
    stacks = { 'Tollgate-dev': xmlError(403, 'AccessDenied', 'User: u is not authorized to perform: a:B') };
    expect(await run(['keys', 'list'])).toMatchObject({ status: 1, stderr: expect.stringContaining('a:B is not') });
  });

  test('credentials that AWS does not accept', async () => {
    stacks = { 'Tollgate-dev': xmlError(403, 'ExpiredToken', 'The security token included in the request is expired') };
    expect(await run(['keys', 'list'])).toMatchObject({ status: 1, stderr: expect.stringContaining('log in again') });
  });
});

describe('tollgate secrets put', () => {
  const created = json(200, { ARN: 'arn:x', Name: 'tollgate/openai', VersionId: 'v' });
  const exists = json(400, { __type: 'ResourceExistsException', message: 'The operation failed because it exists' });
  const put = (...words: string[]) => run(['secrets', 'put', ...words], { input: `${SECRET}\n` });
  const sent = () => asked.filter(({ action }) => action !== 'DescribeStacks');

  test('makes a secret of what is piped in, without the newline', async () => {
    answers = { CreateSecret: created };
    expect(await put('tollgate/openai')).toEqual({
      status: 0,
      stdout: 'Created the secret tollgate/openai in eu-west-1.\n',
      stderr: '',
    });
    expect(sent()).toMatchObject([{ action: 'CreateSecret', body: { Name: 'tollgate/openai', SecretString: SECRET } }]);
  });

  test('takes what is piped into the program', async () => {
    answers = { CreateSecret: created };
    expect(await spawnIt(['secrets', 'put', 'tollgate/openai'], { input: `${SECRET}\n` })).toMatchObject({ status: 0 });
    expect(sent()).toMatchObject([{ body: { SecretString: SECRET } }]);
  });

  test('gives one that is there the new value, and says so', async () => {
    answers = { CreateSecret: exists, PutSecretValue: created };
    const { stdout, stderr, status } = await put('tollgate/openai', '--json');
    expect([status, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toEqual({
      name: 'tollgate/openai',
      region: 'eu-west-1',
      action: 'updated',
      reference: 'secret:tollgate/openai',
      referenced: true,
    });
    expect(sent()[1]).toMatchObject({ body: { SecretId: 'tollgate/openai', SecretString: SECRET } });
  });

  test('does what the caller may do: one who may only write what is there updates it', async () => {
    answers = { CreateSecret: denied('secretsmanager:CreateSecret'), PutSecretValue: created };
    expect(await put('tollgate/openai')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Updated the /) });
    for (const second of [
      denied('secretsmanager:PutSecretValue'),
      json(400, { __type: 'ResourceNotFoundException', message: 'no' }),
    ]) {
      answers['PutSecretValue'] = second;
      expect(await put('tollgate/openai')).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/^secretsmanager:CreateSecret is not allowed/),
      });
    }
  });

  test.each([
    ['making', { CreateSecret: 'already scheduled for deletion' }],
    ['writing', { CreateSecret: undefined, PutSecretValue: 'it was marked for deletion' }],
  ])('of one that is being deleted is told when %s it', async (_, said) => {
    answers = Object.fromEntries(
      Object.entries(said).map(([action, message]) => [
        action,
        message === undefined ? exists : json(400, { __type: 'InvalidRequestException', message }),
      ]),
    );
    expect(await put('tollgate/openai')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('aws secretsmanager restore-secret --secret-id tollgate/openai'),
    });
  });

  test('warns where no provider refers to the name', async () => {
    answers = { CreateSecret: created };
    expect((await put('tollgate/opneai')).stdout).toContain(
      "Warning: no provider in Tollgate-dev has apiKey: 'secret:tollgate/opneai'. The configuration refers to these: tollgate/openai.",
    );
    expect(JSON.parse((await put('tollgate/opneai', '--json')).stdout)).toMatchObject({ referenced: false });
    stacks['Tollgate-prod'] = gateway('Gateway', ['tollgate/opneai']);
    expect((await put('tollgate/opneai')).stdout).not.toContain('Warning');
  });

  test.each([
    ['before there is a stack', {}, 'no gateway is deployed there yet'],
    [
      'by one who may not look at stacks',
      { 'Tollgate-dev': xmlError(403, 'AccessDenied', 'no') },
      'cloudformation:DescribeStacks is not allowed',
    ],
  ])('works %s', async (_, found, why) => {
    stacks = found;
    answers = { CreateSecret: created };
    expect(await put('tollgate/openai')).toMatchObject({ status: 0, stdout: expect.stringContaining(why) });
    expect(JSON.parse((await put('tollgate/openai', '--json')).stdout)).toMatchObject({ referenced: null });
  });

  test('puts nothing where the stack that was named is not', async () => {
    answers = { CreateSecret: created };
    expect(await put('tollgate/openai', '--stack', 'Nope')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('There is no stack Nope in eu-west-1, so nothing was put'),
    });
    expect(sent()).toEqual([]);
  });

  test.each([
    ['a value on the command line', ['tollgate/openai', SECRET], 2, 'may not stand on the command line'],
    ['a reference for a name', ['secret:tollgate/openai'], 2, 'without "secret:" before it'],
    ['a name that AWS would not take', ['tollgate openai'], 2, 'expected 1 to 256 of the characters'],
    ['no name', [], 2, "missing required argument 'name'"],
    ['--local', ['tollgate/openai', '--local'], 2, "apiKey: 'env:SOME_NAME'"],
  ])('refuses %s, and never repeats a value', async (_, words, status, message) => {
    answers = { CreateSecret: created };
    for (const more of [[], ['--json']]) {
      const result = await put(...words, ...more);
      expect(result).toEqual({
        status,
        stdout: '',
        stderr: expect.stringContaining(message.replaceAll('"', more.length > 0 ? '\\"' : '"')),
      });
      expect(result.stderr).not.toContain(SECRET);
    }
    expect(asked).toEqual([]);
  });

  test('refuses an empty value', async () => {
    expect(await run(['secrets', 'put', 'tollgate/openai'], { input: '\n' })).toMatchObject({
      status: 1,
      stderr: 'The value is empty. Nothing was put.\n',
    });
    expect(sent()).toEqual([]);
  });
});
