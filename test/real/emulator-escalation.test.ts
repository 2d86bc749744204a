/**
 * Budgets from warn to downgrade to reject, in a real deployment (support/emulator.ts): first by calls through the front door,
 * the projector and the state machine; then the machine alone, its real definition, through everything that can go wrong.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  GetExecutionHistoryCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import type { EscalationInput } from '../../lambdas/contract/escalation.ts';
import { findEscalations } from '../../lambdas/core/budget/find-escalations.ts';
import type { BudgetAccount } from '../../lambdas/core/ports.ts';
import { type DeployedGateway, type Outputs, openDeployed } from './support/deployed-gateway.ts';
import { type Emulator, startEmulator } from './support/emulator.ts';
import { askTollgate, runTollgate } from './support/run-tollgate.ts';

const STACK = 'Tollgate-prod';
const NANO = 1_000_000_000n;
const MONTH = new Date().toISOString().slice(0, 7);
const TEAM = `team#search#${MONTH}`;

/** 1,000 output tokens, input free: a call of `dear` holds and costs $0.10, one of its stand-in $0.01. */
const CONFIG: GatewayConfig = {
  org: 'example',
  providers: { demo: { kind: 'simulator' } },
  models: {
    dear: {
      targets: [{ provider: 'demo', model: 'tokens-1000', price: { inputPerMTok: '0', outputPerMTok: '100' } }],
      downgradeTo: 'cheap',
    },
    cheap: {
      targets: [{ provider: 'demo', model: 'tokens-1000+slow-1', price: { inputPerMTok: '0', outputPerMTok: '10' } }],
    },
  },
  budgets: { teams: { search: { monthly: '$1', warnAt: 0.8, downgradeAt: 0.9 } } },
  alerts: { email: ['finops@example.com'] },
};

interface Heard {
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

let emulator: Emulator;
let folder: string;
let gateway: DeployedGateway;
let key: { key: string; id: string };
let machine: string;
let topic: string;
let sfn: SFNClient;
let dynamo: DynamoDBClient;
/** What came by the event bus, and by mail's way. */
const events: Heard[] = [];
const mails: { Subject: string; Message: string }[] = [];

const resource = async (type: string, logicalId: string): Promise<string> => {
  const xml = await emulator.ask('cloudformation', { form: { Action: 'DescribeStackResources', StackName: STACK } });
  const found = [...xml.matchAll(/<member>(.*?)<\/member>/gs)]
    .map(([, member = '']) => member)
    .filter((member) => member.includes(`>${type}<`) && member.includes(`>${logicalId}`))
    .map((member) => /<PhysicalResourceId>(.*?)</.exec(member)?.[1]);
  const [id] = found;
  if (found.length !== 1 || id === undefined) throw new Error(`expected one ${logicalId}: ${found}`);
  return id;
};

const sqs = (form: Record<string, string>) => emulator.ask('sqs', { form: { Version: '2012-11-05', ...form } });
const queueUrl = (name: string) => `${emulator.endpoint}/000000000000/${name}`;
const queueArn = (name: string) => `arn:aws:sqs:us-east-1:000000000000:${name}`;
const fromXml = (xml: string) =>
  xml
    .replaceAll('&quot;', '"')
    .replaceAll('&#34;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&#39;', "'")
    .replaceAll('&#x27;', "'")
    .replaceAll('&amp;', '&');

const receive = async (url: string): Promise<string[]> => {
  const bodies: string[] = [];
  for (;;) {
    const xml = await sqs({
      Action: 'ReceiveMessage',
      QueueUrl: url,
      MaxNumberOfMessages: '10',
      VisibilityTimeout: '3600',
    });
    const found = [...xml.matchAll(/<Body>(.*?)<\/Body>/gs)].map(([, body = '']) => fromXml(body));
    if (found.length === 0) return bodies;
    bodies.push(...found);
  }
};

const listen = async (): Promise<void> => {
  for (const body of await receive(queueUrl('events'))) events.push((JSON.parse(body) as { detail: Heard }).detail);
  for (const body of await receive(queueUrl('mails')))
    mails.push(JSON.parse(body) as { Subject: string; Message: string });
};

const until = async <T>(look: () => Promise<T | undefined> | T | undefined, what: string): Promise<T> => {
  const endsAt = Date.now() + 30_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > endsAt)
      throw new Error(`not within 30 s: ${what}; heard ${JSON.stringify(events)}\n${emulator.log().slice(-3_000)}`);
    await new Promise((wake) => setTimeout(wake, 100));
  }
};

