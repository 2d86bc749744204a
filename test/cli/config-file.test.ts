/** Which configuration `tollgate pins` reads where a stage is deployed, and that it says so; and how commands tell of a file that is none. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { configFileOf } from '../../lambdas/cli/config-file.ts';
import type { CliStores } from '../../lambdas/wiring/cli-stores.ts';
import { runCli } from '../support/run-cli.ts';
import { gatewayOutputs, jsonAnswer, type ScriptedAws, startScriptedAws } from '../support/scripted-aws.ts';

const stackCalled = (stack: string): CliStores['place'] => ({
  kind: 'deployed',
  stack,
  region: 'eu-west-1',
  gateway: 'Gateway',
  outputs: {},
});

describe('the configuration', () => {
  test.each<[string, string | undefined, CliStores['place'] | undefined, string]>([
    ['the one that is named, whatever the stack', 'my.json', stackCalled('Tollgate-prod'), 'my.json'],
    ["a stage's, of its stack", undefined, stackCalled('Tollgate-prod'), 'stages/prod.config.ts'],
    ["npm start's, of another stack", undefined, stackCalled('Mine-prod'), 'tollgate.config.ts'],
    ["npm start's, of its store", undefined, { kind: 'local', dataDir: '.tollgate' }, 'tollgate.config.ts'],
    ["npm start's, of no store", undefined, undefined, 'tollgate.config.ts'],
  ])('is %s', (_, named, place, file) => {
    expect(configFileOf(named, place)).toBe(file);
  });
});

describe('of a deployed stage', () => {
  let aws: ScriptedAws;
  beforeAll(async () => {
    aws = await startScriptedAws();
  });
  afterAll(() => aws.stop());
  beforeEach(() => {
    aws.stacks = { 'Tollgate-prod': gatewayOutputs('Gateway'), Mine: gatewayOutputs('Gateway') };
    const set = [
      { alias: 'assistant', target: 'a/m-1', canary: 'a/m-2', share: 0.5, by: 'ada', at: 1_000, until: null },
    ];
    const record = { S: JSON.stringify({ version: 1, set, history: [] }) };
    aws.answers = {
      GetItem: jsonAnswer(200, { Item: { pk: { S: 'pin-overrides' }, record } }),
      Query: jsonAnswer(200, { Items: [], Count: 0 }),
      BatchGetItem: jsonAnswer(200, { Responses: {} }),
    };
  });
  const pins = (...words: string[]) => runCli(['pins', ...words], { env: aws.env });

  test('pins list reads its configuration and says so, also of an override that this one does not have', async () => {
    const { status, stdout } = await pins('list', '--stack', 'Tollgate-prod');
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /says nothing: stages\/prod\.config\.ts has no such pair\. Where that is what is deployed, "pins release assistant" takes it away\.\n/,
    );
    expect(stdout).toMatch(/\nstages\/prod\.config\.ts, by the catalogue of \d{4}-/);
    expect(stdout).not.toContain('demo/echo');
    expect((await pins('list', 'demo', '--stack', 'Tollgate-prod')).stderr).toMatch(
      /no alias "demo" in stages\/prod\.config\.ts\./,
    );
  });

  test('the stack that is found without being named tells as much', async () => {
    expect((await pins('promote', 'demo')).stderr).toMatch(/no alias "demo" in stages\/prod\.config\.ts\./);
    aws.answers['GetItem'] = jsonAnswer(200, {});
    expect((await pins('compare', 'demo')).stderr).toMatch(/no alias "demo" in stages\/prod\.config\.ts,/);
  });

  test('a stack of another name, and --config, are taken at their word', async () => {
    expect((await pins('list', '--stack', 'Mine')).stdout).toMatch(/\ntollgate\.config\.ts, by the catalogue of/);
    const json = await pins('list', '--stack', 'Tollgate-prod', '--config', 'stages/dev.config.ts', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ config: 'stages/dev.config.ts' });
  });
});

describe('a file that can’t be read is told as such, and nothing before it, by', () => {
  test.each([[['pins', 'check', '--offline']], [['prices']], [['cache', 'calibrate']]])('%j', async (words) => {
    const { status, stderr } = await runCli([...words, '--config', '/nowhere/none.json'], { env: {} });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(/ with \/nowhere\/none\.json:\n {2}\/nowhere\/none\.json can't be read: /),
    });
  });
});
