import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { runCli, spawnCli } from '../support/run-cli.ts';
import {
  denied,
  gatewayOutputs,
  jsonAnswer,
  type ScriptedAws,
  startScriptedAws,
  xmlError,
} from '../support/scripted-aws.ts';

const SECRET = 'sk-the-providers-own-0123456789';

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

describe('tollgate secrets put', () => {
  const created = jsonAnswer(200, { ARN: 'arn:x', Name: 'tollgate/openai', VersionId: 'v' });
  const exists = jsonAnswer(400, {
    __type: 'ResourceExistsException',
    message: 'The operation failed because it exists',
  });
  const put = (...words: string[]) => runCli(['secrets', 'put', ...words], { env: aws.env, input: `${SECRET}\n` });
  const sent = () => aws.asked.filter(({ action }) => action !== 'DescribeStacks');

  test('makes a secret of what is piped in, without the newline', async () => {
    aws.answers = { CreateSecret: created };
    expect(await put('tollgate/openai')).toEqual({
      status: 0,
      stdout: 'Created the secret tollgate/openai in eu-west-1.\n',
      stderr: '',
    });
    expect(sent()).toMatchObject([{ action: 'CreateSecret', body: { Name: 'tollgate/openai', SecretString: SECRET } }]);
  });

  test('takes what is piped into the program', async () => {
    aws.answers = { CreateSecret: created };
    expect(await spawnCli(['secrets', 'put', 'tollgate/openai'], { env: aws.env, input: `${SECRET}\n` })).toMatchObject(
      { status: 0 },
    );
    expect(sent()).toMatchObject([{ body: { SecretString: SECRET } }]);
  });

  test('gives one that is there the new value, and says so', async () => {
    aws.answers = { CreateSecret: exists, PutSecretValue: created };
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
    aws.answers = { CreateSecret: denied('secretsmanager:CreateSecret'), PutSecretValue: created };
    expect(await put('tollgate/openai')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Updated the /) });
    for (const second of [
      denied('secretsmanager:PutSecretValue'),
      jsonAnswer(400, { __type: 'ResourceNotFoundException', message: 'no' }),
    ]) {
      aws.answers['PutSecretValue'] = second;
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
    aws.answers = Object.fromEntries(
      Object.entries(said).map(([action, message]) => [
        action,
        message === undefined ? exists : jsonAnswer(400, { __type: 'InvalidRequestException', message }),
      ]),
    );
    expect(await put('tollgate/openai')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('aws secretsmanager restore-secret --secret-id tollgate/openai'),
    });
  });

  test('warns where no provider refers to the name', async () => {
    aws.answers = { CreateSecret: created };
    expect((await put('tollgate/opneai')).stdout).toContain(
      "Warning: no provider in Tollgate-dev has apiKey: 'secret:tollgate/opneai'. The configuration refers to these: tollgate/openai.",
    );
    expect(JSON.parse((await put('tollgate/opneai', '--json')).stdout)).toMatchObject({ referenced: false });
    aws.stacks['Tollgate-prod'] = gatewayOutputs('Gateway', ['tollgate/opneai']);
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
    aws.stacks = found;
    aws.answers = { CreateSecret: created };
    expect(await put('tollgate/openai')).toMatchObject({ status: 0, stdout: expect.stringContaining(why) });
    expect(JSON.parse((await put('tollgate/openai', '--json')).stdout)).toMatchObject({ referenced: null });
  });

  test('puts nothing where the stack that was named is not', async () => {
    aws.answers = { CreateSecret: created };
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
    aws.answers = { CreateSecret: created };
    for (const more of [[], ['--json']]) {
      const result = await put(...words, ...more);
      expect(result).toEqual({
        status,
        stdout: '',
        stderr: expect.stringContaining(message.replaceAll('"', more.length > 0 ? '\\"' : '"')),
      });
      expect(result.stderr).not.toContain(SECRET);
    }
    expect(aws.asked).toEqual([]);
  });

  test('refuses an empty value', async () => {
    expect(await runCli(['secrets', 'put', 'tollgate/openai'], { env: aws.env, input: '\n' })).toMatchObject({
      status: 1,
      stderr: 'The value is empty. Nothing was put.\n',
    });
    expect(sent()).toEqual([]);
  });
});
