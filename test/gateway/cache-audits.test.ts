import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openEmbeddedStores } from '../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { systemClock } from '../../lambdas/adapters/system/clock.ts';
import { systemRandom } from '../../lambdas/adapters/system/random.ts';
import type { GatewayConfig } from '../../lambdas/contract/config.ts';
import type { LedgerEntry } from '../../lambdas/core/ledger.ts';
import { makeFolder } from '../adapters/embedded/embedded-worlds.ts';
import {
  type FaultUpstream,
  openaiAnswer,
  openaiResponse,
  startUpstream,
  type UpstreamRequest,
} from '../support/fault-upstream.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

const ASKED = 'How do I reset my password?';
const PARAPHRASE = 'How can I reset my password?';
const [KEPT, OTHER] = ['Open the settings.', 'Write us a letter.'];
/** Questions lie in one direction, each answer in its own. */
const DIRECTIONS: Record<string, number> = { [ASKED]: 0, [PARAPHRASE]: 0, [KEPT]: 1, [OTHER]: 2 };

let running: TestGateway | undefined;
let upstream: FaultUpstream | undefined;
let folder: ReturnType<typeof makeFolder>;
let opened: { close(): void }[] = [];

beforeEach(() => {
  folder = makeFolder();
});

afterEach(async () => {
  await running?.stop();
  await upstream?.stop();
  for (const stores of opened) stores.close();
  folder.remove();
  running = undefined;
  upstream = undefined;
  opened = [];
});

/** The gateway's file, as another process sees it. */
const openFile = () => {
  const file = join(folder.path, 'tollgate.db');
  const stores = openEmbeddedStores({ file, clock: systemClock, random: systemRandom });
  opened.push(stores);
  return stores;
};

const embed = ({ body }: UpstreamRequest, response: ServerResponse): void => {
  const data = ([] as string[]).concat(body['input'] as string | string[]).map((text, index) => ({
    object: 'embedding',
    index,
    embedding: Array.from({ length: 4 }, (_, i) => (i === (DIRECTIONS[text] ?? 3) ? 1 : 0)),
  }));
  const usage = { prompt_tokens: 8, total_tokens: 8 };
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ object: 'list', model: 'm', data, usage }));
};

const say = (text: string) => (response: ServerResponse) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end(
    JSON.stringify({
      ...openaiAnswer(text),
      usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    }),
  );
};

/** A gateway in whose semantic cache an answer lies. @param audited what its model does from then on */
const start = async (
  audited: (response: ServerResponse) => void,
  config: Partial<GatewayConfig> = {},
  { kind = 'openai-compatible', ...options }: { kind?: 'openai' | 'openai-compatible'; dataDir?: string } = {},
): Promise<TestGateway> => {
  let chats = 0;
  upstream = await startUpstream((request, response) => {
    if (request.path.endsWith('/embeddings')) return embed(request, response);
    chats += 1;
    (chats === 1 ? say(KEPT) : audited)(response);
  });
  running = await startGateway(
    {
      providers: { vendor: { kind, baseUrl: upstream.baseUrl, apiKey: 'env:VENDOR_KEY' } },
      models: {
        assistant: {
          targets: [
            {
              provider: 'vendor',
              model: 'm-1',
              price: { inputPerMTok: '10', outputPerMTok: '100' },
              contextTokens: 10_000,
              maxOutputTokens: 1_000,
            },
          ],
          cache: { semantic: { ttl: '1h', threshold: 0.9, auditShare: 1 } },
        },
      },
      semanticCache: {
        embedder: {
          provider: 'vendor',
          model: 'm-v',
          dimensions: 4,
          contextTokens: 1_000,
          price: { inputPerMTok: '1', outputPerMTok: '0' },
        },
        timeoutMs: 2_000,
      },
      ...config,
    },
    { ...options, env: { VENDOR_KEY: 'k' } },
  );
  expect(await ask(running, ASKED)).toMatchObject({ status: 200, cache: 'miss', text: KEPT });
  await running.gateway.whenIdle();
  return running;
};

const ask = async ({ url, key }: TestGateway, content: string) => {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'assistant', max_tokens: 500, messages: [{ role: 'user', content }] }),
  });
  const answer = (await response.json()) as { choices?: { message: { content: string } }[] };
  return {
    status: response.status,
    cache: response.headers.get('x-tollgate-cache'),
    text: answer.choices?.[0]?.message.content,
  };
};

/** A request whose body is not whole yet: the server waits for it. */
const openBody = async ({ url, key }: TestGateway, content: string): Promise<{ finish(): Promise<string> }> => {
  const body = JSON.stringify({ model: 'assistant', max_tokens: 500, messages: [{ role: 'user', content }] });
  const request = httpRequest(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', 'content-length': body.length },
  });
  const responded = once(request, 'response') as Promise<[IncomingMessage]>;
  await new Promise<void>((resolve) => request.write(body.slice(0, 10), () => resolve()));
  // Its head has been read by the time that another request has been answered.
  await fetch(`${url}/health`);
  return {
    finish: async () => {
      request.end(body.slice(10));
      const [response] = await responded;
      response.resume();
      await once(response, 'end');
      return String(response.headers['x-tollgate-cache']);
    },
  };
};

