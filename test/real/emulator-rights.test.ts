/**
 * The deployed stack where rights are checked: the functions get on with those that `lib` gives them, and each of these is
 * missed when it is gone. The emulator does not check what its event source mappings read.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { toItem } from '../../lambdas/adapters/dynamodb/attributes.ts';
import { toOpenItem } from '../../lambdas/adapters/dynamodb/entry-item.ts';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { closeDueAt, epochOf, epochStart } from '../../lambdas/contract/timing.ts';
import { makeRequestId } from '../../lambdas/core/admit/request-id.ts';
import { account, entryOf, receipt } from '../port-suites/ledger-requests.ts';
import { type FaultUpstream, startUpstream } from '../support/fault-upstream.ts';
import { answering, openaiVendor } from '../support/vendors.ts';
import { type DeployedGateway, type Outputs, openDeployed } from './support/deployed-gateway.ts';
import { type Emulator, startEmulator } from './support/emulator.ts';

const STACK = 'Checked';
const DEAD_ACCOUNT = 'team#dead#2026-11';
const DEAD_HOLD = 1_000n;
/** Capped by the file at what it has spent. */
const CAPPED = 'team#capped#all';
const CAPPED_AT = 1_000n;

let emulator: Emulator;
let upstream: FaultUpstream;
let folder: string;
let gateway: DeployedGateway;
let db: DynamoDBClient;
let key: { key: string; id: string };
const functions: Record<string, string> = {};

const config = (): GatewayConfig => ({
  providers: { vendor: { kind: 'openai-compatible', baseUrl: upstream.baseUrl, apiKey: 'secret:tollgate/vendor' } },
  models: {
    assistant: {
      attempts: 1,
      targets: [
        {
          provider: 'vendor',
          model: openaiVendor.model,
          price: { inputPerMTok: '1', outputPerMTok: '10' },
          contextTokens: 100_000,
          maxOutputTokens: 8_192,
          capabilities: ['tools', 'streaming'],
        },
      ],
    },
  },
  budgets: { org: { monthly: '$100' }, teams: { capped: { lifetime: '$0.000001' } } },
  limits: { perKey: { requestsPerMinute: 600, concurrent: 8 } },
});

const deploy = async (without?: string): Promise<Outputs> => {
  const outputs = join(folder, 'outputs.json');
  await emulator.cdk([
    ...['deploy', '--require-approval', 'never', '--outputs-file', outputs, '--output', join(folder, 'cdk.out')],
    ...['--app', `node --disable-warning=ExperimentalWarning ${resolve('test/real/support/checked-app.ts')}`],
    ...['-c', `config=${join(folder, 'config.json')}`, ...(without === undefined ? [] : ['-c', `without=${without}`])],
  ]);
  const found = (JSON.parse(readFileSync(outputs, 'utf8')) as Record<string, Outputs>)[STACK];
  if (found === undefined) throw new Error(`no outputs of ${STACK}`);
  return found;
};

const ask = () =>
  gateway.openai(key.key).chat.completions.create({ model: 'assistant', messages: [{ role: 'user', content: 'Hi' }] });

/** An open entry of an epoch that is due, and the hold on its account, as a gateway that died has left them. */
const leaveDeadCall = async (epoch: number): Promise<string> => {
  const { accounts, ledger } = gateway.tables;
  const requestId = makeRequestId({ epoch, lane: 5, random: 'd'.repeat(20) });
  const hold = { accounts: [account(DEAD_ACCOUNT, null)], capVersion: 1, epoch, amount: DEAD_HOLD };
  const held = { pk: DEAD_ACCOUNT, committed: DEAD_HOLD, [`h${epoch}`]: DEAD_HOLD, capVersion: 1 };
  const put = (TableName: string, Item: ReturnType<typeof toItem>) => db.send(new PutItemCommand({ TableName, Item }));
  await put(accounts, toItem({ pk: '!closer', closedThrough: epoch - 1 }));
  await put(accounts, toItem(held));
  await put(ledger, toOpenItem(entryOf(requestId, hold), epochStart(epoch) * 1_000));
  return requestId;
};