/** The notices about an account so far, oldest first; waits for as many. */
const heard = (account: string, count: number): Promise<Heard[]> =>
  until(async () => {
    await listen();
    const own = events.filter((event) => event.account === account);
    return own.length >= count ? own : undefined;
  }, `${count} notices of ${account}`);

const mailed = (account: string, state: string): Promise<{ Subject: string; Message: string }> =>
  until(
    async () => {
      await listen();
      const id = account.split('#')[1] ?? '';
      return mails.find(({ Subject }) => Subject.includes(` ${state}: `) && Subject.includes(id));
    },
    `a mail of ${account}: ${state}; ${JSON.stringify(mails)}`,
  );

const tierOf = async (account: string): Promise<BudgetAccount['tier']> =>
  (await gateway.stores.budgets.readAccounts([account]))[0]?.tier;

const pendingOf = (account: string) =>
  until(() => gateway.stores.budgets.readApproval(account), `an approval of ${account}`);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-escalation-'));
  emulator = await startEmulator({ waitScale: 0.02, timeoutScale: 0.0001 });
  const file = join(folder, 'gateway.json');
  const outputsFile = join(folder, 'outputs.json');
  writeFileSync(file, JSON.stringify(CONFIG));
  await emulator.cdk([
    ...['deploy', '--require-approval', 'never', '-c', 'stage=prod', '-c', `config=${file}`],
    ...['-c', 'responseTransfer=buffered', '--output', join(folder, 'cdk.out'), '--outputs-file', outputsFile],
  ]);
  const outputs = (JSON.parse(readFileSync(outputsFile, 'utf8')) as Record<string, Outputs>)[STACK] ?? {};
  gateway = openDeployed(emulator, STACK, outputs);
  key = await gateway.makeKey();
  machine = await resource('AWS::StepFunctions::StateMachine', 'GatewayEscalationMachine');
  topic = outputs['GatewayBudgetTopic'] ?? '';
  sfn = new SFNClient(emulator.client);
  dynamo = new DynamoDBClient(emulator.client);
  for (const name of ['events', 'mails']) await sqs({ Action: 'CreateQueue', QueueName: name });
  const subscribe = {
    Action: 'Subscribe',
    TopicArn: topic,
    Protocol: 'sqs',
    Endpoint: queueArn('mails'),
    Version: '2010-03-31',
  };
  await emulator.ask('sns', { form: subscribe });
  const bus = new EventBridgeClient(emulator.client);
  await bus.send(new PutRuleCommand({ Name: 'budgets', EventPattern: '{"source":["tollgate"]}' }));
  await bus.send(new PutTargetsCommand({ Rule: 'budgets', Targets: [{ Id: 'queue', Arn: queueArn('events') }] }));
  bus.destroy();
}, 900_000);

afterAll(async () => {
  sfn?.destroy();
  dynamo?.destroy();
  await gateway?.close();
  await emulator?.stop();
  rmSync(folder, { recursive: true, force: true });
}, 30_000);

