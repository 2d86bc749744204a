/**
 * The command line against a deployed stack where rights are checked: it asks of AWS what `lib/cli-rights.ts` says and nothing
 * else, the grants of `AiGateway` are enough for it, and whoever lacks a right is told which.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openAuditedStores } from '../../lambdas/adapters/dynamodb/open-audited-stores.ts';
import { systemClock } from '../../lambdas/adapters/system/clock.ts';
import { systemRandom } from '../../lambdas/adapters/system/random.ts';
import { TABLE_OUTPUTS } from '../../lambdas/contract/stack-outputs.ts';
import type { TableNames } from '../../lambdas/contract/tables.ts';
import { COMMAND_RIGHTS, type Command, type CommandRights, GRANTED_COMMANDS, unionOf } from '../../lib/cli-rights.ts';
import type { TableGrants } from '../../lib/table-grants.ts';
import { type CliRun, spawnCli } from '../support/run-cli.ts';
import { type ActionRecorder, startActionRecorder } from './support/action-recorder.ts';
import { actionsOf } from './support/actions-of.ts';
import { type Emulator, startEmulator } from './support/emulator.ts';
import { askTollgate } from './support/run-tollgate.ts';

const STACK = 'Shop';
const GATEWAY = 'InnerAi1';
const SECRET = 'tollgate/vendor';
const RUN = 'nightly-1';
const MONTH = new Date().toISOString().slice(0, 7);
/** Asked only of a ledger that is long, or in which something has gone wrong (dynamodb-audit.test.ts). */
const RARELY: Partial<Record<Command, TableGrants>> = {
  // Of a lost call that was put right later.
  'ledger verify': { ledger: ['dynamodb:GetItem', 'dynamodb:Query'], accounts: ['dynamodb:BatchGetItem'] },
  // Of more entries than are read at once.
  'pins compare': { ledger: ['dynamodb:GetItem'] },
  // Of an account that differs from its entries.
  'ledger rebuild': { accounts: ['dynamodb:PutItem', 'dynamodb:UpdateItem'], ledger: ['dynamodb:Query'] },
  // Of more requests than one page has.
  'cache stats': { ledger: ['dynamodb:GetItem'] },
};
type Job = keyof typeof GRANTED_COMMANDS;
const JOBS = Object.keys(GRANTED_COMMANDS) as Job[];
/** It answers a workflow that waits: emulator-escalation.test.ts has one. */
type Elsewhere = 'budgets approve';
type Seen = Exclude<Command, Elsewhere>;

const STORE_OPTIONS = {
  clock: systemClock,
  random: systemRandom,
  log: { debug() {}, info() {}, warn() {}, error() {} },
};

let emulator: Emulator;
let recorder: ActionRecorder;
let folder: string;
let outputs: Record<string, string>;
let tables: TableNames;
/** By user, the environment that has their credentials. */
const envOf: Record<string, Record<string, string>> = {};
/** Of the emulator's root user, through the recorder. */
let env: Record<string, string>;

interface Made {
  id: string;
  key: string;
}
const makeKey = async (): Promise<Made> =>
  (await askTollgate(['keys', 'create', 'app', '--team', 'search'], { env })) as Made;

/** A call of the gateway, so that the ledger has an entry. */
const call = async (key: string, headers: Record<string, string[]> = {}): Promise<string> => {
  const answer = (await emulator.invoke(outputs[`${GATEWAY}FunctionName`] ?? '', {
    httpMethod: 'POST',
    path: '/v1/chat/completions',
    multiValueHeaders: { authorization: [`Bearer ${key}`], 'content-type': ['application/json'], ...headers },
    multiValueQueryStringParameters: null,
    body: JSON.stringify({ model: 'demo', messages: [{ role: 'user', content: 'Hi' }] }),
    isBase64Encoded: false,
  })) as { statusCode: number; body: string; multiValueHeaders: Record<string, string[]> };
  if (answer.statusCode !== 200) throw new Error(`${answer.statusCode}: ${answer.body}\n${emulator.log()}`);
  return answer.multiValueHeaders['x-request-id']?.[0] ?? '';
};

let key: Made;
let requestId: string;

/** What was deployed, as far as it is about pins. */
const withConfig = (): string[] => ['--config', join(folder, 'pins.json')];
const PINNED = {
  providers: { demo: { kind: 'simulator' } },
  models: { demo: { targets: [{ provider: 'demo', model: 'echo', canary: { model: 'echo+slow-1', share: 1 } }] } },
};

/** An audit, so that there is something to forget. */
const auditHit = async (): Promise<void> => {
  const stores = openAuditedStores({ ...STORE_OPTIONS, client: emulator.client, tables });
  const state = { tightened: 1, isOff: false, audited: 9, wrong: 4 };
  const { version } = await stores.wrongHits.read('demo', 'e/1');
  const next = { alias: 'demo', embedder: 'e/1', version: version + 1, state, changedAt: 0 };
  expect(await stores.wrongHits.write(next)).toBe(true);
  stores.close();
};

