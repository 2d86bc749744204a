/** Canaries as they are deployed: the gateway's bundle under AWS's runtime client, on DynamoDB Local, with the command line's functions beside it. */

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { AuditedDynamoStores } from '../../lambdas/adapters/dynamodb/open-audited-stores.ts';
import { systemClock } from '../../lambdas/adapters/system/clock.ts';
import { systemRandom } from '../../lambdas/adapters/system/random.ts';
import { comparePins } from '../../lambdas/cli/compare-pins.ts';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { PIN_OVERRIDES_KEY, TABLES, type TableName } from '../../lambdas/contract/tables.ts';
import { issueKey } from '../../lambdas/core/authenticate/manage-keys.ts';
import { overridePin, releasePins } from '../../lambdas/core/pins/override-pins.ts';
import { bundleFunctions } from './support/bundle-gateway.ts';
import { CLIENT, type DynamoWorld, makeDynamoWorld } from './support/dynamo-world.ts';
import { type LocalServer, startDynamoDb } from './support/dynamodb-local.ts';
import { type RunningLambda, runLambda } from './support/run-lambda.ts';

const STABLE = 'demo/tokens-3';
const CANARY = 'demo/fail-500+tokens-3';
const CONFIG: GatewayConfig = {
  providers: { demo: { kind: 'simulator' } },
  models: {
    chat: { targets: [{ provider: 'demo', model: 'tokens-3', canary: { model: 'fail-500+tokens-3', share: 0.5 } }] },
    plain: { targets: [{ provider: 'demo', model: 'tokens-5' }] },
  },
  budgets: { org: { monthly: '$100' } },
};

let dynamo: LocalServer;
let world: DynamoWorld;
let stores: AuditedDynamoStores;
let folder: string;
let key: string;
let lambda: RunningLambda;

const start = (): Promise<RunningLambda> =>
  runLambda(folder, {
    AWS_REGION: CLIENT.region,
    AWS_ENDPOINT_URL_DYNAMODB: world.proxy.endpoint,
    ...Object.fromEntries(
      (Object.keys(TABLES) as TableName[]).map((name) => [TABLES[name].nameVariable, world.tables[name]]),
    ),
  });

beforeAll(async () => {
  dynamo = await startDynamoDb();
  world = await makeDynamoWorld(dynamo, systemClock);
  stores = world.openRaw();
  const wanted = { name: 'test', team: 'search', user: 'ada', tags: {}, aliases: null, expiresAt: null, rights: [] };
  ({ key } = await issueKey(wanted, { access: stores.access, clock: systemClock, random: systemRandom }));
  folder = bundleFunctions(CONFIG)['GatewayFunction']?.folder ?? '';
  lambda = await start();
}, 600_000);

afterAll(async () => {
  await lambda?.stop();
  stores?.close();
  await world?.proxy.stop();
  await dynamo?.stop();
}, 60_000);

let conversations = 0;
const ask = async (model = 'chat'): Promise<{ status: number | undefined; by: string | undefined }> => {
  conversations += 1;
  const invocation = lambda.invoke({
    httpMethod: 'POST',
    path: '/v1/chat/completions',
    headers: null,
    multiValueHeaders: { authorization: [`Bearer ${key}`], 'content-type': ['application/json'] },
    multiValueQueryStringParameters: null,
    body: JSON.stringify({ model, messages: [{ role: 'user', content: `question ${conversations}` }] }),
    isBase64Encoded: false,
  });
  for await (const _ of invocation.body);
  const { statusCode, headers } = await invocation.prelude;
  await invocation.ended;
  return { status: statusCode, by: headers?.['x-tollgate-model'] };
};
const askTimes = async (times: number) => {
  const replies = [];
  for (let i = 0; i < times; i++) replies.push(await ask());
  return replies;
};
const overridesRead = (): number =>
  world.proxy.operations.filter(
    ({ name, body }) => name === 'GetItem' && JSON.stringify(body).includes(PIN_OVERRIDES_KEY),
  ).length;
const PAIR = { alias: 'chat', target: STABLE, canary: CANARY, by: 'ada', until: null };

test('a canary that fails is seen beside its target, and no client sees a failure', async () => {
  const replies = await askTimes(24);
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
  const { data, text } = await comparePins({ alias: 'chat', since: undefined, most: 1_000 }, stores);
  expect(data).toMatchObject({
    comparisons: [
      { alias: 'chat', verdict: 'worse', canary: { model: CANARY }, target: { model: STABLE, errors: { count: 0 } } },
    ],
    entries_read: 24,
  });
  expect(text).toMatch(/worse: errors 100 % against 0 %\.\nIts errors: server_error \d+\./);
});

test('what is set by hand is followed within seconds, and is read beside requests, once for many', async () => {
  await overridePin({ ...PAIR, share: 0 }, { pins: stores.pins, clock: systemClock });
  // How long a busy machine takes for one request is not what is measured.
  expect((await ask()).status).toBe(200);
  world.proxy.forget();
  const startedAt = Date.now();
  let first: number | undefined;
  while (Date.now() - startedAt < 8_000) {
    expect((await ask()).status).toBe(200);
    const [newest] = await stores.ledger.tail({ limit: 1 });
    const isByHand = newest?.receipt.plan.canaries?.[0]?.byHand === true;
    if (isByHand) {
      first ??= Date.now() - startedAt;
      expect(newest?.receipt.plan).toMatchObject({ targets: [STABLE], canaries: [{ share: 0 }] });
    }
  }
  expect(first).toBeLessThan(6_000);
  expect(overridesRead()).toBeGreaterThan(0);
  expect(overridesRead()).toBeLessThan(5);
}, 60_000);

test('an environment that begins knows it at its first request', async () => {
  await lambda.stop();
  world.proxy.forget();
  lambda = await start();
  for (let i = 0; i < 6; i++) {
    await ask();
    const [newest] = await stores.ledger.tail({ limit: 1 });
    expect(newest?.receipt.plan.canaries).toMatchObject([{ share: 0, byHand: true }]);
  }
  await releasePins({ alias: 'chat', target: undefined, by: 'ada' }, { pins: stores.pins, clock: systemClock });
}, 60_000);

test('one that can’t read it at its start asks no canary first', async () => {
  await lambda.stop();
  world.proxy.faults = ({ name, body }) =>
    name === 'GetItem' && JSON.stringify(body).includes(PIN_OVERRIDES_KEY) ? 'throttle' : 'none';
  try {
    lambda = await start();
    for (let i = 0; i < 4; i++) {
      expect(await ask()).toMatchObject({ status: 200, by: STABLE });
      const [newest] = await stores.ledger.tail({ limit: 1 });
      expect(newest?.receipt.plan).toMatchObject({ targets: [STABLE, CANARY], canaries: [{ unread: true }] });
    }
    expect(lambda.logged()).toContain('canaries set by hand not read');
  } finally {
    world.proxy.faults = () => 'none';
  }
}, 60_000);