describe('calls through the front door', () => {
  let calls = 0;

  const ask = async (): Promise<{ status: number; budget: string | null; model: string | null; alias: string }> => {
    try {
      const { data, response } = await gateway
        .openai(key.key)
        .chat.completions.create({ model: 'dear', max_tokens: 1000, messages: [{ role: 'user', content: 'go' }] })
        .withResponse();
      calls += 1;
      await gateway.settledAccount(key.id, calls);
      const { headers, status } = response;
      return { status, budget: budgetOf(headers), model: headers.get('x-tollgate-model'), alias: data.model };
    } catch (error) {
      const { status, headers } = error as { status: number; headers: Headers };
      return { status, budget: budgetOf(headers), model: null, alias: '' };
    }
  };
  /** The state and the scope; how near it is, is told as well. */
  const budgetOf = (headers?: Headers): string | null =>
    headers?.get('x-tollgate-budget')?.replace(/; used=[\d.]+$/, '') ?? null;
  const askTimes = async (times: number) => {
    const answers = [];
    for (let i = 0; i < times; i++) answers.push(await ask());
    return answers;
  };
  const DEAR = 'demo/tokens-1000';
  const CHEAP = 'demo/tokens-1000+slow-1';

  test('below 80 % the model that was asked for answers, and nobody is told', async () => {
    for (const answer of await askTimes(7))
      expect(answer).toEqual({ status: 200, budget: 'ok', model: DEAR, alias: 'dear' });
    expect(await tierOf(TEAM)).toBeUndefined();
  }, 60_000);

  test('at 80 % the header warns, the account moves to warn, and people and programs are told who, how fast and until when', async () => {
    expect(await ask()).toEqual({ status: 200, budget: 'warn; scope=team search', model: DEAR, alias: 'dear' });
    const [notice] = await heard(TEAM, 1);
    expect(notice).toMatchObject({
      account: TEAM,
      state: 'warn',
      crossed: ['warn'],
      cap_usd: '1',
      spent_usd: '0.8',
      by: [{ key: key.id, user: 'ada', cost_usd: '0.1' }],
    });
    expect(Number(notice?.burn_usd_per_hour)).toBeGreaterThan(0);
    expect(Date.parse(notice?.period_ends_at ?? '')).toBeGreaterThan(Date.now());
    expect((await tierOf(TEAM))?.state).toBe('warn');
    const mail = await mailed(TEAM, 'warn');
    expect(mail.Subject).toBe('Tollgate budget warn: team search at 80 %');
    expect(mail.Message).toContain('Spent $0.8 of $1 (80 %)');
  }, 60_000);

  test('at 90 % the account moves to downgrade, and from then on the stand-in answers under the alias asked for', async () => {
    expect(await ask()).toMatchObject({ status: 200, budget: 'warn; scope=team search', model: DEAR });
    expect((await heard(TEAM, 2)).map(({ state }) => state)).toEqual(['warn', 'downgrade']);
    const answer = await ask();
    expect(answer).toEqual({ status: 200, budget: 'downgrade; scope=team search', model: CHEAP, alias: 'dear' });
    const [entry] = await gateway.stores.ledger.tail({ limit: 1, keyId: key.id });
    expect(entry).toMatchObject({
      alias: 'dear',
      cost: NANO / 100n,
      receipt: { downgrade: { from: 'dear', to: 'cheap', scope: 'team search' } },
    });
  }, 60_000);

  test('where the model asked for has no room any more, the stand-in answers for as long as it has', async () => {
    for (const answer of await askTimes(9))
      expect(answer).toEqual({ status: 200, budget: 'downgrade; scope=team search', model: CHEAP, alias: 'dear' });
    expect((await gateway.stores.ledger.figures([TEAM]))[0]).toMatchObject({ spent: NANO, held: 0n });
  }, 60_000);

  test('at 100 % requests are refused, the account moves to reject, and its approval is waited for', async () => {
    expect(await ask()).toMatchObject({ status: 429, budget: 'reject; scope=team search' });
    const notices = await heard(TEAM, 3);
    expect(notices.map(({ state }) => state)).toEqual(['warn', 'downgrade', 'reject']);
    expect(await pendingOf(TEAM)).toMatchObject({ account: TEAM, cap: NANO, round: 1 });
    expect((await tierOf(TEAM))?.state).toBe('reject');
    expect((await mailed(TEAM, 'reject')).Message).toContain(`tollgate budgets approve '${TEAM}' --to`);
  }, 60_000);

  test('an approved raise reopens at once: the model asked for answers again', async () => {
    const env = { ...emulator.env, TOLLGATE_STACK: STACK };
    const tooLittle = await runTollgate(['budgets', 'approve', TEAM, '--to', '$1'], { env });
    expect([tooLittle.status, tooLittle.stderr]).toEqual([2, expect.stringContaining('more than the cap')]);
    expect(await askTollgate(['budgets', 'approve', TEAM, '--to', '$2', '--by', 'grace'], { env })).toEqual({
      account: TEAM,
      raised_to_usd: '2',
      by: 'grace',
      done: true,
    });
    expect(await ask()).toEqual({ status: 200, budget: 'ok', model: DEAR, alias: 'dear' });
    const notices = await heard(TEAM, 4);
    expect(notices[3]).toMatchObject({ state: 'ok', cap_usd: '2', decision: { raised: true, by: 'grace' } });
    expect(await askTollgate(['budgets', 'show', 'team', 'search'], { env })).toMatchObject([
      { scope: 'team search', cap_usd: '2', spent_usd: '1.1', state: 'ok', source: 'override', set_by: 'grace' },
    ]);
    const again = await runTollgate(['budgets', 'approve', TEAM, '--to', '$3'], { env });
    expect([again.status, again.stderr]).toEqual([1, expect.stringContaining('Nothing waits')]);
  }, 60_000);

  test('crossed again under the new cap, it escalates again', async () => {
    await askTimes(5);
    expect((await heard(TEAM, 5))[4]).toMatchObject({ state: 'warn', cap_usd: '2', spent_usd: '1.6' });
    await askTimes(2);
    expect((await heard(TEAM, 6))[5]).toMatchObject({ state: 'downgrade', cap_usd: '2', spent_usd: '1.8' });
    expect(await ask()).toMatchObject({ budget: 'downgrade; scope=team search', model: CHEAP });
    expect(await tierOf(TEAM)).toMatchObject({ state: 'downgrade', cap: 2n * NANO });
    expect(events.filter(({ account }) => account === TEAM)).toHaveLength(6);
  }, 60_000);
});

