/** The keeper of the semantic cache's index as it is deployed: its bundle under AWS's runtime client, on OpenSearch behind a door that checks signatures. */

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { shimOf } from '../../bench/pages/reference-deployment.ts';
import { DIMENSIONS_VARIABLE, SEARCH_VARIABLES } from '../../lambdas/contract/search-index.ts';
import type { VectorEntry, VectorIndex } from '../../lambdas/core/cache/vector-index.ts';
import { openDeployedIndex, openIndexAdministration } from '../../lambdas/wiring/open-deployed-index.ts';
import { keeperRights } from '../../lib/search-rights.ts';
import { entryOf, vectorOf } from '../port-suites/vectors.ts';
import { signatureOf } from '../support/aws-signature.ts';
import { cachedDeployable } from '../support/cached-deployable.ts';
import { bundleFunctions } from './support/bundle-gateway.ts';
import type { LocalServer } from './support/dynamodb-local.ts';
import { startOpenSearch } from './support/opensearch.ts';
import { type RunningLambda, runLambda } from './support/run-lambda.ts';

const DIMENSIONS = 1_024;
const REGION = 'eu-central-1';
const KEYS = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'a secret', AWS_SESSION_TOKEN: 'a session' };

let openSearch: LocalServer;
let door: Server;
let isOpen = true;
const asked = new Set<string>();
let folder: string;
const folders: string[] = [];
const running: RunningLambda[] = [];

/** Lets requests through whose signature is that of the secret, as AWS does. */
const openDoor = (endpoint: string): Server =>
  createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const { authorization = '' } = incoming.headers;
    const signature = signatureOf(incoming, body.toString(), KEYS.AWS_SECRET_ACCESS_KEY);
    const isSigned = authorization.endsWith(`Signature=${signature}`) && authorization.includes(`/${REGION}/es/`);
    asked.add(`${incoming.method} ${incoming.url?.split('?')[0]}`);
    if (!isOpen || !isSigned || incoming.headers['x-amz-security-token'] !== KEYS.AWS_SESSION_TOKEN) {
      outgoing.writeHead(isOpen ? 403 : 503).end('{"message":"The request signature we calculated does not match"}');
      return;
    }
    const { authorization: _, host: __, ...headers } = incoming.headers;
    request(endpoint + incoming.url, { method: incoming.method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(outgoing);
    }).end(body);
  });

const environmentOf = (prefix: string, more: Record<string, string> = {}): Record<string, string> => ({
  ...KEYS,
  [SEARCH_VARIABLES.endpoint]: `http://127.0.0.1:${(door.address() as AddressInfo).port}`,
  [SEARCH_VARIABLES.region]: REGION,
  [SEARCH_VARIABLES.prefix]: prefix,
  [DIMENSIONS_VARIABLE]: String(DIMENSIONS),
  ...more,
});

const startKeeper = async (env: Record<string, string>): Promise<RunningLambda> => {
  const shim = mkdtempSync(join(tmpdir(), 'tollgate-shim-'));
  folders.push(shim);
  const keeper = await runLambda(shimOf(folder, shim), { AWS_REGION: 'us-east-1', ...env });
  running.push(keeper);
  return keeper;
};

/** As the gateway's function opens it. */
const openIndex = async (prefix: string): Promise<VectorIndex> => {
  const index = await openDeployedIndex(environmentOf(prefix), { dimensions: DIMENSIONS, findTimeoutMs: 30_000 });
  if (index === undefined) throw new Error('no index');
  return index;
};

const entry = (id: string, more: Partial<VectorEntry> = {}): VectorEntry =>
  entryOf(id, Date.now(), { vector: vectorOf(1, DIMENSIONS), ...more });

beforeAll(async () => {
  openSearch = await startOpenSearch();
  door = openDoor(openSearch.endpoint).listen(0, '127.0.0.1');
  await once(door, 'listening');
  folder = bundleFunctions(cachedDeployable())['GatewaySemanticCacheKeeper']?.folder ?? '';
}, 600_000);

afterAll(async () => {
  await Promise.all(running.map((one) => one.stop()));
  door?.closeAllConnections();
  door?.close();
  await openSearch?.stop();
  for (const one of folders) rmSync(one, { recursive: true, force: true });
}, 60_000);

test('before its first run nothing is kept or found; after it questions are, until they expire and the next run takes them out', async () => {
  const index = await openIndex('first');
  expect(await index.put(entry('early'), Date.now())).toBe(false);
  expect(await index.find({ ...entry(''), count: 3 }, Date.now())).toEqual([]);

  asked.clear();
  const keeper = await startKeeper(environmentOf('first'));
  expect(await keeper.invoke({}).plain).toEqual({ swept: 0 });
  expect([...asked].sort()).toEqual(
    keeperRights('first', DIMENSIONS)
      .map(([method, path]) => `${method.toUpperCase()} /${path}`)
      .sort(),
  );

  const now = Date.now();
  expect(await index.put(entry('short', { expiresAt: now + 1 }), now)).toBe(true);
  expect(await index.put(entry('long'), now)).toBe(true);
  expect(await keeper.invoke({}).plain).toEqual({ swept: 1 });
  const found = await index.find({ ...entry(''), count: 3 }, now);
  expect(found.map(({ id }) => id)).toEqual(['long']);
  expect(keeper.logged()).toContain('semantic index kept');
}, 120_000);

test('people count and purge with their own credentials', async () => {
  const keeper = await startKeeper(environmentOf('people'));
  await keeper.invoke({}).plain;
  const index = await openIndex('people');
  await index.put(entry('a', { user: 'ada' }), Date.now());
  await index.put(entry('b', { user: 'bob' }), Date.now());
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = KEYS;
  const endpoint = environmentOf('people')[SEARCH_VARIABLES.endpoint] ?? '';
  const people = await openIndexAdministration({ endpoint, region: REGION, prefix: 'people' }, async () => ({
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    sessionToken: AWS_SESSION_TOKEN,
  }));
  expect(await people.purge({ user: 'ada' }, Date.now())).toBe(1);
  expect(await people.stats(Date.now())).toMatchObject([{ entries: 1 }]);
  people.close();
}, 120_000);

test('with a role that is not let in a run fails and says so, and makes nothing', async () => {
  const keeper = await startKeeper(environmentOf('refused', { AWS_SECRET_ACCESS_KEY: 'another secret' }));
  await expect(keeper.invoke({}).plain).rejects.toThrow(/StoreUnavailable/);
  expect(keeper.logged()).toContain('OpenSearch answered 403');
  const made = await fetch(`${openSearch.endpoint}/refused*/_alias`);
  expect(await made.json()).toEqual({});
});

test('while the domain does not answer a run fails; the next one does its work', async () => {
  const keeper = await startKeeper(environmentOf('away'));
  isOpen = false;
  try {
    await expect(keeper.invoke({}).plain).rejects.toThrow(/StoreUnavailable/);
  } finally {
    isOpen = true;
  }
  expect(await keeper.invoke({}).plain).toEqual({ swept: 0 });
  expect(await (await openIndex('away')).put(entry('a'), Date.now())).toBe(true);
}, 60_000);

test('an environment that names half of a place ends the function before its first run', async () => {
  const { [SEARCH_VARIABLES.prefix]: _, ...half } = environmentOf('half');
  await expect(openDeployedIndex(half, { dimensions: DIMENSIONS })).rejects.toThrow(/TOLLGATE_SEARCH_PREFIX missing/);
  expect(await openDeployedIndex(KEYS, { dimensions: DIMENSIONS })).toBeUndefined();
});
