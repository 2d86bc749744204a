import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type FaultUpstream, openaiAnswer, startUpstream, type UpstreamRequest } from '../support/fault-upstream.ts';
import { runCli } from '../support/run-cli.ts';
import { startGateway, type TestGateway } from '../support/start-gateway.ts';

/** `tollgate cache purge --user` while a gateway serves: nothing of what the user said is left, and nothing comes back. */

let folder: string;
let upstream: FaultUpstream;
let gateway: TestGateway;
/** Calls of models wait for it. */
let gate: Promise<void>;

/** Every text lies in a direction of its own, but for the sign at its end. */
const vectorOf = (text: string): number[] => {
  const at = [...text.replace(/[?.]$/, '')].reduce((sum, sign) => (sum * 31 + (sign.codePointAt(0) ?? 0)) % 61, 7);
  return Array.from({ length: 61 }, (_, i) => (i === at ? 1 : 0.001));
};

const behave = async ({ path, body }: UpstreamRequest, response: ServerResponse): Promise<void> => {
  const input = ([] as string[]).concat((body['input'] ?? []) as string | string[]);
  const isVectors = path.endsWith('/embeddings');
  if (!isVectors) await gate;
  const data = input.map((text, index) => ({ object: 'embedding', index, embedding: vectorOf(text) }));
  const messages = (body['messages'] ?? []) as { content: string }[];
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(
      JSON.stringify(
        isVectors
          ? { object: 'list', model: 'm', data, usage: { prompt_tokens: 8, total_tokens: 8 } }
          : openaiAnswer(`You said: ${messages.at(-1)?.content}`),
      ),
    );
};

const PRICE = { inputPerMTok: '1', outputPerMTok: '1' };
const MODEL = { contextTokens: 32_000, maxOutputTokens: 4_000, capabilities: ['streaming'] as ['streaming'] };

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-deletion-'));
  upstream = await startUpstream(behave);
  gate = Promise.resolve();
  const targets = [{ provider: 'own', model: 'm', price: PRICE, ...MODEL }];
  gateway = await startGateway(
    {
      providers: { own: { kind: 'openai-compatible', baseUrl: upstream.baseUrl } },
      models: {
        both: { targets, cache: { exact: '7d', semantic: { ttl: '7d', threshold: 0.9, auditShare: 0 } } },
        // The same words again are found by their vector alone.
        similar: { targets, cache: { semantic: { ttl: '7d', threshold: 0.9, auditShare: 0 } } },
      },
      semanticCache: {
        embedder: { provider: 'own', model: 'e', dimensions: 61, contextTokens: 1_000, price: PRICE },
        timeoutMs: 5_000,
      },
    },
    { dataDir: folder },
  );
});
afterEach(async () => {
  await gateway.stop();
  await upstream.stop();
  rmSync(folder, { recursive: true, force: true });
});

