import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { makeIndexKeeper } from '../../lambdas/adapters/opensearch/keep-index.ts';
import { type OpenSearch, openOpenSearch } from '../../lambdas/adapters/opensearch/open-search.ts';
import { systemClock } from '../../lambdas/adapters/system/clock.ts';
import { catalogueData } from '../../lambdas/catalogue/catalogue.ts';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import { SEARCH_VARIABLES } from '../../lambdas/contract/search-index.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import { issueKey } from '../../lambdas/core/authenticate/manage-keys.ts';
import { makeApp } from '../../lambdas/gateway/app.ts';
import { openDeployedGateway, openGround } from '../../lambdas/wiring/open-deployed-gateway.ts';
import { type FaultUpstream, startUpstream, type UpstreamRequest } from '../support/fault-upstream.ts';
import { CLIENT, type DynamoWorld, systemRandom, withDynamoDb } from './support/dynamo-world.ts';
import type { LocalServer } from './support/dynamodb-local.ts';
import { startOpenSearch } from './support/opensearch.ts';

/** The deployed gateway, its wiring and all: answers in DynamoDB, vectors in OpenSearch, an embedder that is paid. */

const makeWorld = withDynamoDb({ beforeAll, afterAll });
let search: LocalServer;
let openSearch: OpenSearch;
beforeAll(async () => {
  search = await startOpenSearch();
  openSearch = openOpenSearch({ endpoint: search.endpoint });
}, 600_000);
afterAll(async () => {
  openSearch?.close();
  await search?.stop();
});

const ENDED: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ENDED.splice(0).reverse()) await end();
});

const PREFIX = 'deployed-cache';
const DIMENSIONS = 8;
const ASKED = 'How do I reset my password?';
const PARAPHRASE = 'How can I reset my password?';

/** All questions mean the same to it. */
const embed = (_: UpstreamRequest, response: ServerResponse): void => {
  const embedding = Array.from({ length: DIMENSIONS }, (_, i) => (i === 0 ? 1 : 0.1));
  response.writeHead(200, { 'content-type': 'application/json' }).end(
    JSON.stringify({
      object: 'list',
      model: 'm',
      data: [{ object: 'embedding', index: 0, embedding }],
      usage: { prompt_tokens: 7, total_tokens: 7 },
    }),
  );
};

const configOf = (vectors: FaultUpstream): GatewayConfig => ({
  providers: { demo: { kind: 'simulator' }, vectors: { kind: 'openai-compatible', baseUrl: vectors.baseUrl } },
  models: {
    plain: { targets: [{ provider: 'demo', model: 'echo' }] },
    exact: { targets: [{ provider: 'demo', model: 'echo' }], cache: { exact: '1h' } },
    semantic: {
      targets: [{ provider: 'demo', model: 'echo' }],
      cache: { exact: '1h', semantic: { ttl: '1h', threshold: 0.9, auditShare: 0 } },
    },
    audited: {
      targets: [{ provider: 'demo', model: 'echo' }],
      cache: { semantic: { ttl: '1h', threshold: 0.9, auditShare: 1 } },
    },
  },
  budgets: { org: { monthly: '$100' }, perUser: { daily: '$10' } },
  semanticCache: {
    embedder: {
      provider: 'vectors',
      model: 'm',
      dimensions: DIMENSIONS,
      contextTokens: 1_000,
      price: { inputPerMTok: '1', outputPerMTok: '0' },
    },
    // A busy machine may be slower than a deployed one is let be.
    timeoutMs: 5_000,
  },
});

