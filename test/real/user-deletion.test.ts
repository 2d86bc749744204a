import { randomBytes } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { makeIndexKeeper } from '../../lambdas/adapters/opensearch/keep-index.ts';
import { openOpenSearch } from '../../lambdas/adapters/opensearch/open-search.ts';
import { systemClock } from '../../lambdas/adapters/system/clock.ts';
import { catalogueData } from '../../lambdas/catalogue/catalogue.ts';
import { purgeCache } from '../../lambdas/cli/cache/purge-cache.ts';
import { SEARCH_VARIABLES } from '../../lambdas/contract/search-index.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import { issueKey } from '../../lambdas/core/authenticate/manage-keys.ts';
import { makeApp } from '../../lambdas/gateway/app.ts';
import { openDeployedGateway, openGround } from '../../lambdas/wiring/open-deployed-gateway.ts';
import { openIndexAdministration } from '../../lambdas/wiring/open-deployed-index.ts';
import { openaiAnswer, startUpstream, type UpstreamRequest } from '../support/fault-upstream.ts';
import { CLIENT, type DynamoWorld, systemRandom, withDynamoDb } from './support/dynamo-world.ts';
import { startOpenSearch } from './support/opensearch.ts';

/** `tollgate cache purge --user` on a deployed gateway's stores, while it serves: what is left where, in their bytes. */

const makeWorld = withDynamoDb({ beforeAll, afterAll });
let search: Awaited<ReturnType<typeof startOpenSearch>>;
beforeAll(async () => {
  search = await startOpenSearch();
}, 600_000);
afterAll(async () => {
  await search?.stop();
});

const PREFIX = 'deletion';
const DIMENSIONS = 16;
const PRICE = { inputPerMTok: '1', outputPerMTok: '1' };

/** Each text has a direction of its own. */
const vectorOf = (text: string): number[] =>
  Array.from({ length: DIMENSIONS }, (_, i) => ((text.codePointAt(i % text.length) ?? 0) % 7) - 3 + i / 100);

const startVendor = async (gate: () => Promise<void>) =>
  startUpstream(async ({ path, body }: UpstreamRequest, response: ServerResponse) => {
    const isVectors = path.endsWith('/embeddings');
    if (!isVectors) await gate();
    const [text = ''] = ([] as string[]).concat((body['input'] ?? []) as string | string[]);
    const messages = (body['messages'] ?? []) as { content: string }[];
    const data = [{ object: 'embedding', index: 0, embedding: vectorOf(text || ' ') }];
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(
        JSON.stringify(
          isVectors
            ? { object: 'list', model: 'e', data, usage: { prompt_tokens: 7, total_tokens: 7 } }
            : openaiAnswer(`You said ${messages.at(-1)?.content}`),
        ),
      );
  });