const ask = async (user: string, model: string, words: string, headers: Record<string, string> = {}) => {
  const reply = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${gateway.key}`,
      'content-type': 'application/json',
      'x-tollgate-user': user,
      ...headers,
    },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: words }] }),
  });
  const body = await reply.text();
  await gateway.gateway.whenIdle();
  return { status: reply.status, cache: reply.headers.get('x-tollgate-cache')?.split(';')[0], body };
};
const cli = async (...words: string[]) => {
  const { status, stdout, stderr } = await runCli(['cache', ...words, '--local', folder, '--json'], { env: {} });
  expect([status, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
};
const bytesOnDisk = (): Buffer => Buffer.concat(readdirSync(folder).map((name) => readFileSync(join(folder, name))));

const SAID = 'where-does-ada-hide-her-treasure';

test('afterwards no answer of hers is given, to her or to anybody, and others’ are', async () => {
  for (const model of ['both', 'similar'])
    for (const user of ['ada', 'bob'])
      expect(await ask(user, model, `${SAID} of ${user}?`)).toMatchObject({ status: 200, cache: 'miss' });
  expect(await ask('bob', 'both', `${SAID} of ada?`)).toMatchObject({ cache: 'hit-exact' });
  expect(await ask('bob', 'similar', `${SAID} of ada?`)).toMatchObject({ cache: 'hit-semantic' });

  expect(await cli('purge', '--user', 'ada')).toMatchObject({ answers: 2, questions: 2, wiped: true });

  for (const model of ['both', 'similar'])
    for (const user of ['ada', 'bob']) {
      expect((await ask(user, model, `${SAID} of ada?`, { 'x-tollgate-cache': 'only' })).status).not.toBe(200);
      expect((await ask(user, model, `${SAID} of bob?`)).cache).toMatch(/^hit/);
    }
  expect(await cli('purge', '--user', 'ada')).toMatchObject({ answers: 0, questions: 0 });
});

test('afterwards nothing that she said is in the files of the store, or was ever in the log', async () => {
  // Long enough for a row, and for a page of its own.
  const said = (i: number): string => `${SAID} ${i} ${'and so on '.repeat(i * 60)}`;
  for (let i = 0; i < 8; i++) {
    await ask('ada', 'both', said(i));
    await ask('bob', 'both', `nothing of note ${i}`);
  }
  expect(bytesOnDisk().includes(SAID)).toBe(true);
  expect(await cli('purge', '--user', 'ada')).toMatchObject({ answers: 8, wiped: true });
  expect(bytesOnDisk().includes(SAID)).toBe(false);
  expect(bytesOnDisk().includes('nothing of note')).toBe(true);
  expect(JSON.stringify(gateway.logged)).not.toContain(SAID);
  // The ledger keeps that she asked, and not what.
  const entries = await gateway.gateway.ports.ledger.tail({ limit: 100 });
  expect(entries.filter(({ user }) => user === 'ada')).toHaveLength(8);
});

test('a request under way does not bring it back: it is answered, and not kept', async () => {
  let open = (): void => undefined;
  gate = new Promise((resolve) => {
    open = resolve;
  });
  const [hers, follower, his] = [ask('ada', 'both', SAID), ask('ada', 'both', SAID), ask('bob', 'similar', 'hello')];
  // All are in the ledger, which is before any is called.
  while ((await gateway.gateway.ports.ledger.tail({ limit: 10 })).length < 3)
    await new Promise((resolve) => setTimeout(resolve, 5));
  await cli('purge', '--user', 'ada');
  open();
  expect((await Promise.all([hers, follower, his])).map(({ status }) => status)).toEqual([200, 200, 200]);
  const { answers, questions } = await cli('stats');
  expect(answers).toMatchObject([{ alias: 'similar', entries: 1 }]);
  expect(questions).toMatchObject([{ alias: 'similar', entries: 1 }]);
  expect(bytesOnDisk().includes(SAID)).toBe(false);
  // What she asks from now on is kept again.
  await ask('ada', 'both', 'something new');
  expect((await cli('stats')).answers).toMatchObject([{ alias: 'both', entries: 1 }, { alias: 'similar' }]);
});

test('stats tell what the gateway did: hits of both kinds, misses, what they saved, what holds', async () => {
  await ask('ada', 'both', 'hello?');
  await ask('ada', 'both', 'hello?');
  await ask('ada', 'similar', 'hello?');
  await ask('bob', 'similar', 'hello?');
  await ask('bob', 'similar', 'hello?', { 'x-tollgate-cache': 'off' });
  const { recent } = await cli('stats');
  expect(recent).toMatchObject({
    requests: 5,
    aliases: [
      { alias: 'both', exact_hits: 1, semantic_hits: 0, misses: 1, not_asked: 0, hit_share: 0.5 },
      { alias: 'similar', exact_hits: 0, semantic_hits: 1, misses: 1, not_asked: 1, hit_share: 0.5 },
    ],
  });
  for (const { saved_usd: saved, embeddings_usd: embeddings } of recent.aliases) {
    expect(Number(saved)).toBeGreaterThan(0);
    expect(Number(embeddings)).toBeGreaterThan(0);
  }
});