describe('the state machine', () => {
  let accounts = 0;
  /** An account of a team of its own with a cap of $100, of which so much is spent. */
  const putAccount = async (
    spentUsd: number,
    { account = `team#case${++accounts}#all`, cap = 100n, tier = '' } = {},
  ): Promise<string> => {
    const amount = String(BigInt(spentUsd) * NANO);
    await dynamo.send(
      new PutItemCommand({
        TableName: gateway.tables.accounts,
        Item: {
          pk: { S: account },
          cap: { N: String(cap * NANO) },
          capVersion: { N: '1' },
          committed: { N: amount },
          spent: { N: amount },
          thresholds: { S: '800 900 UTC' },
          ...(tier !== '' && { tier: { S: tier } }),
        },
      }),
    );
    return account;
  };
  const spend = async (account: string, usd: number): Promise<void> => {
    const [now] = await gateway.stores.budgets.readAccounts([account]);
    const { tier, cap } = now ?? {};
    const text = tier === undefined ? '' : `${tier.state} ${tier.cap} ${tier.round} ${tier.at} ${tier.mover}`;
    await putAccount(usd, { account, cap: (cap ?? 0n) / NANO, tier: text });
  };

  /** As the projector starts it. */
  const start = async (account: string): Promise<string> => {
    const found = await gateway.stores.budgets.readAccounts([account]);
    const [due] = findEscalations(found, [{ accounts: [account], need: () => 1n, cost: 1n, keyId: 'k', user: 'u' }]);
    return startAs(due?.name ?? `nothing-due-${Math.floor(Math.random() * 1e9)}`, account);
  };
  const startAs = async (name: string, account: string): Promise<string> => {
    const input: EscalationInput = { account, need: '1', by: [{ key: 'k', user: 'u', cost: '1' }] };
    const { executionArn } = await sfn.send(
      new StartExecutionCommand({ stateMachineArn: machine, name, input: JSON.stringify(input) }),
    );
    return executionArn ?? '';
  };
  const ended = (executionArn: string): Promise<string> =>
    until(async () => {
      const { status } = await sfn.send(new DescribeExecutionCommand({ executionArn }));
      return status === 'RUNNING' ? undefined : status;
    }, 'the end of an execution');
  const statesOf = async (executionArn: string): Promise<string[]> => {
    const { events: history = [] } = await sfn.send(new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }));
    return history.flatMap(({ stateEnteredEventDetails: entered }) => entered?.name ?? []);
  };

  test('thresholds crossed one by one are told one by one', async () => {
    const account = await putAccount(80);
    expect(await ended(await start(account))).toBe('SUCCEEDED');
    await spend(account, 90);
    expect(await ended(await start(account))).toBe('SUCCEEDED');
    await spend(account, 100);
    await start(account);
    expect((await heard(account, 3)).map(({ state, crossed }) => [state, crossed])).toEqual([
      ['warn', ['warn']],
      ['downgrade', ['downgrade']],
      ['reject', ['reject']],
    ]);
    expect(await pendingOf(account)).toMatchObject({ round: 1 });
  }, 60_000);

  test('thresholds crossed all at once are told once', async () => {
    const account = await putAccount(100);
    await start(account);
    await pendingOf(account);
    expect((await heard(account, 1)).map(({ state, crossed }) => [state, crossed])).toEqual([
      ['reject', ['warn', 'downgrade', 'reject']],
    ]);
  }, 60_000);

  test('a repeat is no second execution, and another one finds nothing to do', async () => {
    const account = await putAccount(85);
    const found = await gateway.stores.budgets.readAccounts([account]);
    const [due] = findEscalations(found, [{ accounts: [account], need: () => 1n, cost: 1n, keyId: 'k', user: 'u' }]);
    const name = due?.name ?? '';
    expect(await ended(await startAs(name, account))).toBe('SUCCEEDED');
    await expect(startAs(name, account)).rejects.toThrow(ExecutionAlreadyExists);
    const other = await startAs(`${name}-other`, account);
    expect(await ended(other)).toBe('SUCCEEDED');
    expect(await statesOf(other)).toEqual(['Escalate', 'HasMoved', 'NothingToDo']);
    await listen();
    expect(events.filter((event) => event.account === account)).toHaveLength(1);
  }, 60_000);

  test('many at once move it once', async () => {
    const account = await putAccount(95);
    const arns = await Promise.all(
      Array.from({ length: 8 }, (_, i) => startAs(`at-once-${account.replaceAll('#', '-')}-${i}`, account)),
    );
    expect(await Promise.all(arns.map(ended))).toEqual(arns.map(() => 'SUCCEEDED'));
    const told = await Promise.all(arns.map(statesOf));
    expect(told.filter((states) => states.includes('Tell'))).toHaveLength(1);
  }, 60_000);

  test('a raise through the token holds for the period, is told, and crossed again it escalates again', async () => {
    const account = await putAccount(100);
    const first = await start(account);
    const env = { ...emulator.env, TOLLGATE_STACK: STACK };
    await pendingOf(account);
    await askTollgate(['budgets', 'approve', account, '--to', '$200', '--by', 'grace'], { env });
    expect(await ended(first)).toBe('SUCCEEDED');
    expect((await gateway.stores.budgets.readAccounts([account]))[0]).toMatchObject({
      cap: 200n * NANO,
      tier: { state: 'ok', round: 2 },
    });
    await spend(account, 200);
    await start(account);
    expect(await pendingOf(account)).toMatchObject({ cap: 200n * NANO, round: 2 });
    expect((await heard(account, 3)).map(({ state, decision }) => decision?.raised ?? state)).toEqual([
      'reject',
      true,
      'reject',
    ]);
  }, 60_000);

  test('a refusal leaves the cap, is told, and nothing waits any more', async () => {
    const account = await putAccount(100);
    const execution = await start(account);
    await pendingOf(account);
    const env = { ...emulator.env, TOLLGATE_STACK: STACK };
    expect(await askTollgate(['budgets', 'approve', account, '--refuse', '--by', 'grace'], { env })).toMatchObject({
      done: true,
    });
    expect(await ended(execution)).toBe('SUCCEEDED');
    expect((await heard(account, 2))[1]).toMatchObject({ state: 'reject', decision: { raised: false, by: 'grace' } });
    expect((await gateway.stores.budgets.readAccounts([account]))[0]).toMatchObject({
      cap: 100n * NANO,
      tier: { state: 'reject' },
    });
    expect(await gateway.stores.budgets.readApproval(account)).toBeUndefined();
  }, 60_000);

  test('a cap set by hand meanwhile ends the wait', async () => {
    const account = await putAccount(100);
    const execution = await start(account);
    await pendingOf(account);
    const env = { ...emulator.env, TOLLGATE_STACK: STACK };
    await askTollgate(['budgets', 'set', 'team', account.split('#')[1] ?? '', '--lifetime', '$500'], { env });
    expect(await ended(execution)).toBe('SUCCEEDED');
    expect((await gateway.stores.budgets.readAccounts([account]))[0]).toMatchObject({
      cap: 500n * NANO,
      tier: { state: 'ok', round: 2 },
    });
    await listen();
    expect(events.filter((event) => event.account === account)).toHaveLength(1);
  }, 60_000);

  test('when the period ends the wait ends, and nothing is raised', async () => {
    const account = await putAccount(100, { account: `team#ends#${new Date().toISOString().slice(0, 10)}` });
    const execution = await start(account);
    expect(await ended(execution)).toBe('SUCCEEDED');
    expect((await statesOf(execution)).at(-1)).toBe('PeriodOver');
    expect((await gateway.stores.budgets.readAccounts([account]))[0]).toMatchObject({
      cap: 100n * NANO,
      tier: { state: 'reject' },
    });
  }, 60_000);

  test('an account of a period that is over is left alone', async () => {
    const account = await putAccount(100, { account: 'team#past#2020-01' });
    const execution = await start(account);
    expect(await ended(execution)).toBe('SUCCEEDED');
    expect(await statesOf(execution)).toEqual(['Escalate', 'HasMoved', 'NothingToDo']);
  }, 60_000);

  test('a step that fails is tried again until it can be taken', async () => {
    // No account's key: the function throws. Then it becomes one that there is not.
    const account = `team#late${Date.now()}#all`;
    const execution = await startAs('tried-again', account);
    expect(await ended(execution)).toBe('SUCCEEDED');
    expect(await statesOf(execution)).toEqual(['Escalate', 'HasMoved', 'NothingToDo']);
  }, 60_000);

  test('where people can not be told, the account has moved, programs are told, it is reported, and the approval is waited for', async () => {
    await emulator.ask('sns', { form: { Action: 'DeleteTopic', TopicArn: topic, Version: '2010-03-31' } });
    const account = await putAccount(100);
    const execution = await start(account);
    expect(await pendingOf(account)).toMatchObject({ round: 1 });
    expect((await tierOf(account))?.state).toBe('reject');
    expect((await heard(account, 1))[0]).toMatchObject({ state: 'reject' });
    const failures = await resource('AWS::SQS::Queue', 'GatewayEscalationFailures');
    const reports = await until(async () => {
      const bodies = await receive(queueUrl(failures.split('/').at(-1) ?? ''));
      return bodies.length > 0 ? bodies : undefined;
    }, 'a report');
    expect(reports.map((body) => JSON.parse(body) as object)).toEqual([
      expect.objectContaining({ what: 'people', input: expect.objectContaining({ account }) }),
    ]);
    const { status } = await sfn.send(new DescribeExecutionCommand({ executionArn: execution }));
    expect(status).toBe('RUNNING');
  }, 120_000);
});