const openGateway = async (world: DynamoWorld, baseUrl: string) => {
  const env: Record<string, string> = {
    AWS_ENDPOINT_URL_DYNAMODB: world.proxy.endpoint,
    AWS_REGION: CLIENT.region,
    AWS_ACCESS_KEY_ID: CLIENT.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CLIENT.credentials.secretAccessKey,
    [SEARCH_VARIABLES.endpoint]: search.endpoint,
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
  const ground = openGround('gateway');
  const quiet = { ...ground, log: { ...ground.log, debug() {}, info() {}, warn() {}, error() {} } };
  const model = { provider: 'own', price: PRICE, contextTokens: 8_000, maxOutputTokens: 1_000 };
  const { ports, beforeFreeze } = await openDeployedGateway(
    {
      config: {
        providers: { own: { kind: 'openai-compatible', baseUrl } },
        models: {
          assistant: {
            targets: [{ ...model, model: 'm', capabilities: ['streaming'] }],
            cache: { exact: '7d', semantic: { ttl: '7d', threshold: 0.99, auditShare: 0 } },
          },
        },
        semanticCache: {
          embedder: { provider: 'own', model: 'e', dimensions: DIMENSIONS, contextTokens: 8_000, price: PRICE },
          // A busy machine may be slower than a deployed one is let be.
          timeoutMs: 10_000,
        },
      },
      catalogue: catalogueData,
    },
    env,
    quiet,
  );
  const app = makeApp(ports);
  return {
    ask: async (key: string, words: string, headers: Record<string, string> = {}) => {
      const reply = await app.fetch(
        new Request('http://gateway/v1/chat/completions', {
          method: 'POST',
          headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
          body: JSON.stringify({ model: 'assistant', messages: [{ role: 'user', content: words }] }),
        }),
      );
      await reply.text();
      return { status: reply.status, cache: reply.headers.get('x-tollgate-cache') };
    },
    freeze: () => beforeFreeze(AbortSignal.timeout(30_000), AbortSignal.timeout(30_000)),
    close: () => {
      for (const name of Object.keys(env)) delete process.env[name];
    },
  };
};

/** Answers lie compressed in their items. */
const textOf = (item: Record<string, AttributeValue>): string => {
  const body = item['body']?.B;
  const packed = body === undefined ? '' : body[0] === 2 ? gunzipSync(body.subarray(1)).toString() : String(body);
  return `${JSON.stringify({ ...item, body: undefined })} ${packed}`;
};

test('of what a user said nothing is left in the table or in any file of the index, and nothing comes back', async () => {
  const world = await makeWorld(systemClock);
  let gate: Promise<void> = Promise.resolve();
  const vendor = await startVendor(() => gate);
  const openSearch = openOpenSearch({ endpoint: search.endpoint });
  await makeIndexKeeper({ openSearch, prefix: PREFIX, dimensions: DIMENSIONS }).prepare();
  const gateway = await openGateway(world, vendor.baseUrl);
  const stores = world.openRaw({ clock: systemClock, answerTimeoutMs: 10_000 });
  const keyOf = async (user: string): Promise<string> => {
    const wanted = { name: user, team: 'search', user, tags: {}, aliases: null, rights: [], expiresAt: null };
    return (await issueKey(wanted, { access: stores.access, clock: systemClock, random: systemRandom })).key;
  };
  const [ada, bob] = [await keyOf('ada'), await keyOf('bob')];
  // Nothing in them comes twice: files are compressed.
  const wordsOf = (count: number): string[] =>
    Array.from({ length: count }, () => randomBytes(24).toString('base64url'));
  const [hers, his, [late = '']] = [wordsOf(12), wordsOf(4), wordsOf(1)];
  const written = (words: readonly string[]): string[] => {
    const files = globSync('**/*', { cwd: search.dataFolder, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
    return words.filter((word) =>
      [0, 10, 20].some((at) => files.some((file) => file.includes(word.slice(at, at + 12)))),
    );
  };
  const inTable = async (words: readonly string[]): Promise<string[]> => {
    const items = (await world.itemsOf('responses')).map(textOf);
    return words.filter((word) => items.some((item) => item.includes(word)));
  };
  const flush = () => openSearch.call({ method: 'POST', path: `/${PREFIX}-questions/_flush`, timeoutMs: 30_000 });
  const openCache = async () => {
    const index = await openIndexAdministration(
      { endpoint: search.endpoint, region: CLIENT.region, prefix: PREFIX },
      async () => CLIENT.credentials,
    );
    return { ...stores, vectors: index, wipe: index.wipe };
  };
  const place = { kind: 'deployed', stack: 's', region: CLIENT.region, gateway: 'g', outputs: {} } as const;
  const purge = async () => {
    const { data } = await purgeCache({ isAll: false, user: 'ada' }, { clock: systemClock, place, openCache });
    return data;
  };

  try {
    for (const words of hers) expect((await gateway.ask(ada, words)).status).toBe(200);
    for (const words of his) expect((await gateway.ask(bob, words)).status).toBe(200);
    await gateway.freeze();
    await flush();
    expect(await inTable([...hers, ...his])).toEqual([...hers, ...his]);
    expect(written([...hers, ...his])).toEqual([...hers, ...his]);

    // One of hers is with its model while the purge is made.
    let open = (): void => undefined;
    gate = new Promise((resolve) => {
      open = resolve;
    });
    const underWay = gateway.ask(ada, late);
    while (!(await stores.ledger.tail({ limit: 1 })).some(({ state }) => state === 'open'))
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await purge()).toMatchObject({ answers: hers.length, questions: hers.length, wiped: true });
    open();
    expect((await underWay).status).toBe(200);
    await gateway.freeze();
    await flush();

    expect(await inTable([...hers, late])).toEqual([]);
    expect(written([...hers, late])).toEqual([]);
    expect(await inTable(his)).toEqual(his);
    expect(written(his)).toEqual(his);
    const only = { 'x-tollgate-cache': 'only' };
    for (const words of [...hers.slice(0, 3), late]) expect((await gateway.ask(bob, words, only)).status).not.toBe(200);
    expect((await gateway.ask(bob, his[0] ?? '', only)).cache).toBe('hit-exact');
    expect(await purge()).toMatchObject({ answers: 0, questions: 0, wiped: true });
  } finally {
    gateway.close();
    openSearch.close();
    await vendor.stop();
    await world.end();
  }
}, 300_000);