/** A team that was allowed twice as much by hand, until a moment ago, and has spent what the file allows. */
const endCapByHand = async (): Promise<void> => {
  const capped = { pk: CAPPED, committed: CAPPED_AT, spent: CAPPED_AT, cap: 2n * CAPPED_AT, capVersion: 1 };
  await db.send(new PutItemCommand({ TableName: gateway.tables.accounts, Item: toItem(capped) }));
  const name = { scope: 'team#capped', length: 'lifetime' } as const;
  const now = Date.now();
  const change = { ...name, cap: 2n * CAPPED_AT, by: 'ada', at: now - 2_000, until: now - 1_000 };
  await gateway.stores.budgets.override(name, change, now - 2_000);
};

const cappedAccount = async () => (await gateway.stores.budgets.readAccounts([CAPPED]))[0];

/** What the projector is sent when a call of this target that was held on that account has been settled. */
const settledEvent = (accountKey: string, target = 'vendor/none') => ({
  Records: [
    {
      eventName: 'MODIFY',
      dynamodb: {
        SequenceNumber: '1',
        OldImage: toItem({ state: 'open' }),
        NewImage: toItem({
          state: 'settled',
          epoch: epochOf(Date.now()),
          hold: 5n,
          cost: 5n,
          accounts: [accountKey],
          receipt: JSON.stringify({
            ...receipt('settled'),
            attempts: [{ target, startedAt: Date.now(), durationMs: 1, cost: '5' }],
          }),
        }),
      },
    },
  ],
  shardId: 'shardId-of-a-test',
});

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-rights-'));
  upstream = await startUpstream(answering(openaiVendor, { pieces: ['Hello'] }));
  emulator = await startEmulator({ checksRights: true });
  db = new DynamoDBClient(emulator.client);
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config()));
  const secrets = new SecretsManagerClient(emulator.client);
  await secrets.send(new CreateSecretCommand({ Name: 'tollgate/vendor', SecretString: 'the-provider-key' }));
  gateway = openDeployed(emulator, STACK, await deploy());
  key = await gateway.makeKey();
  const xml = await emulator.ask('cloudformation', { form: { Action: 'DescribeStackResources', StackName: STACK } });
  for (const [, member = ''] of xml.matchAll(/<member>(.*?)<\/member>/gs)) {
    const [, logicalId = ''] = /<LogicalResourceId>(.*?)</.exec(member) ?? [];
    if (member.includes('AWS::Lambda::Function<'))
      functions[logicalId.slice(0, -8)] = /<PhysicalResourceId>(.*?)</.exec(member)?.[1] ?? '';
  }
}, 900_000);