const open = async (world: DynamoWorld, { endpoint = search.endpoint, mayLinger = true } = {}) => {
  const vectors = await startUpstream(embed);
  ENDED.push(vectors.stop);
  const env: Record<string, string> = {
    AWS_ENDPOINT_URL_DYNAMODB: world.proxy.endpoint,
    AWS_REGION: CLIENT.region,
    AWS_ACCESS_KEY_ID: CLIENT.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CLIENT.credentials.secretAccessKey,
    [SEARCH_VARIABLES.endpoint]: endpoint,
    [SEARCH_VARIABLES.region]: CLIENT.region,
    [SEARCH_VARIABLES.prefix]: PREFIX,
    ...Object.fromEntries(
      Object.entries(TABLES).map(([table, { nameVariable }]) => [
        nameVariable,
        world.tables[table as keyof typeof TABLES],
      ]),
    ),
  };
  Object.assign(process.env, env);
  ENDED.push(async () => {
    for (const name of Object.keys(env)) delete process.env[name];
  });
  const ground = openGround('gateway');
  const quiet = { ...ground, log: { ...ground.log, debug() {}, info() {}, warn() {}, error() {} } };
  const config = configOf(vectors);
  const { ports, beforeFreeze } = await openDeployedGateway({ config, catalogue: catalogueData }, env, quiet, {
    mayLinger,
  });
  const stores = world.openRaw({ clock: systemClock });
  const wanted = { name: 'a', team: 'search', user: 'ada', tags: {}, aliases: null, rights: [], expiresAt: null };
  const { key } = await issueKey(wanted, { access: stores.access, clock: systemClock, random: systemRandom });
  const app = makeApp(ports);
  const ask = async (model: string, words: string, headers: Record<string, string> = {}) => {
    const response = await app.fetch(
      new Request('http://gateway/v1/chat/completions', {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ model, messages: [{ role: 'user', content: words }] }),
      }),
    );
    const body = (await response.json()) as { choices?: { message: { content: string } }[] };
    return {
      status: response.status,
      cache: response.headers.get('x-tollgate-cache'),
      text: body.choices?.[0]?.message?.content,
      requestId: response.headers.get('x-request-id') ?? '',
    };
  };
  const freeze = () => beforeFreeze(AbortSignal.timeout(20_000), AbortSignal.timeout(20_000));
  return { ask, freeze, ledger: stores.ledger, vectors };
};

/** A store that needs longer than 150 ms on a busy machine is a miss: then it is asked again. */
const untilHit = async <Asked extends { cache: string | null }>(ask: () => Promise<Asked>): Promise<Asked> => {
  let last = await ask();
  for (let tries = 1; tries < 20 && last.cache?.startsWith('hit') !== true; tries++) last = await ask();
  return last;
};

const worldOf = async (): Promise<DynamoWorld> => {
  const world = await makeWorld(systemClock);
  ENDED.push(world.end);
  return world;
};

const prepare = async (): Promise<void> => {
  await makeIndexKeeper({ openSearch, prefix: PREFIX, dimensions: DIMENSIONS }).prepare();
  ENDED.push(async () => {
    await openSearch.call({ method: 'DELETE', path: `/${PREFIX}-*`, timeoutMs: 30_000 });
  });
};

test('what is kept in DynamoDB and OpenSearch answers the same question and one that means the same', async () => {
  await prepare();
  const { ask, freeze, ledger } = await open(await worldOf());
  expect(await ask('semantic', ASKED)).toMatchObject({ status: 200, cache: 'miss', text: ASKED });
  await freeze();
  expect(await untilHit(() => ask('semantic', ASKED))).toMatchObject({ status: 200, cache: 'hit-exact', text: ASKED });
  await openSearch.call({ method: 'POST', path: `/${PREFIX}-questions/_refresh`, timeoutMs: 30_000 });
  const hit = await untilHit(() => ask('semantic', PARAPHRASE, { 'x-tollgate-cache': 'only' }));
  expect(hit).toMatchObject({ status: 200, cache: 'hit-semantic; score=1', text: ASKED });
  expect(await ask('semantic', 'How do I reset my 2 passwords?')).toMatchObject({ cache: 'miss' });
  await freeze();
  expect(await ledger.read(hit.requestId)).toMatchObject({
    state: 'settled',
    // Seven tokens at a dollar a million.
    cost: 7_000n,
    receipt: { attempts: [], cache: { result: 'hit-semantic', embedding: { inputTokens: 7 } } },
  });
}, 120_000);

