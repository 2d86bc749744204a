/** Which deployed gateway a command works on, and what it says where it can't. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type CliRun, runCli, spawnCli } from '../support/run-cli.ts';
import {
  denied,
  gatewayOutputs,
  jsonAnswer,
  type ScriptedAws,
  startScriptedAws,
  xmlError,
} from '../support/scripted-aws.ts';

// Some tests start the program itself.
jest.setTimeout(60_000);

let aws: ScriptedAws;
beforeAll(async () => {
  aws = await startScriptedAws();
});
afterAll(() => aws.stop());
beforeEach(() => {
  aws.stacks = { 'Tollgate-dev': gatewayOutputs('Gateway') };
  aws.answers = { Scan: jsonAnswer(200, { Items: [], Count: 0, ScannedCount: 0 }) };
  aws.asked = [];
});

interface World {
  env?: Record<string, string>;
  without?: string[];
}

const envOf = ({ env = {}, without = [] }: World): Record<string, string> =>
  Object.fromEntries(Object.entries({ ...aws.env, ...env }).filter(([name]) => !without.includes(name)));
const run = (words: string[], world: World = {}): Promise<CliRun> => runCli(words, { env: envOf(world) });
const spawnIt = (words: string[], world: World = {}): Promise<CliRun> => spawnCli(words, { env: envOf(world) });

const tableAsked = (): unknown => aws.asked.find(({ action }) => action === 'Scan')?.body['TableName'];

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
    aws.stacks['Ours'] = { SiteUrl: 'https://x', ...gatewayOutputs('InnerAi') };
    expect(await run(['keys', 'list', ...words], { env })).toEqual({ status: 0, stdout: 'No keys.\n', stderr: '' });
    expect((await run(['keys', 'list', '--json', ...words], { env })).stdout).toBe('[]\n');
    expect(tableAsked()).toBe('InnerAi-AccessTable');
  });

  test('the region that --region names', async () => {
    expect((await run(['keys', 'list', '--region', 'us-west-2'], { without: ['AWS_REGION'] })).stderr).toBe(
      'Tollgate-dev in us-west-2:\n',
    );
  });

  test('of several in a stack the one that --gateway names, and none unless it is named', async () => {
    aws.stacks['Tollgate-dev'] = { ...gatewayOutputs('Ai'), ...gatewayOutputs('AiTwo') };
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

  test('none by guess, where there are aws.stacks of several stages', async () => {
    aws.stacks['Tollgate-prod'] = gatewayOutputs('Gateway');
    expect(await run(['keys', 'list'])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('Tollgate-dev and Tollgate-prod in eu-west-1. Say which: --stack'),
    });
    expect(tableAsked()).toBeUndefined();
  });

  test('the one that the caller may look at, where another is not theirs', async () => {
    aws.stacks['Tollgate-prod'] = xmlError(403, 'AccessDenied', 'User: ann is not authorized to perform: x');
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
    aws.stacks = found;
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
    const { GatewayLimitsTable: _, ...older } = gatewayOutputs('Gateway');
    aws.stacks = { 'Tollgate-dev': older };
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
    expect(aws.asked).toEqual([]);
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
    aws.answers = { PutItem: denied('dynamodb:PutItem') };
    const { status, stdout, stderr } = await run(['keys', 'create', 'app', '--team', 't', '--json']);
    expect([status, stdout]).toEqual([1, '']);
    expect(JSON.parse(stderr).error.message).toMatch(
      /^dynamodb:PutItem is not allowed on arn:the-resource: arn:aws:iam::1:user\/ann needs that right/,
    );
    aws.stacks = { 'Tollgate-dev': xmlError(403, 'AccessDenied', 'User: u is not authorized to perform: a:B') };
    expect(await run(['keys', 'list'])).toMatchObject({ status: 1, stderr: expect.stringContaining('a:B is not') });
  });

  test('credentials that AWS does not accept', async () => {
    aws.stacks = {
      'Tollgate-dev': xmlError(403, 'ExpiredToken', 'The security token included in the request is expired'),
    };
    expect(await run(['keys', 'list'])).toMatchObject({ status: 1, stderr: expect.stringContaining('log in again') });
  });
});