const HIT = { status: 200, cache: 'hit-semantic; score=1', text: KEPT };

const auditsOf = async ({ gateway }: TestGateway): Promise<LedgerEntry[]> =>
  (await gateway.ports.ledger.tail({ limit: 1_000 })).filter(({ receipt }) => receipt.cacheAudit !== undefined);

const heldNow = async ({ gateway }: TestGateway): Promise<bigint> => {
  const [month] = new Date(gateway.ports.clock.now()).toISOString().match(/^\d{4}-\d{2}/) ?? [];
  const [figures] = await gateway.ports.ledger.figures([`org#default#${month}`]);
  return figures?.held ?? -1n;
};

/** Waits for what is sure to come. */
const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 5));
};

describe('an audit of a hit, through the whole gateway', () => {
  test('finds a wrong answer, and costs its call and both vectors, under an entry and a receipt of its own', async () => {
    const gateway = await start(say(OTHER), { budgets: { org: { monthly: '$10' } } });
    expect(await ask(gateway, PARAPHRASE)).toMatchObject(HIT);
    await gateway.gateway.whenIdle();
    const [audit] = await auditsOf(gateway);
    expect(audit).toMatchObject({
      state: 'settled',
      // 10 tokens in and 5 out; and 16 of vectors, at $1 a million.
      cost: 600_000n + 16_000n,
      receipt: { cacheAudit: { verdict: 'wrong', share: 1 }, cache: { embedding: { target: 'vendor/m-v' } } },
    });
    const receipt = await fetch(`${gateway.url}/v1/receipts/${audit?.requestId}`, {
      headers: { authorization: `Bearer ${gateway.key}` },
    });
    expect(await receipt.json()).toMatchObject({ cache_audit: { verdict: 'wrong' } });
    expect(await heldNow(gateway)).toBe(0n);
    // Nobody's words are in the ledger or in the log.
    expect(JSON.stringify([audit?.receipt, gateway.logged])).not.toMatch(/password|letter|settings/);
    expect(gateway.logged).toContainEqual(
      expect.objectContaining({ message: 'audit of the semantic cache', verdict: 'wrong', alias: 'assistant' }),
    );
  });

  test('keeps nobody waiting: hits are answered while it hangs, and a stop cuts it short', async () => {
    const gateway = await start(() => {}, {}, { dataDir: folder.path });
    for (let i = 0; i < 3; i++) expect(await ask(gateway, PARAPHRASE)).toMatchObject(HIT);
    await until(async () => (await auditsOf(gateway)).length > 0);
    expect((await auditsOf(gateway)).map(({ state }) => state)).toEqual(['open']);
    await gateway.stop();
    const stores = openFile();
    const entries = await stores.ledger.tail({ limit: 10 });
    expect(entries.map(({ state }) => state)).toEqual(Array(5).fill('settled'));
    expect(entries.filter(({ receipt }) => receipt.cacheAudit !== undefined)).toMatchObject([
      { receipt: { outcome: 'cancelled', cacheAudit: { verdict: 'unknown' } } },
    ]);
  });

  test('does not begin in a gateway that is stopping, though its requests still hit', async () => {
    const gateway = await start(say(KEPT), {}, { dataDir: folder.path });
    const client = await openBody(gateway, PARAPHRASE);
    const stopped = gateway.server.stop(60_000);
    expect(await client.finish()).toMatch(/hit-semantic/);
    await stopped;
    const entries = await openFile().ledger.tail({ limit: 10 });
    expect(entries.map(({ state, receipt }) => [state, receipt.cache?.result])).toEqual([
      ['settled', 'hit-semantic'],
      ['settled', 'miss'],
    ]);
  });

  test('is given by a stop the time that requests are given, and ends as itself', async () => {
    const release: (() => void)[] = [];
    const gateway = await start(
      (response) => void release.push(() => say(KEPT)(response)),
      { budgets: { org: { monthly: '$10' } } },
      { dataDir: folder.path },
    );
    expect(await ask(gateway, PARAPHRASE)).toMatchObject(HIT);
    await until(() => release.length === 1);
    let hasStopped = false;
    const stopped = gateway.server.stop(60_000).then(() => {
      hasStopped = true;
    });
    for (let i = 0; i < 10; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(hasStopped).toBe(false);
    for (const answer of release) answer();
    await stopped;
    const entries = await openFile().ledger.tail({ limit: 10 });
    expect(entries.map(({ state }) => state)).toEqual(Array(3).fill('settled'));
    expect(entries.filter(({ receipt }) => receipt.cacheAudit !== undefined)).toMatchObject([
      // 10 tokens in and 5 out; no word was compared by its vector.
      { cost: 600_000n, receipt: { outcome: 'answered', cacheAudit: { verdict: 'same' } } },
    ]);
    expect(upstream?.requests.filter(({ path }) => path.endsWith('/chat/completions'))).toHaveLength(2);
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ['the connection', (response) => void response.destroy()],
    [
      'the answer in its middle',
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"id":"chatcmpl-1","choices":[');
        setImmediate(() => response.destroy());
      },
    ],
    ['its word: an error', (response) => void response.writeHead(503).end('{}')],
  ])('is settled where the provider breaks %s, and the next hit is answered as ever', async (_, breakOff) => {
    const gateway = await start(breakOff, { budgets: { org: { monthly: '$10' } } });
    expect(await ask(gateway, PARAPHRASE)).toMatchObject(HIT);
    await gateway.gateway.whenIdle();
    expect(await auditsOf(gateway)).toMatchObject([
      { state: 'settled', receipt: { outcome: 'failed', cacheAudit: { verdict: 'unknown' } } },
    ]);
    // Once: nobody is in need of its answer.
    expect(upstream?.requests.filter(({ path }) => path.endsWith('/chat/completions'))).toHaveLength(2);
    expect(await heldNow(gateway)).toBe(0n);
    expect(await ask(gateway, PARAPHRASE)).toMatchObject(HIT);
  });

  test('is made also where the client of the hit has hung up by then', async () => {
    const gateway = await start(say(KEPT));
    const client = new AbortController();
    const asking = fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      signal: client.signal,
      headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'assistant',
        max_tokens: 500,
        stream: true,
        messages: [{ role: 'user', content: PARAPHRASE }],
      }),
    });
    const response = await asking;
    expect(response.headers.get('x-tollgate-cache')).toMatch(/^hit-semantic/);
    client.abort();
    await gateway.gateway.whenIdle();
    expect(await auditsOf(gateway)).toMatchObject([{ state: 'settled', receipt: { cacheAudit: { verdict: 'same' } } }]);
  });

  test('of a streamed request in another dialect is made plainly in that dialect: no field of a stream goes with it', async () => {
    const sayIt = (response: ServerResponse) =>
      void response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(openaiResponse(KEPT)));
    const gateway = await start(sayIt, { pins: { floating: 'allow' } }, { kind: 'openai' });
    const response = await fetch(`${gateway.url}/v1/responses`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.key}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        model: 'assistant',
        max_output_tokens: 500,
        input: PARAPHRASE,
        store: false,
        stream: true,
        stream_options: { include_obfuscation: false },
      }),
    });
    expect(response.headers.get('x-tollgate-cache')).toMatch(/^hit-semantic/);
    expect(await response.text()).toContain('response.completed');
    await gateway.gateway.whenIdle();
    const asked = upstream?.requests.at(-1);
    expect(asked?.path).toBe('/v1/responses');
    expect(asked?.body).not.toHaveProperty('stream');
    expect(asked?.body).not.toHaveProperty('stream_options');
    expect(await auditsOf(gateway)).toMatchObject([
      { state: 'settled', receipt: { surface: 'openai-responses', stream: false, cacheAudit: { verdict: 'same' } } },
    ]);
  });

  test('64 hits at once, all to be audited, with little left of the budget: no cap is passed, nothing stays held', async () => {
    const cap = 120_000_000n;
    // A hold is some $0.05: two at a time.
    const gateway = await start(say(KEPT), { budgets: { org: { monthly: '$0.12', warnAt: 0.5 } } });
    const answers = await Promise.all(Array.from({ length: 64 }, () => ask(gateway, PARAPHRASE)));
    await gateway.gateway.whenIdle();
    expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
    for (const { status } of answers) expect([200, 429]).toContain(status);
    const entries = await gateway.gateway.ports.ledger.tail({ limit: 1_000 });
    expect(entries.every(({ state }) => state === 'settled')).toBe(true);
    expect(entries.reduce((sum, { cost }) => sum + (cost ?? 0n), 0n)).toBeLessThan(cap);
    expect((await auditsOf(gateway)).length).toBeLessThanOrEqual(6);
    expect(await heldNow(gateway)).toBe(0n);
  });
});

test('a cache that has turned itself off answers nothing in a gateway that starts afterwards', async () => {
  const first = await start(say(OTHER), {}, { dataDir: folder.path });
  expect(await ask(first, PARAPHRASE)).toMatchObject(HIT);
  await first.gateway.whenIdle();
  const { wrongHits } = openFile();
  const [found] = await wrongHits.list();
  if (found === undefined) throw new Error('the audit was not noted');
  expect(found).toMatchObject({ alias: 'assistant', version: 1, state: { audited: 1, wrong: 1 } });
  await wrongHits.write({ ...found, version: 2, state: { tightened: 2, isOff: true, audited: 5, wrong: 5 } });
  await first.stop();
  await upstream?.stop();

  const second = await start(say(OTHER), {}, { dataDir: folder.path });
  expect(await ask(second, PARAPHRASE)).toMatchObject({ status: 200, cache: 'miss', text: OTHER });
  await second.gateway.whenIdle();
  const entries = await second.gateway.ports.ledger.tail({ limit: 1 });
  expect(entries).toMatchObject([{ receipt: { cache: { result: 'miss', whyNotSemantic: 'turned-off' } } }]);
});
