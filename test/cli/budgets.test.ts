import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { setBudget } from '../../lambdas/cli/budgets.ts';
import { epochOf } from '../../lambdas/contract/timing.ts';
import { policyFingerprint } from '../../lambdas/core/budget/policy-fingerprint.ts';
import { type LocalStores, makeLocalStores } from '../../lambdas/wiring/open-local-stores.ts';
import { runCli } from '../support/run-cli.ts';

let folder: string;
let stores: LocalStores;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-budgets-'));
  stores = makeLocalStores(folder);
});
afterEach(() => {
  stores.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A gateway has begun on the store. */
const begin = (budgets: object = {}) =>
  stores.policyVersion(
    policyFingerprint({ org: 'acme', budgets, models: { fast: { targets: [] }, deep: { targets: [] } } }),
  );
const tollgate = (...words: string[]) => runCli([...words, '--local', folder], { env: {} });

describe('budgets set', () => {
  test.each([
    [['org', 'other'], 1, /org is "acme"/],
    [['key', 'nope'], 1, /no key "nope"/],
    [['alias', 'nope'], 1, /There are: deep, fast/],
    [['tag', 'feature'], 2, /NAME=VALUE/],
    [['run', 'r1'], 2, /TEAM\/RUN/],
    [['run', 'search/-r1'], 2, /TEAM\/RUN/],
  ])('of %j, which can never hold, ends with %d and sets nothing', async (scope, status, says) => {
    await begin();
    const ran = await tollgate('budgets', 'set', ...scope, '--daily', '5');
    expect(ran).toMatchObject({ status, stdout: '', stderr: expect.stringMatching(says) });
    expect((await stores.budgets.readPolicy()).overrides).toEqual([]);
  });

  test.each([['org'], ['org', 'acme'], ['alias', 'fast'], ['tag', 'feature=x'], ['run', 'search/r1'], ['team', 'new']])(
    'of %s %s is done without a word more',
    async (...scope) => {
      await begin();
      expect(await tollgate('budgets', 'set', ...scope, '--daily', '5')).toMatchObject({ status: 0, stderr: '' });
      expect((await stores.budgets.readPolicy()).overrides).toHaveLength(1);
    },
  );

  test.each([
    ['org', 'acme'],
    ['alias', 'fast'],
  ])('of %s %s warns where no gateway has begun', async (kind, id) => {
    expect(await tollgate('budgets', 'set', kind, id, '--daily', '5', '--json')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^\[/),
      stderr: expect.stringContaining('spelt right'),
    });
  });

  test('takes a cap away from what is no more', async () => {
    expect(await tollgate('budgets', 'set', 'key', 'nope', '--daily', 'file')).toMatchObject({ status: 0 });
  });

  test.each([
    ['99999999999', 'at most $1000000000'],
    ['1000000000.1', 'at most $1000000000'],
    ['0.0000000001', 'at most 9 decimals'],
    ['-1', "such as '$600'"],
    ['1,00', "such as '$600'"],
  ])('says what is wrong with the amount %s', async (amount, says) => {
    expect(await tollgate('budgets', 'set', 'team', 'a', `--daily=${amount}`)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining(says),
    });
  });

  test('starts the workflow for an account whose cap it sets below what is spent, and warns where it can not', async () => {
    await begin({ timeZone: 'UTC' });
    const account = `team#search#${new Date().toISOString().slice(0, 7)}`;
    const held = await stores.ledger.hold({
      accounts: [{ key: account, scope: 'team', id: 'search', period: account.slice(-7), cap: 100n, warnAt: 0.8 }],
      capVersion: 1,
      epoch: epochOf(Date.now()),
      amount: 1n,
    });
    expect(held.kind).toBe('held');
    const started: string[] = [];
    const set = (cap: bigint, startEscalation: (due: { name: string; account: string }) => Promise<void>) =>
      setBudget(
        { kind: 'team', id: 'search', caps: { monthly: cap }, until: null, by: 'grace' },
        { ...stores, startEscalation },
      );
    const start = async ({ name, account: key }: { name: string; account: string }) =>
      void started.push(`${name.split('-')[0]} ${key}`);
    await set(1_000n, start);
    expect(started).toEqual([]);
    await set(0n, start);
    expect(started).toEqual([`reject ${account}`]);
    const { warnings } = await set(0n, () => Promise.reject(new Error('not allowed')));
    expect(warnings).toEqual([expect.stringContaining(`${account} holds, but nobody was told`)]);
  });
});

describe('budgets show', () => {
  test('of a run by its id alone says how runs are named', async () => {
    await begin({ perRun: { lifetime: '$5' } });
    expect(await tollgate('budgets', 'show', 'run', 'r1')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('TEAM/RUN'),
    });
    expect((await tollgate('budgets', 'show', 'run', 'search/r1')).stdout).toContain('run search/r1');
  });

  test('names a scope as it is named, whatever its key makes of it', async () => {
    await begin();
    await tollgate('budgets', 'set', 'team', 'x#y 100%', '--daily', '5');
    expect((await tollgate('budgets', 'show')).stdout).toContain('team x#y 100%  ');
    expect(JSON.parse((await tollgate('budgets', 'show', 'team', 'x#y 100%', '--json')).stdout)).toMatchObject([
      { scope: 'team x#y 100%', cap_usd: '5' },
    ]);
  });
});

test('runs show knows the budget of each run, before anything has passed under it', async () => {
  await stores.runs.enter({ team: 'search', runs: [{ id: 'r1' }] });
  const spent = async () => (await tollgate('runs', 'show', 'r1', '--team', 'search')).stdout;
  expect(await spent()).toContain('the run has no budget');
  await begin({ perRun: { lifetime: '$5' } });
  expect(await spent()).toMatch(/spent USD +0 of \$5/);
  await begin({ perRun: { calls: 20 } });
  expect(await spent()).toContain('no lifetime cap');
});

test('keys create warns of models that the gateway does not have', async () => {
  await begin();
  const create = (models: string) => tollgate('keys', 'create', 'app', '--team', 'search', '--models', models);
  expect(await create('fast,nope')).toMatchObject({ status: 0, stderr: expect.stringMatching(/"nope".*deep, fast/) });
  expect(await create('fast')).toMatchObject({ status: 0, stderr: '' });
});