test('an audit of a hit has ended, entry and all, before the environment may freeze', async () => {
  await prepare();
  const world = await worldOf();
  const { ask, freeze, ledger } = await open(world);
  await ask('audited', ASKED);
  await freeze();
  await openSearch.call({ method: 'POST', path: `/${PREFIX}-questions/_refresh`, timeoutMs: 30_000 });
  const hit = await untilHit(() => ask('audited', PARAPHRASE));
  expect(hit.cache).toMatch(/^hit-semantic/);
  await freeze();
  const audits = (await ledger.tail({ limit: 50 })).filter(({ receipt }) => receipt.cacheAudit !== undefined);
  expect(audits).toMatchObject([
    {
      state: 'settled',
      alias: 'audited',
      // To this embedder all answers are alike.
      receipt: { outcome: 'answered', cacheAudit: { of: hit.requestId, verdict: 'same', share: 0, low: 0 } },
    },
  ]);
  expect(audits[0]?.cost).toBeGreaterThanOrEqual(14_000n);

  // Where an answer leaves only with the end of its invocation, none is made: the client would wait for it.
  const buffered = await open(world, { mayLinger: false });
  expect((await untilHit(() => buffered.ask('audited', PARAPHRASE))).cache).toMatch(/^hit-semantic/);
  await buffered.freeze();
  expect((await ledger.tail({ limit: 50 })).filter(({ receipt }) => receipt.cacheAudit !== undefined)).toHaveLength(1);
}, 120_000);

test('a look into the cache costs no round trip before the call: it goes beside the entry', async () => {
  const world = await worldOf();
  const { ask, freeze } = await open(world, { endpoint: 'http://127.0.0.1:9' });
  const operations = async (model: string, words: string) => {
    world.proxy.forget();
    const { status, cache } = await ask(model, words);
    expect(status).toBe(200);
    await freeze();
    await world.proxy.whenIdle();
    const all = world.proxy.operations.map(({ name, trip, body, units }) => ({
      name,
      trip,
      units,
      text: JSON.stringify(body),
    }));
    return { cache, all };
  };
  // Keys, circuits and policies are known, and the accounts are there.
  for (const model of ['plain', 'exact']) await operations(model, 'warm');
  world.proxy.delayMs = 40;
  const { all: plain } = await operations('plain', 'first');
  const { all: miss } = await operations('exact', 'first');
  const { cache, all: hit } = await untilHit(() => operations('exact', 'first'));
  expect(cache).toBe('hit-exact');
  const entryAt = (all: typeof plain) => all.find(({ text }) => text.includes('"open"'))?.trip;
  const finds = (all: typeof plain) => all.filter(({ name, text }) => name === 'GetItem' && text.includes('cache#'));
  expect(entryAt(plain)).toBe(2);
  expect(entryAt(miss)).toBe(2);
  expect(finds(plain)).toHaveLength(0);
  expect(finds(miss).map(({ trip }) => trip)).toEqual([2]);
  expect(finds(hit).map(({ trip }) => trip)).toEqual([2]);
  const unitsOf = (all: typeof plain) => all.reduce((sum, { units }) => sum + units, 0);
  process.stdout.write(
    `units: ${unitsOf(plain)} without a cache, ${unitsOf(miss)} where an answer is kept, ${unitsOf(hit)} for a hit\n`,
  );
  // No more is written for a hit than for a call.
  expect(unitsOf(hit)).toBeLessThanOrEqual(unitsOf(plain) + 1);
}, 120_000);

test('an index that is away, or was never made, is a miss and no failure', async () => {
  const away = await open(await worldOf(), { endpoint: 'http://127.0.0.1:9' });
  const askNew = async (model: string, words: string) => {
    const asked = await away.ask(model, words);
    expect(asked).toMatchObject({ status: 200, cache: 'miss' });
    await away.freeze();
    return { words, failures: (await away.ledger.read(asked.requestId))?.receipt.cache?.failures };
  };
  // The first look into a table takes longest.
  await askNew('exact', 'warm');
  let first = await askNew('semantic', ASKED);
  // A store slower than 150 ms is a failure too, and not the one that is meant. After five the index would not be asked.
  for (let tries = 1; tries < 5 && first.failures?.includes('exact'); tries++)
    first = await askNew('semantic', `${ASKED} Once more: ${tries}`);
  expect(first.failures).toEqual(['index']);
  expect(await untilHit(() => away.ask('semantic', first.words))).toMatchObject({ cache: 'hit-exact' });

  const unmade = await open(await worldOf());
  expect(await unmade.ask('semantic', ASKED)).toMatchObject({ status: 200, cache: 'miss' });
  expect(await untilHit(() => unmade.ask('semantic', ASKED))).toMatchObject({ cache: 'hit-exact' });
}, 120_000);
