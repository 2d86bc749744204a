import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { systemClock } from '../../lambdas/adapters/system/clock.ts';
import { catalogueData } from '../../lambdas/catalogue/catalogue.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import { issueKey } from '../../lambdas/core/authenticate/manage-keys.ts';
import { makeApp } from '../../lambdas/gateway/app.ts';
import { openDeployedGateway, openGround } from '../../lambdas/wiring/open-deployed-gateway.ts';
import { readEntries } from '../chaos/chaos-gateway.ts';
import { openClients, type Seen } from '../chaos/clients.ts';
import { type OpenFragile, runStoreOutage } from '../chaos/scenarios/store-outage.ts';
import { CLIENT, type DynamoWorld, systemRandom, withDynamoDb } from './support/dynamo-world.ts';
import type { Fault } from './support/table-proxy.ts';

const makeWorld = withDynamoDb({ beforeAll, afterAll });

const ENDED: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ENDED.splice(0).reverse()) await end();
});

const OUTAGE_MS = 15_000;

/** What the SDK finds in a function's environment. */
const environmentFor = ({ proxy, tables }: DynamoWorld): Record<string, string> => ({
  AWS_ENDPOINT_URL_DYNAMODB: proxy.endpoint,
  AWS_REGION: CLIENT.region,
  AWS_ACCESS_KEY_ID: CLIENT.credentials.accessKeyId,
  AWS_SECRET_ACCESS_KEY: CLIENT.credentials.secretAccessKey,
  ...Object.fromEntries(
    Object.entries(TABLES).map(([table, { nameVariable }]) => [nameVariable, tables[table as keyof typeof TABLES]]),
  ),
});

/** The proxy keeps every request that came: of so many it must not. */
const forgetting = (world: DynamoWorld, fault: Fault) => (): Fault => {
  world.proxy.forget();
  return fault;
};

/** The deployed gateway, its wiring and all, on tables whose every request is lost while they are broken. */
const openOnTables =
  (world: DynamoWorld): OpenFragile =>
  async (config) => {
    const env = environmentFor(world);
    Object.assign(process.env, env);
    // The SDK reads it when it first asks for something.
    ENDED.push(async () => {
      for (const name of Object.keys(env)) delete process.env[name];
    });
    const ground = { ...openGround('chaos'), log: { ...openGround('chaos').log, ...QUIET } };
    const { ports, beforeFreeze } = await openDeployedGateway(
      { config, catalogue: catalogueData },
      env,
      ground,
      // A machine that is busy connects and answers late. A request that is lost breaks its connection: that is seen at once.
      { connectTimeoutMs: 20_000, answerTimeoutMs: 20_000 },
    );
    const server = createAdaptorServer({ fetch: makeApp(ports).fetch }) as Server;
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    world.proxy.faults = forgetting(world, 'none');
    const stores = world.openRaw({ clock: systemClock });
    const makeKey = async (): Promise<string> => {
      const wanted = {
        name: 'chaos',
        team: 'search',
        user: 'ada',
        tags: {},
        aliases: null,
        rights: [],
        expiresAt: null,
      };
      const { key } = await issueKey(wanted, { access: stores.access, clock: systemClock, random: systemRandom });
      return key;
    };
    const subject = { baseUrl: `http://127.0.0.1:${port}/v1`, headers: { authorization: `Bearer ${await makeKey()}` } };
    const stop = async (): Promise<void> => {
      server.closeAllConnections();
      server.close();
    };
    return {
      subject,
      makeKey,
      breakStore: () => {
        world.proxy.faults = forgetting(world, 'lose-request');
        return () => {
          world.proxy.faults = forgetting(world, 'none');
        };
      },
      drain: async () => {
        await beforeFreeze(AbortSignal.timeout(20_000), AbortSignal.timeout(10_000));
        await world.catchUp();
      },
      entries: () => readEntries(stores.ledger),
      // A hold whose entry was never written drains when its epoch is closed: there may be too much in an account, never too little.
      wrongAccounts: async () => {
        const sums = new Map<string, bigint>();
        for (const { accounts, cost } of await readEntries(stores.ledger))
          for (const key of accounts) sums.set(key, (sums.get(key) ?? 0n) + cost);
        const figures = await stores.ledger.figures([...sums.keys()]);
        return figures
          .filter(({ key, spent, committed }) => spent !== sums.get(key) || committed < spent)
          .map(
            ({ key, spent, committed }) => `${key}: spent ${spent}, committed ${committed}, entries ${sums.get(key)}`,
          );
      },
      stop,
    };
  };

const QUIET = { debug() {}, info() {}, warn() {}, error() {} };

const told = (seen: readonly Seen[]): string[] => [
  ...new Set(seen.filter(({ verdict }) => verdict !== 'answered').map(({ status, code }) => `${status} ${code}`)),
];

test(`DynamoDB lost for ${OUTAGE_MS / 1_000} s under load: refused by policy, nobody a stranger, nothing lost, back by itself`, async () => {
  const world = await makeWorld(systemClock);
  ENDED.push(world.end);
  const clients = openClients();
  ENDED.push(clients.close);
  const run = await runStoreOutage({ outageMs: OUTAGE_MS, atOnce: 16 }, clients, openOnTables(world));

  expect(told(run.before)).toEqual([]);
  expect(run.before.length).toBeGreaterThan(10);
  expect(run.during.length).toBeGreaterThan(10);
  expect(told(run.during)).toEqual(['503 store_unavailable']);
  expect(told(run.carriedOver).filter((one) => one !== '503 store_unavailable')).toEqual([]);
  expect([run.stranger, run.nobody].map((seen) => [seen?.status, seen?.code])).toEqual([
    [503, 'store_unavailable'],
    [503, 'store_unavailable'],
  ]);
  expect(run.lost).toEqual([]);
  expect(run.unsettled).toEqual([]);
  expect(run.wrongAccounts).toEqual([]);
  process.stdout.write(
    `store lost for ${OUTAGE_MS} ms: ${run.during.length} came meanwhile, first answer ${Math.round(run.backMs)} ms after its return\n`,
  );
  // It is a second that is promised; the machine that tests may be busy.
  expect(run.backMs).toBeLessThan(5_000);
}, 180_000);
