/** The watcher of pins as it is deployed: its bundle under AWS's runtime client, on DynamoDB Local, with an event bus that says what it is sent. */

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { shimOf } from '../../bench/pages/reference-deployment.ts';
import { systemClock } from '../../lambdas/adapters/system/clock.ts';
import { DAY_MS, dateOf } from '../../lambdas/contract/calendar-date.ts';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { TABLES, type TableName } from '../../lambdas/contract/tables.ts';
import { PIN_WATCH_GRANTS } from '../../lib/pin-watch.ts';
import { answering, LEGACY, listed, type ModelsServer, startModelsServer } from '../support/bedrock-models.ts';
import { actionsOf } from './support/actions-of.ts';
import { bundleFunctions } from './support/bundle-gateway.ts';
import { CLIENT, type DynamoWorld, makeDynamoWorld } from './support/dynamo-world.ts';
import { type LocalServer, startDynamoDb } from './support/dynamodb-local.ts';
import { type RunningLambda, runLambda } from './support/run-lambda.ts';

const ENDS = dateOf(Date.now() + 20 * DAY_MS) ?? '';
const CONFIG: GatewayConfig = {
  providers: {
    demo: { kind: 'simulator' },
    openai: { kind: 'openai', apiKey: 'secret:tollgate/openai' },
    bedrock: { kind: 'bedrock', regions: ['eu-central-1'] },
  },
  models: {
    ending: {
      targets: [
        {
          provider: 'openai',
          model: 'gpt-5.4-2026-03-05',
          lifecycle: { retires: ENDS, successor: 'gpt-6.1-sol' },
        },
      ],
    },
    heard: { targets: [{ provider: 'bedrock', model: 'eu.anthropic.claude-haiku-4-5-20251001-v1:0' }] },
    demo: { targets: [{ provider: 'demo', model: 'echo' }] },
  },
};

let dynamo: LocalServer;
let world: DynamoWorld;
let bus: { server: Server; events: Record<string, unknown>[]; refuses: boolean };
let models: ModelsServer;
let shim: string;
let watcher: RunningLambda;

beforeAll(async () => {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text) => {
      body += text;
    });
    request.on('end', () => {
      response.setHeader('content-type', 'application/x-amz-json-1.1');
      const { Entries: entries } = JSON.parse(body) as { Entries: Record<string, unknown>[] };
      if (!bus.refuses) bus.events.push(...entries);
      const answer = bus.refuses ? { ErrorCode: 'InternalFailure', ErrorMessage: 'not today' } : { EventId: 'e' };
      response.end(JSON.stringify({ FailedEntryCount: bus.refuses ? 1 : 0, Entries: entries.map(() => answer) }));
    });
  });
  bus = { server, events: [], refuses: true };
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  models = await startModelsServer();
  dynamo = await startDynamoDb();
  world = await makeDynamoWorld(dynamo, systemClock);
  const { folder } = bundleFunctions(CONFIG)['GatewayPinsFunction'] ?? { folder: '' };
  shim = mkdtempSync(join(tmpdir(), 'tollgate-shim-'));
  watcher = await runLambda(shimOf(folder, shim), {
    AWS_REGION: CLIENT.region,
    AWS_ENDPOINT_URL_DYNAMODB: world.proxy.endpoint,
    AWS_ENDPOINT_URL_BEDROCK: models.endpoint,
    AWS_ENDPOINT_URL_EVENTBRIDGE: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...Object.fromEntries(
      (Object.keys(TABLES) as TableName[]).map((name) => [TABLES[name].nameVariable, world.tables[name]]),
    ),
  });
}, 600_000);

afterAll(async () => {
  await watcher?.stop();
  bus.server.closeAllConnections();
  bus.server.close();
  models?.stop();
  await world?.proxy.stop();
  await dynamo?.stop();
  rmSync(shim, { recursive: true, force: true });
}, 60_000);

test('what EventBridge refuses fails the run, and is told at the next, once, with what replaces it at what price', async () => {
  await expect(watcher.invoke({}).plain).rejects.toThrow(/AggregateError/);
  expect(watcher.logged()).toContain('EventBridge took no event: InternalFailure: not today');
  bus.refuses = false;
  expect(await watcher.invoke({}).plain).toEqual({ pins: 3, told: 1, changed: 0 });
  expect(await watcher.invoke({}).plain).toEqual({ pins: 3, told: 0, changed: 0 });
  expect(bus.events).toHaveLength(1);
  const [{ Source, DetailType, Resources, Detail } = {}] = bus.events;
  expect({ Source, DetailType, Resources }).toEqual({
    Source: 'tollgate',
    DetailType: 'Tollgate Pin',
    Resources: [expect.stringMatching(/^arn:aws:lambda:/)],
  });
  expect(JSON.parse(String(Detail))).toMatchObject({
    pin: 'openai/gpt-5.4-2026-03-05',
    notice: 'ends',
    threshold_days: 30,
    retires_on: ENDS,
    replacement: { model: 'gpt-6.1-sol', difference: { input_usd: ['2.5', '2'] } },
    message: expect.stringMatching(/retires .*, in (19|20) days .*\nReplaced by gpt-6\.1-sol: /),
  });
});

test('the days of each alias are measured, told or not', () => {
  const measured = watcher
    .logged()
    .split('\n')
    .filter((line) => line.includes('"CloudWatchMetrics"'))
    .map((line) => JSON.parse(line));
  expect(measured.filter(({ Alias: alias }) => alias === 'ending')).toHaveLength(3);
  expect(measured.every(({ DaysToSunset: days }) => days === 19 || days === 20)).toBe(true);
  expect(measured.some(({ Alias: alias }) => alias === 'heard')).toBe(false);
  expect(measured.some(({ Alias: alias }) => alias === 'demo')).toBe(false);
});

test('what Bedrock says of its model is told, also while it can not be asked', async () => {
  expect(watcher.logged()).toContain('bedrock:ListFoundationModels is not allowed');
  const retires = dateOf(Date.now() + 60 * DAY_MS) ?? '';
  const id = 'anthropic.claude-haiku-4-5-20251001-v1:0';
  models.answers['eu-central-1'] = answering(listed(id, { ...LEGACY, endOfLifeTime: `${retires}T08:00:00Z` }));
  expect(await watcher.invoke({}).plain).toEqual({ pins: 3, told: 2, changed: 1 });
  const details = bus.events.slice(1).map(({ Detail: detail }) => JSON.parse(String(detail)));
  expect(details).toMatchObject([
    {
      pin: `bedrock/eu.${id}`,
      notice: 'calendar-changed',
      change: { from: { retiresOn: null }, to: { retiresOn: retires } },
    },
    { pin: `bedrock/eu.${id}`, notice: 'ends', threshold_days: 90, retires_on: retires },
  ]);
  models.answers = {};
  expect(await watcher.invoke({}).plain).toEqual({ pins: 3, told: 0, changed: 0 });
  const days = watcher
    .logged()
    .split('\n')
    .filter((line) => line.includes('"CloudWatchMetrics"') && line.includes('"heard"'))
    .map((line) => JSON.parse(line).DaysToSunset);
  // Twice, of which once from memory; over midnight a day less.
  expect(days).toHaveLength(2);
  for (const left of days) expect([59, 60]).toContain(left);
});

test('it asks of the tables what it may, and nothing that it need not', async () => {
  await world.proxy.whenIdle();
  expect(actionsOf(world.proxy.operations, world.tables)).toEqual(
    Object.fromEntries(Object.entries(PIN_WATCH_GRANTS).map(([table, actions]) => [table, [...actions].sort()])),
  );
});
