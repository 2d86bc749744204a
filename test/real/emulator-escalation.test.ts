/**
 * Budgets from warn to downgrade to reject, in a real deployment (support/emulator.ts): first by calls through the front door,
 * the projector and the state machine; then the machine alone, its real definition, through everything that can go wrong.
 */
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  GetExecutionHistoryCommand,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import type { EscalationInput } from '../../lambdas/contract/escalation.ts';
import { findEscalations } from '../../lambdas/core/budget/find-escalations.ts';
import { spawnCli } from '../support/run-cli.ts';
import { type EscalationWorld, openEscalationWorld } from './support/escalation-world.ts';
import { askTollgate } from './support/run-tollgate.ts';

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

let world: EscalationWorld;

beforeAll(async () => {
  world = await openEscalationWorld(CONFIG);
}, 900_000);

afterAll(() => world?.close(), 30_000);

describe('calls through the front door', () => {
  let key: { key: string; id: string };
  let calls = 0;

  beforeAll(async () => {
    key = await world.gateway.makeKey();
  });

  const ask = async (): Promise<{ status: number; budget: string | null; model: string | null; alias: string }> => {
    try {
      const { data, response } = await world.gateway
        .openai(key.key)
        .chat.completions.create({ model: 'dear', max_tokens: 1000, messages: [{ role: 'user', content: 'go' }] })
        .withResponse();
      calls += 1;
      await world.gateway.settledAccount(key.id, calls);
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
    expect(await world.tierOf(TEAM)).toBeUndefined();
  }, 60_000);

  test('at 80 % the account moves to warn, people and programs are told who, how fast and until when, and the next answer warns', async () => {
    // The header says how the budget stood before this request.
    expect(await ask()).toEqual({ status: 200, budget: 'ok', model: DEAR, alias: 'dear' });
    const [notice] = await world.heard(TEAM, 1);
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
    expect((await world.tierOf(TEAM))?.state).toBe('warn');
    const mail = await world.mailed(TEAM, 'warn');
    expect(mail.Subject).toBe('Tollgate budget warn: team search at 80 %');
    expect(mail.Message).toContain('Spent $0.8 of $1 (80 %)');
  }, 60_000);

  test('at 90 % the account moves to downgrade, and from then on the stand-in answers under the alias asked for', async () => {
    expect(await ask()).toMatchObject({ status: 200, budget: 'warn; scope=team search', model: DEAR });
    expect((await world.heard(TEAM, 2)).map(({ state }) => state)).toEqual(['warn', 'downgrade']);
    const answer = await ask();
    expect(answer).toEqual({ status: 200, budget: 'downgrade; scope=team search', model: CHEAP, alias: 'dear' });
    const [entry] = await world.gateway.stores.ledger.tail({ limit: 1, keyId: key.id });
    expect(entry).toMatchObject({
      alias: 'dear',
      cost: NANO / 100n,
      receipt: { downgrade: { from: 'dear', to: 'cheap', scope: 'team search' } },
    });
  }, 60_000);

  test('where the model asked for has no room any more, the stand-in answers for as long as it has', async () => {
    for (const answer of await askTimes(9))
      expect(answer).toEqual({ status: 200, budget: 'downgrade; scope=team search', model: CHEAP, alias: 'dear' });
    expect((await world.gateway.stores.ledger.figures([TEAM]))[0]).toMatchObject({ spent: NANO, held: 0n });
  }, 60_000);

  test('at 100 % requests are refused, the account moves to reject, and its approval is waited for', async () => {
    expect(await ask()).toMatchObject({ status: 429, budget: 'reject; scope=team search' });
    const notices = await world.heard(TEAM, 3);
    expect(notices.map(({ state }) => state)).toEqual(['warn', 'downgrade', 'reject']);
    expect(await world.pendingOf(TEAM)).toMatchObject({ account: TEAM, cap: NANO, round: 1 });
    expect((await world.tierOf(TEAM))?.state).toBe('reject');
    expect((await world.mailed(TEAM, 'reject')).Message).toContain(`tollgate budgets approve '${TEAM}' --to`);
  }, 60_000);

  test('an approved raise reopens at once: the model asked for answers again', async () => {
    const tooLittle = await spawnCli(['budgets', 'approve', TEAM, '--to', '$1'], { env: world.env });
    expect([tooLittle.status, tooLittle.stderr]).toEqual([2, expect.stringContaining('more than the cap')]);
    expect(await askTollgate(['budgets', 'approve', TEAM, '--to', '$2', '--by', 'grace'], { env: world.env })).toEqual({
      account: TEAM,
      raised_to_usd: '2',
      by: 'grace',
      done: true,
    });
    expect(await ask()).toEqual({ status: 200, budget: 'ok', model: DEAR, alias: 'dear' });
    const notices = await world.heard(TEAM, 4);
    expect(notices[3]).toMatchObject({ state: 'ok', cap_usd: '2', decision: { raised: true, by: 'grace' } });
    expect(await askTollgate(['budgets', 'show', 'team', 'search'], { env: world.env })).toMatchObject([
      { scope: 'team search', cap_usd: '2', spent_usd: '1.1', state: 'ok', source: 'override', set_by: 'grace' },
    ]);
    const again = await spawnCli(['budgets', 'approve', TEAM, '--to', '$3'], { env: world.env });
    expect([again.status, again.stderr]).toEqual([1, expect.stringContaining('Nothing waits')]);
  }, 60_000);

  test('crossed again under the new cap, it escalates again', async () => {
    await askTimes(5);
    expect((await world.heard(TEAM, 5))[4]).toMatchObject({ state: 'warn', cap_usd: '2', spent_usd: '1.6' });
    await askTimes(2);
    expect((await world.heard(TEAM, 6))[5]).toMatchObject({ state: 'downgrade', cap_usd: '2', spent_usd: '1.8' });
    expect(await ask()).toMatchObject({ budget: 'downgrade; scope=team search', model: CHEAP });
    expect(await world.tierOf(TEAM)).toMatchObject({ state: 'downgrade', cap: 2n * NANO });
    expect(await world.heardSoFar(TEAM)).toHaveLength(6);
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
    await world.dynamo.send(
      new PutItemCommand({
        TableName: world.gateway.tables.accounts,
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
    const [now] = await world.gateway.stores.budgets.readAccounts([account]);
    const { tier, cap } = now ?? {};
    const text = tier === undefined ? '' : `${tier.state} ${tier.cap} ${tier.round} ${tier.at} ${tier.mover}`;
    await putAccount(usd, { account, cap: (cap ?? 0n) / NANO, tier: text });
  };

  /** As the projector starts it. */
  const start = async (account: string): Promise<string> => {
    const found = await world.gateway.stores.budgets.readAccounts([account]);
    const [due] = findEscalations(found, [{ accounts: [account], need: () => 1n, cost: 1n, keyId: 'k', user: 'u' }]);
    return startAs(due?.name ?? `nothing-due-${Math.floor(Math.random() * 1e9)}`, account);
  };
  const startAs = async (name: string, account: string): Promise<string> => {
    const input: EscalationInput = { account, need: '1', by: [{ key: 'k', user: 'u', cost: '1' }] };
    const { executionArn } = await world.sfn.send(
      new StartExecutionCommand({ stateMachineArn: world.machine, name, input: JSON.stringify(input) }),
    );
    return executionArn ?? '';
  };
  const ended = (executionArn: string, withinMs?: number): Promise<string> => {
    const look = async () => {
      const { status } = await world.sfn.send(new DescribeExecutionCommand({ executionArn }));
      return status === 'RUNNING' ? undefined : status;
    };
    return world.until(look, 'the end of an execution', withinMs);
  };
  const statesOf = async (executionArn: string): Promise<string[]> => {
    const { events: history = [] } = await world.sfn.send(
      new GetExecutionHistoryCommand({ executionArn, maxResults: 1000 }),
    );
    return history.flatMap(({ stateEnteredEventDetails: entered }) => entered?.name ?? []);
  };

  test('thresholds crossed one by one are told one by one', async () => {
    const account = await putAccount(80);
    expect(await ended(await start(account))).toBe('SUCCEEDED');
    await spend(account, 90);
    expect(await ended(await start(account))).toBe('SUCCEEDED');
    await spend(account, 100);
    await start(account);
    expect((await world.heard(account, 3)).map(({ state, crossed }) => [state, crossed])).toEqual([
      ['warn', ['warn']],
      ['downgrade', ['downgrade']],
      ['reject', ['reject']],
    ]);
    expect(await world.pendingOf(account)).toMatchObject({ round: 1 });
  }, 60_000);

  test('thresholds crossed all at once are told once', async () => {
    const account = await putAccount(100);
    await start(account);
    await world.pendingOf(account);
    expect((await world.heard(account, 1)).map(({ state, crossed }) => [state, crossed])).toEqual([
      ['reject', ['warn', 'downgrade', 'reject']],
    ]);
  }, 60_000);

  test('a repeat is no second execution, and another one finds nothing to do', async () => {
    const account = await putAccount(85);
    const found = await world.gateway.stores.budgets.readAccounts([account]);
    const [due] = findEscalations(found, [{ accounts: [account], need: () => 1n, cost: 1n, keyId: 'k', user: 'u' }]);
    const name = due?.name ?? '';
    expect(await ended(await startAs(name, account))).toBe('SUCCEEDED');
    await expect(startAs(name, account)).rejects.toThrow(ExecutionAlreadyExists);
    const other = await startAs(`${name}-other`, account);
    expect(await ended(other)).toBe('SUCCEEDED');
    expect(await statesOf(other)).toEqual(['Escalate', 'HasMoved', 'NothingToDo']);
    expect(await world.heardSoFar(account)).toHaveLength(1);
  }, 60_000);

  test('many at once move it once', async () => {
    const account = await putAccount(95);
    const arns = await Promise.all(
      Array.from({ length: 8 }, (_, i) => startAs(`at-once-${account.replaceAll('#', '-')}-${i}`, account)),
    );
    expect(await Promise.all(arns.map((arn) => ended(arn)))).toEqual(arns.map(() => 'SUCCEEDED'));
    const told = await Promise.all(arns.map(statesOf));
    expect(told.filter((states) => states.includes('Tell'))).toHaveLength(1);
  }, 60_000);

  test('a raise through the token holds for the period, is told, and crossed again it escalates again', async () => {
    const account = await putAccount(100);
    const first = await start(account);
    await world.pendingOf(account);
    await askTollgate(['budgets', 'approve', account, '--to', '$200', '--by', 'grace'], { env: world.env });
    expect(await ended(first)).toBe('SUCCEEDED');
    expect((await world.gateway.stores.budgets.readAccounts([account]))[0]).toMatchObject({
      cap: 200n * NANO,
      tier: { state: 'ok', round: 2 },
    });
    await spend(account, 200);
    await start(account);
    expect(await world.pendingOf(account)).toMatchObject({ cap: 200n * NANO, round: 2 });
    expect((await world.heard(account, 3)).map(({ state, decision }) => decision?.raised ?? state)).toEqual([
      'reject',
      true,
      'reject',
    ]);
  }, 60_000);

  test('a refusal leaves the cap, is told, and nothing waits any more', async () => {
    const account = await putAccount(100);
    const execution = await start(account);
    await world.pendingOf(account);
    expect(
      await askTollgate(['budgets', 'approve', account, '--refuse', '--by', 'grace'], { env: world.env }),
    ).toMatchObject({
      done: true,
    });
    expect(await ended(execution)).toBe('SUCCEEDED');
    expect((await world.heard(account, 2))[1]).toMatchObject({
      state: 'reject',
      decision: { raised: false, by: 'grace' },
    });
    expect((await world.gateway.stores.budgets.readAccounts([account]))[0]).toMatchObject({
      cap: 100n * NANO,
      tier: { state: 'reject' },
    });
    expect(await world.gateway.stores.budgets.readApproval(account)).toBeUndefined();
  }, 60_000);

  test('a cap set by hand meanwhile ends the wait', async () => {
    const account = await putAccount(100);
    const execution = await start(account);
    await world.pendingOf(account);
    await askTollgate(['budgets', 'set', 'team', account.split('#')[1] ?? '', '--lifetime', '$500'], {
      env: world.env,
    });
    expect(await ended(execution)).toBe('SUCCEEDED');
    expect((await world.gateway.stores.budgets.readAccounts([account]))[0]).toMatchObject({
      cap: 500n * NANO,
      tier: { state: 'ok', round: 2 },
    });
    expect(await world.heardSoFar(account)).toHaveLength(1);
  }, 60_000);

  test('when the period ends the wait ends, and nothing is raised', async () => {
    const account = await putAccount(100, { account: `team#ends#${new Date().toISOString().slice(0, 10)}` });
    const execution = await start(account);
    // No wait there is shorter than 40 s.
    expect(await ended(execution, 90_000)).toBe('SUCCEEDED');
    expect((await statesOf(execution)).at(-1)).toBe('PeriodOver');
    expect((await world.gateway.stores.budgets.readAccounts([account]))[0]).toMatchObject({
      cap: 100n * NANO,
      tier: { state: 'reject' },
    });
  }, 150_000);

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
    await world.emulator.ask('sns', { form: { Action: 'DeleteTopic', TopicArn: world.topic, Version: '2010-03-31' } });
    const account = await putAccount(100);
    const execution = await start(account);
    expect(await world.pendingOf(account)).toMatchObject({ round: 1 });
    expect((await world.tierOf(account))?.state).toBe('reject');
    expect((await world.heard(account, 1))[0]).toMatchObject({ state: 'reject' });
    const failures = await world.resource('AWS::SQS::Queue', 'GatewayEscalationFailures');
    const reports = await world.until(async () => {
      const bodies = await world.receive(failures.split('/').at(-1) ?? '');
      return bodies.length > 0 ? bodies : undefined;
    }, 'a report');
    expect(reports.map((body) => JSON.parse(body) as object)).toEqual([
      expect.objectContaining({ what: 'people', input: expect.objectContaining({ account }) }),
    ]);
    const { status } = await world.sfn.send(new DescribeExecutionCommand({ executionArn: execution }));
    expect(status).toBe('RUNNING');
  }, 120_000);
});
