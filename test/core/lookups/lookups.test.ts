import { describe, expect, test } from '@jest/globals';
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import type { LedgerEntry } from '../../../lambdas/core/ledger.ts';
import { describeEntry } from '../../../lambdas/core/lookups/requests.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { makeApp } from '../../../lambdas/gateway/app.ts';
import { boundStores } from '../../../lambdas/wiring/bound-stores.ts';
import { CONFIG, chatAnswer, chatStream, makeStory, type Story, says } from '../story/story-fixture.ts';

const get = async (
  story: Story,
  path: string,
  { key = story.key, method = 'GET', headers = {} as Record<string, string> } = {},
) => {
  const reply = await story.clock.settle(
    Promise.resolve(makeApp(story.ports).request(path, { method, headers: { 'x-api-key': key, ...headers } })),
  );
  const text = await reply.text();
  return { status: reply.status, headers: reply.headers, body: text === '' ? undefined : JSON.parse(text) };
};
const answering = (config: GatewayConfig = CONFIG) => makeStory({ a: [chatAnswer('hi')] }, config);

describe('GET /v1/receipts/{id}', () => {
  test('shows the whole decision: dollars exact, times ISO, names in snake_case', async () => {
    const story = await makeStory({ a: [{ status: 500, body: '' }], b: [chatAnswer('hi')] });
    const id = (await story.ask({ user: 'bob' }, { headers: { 'x-tollgate-tags': 'app=web' } })).headers.get(
      'x-request-id',
    );
    const { status, body } = await get(story, `/v1/receipts/${id}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      id,
      object: 'receipt',
      state: 'settled',
      model: 'assistant',
      key: story.keyRecord.id,
      user: 'bob',
      team: 'search',
      org: 'default',
      tags: { app: 'web' },
      opened_at: '2026-11-22T12:00:00.000Z',
      cost_usd: '0.0012',
      outcome: 'answered',
      answered_by: 'b/m-1',
      plan: { targets: ['a/m-1', 'b/m-1'], passed_over: [] },
      attempts: [
        {
          target: 'a/m-1',
          status: 500,
          failure: 'server_error',
          cost_usd: '0',
          started_at: '2026-11-22T12:00:00.000Z',
        },
        { target: 'b/m-1', status: 200, cost_usd: '0.0012', usage: { input_tokens: 10, output_tokens: 5 } },
      ],
      usage: { input_tokens: 10, cached_input_tokens: 0, cache_write_5m_tokens: 0, output_tokens: 5 },
      price_per_m_tok: { input_usd: '20', output_usd: '200' },
      budget: { state: 'ok', scope: null },
    });
    // Nothing says nano-USD without saying so.
    expect(JSON.stringify(body)).not.toMatch(/"cost"|"overrun"/);
  });

  test('of a request under way says what it holds', async () => {
    const story = await makeStory({ a: [chatStream([says('hi')], 'hang')] });
    const reply = await story.ask({ stream: true });
    const { body } = await get(story, `/v1/receipts/${reply.headers.get('x-request-id')}`);
    expect(body).toMatchObject({ state: 'open', settled_at: null, cost_usd: '0', attempts: [], hold_usd: '0.1006' });
    await reply.body?.cancel();
  });

  test('of one that was lost and settled after all shows its true cost', async () => {
    const story = await answering();
    const { ledger } = story.ports;
    story.ports.ledger = { ...ledger, settle: () => Promise.reject(new StoreUnavailable('down')) };
    const id = (await story.ask()).headers.get('x-request-id');
    await story.clock.advance(60 * 60_000);
    await ledger.closeDueEpochs();
    const lost = await get(story, `/v1/receipts/${id}`);
    expect(lost.body).toMatchObject({ state: 'lost', cost_usd: lost.body.hold_usd });
    story.ports.ledger = ledger;
    await story.clock.advance(60_000);
    expect((await get(story, `/v1/receipts/${id}`)).body).toMatchObject({
      state: 'settled',
      cost_usd: '0.0006',
      outcome: 'answered',
    });
  });

  test.each([
    '..%2f..%2fetc%2fpasswd',
    'req_',
    'req_1_1_0000000000000000!',
    '%00',
    '%E0%A4%A',
    "'%20OR%201=1--",
    'x'.repeat(10_000),
    'req_zzzzzzzzz_15_0000000000000000',
  ])('%j: 404, in the dialect, and no exception', async (id) => {
    const story = await answering();
    for (const headers of [{}, { 'anthropic-version': '2023-06-01' }]) {
      const { status, body } = await get(story, `/v1/receipts/${id}`, { headers });
      expect(status).toBe(404);
      expect(body.error.tollgate.code).toBe('not_found');
    }
    expect(story.log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('what can be no id is not taken to the store, nor is the id of a refusal', async () => {
    const story = await answering();
    const refused = (await story.ask({ model: 'nobody' })).headers.get('x-request-id');
    story.ports.ledger = { ...story.ports.ledger, read: () => Promise.reject(new TypeError('the store was asked')) };
    expect((await get(story, `/v1/receipts/${refused}`)).status).toBe(404);
    expect((await get(story, `/v1/requests/${refused}/cancel`, { method: 'POST' })).status).toBe(404);
  });

  test('a correction’s own id shows nothing', async () => {
    const story = await answering();
    const id = (await story.ask()).headers.get('x-request-id');
    expect((await get(story, `/v1/receipts/${id}!`)).status).toBe(404);
  });
});

describe('tenants', () => {
  test('another key sees neither receipt nor cancel, not even of its own team and user', async () => {
    const story = await makeStory({ a: [chatStream([says('hi')], 'hang')] });
    const reply = await story.ask({ stream: true });
    const id = reply.headers.get('x-request-id');
    const sibling = await story.makeKey({ rights: ['act-for-users', 'read-usage'] });
    expect((await get(story, `/v1/receipts/${id}`, { key: sibling })).status).toBe(404);
    expect((await get(story, `/v1/requests/${id}/cancel`, { key: sibling, method: 'POST' })).status).toBe(404);
    await story.clock.flush();
    expect((await story.entries())[0]?.state).toBe('open');
    await reply.body?.cancel();
  });

  test('cancelling what has ended says how, and again', async () => {
    const story = await answering();
    const id = (await story.ask()).headers.get('x-request-id');
    for (let i = 0; i < 2; i++)
      expect(await get(story, `/v1/requests/${id}/cancel`, { method: 'POST' })).toMatchObject({
        status: 200,
        body: { id, status: 'settled' },
      });
  });

  test('a key with a list of aliases sees those only', async () => {
    const story = await answering();
    const narrow = await story.makeKey({ aliases: ['other'] });
    expect((await get(story, '/v1/models', { key: narrow })).body.data).toEqual([]);
    expect((await get(story, '/v1/models/assistant', { key: narrow })).status).toBe(403);
    expect((await get(story, '/v1/models')).body.data).toMatchObject([{ id: 'assistant', object: 'model' }]);
  });
});

describe('a receipt of a request that a stand-in answered', () => {
  test('says in dollars what the stand-in may cost', () => {
    const [entry] = [
      {
        requestId: 'req_1',
        nonce: 'n',
        epoch: 1,
        state: 'settled',
        hold: 100n,
        cost: 1n,
        accounts: [],
        keyId: 'k',
        org: 'o',
        team: 't',
        user: 'u',
        tags: {},
        alias: 'dear',
        openedAt: 0,
        settledAt: 1,
        inputTokens: 1,
        outputTokens: 1,
        receipt: {
          surface: 'openai-chat',
          stream: false,
          plan: { targets: [], passedOver: [] },
          attempts: [],
          dropped: [],
          estimate: { inputTokensLow: 1, inputTokensHigh: 1, outputTokens: 1 },
          budget: { state: 'downgrade', scope: 'team search' },
          downgrade: { from: 'dear', to: 'cheap', scope: 'team search', ceiling: '10000000' },
        },
      } satisfies LedgerEntry,
    ];
    expect(describeEntry(entry)).toMatchObject({
      downgrade: { from: 'dear', to: 'cheap', scope: 'team search', ceiling_usd: '0.01' },
    });
    expect(JSON.stringify(describeEntry(entry))).not.toContain('"ceiling"');
  });
});

describe('GET /v1/usage', () => {
  const budgets = { org: { monthly: '$1' }, perTeam: { daily: '$0.5' }, perUser: { daily: '$0.2' } };

  test('the key’s own month, and every scope with its standing', async () => {
    const story = await answering({ ...CONFIG, budgets });
    await story.ask();
    const { body } = await get(story, '/v1/usage');
    expect(body.totals).toEqual({ requests: 1, input_tokens: 10, output_tokens: 5, spent_usd: 0.0006, held_usd: 0 });
    expect(body.scopes).toMatchObject([
      {
        scope: 'org',
        id: 'default',
        period: '2026-11',
        cap_usd: 1,
        spent_usd: 0.0006,
        held_usd: 0,
        state: 'ok',
        limits: [],
      },
      { scope: 'team', id: 'search', period: '2026-11-22', cap_usd: 0.5, spent_usd: 0.0006, state: 'ok' },
      { scope: 'user', id: 'ada', period: '2026-11-22', cap_usd: 0.2, spent_usd: 0.0006, state: 'ok' },
      { scope: 'key', id: story.keyRecord.id, period: '2026-11', cap_usd: null, spent_usd: 0.0006, state: 'ok' },
    ]);
    expect(body.scopes[3].limits.map(({ what, limit }: { what: string; limit: number }) => [what, limit])).toEqual([
      ['requests', 600],
      ['tokens', 1_000_000],
      ['concurrent', 8],
    ]);
  });

  test('what a request under way holds', async () => {
    const story = await makeStory({ a: [chatStream([says('hi')], 'hang')] });
    const reply = await story.ask({ stream: true });
    expect((await get(story, '/v1/usage')).body.totals).toMatchObject({ requests: 0, spent_usd: 0, held_usd: 0.1006 });
    await reply.body?.cancel();
  });

  test('shows the end user and the tags that the request names, as a call with them would be counted', async () => {
    const story = await answering({
      ...CONFIG,
      budgets: { perUser: { daily: '$1' }, perTag: { app: { daily: '$1' } } },
    });
    const named = { 'x-tollgate-user': 'bob', 'x-tollgate-tags': 'app=web' };
    await story.ask({}, { headers: named });
    const { body } = await get(story, '/v1/usage', { headers: named });
    const rows = body.scopes.filter(({ scope }: { scope: string }) => scope === 'user' || scope === 'tag');
    expect(rows).toMatchObject([
      { scope: 'user', id: 'bob', spent_usd: 0.0006 },
      { scope: 'tag', id: 'app=web', spent_usd: 0.0006 },
    ]);
    // A key that may not act for users sees its own.
    const { body: own } = await get(story, '/v1/usage', { headers: named, key: await story.makeKey() });
    expect(own.scopes.find(({ scope }: { scope: string }) => scope === 'user')).toMatchObject({ id: 'ada' });
    expect((await get(story, '/v1/usage', { headers: { 'x-tollgate-tags': 'a' } })).status).toBe(400);
  });

  test('without the right, amounts of the scopes above the key are not shown', async () => {
    const story = await answering({ ...CONFIG, budgets });
    await story.ask();
    const plain = await story.makeKey();
    const { body } = await get(story, '/v1/usage', { key: plain });
    for (const row of body.scopes.slice(0, 3))
      expect(row).toMatchObject({ cap_usd: null, spent_usd: null, held_usd: null, state: 'ok' });
    expect(body.scopes[3]).toMatchObject({ scope: 'key', spent_usd: 0, held_usd: 0 });
    expect(body.totals).toMatchObject({ requests: 0, spent_usd: 0 });
  });

  test('an account stamped by a newer policy shows the cap that is enforced', async () => {
    const story = await answering({ ...CONFIG, budgets });
    await story.ask();
    const { gateway, ledger } = story.ports;
    const figures: typeof ledger.figures = async (keys) =>
      (await ledger.figures(keys)).map((one) =>
        one.key.startsWith('org#') ? { ...one, cap: 100_000n, capVersion: gateway.policyVersion + 1 } : one,
      );
    story.ports.ledger = { ...ledger, figures };
    expect((await get(story, '/v1/usage')).body.scopes[0]).toMatchObject({ cap_usd: 0.0001, state: 'reject' });
  });

  test('a store that is down: 503 with retry-after', async () => {
    const story = await answering();
    story.ports.ledger = { ...story.ports.ledger, figures: () => Promise.reject(new StoreUnavailable('down')) };
    const reply = await get(story, '/v1/usage');
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '2']);
    expect((await get(story, '/health')).status).toBe(503);
  });
});

describe('GET /health', () => {
  const healthOf = async (story: Story) => (await get(story, '/health')).status;
  /** Behind the deadlines and the watch of the real wiring. */
  const bound = async (change: (ports: Story['ports']) => Partial<Story['ports']>) => {
    const story = await answering();
    const { ports, clock, log } = story;
    Object.assign(ports, boundStores({ ...ports, ...change(ports) }, ports.gateway, { clock, log }));
    return story;
  };

  test.each<[string, () => Promise<never>]>([
    ['refuses writes', () => Promise.reject(new StoreUnavailable('disk full'))],
    ['says nothing to them', () => new Promise(() => {})],
  ])('a store that is read and %s: 503, and 200 when it takes them again', async (_, take) => {
    let isDown = true;
    const story = await bound(({ limits }) => ({
      limits: { ...limits, take: (...args) => (isDown ? take() : limits.take(...args)) },
    }));
    expect(await healthOf(story)).toBe(503);
    isDown = false;
    await story.clock.advance(1_000);
    expect(await healthOf(story)).toBe(200);
  });

  test('a ledger that takes no holds: 503 until one comes through, or it is a while ago', async () => {
    let isDown = false;
    const story = await bound(({ ledger }) => ({
      ledger: {
        ...ledger,
        hold: (request) => (isDown ? Promise.reject(new StoreUnavailable('throttled')) : ledger.hold(request)),
      },
    }));
    const healths: number[] = [];
    for (const state of ['up', 'down', 'up', 'down']) {
      isDown = state === 'down';
      expect((await story.ask()).status).toBe(isDown ? 503 : 200);
      healths.push(await healthOf(story));
    }
    await story.clock.advance(5_000);
    expect([...healths, await healthOf(story)]).toEqual([200, 503, 200, 503, 200]);
  });

  test('writes once within seconds however often it is asked, and nothing that a caller could see', async () => {
    const scopes: string[] = [];
    const story = await bound(({ limits }) => ({
      limits: {
        ...limits,
        take: (takes, ...more) => {
          scopes.push(...takes.map(({ scope }) => scope));
          return limits.take(takes, ...more);
        },
      },
    }));
    for (let i = 0; i < 20; i++) expect(await healthOf(story)).toBe(200);
    expect(scopes).toEqual(['health']);
    expect(await story.entries()).toEqual([]);
  });
});

describe('other methods and paths', () => {
  test.each([
    ['GET', '/v1/chat/completions'],
    ['OPTIONS', '/v1/chat/completions'],
    ['PUT', '/v1/messages'],
    ['DELETE', '/v1/receipts/x'],
    ['GET', '/'],
    ['GET', '/v1/%zz'],
  ])('%s %s: 404 in the dialect, no word of CORS', async (method, path) => {
    const story = await answering();
    const { status, headers, body } = await get(story, path, { method });
    expect(status).toBe(404);
    expect(body.error.tollgate.code).toBe('not_found');
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test('HEAD answers as GET does, without a body', async () => {
    const story = await answering();
    expect(await get(story, '/v1/models', { method: 'HEAD' })).toMatchObject({ status: 200, body: undefined });
    expect(await get(story, '/health', { method: 'HEAD' })).toMatchObject({ status: 200, body: undefined });
  });
});