/** Every command in all that it can do. */
const runs: Record<Seen, (by: Record<string, string>) => Promise<CliRun[]>> = {
  'keys create': (by) => inTurn(by, [['keys', 'create', 'app', '--team', 'search']]),
  'keys list': (by) => inTurn(by, [['keys', 'list']]),
  'keys revoke': async (by) => inTurn(by, [['keys', 'revoke', (await makeKey()).id]]),
  'keys rotate': async (by) => inTurn(by, [['keys', 'rotate', (await makeKey()).id]]),
  'ledger tail': (by) =>
    inTurn(by, [
      ['ledger', 'tail'],
      ['ledger', 'tail', '--key', key.id, '--before', requestId],
    ]),
  'ledger verify': (by) => inTurn(by, [['ledger', 'verify']]),
  'ledger rebuild': (by) =>
    inTurn(by, [
      ['ledger', 'rebuild'],
      ['ledger', 'rebuild', '--account', `key#${key.id}#${MONTH}`],
    ]),
  'ledger export': (by) => inTurn(by, [['ledger', 'export', '--from', '1d']]),
  'circuits list': (by) => inTurn(by, [['circuits', 'list']]),
  'circuits open': (by) => inTurn(by, [['circuits', 'open', 'demo/echo']]),
  'circuits close': (by) => inTurn(by, [['circuits', 'close', 'demo/echo']]),
  'runs show': (by) => inTurn(by, [['runs', 'show', RUN, '--team', 'search']]),
  'runs kill': (by) => inTurn(by, [['runs', 'kill', RUN, '--team', 'search']]),
  'budgets show': (by) =>
    inTurn(by, [
      ['budgets', 'show'],
      ['budgets', 'show', 'team', 'search'],
    ]),
  'budgets set': (by) =>
    inTurn(by, [
      ['budgets', 'set', 'team', 'search', '--monthly', '100'],
      // Below what is spent: the workflow tells people.
      ['budgets', 'set', 'key', key.id, '--monthly', '0'],
    ]),
  'pins list': (by) => inTurn(by, [['pins', 'list', '--stack', STACK, ...withConfig()]]),
  'pins history': (by) => inTurn(by, [['pins', 'history']]),
  'pins compare': (by) => inTurn(by, [['pins', 'compare']]),
  'pins promote': (by) => inTurn(by, [['pins', 'promote', 'demo', ...withConfig()]]),
  'pins back': (by) => inTurn(by, [['pins', 'back', 'demo', ...withConfig()]]),
  'pins release': (by) =>
    inTurn(by, [
      ['pins', 'back', 'demo', ...withConfig()],
      ['pins', 'release', 'demo'],
    ]),
  'cache stats': (by) => inTurn(by, [['cache', 'stats']]),
  'cache purge': (by) => inTurn(by, [['cache', 'purge', '--user', 'ada']]),
  'cache trust': async (by) => {
    await auditHit();
    return inTurn(by, [['cache', 'trust', 'demo']]);
  },
  'secrets put': (by) => inTurn(by, [['secrets', 'put', SECRET]], 'sk-another'),
};

const COMMANDS = Object.keys(runs) as Seen[];

/** Notes only what these ask, not what was asked to prepare them. */
const inTurn = async (by: Record<string, string>, commands: string[][], input = ''): Promise<CliRun[]> => {
  recorder.forget();
  const ran: CliRun[] = [];
  for (const words of commands) ran.push(await spawnCli(words, { env: by, input }));
  return ran;
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-cli-'));
  writeFileSync(join(folder, 'pins.json'), JSON.stringify(PINNED));
  emulator = await startEmulator({ checksRights: true });
  recorder = await startActionRecorder(emulator.endpoint);
  const file = join(folder, 'outputs.json');
  await emulator.cdk([
    ...['deploy', '--require-approval', 'never', '--outputs-file', file, '--output', join(folder, 'cdk.out')],
    ...['--app', `node --disable-warning=ExperimentalWarning ${resolve('test/real/support/cli-app.ts')}`],
  ]);
  outputs = (JSON.parse(readFileSync(file, 'utf8')) as Record<string, Record<string, string>>)[STACK] ?? {};
  tables = Object.fromEntries(
    Object.entries(TABLE_OUTPUTS).map(([table, output]) => [table, outputs[GATEWAY + output]]),
  ) as TableNames;
  env = { ...emulator.env, AWS_ENDPOINT_URL: recorder.endpoint, TOLLGATE_STACK: STACK };
  for (const user of [...JOBS, 'nobody']) {
    const xml = await emulator.ask('iam', {
      form: { Action: 'CreateAccessKey', UserName: user, Version: '2010-05-08' },
    });
    const [, id = ''] = /<AccessKeyId>(.*?)</.exec(xml) ?? [];
    const [, secret = ''] = /<SecretAccessKey>(.*?)</.exec(xml) ?? [];
    envOf[user] = { ...env, AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret };
  }
  // The emulator judges the making of a secret by an ARN without the six characters that AWS adds.
  expect(await askTollgate(['secrets', 'put', SECRET], { env, input: 'sk-first' })).toMatchObject({
    action: 'created',
  });
  key = await makeKey();
  await call(key.key, { 'x-tollgate-run': [RUN] });
  requestId = await call(key.key);
}, 900_000);