afterAll(async () => {
  await gateway?.close();
  await upstream?.stop();
  await emulator?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 30_000);

const invoke = (name: string, event: unknown) => {
  const found = functions[name];
  if (found === undefined) throw new Error(`no function ${name}: ${Object.keys(functions)}`);
  return emulator.invoke(found, event);
};

test('with the rights that lib gives, calls, projection, lookups and the close of a dead call all work', async () => {
  const epoch = epochOf(Date.now()) - 8;
  expect(closeDueAt(epoch)).toBeLessThan(Date.now());
  const dead = await leaveDeadCall(epoch);
  expect((await ask()).choices[0]?.message.content).toBe('Hello');
  expect(await gateway.settledAccount(key.id, 1)).toMatchObject({ held: 0n });
  const [entry] = await gateway.stores.ledger.tail({ limit: 1, keyId: key.id });
  expect(await gateway.get(`/v1/receipts/${entry?.requestId}`, key.key)).toMatchObject({ status: 200 });
  expect(await gateway.get('/v1/usage', key.key)).toMatchObject({ status: 200, body: { totals: { requests: 1 } } });
  expect(await invoke('GatewayPipelineCloser', {})).toEqual({ closed: [epoch] });
  expect(await gateway.stores.ledger.read(dead)).toMatchObject({ state: 'lost', cost: DEAD_HOLD });
  expect(await gateway.stores.ledger.figures([DEAD_ACCOUNT])).toMatchObject([{ spent: DEAD_HOLD, held: 0n }]);
  expect(await invoke('GatewayPipelineProjector', settledEvent('team#nobody#2026-11', 'vendor/counted'))).toMatchObject(
    {
      batchItemFailures: [],
    },
  );
  expect(await gateway.stores.statistics.read(['vendor/counted'])).toMatchObject([{ slots: expect.any(Map) }]);
});

test('with the rights that lib gives, the closer puts an ended cap by hand right, and people are told what that crosses', async () => {
  await endCapByHand();
  await invoke('GatewayPipelineCloser', {});
  expect(await cappedAccount()).toMatchObject({ cap: CAPPED_AT });
  for (let tries = 0; (await cappedAccount())?.tier?.state === 'ok' && tries < 300; tries++) await sleep(100);
  expect((await cappedAccount())?.tier).toMatchObject({ state: 'reject', cap: CAPPED_AT });
}, 60_000);

describe('without', () => {
  let dead: string;

  const refusedCall = async (status: number) => {
    const before = upstream.requests.length;
    await expect(ask()).rejects.toMatchObject({ status });
    // Whatever is missing, it is missed before the provider is called.
    expect(upstream.requests).toHaveLength(before);
  };

  test.each([
    ['reading keys', 'GatewayFunctionRole|dynamodb:GetItem|StateAccess', 503],
    ['holding on accounts', 'GatewayFunctionRole|dynamodb:UpdateItem|StateAccounts', 503],
    ['opening entries', 'GatewayFunctionRole|dynamodb:PutItem|StateLedger', 503],
    ['reading the provider’s key', 'GatewayFunctionRole|secretsmanager:GetSecretValue|secret', 502],
  ])('%s no call is made', async (_, right, status) => {
    await deploy(right);
    await refusedCall(status);
  });

  test('taking from limits calls go on, counted by each process (docs/decisions/033)', async () => {
    await deploy('GatewayFunctionRole|dynamodb:UpdateItem|StateLimits');
    const before = upstream.requests.length;
    expect((await ask()).choices[0]?.message.content).toBe('Hello');
    expect(upstream.requests).toHaveLength(before + 1);
  });

  test('writing accounts the projector says which record must come again', async () => {
    await deploy('GatewayPipelineProjectorRole|dynamodb:UpdateItem|StateAccounts');
    expect(await invoke('GatewayPipelineProjector', settledEvent('team#nobody#2026-11'))).toMatchObject({
      batchItemFailures: [{ itemIdentifier: '1' }],
    });
  });

  test.each(['UpdateItem', 'GetItem'])(
    'dynamodb:%s on targets the projector loses statistics, and nothing else',
    async (action) => {
      await deploy(`GatewayPipelineProjectorRole|dynamodb:${action}|StateTargets`);
      const target = `vendor/without-${action}`;
      expect(await invoke('GatewayPipelineProjector', settledEvent('team#nobody#2026-11', target))).toMatchObject({
        batchItemFailures: [],
      });
      expect(await gateway.stores.statistics.read([target])).toEqual([undefined]);
    },
  );

  test('starting executions the closer puts the cap right all the same, and tells nobody', async () => {
    await deploy('GatewayPipelineCloserRole|states:StartExecution|Machine');
    await endCapByHand();
    await invoke('GatewayPipelineCloser', {});
    expect(await cappedAccount()).toMatchObject({ cap: CAPPED_AT });
    await sleep(3_000);
    expect((await cappedAccount())?.tier).toMatchObject({ state: 'ok' });
  });

  test('reading the ledger the closer fails, and closes nothing', async () => {
    const epoch = epochOf(Date.now()) - 7;
    await deploy('GatewayPipelineCloserRole|dynamodb:Query|StateLedger');
    dead = await leaveDeadCall(epoch);
    await expect(invoke('GatewayPipelineCloser', {})).rejects.toThrow('errorMessage');
    expect(await gateway.stores.ledger.figures([DEAD_ACCOUNT])).toMatchObject([{ held: DEAD_HOLD }]);
  });

  test('nothing any more, all works again', async () => {
    await deploy();
    expect((await ask()).choices[0]?.message.content).toBe('Hello');
    // Its own rule may call it at the same time, and close the epoch first.
    await invoke('GatewayPipelineCloser', {});
    const isLost = async (): Promise<boolean> => (await gateway.stores.ledger.read(dead))?.state === 'lost';
    for (let tries = 0; !(await isLost()) && tries < 300; tries++) await sleep(100);
    expect(await gateway.stores.ledger.read(dead)).toMatchObject({ state: 'lost', cost: DEAD_HOLD });
    expect(await gateway.stores.ledger.figures([DEAD_ACCOUNT])).toMatchObject([{ spent: DEAD_HOLD, held: 0n }]);
  });
});