afterAll(async () => {
  await recorder?.stop();
  await emulator?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 30_000);

beforeEach(() => recorder.forget());

/** What has been asked since the last `forget`, by table. */
const tablesAsked = (): TableGrants => {
  const operations = recorder.asked
    .filter(({ action }) => action.startsWith('dynamodb:'))
    .map(({ action, body }) => ({ name: action.slice('dynamodb:'.length), body }));
  return actionsOf(operations, tables);
};
const othersAsked = (): string[] =>
  [...new Set(recorder.asked.map(({ action }) => action))].filter((one) => !/^(cloudformation|dynamodb):/.test(one));
const flat = (grants: TableGrants): string[] =>
  Object.entries(grants).flatMap(([table, actions]) => actions.map((action) => `${table} ${action}`));

describe('what a command asks of AWS is what its rights say:', () => {
  test.each(COMMANDS)('%s', async (command) => {
    for (const { status, stderr } of await runs[command](env)) expect([status, stderr]).toEqual([0, '']);
    const rights: CommandRights = COMMAND_RIGHTS[command];
    expect(othersAsked().sort()).toEqual([...(rights.secrets ?? []), ...(rights.machine ?? [])]);
    expect(recorder.asked.map(({ action }) => action)).toContain('cloudformation:DescribeStacks');
    expect(unionOf([tablesAsked(), RARELY[command] ?? {}])).toEqual(rights.tables ?? {});
  });
});

describe('with the rights that a grant gives', () => {
  test.each(JOBS.map((job) => [job, GRANTED_COMMANDS[job].join(', ')] as const))('%s one can %s', async (job) => {
    for (const command of COMMANDS.filter((one) => (GRANTED_COMMANDS[job] as readonly Command[]).includes(one)))
      for (const { status, stderr } of await runs[command](envOf[job] ?? {}))
        expect([command, status, stderr]).toEqual([command, 0, '']);
  });

  test.each(JOBS)('%s one can do nothing that asks for more, and is told what is missing', async (job) => {
    const rights = GRANTED_COMMANDS[job].map((command): CommandRights => COMMAND_RIGHTS[command]);
    const granted = flat(unionOf(rights.map((one) => one.tables ?? {})));
    const others = rights.flatMap(({ secrets = [], machine = [] }): string[] => [...secrets, ...machine]);
    // One of each other job: another command of the same asks much the same.
    const strange = JOBS.filter((other) => other !== job).flatMap((other) => GRANTED_COMMANDS[other].slice(0, 1));
    for (const command of strange.filter((one) => one in runs) as Seen[]) {
      const ran = await runs[command](envOf[job] ?? {});
      const refused = ran.find(({ status }) => status !== 0);
      const beyond = [
        ...flat(tablesAsked()).filter((one) => !granted.includes(one)),
        ...othersAsked().filter((one) => !others.includes(one)),
      ];
      if (beyond.length === 0) expect([command, refused]).toEqual([command, undefined]);
      else {
        expect([command, refused?.status, refused?.stdout]).toEqual([command, 1, '']);
        const [, missing = 'nothing'] = /^(\S+) is not allowed/.exec(refused?.stderr ?? '') ?? [];
        expect(beyond.map((one) => one.split(' ').at(-1))).toContain(missing);
        expect(refused?.stderr).toContain(`user/${job}`);
      }
    }
  });
});

test('without any right one is told of the first that is missing', async () => {
  expect(await spawnCli(['keys', 'list'], { env: envOf['nobody'] ?? {} })).toMatchObject({
    status: 1,
    stdout: '',
    stderr: expect.stringContaining('cloudformation:DescribeStacks is not allowed'),
  });
});

test('the ledger shows the calls, and the circuit that was set by hand is listed', async () => {
  expect(await askTollgate(['ledger', 'tail', '--key', key.id], { env })).toMatchObject([
    { id: requestId, state: 'settled', model: 'demo', answered_by: expect.stringContaining('echo') },
    { state: 'settled' },
  ]);
  await askTollgate(['circuits', 'open', 'demo/echo', '--reason', 'maintenance'], { env });
  expect(await askTollgate(['circuits', 'list'], { env })).toMatchObject([
    { target: 'demo/echo', state: 'open', by_hand: true, reason: 'maintenance' },
  ]);
});
