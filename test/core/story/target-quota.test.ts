import { describe, expect, test } from '@jest/globals';
import type { GatewayConfig, RateLimitConfig } from '../../../lambdas/contract/config.ts';
import type { LimitStore } from '../../../lambdas/core/admit/limit-store.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { CONFIG, chatAnswer, chatStream, DONE, makeStory, type Story, says } from './story-fixture.ts';

const [A, B] = CONFIG.models['assistant']?.targets ?? [];
if (A === undefined || B === undefined) throw new Error('the fixture has two targets');

const config = (
  a: RateLimitConfig | undefined,
  b?: RateLimitConfig,
  more: Partial<GatewayConfig> = {},
): GatewayConfig => ({
  ...CONFIG,
  models: {
    assistant: {
      targets: [
        { ...A, ...(a && { limits: a }) },
        { ...B, ...(b && { limits: b }) },
      ],
    },
    other: { targets: [{ ...A, ...(a && { limits: a }) }] },
  },
  ...more,
});

const hosts = ({ upstream }: Story) => upstream.calls.map(({ host }) => host);
const quotaOf = async ({ ports, clock }: Story, id: string, limit: RateLimitConfig) =>
  Object.fromEntries(
    (await ports.limits.read([{ scope: `target#${id}`, limit, tokens: 0 }], clock.now())).map(
      ({ what, limit, remaining }) => [what, limit - remaining],
    ),
  );
/** Trips to the store of limits, by what they ask. */
const countTrips = (story: Story): string[][] => {
  const trips: string[][] = [];
  const { limits } = story.ports;
  const counted: LimitStore = {
    ...limits,
    take: (takes, epoch, nowMs) => {
      trips.push(takes.map(({ scope }) => scope.split('#')[0] ?? ''));
      return limits.take(takes, epoch, nowMs);
    },
  };
  story.ports.limits = counted;
  return trips;
};

describe('a target at its provider’s quota', () => {
  test('is passed over for the next one, without a call that would draw a 429', async () => {
    const story = await makeStory({ a: [chatAnswer('a')], b: [chatAnswer('b')] }, config({ requestsPerMinute: 2 }));
    const replies = [await story.ask(), await story.ask(), await story.ask()];
    expect(replies.map((reply) => reply.headers.get('x-tollgate-model'))).toEqual(['a/m-1', 'a/m-1', 'b/m-1']);
    expect(hosts(story)).toEqual(['a', 'a', 'b']);
    expect(replies[2]?.headers.get('x-tollgate-attempts')).toBe('1');
    expect((await story.entries())[0]?.receipt.plan).toEqual({
      targets: ['a/m-1', 'b/m-1'],
      passedOver: [{ target: 'a/m-1', reason: 'quota of target: 2 requests per minute' }],
    });
    // 30 s later one has drained.
    await story.clock.advance(30_000);
    expect((await story.ask()).headers.get('x-tollgate-model')).toBe('a/m-1');
  });

  test('is the same for every alias and caller that comes to it', async () => {
    const story = await makeStory({ a: [chatAnswer('a')] }, config({ requestsPerMinute: 2 }));
    expect((await story.ask()).status).toBe(200);
    expect(
      (await story.ask({ model: 'other' }, { key: await story.makeKey({ user: 'bob', team: 'ads' }) })).status,
    ).toBe(200);
    expect((await story.ask({ model: 'other' })).status).toBe(429);
  });

  test('is refused only when none is left, with the soonest wait, and costs the caller nothing', async () => {
    const limits = { perKey: { requestsPerMinute: 10, tokensPerMinute: 100_000, concurrent: 8 } };
    const story = await makeStory(
      { a: [chatAnswer('a')], b: [chatAnswer('b')] },
      config({ requestsPerMinute: 1 }, { requestsPerMinute: 2 }, { limits }),
    );
    for (let i = 0; i < 3; i++) await story.ask();
    const spent = await story.org();
    const reply = await story.ask();
    expect(reply.status).toBe(429);
    const { code, message, tollgate } = JSON.parse(await reply.text()).error;
    expect(code).toBe('rate_limit_exceeded');
    expect(message).toContain("at its provider's rate limit");
    expect(tollgate.retry_at).toBe('2026-11-22T12:00:30.000Z');
    expect(reply.headers.get('retry-after')).toBe('30');
    expect(hosts(story)).toHaveLength(3);
    expect(await story.org()).toMatchObject({ committed: spent.committed, spent: spent.spent, held: 0n });
    const [entry] = await story.entries();
    expect(entry).toMatchObject({ state: 'settled', cost: 0n, receipt: { outcome: 'failed', attempts: [] } });
    expect(entry?.receipt.plan.passedOver.map(({ target }) => target)).toEqual(['a/m-1', 'b/m-1']);
    const scope = `key#${story.keyRecord.id}`;
    const [requests] = await story.ports.limits.read([{ scope, limit: limits.perKey, tokens: 0 }], story.clock.now());
    expect(requests?.remaining).toBe(7);
    await story.clock.advance(30_000);
    expect((await story.ask()).status).toBe(200);
  });

  test('is asked for in the first trip, and the next one in the second: no trip of its own', async () => {
    const story = await makeStory(
      { a: [chatAnswer('a')], b: [chatAnswer('b')] },
      config({ requestsPerMinute: 1 }, { requestsPerMinute: 5 }),
    );
    const trips = countTrips(story);
    await story.ask();
    expect(trips.splice(0)).toEqual([['key'], ['target']]);
    await story.ask();
    expect(trips).toEqual([['key'], ['target'], ['target']]);
  });

  test('is asked for before the entry is open, where the first one is full', async () => {
    const story = await makeStory(
      { a: [chatAnswer('a')], b: [chatAnswer('b')] },
      config({ requestsPerMinute: 1 }, { requestsPerMinute: 5 }),
    );
    await story.ask();
    const trips = countTrips(story);
    const { ledger } = story.ports;
    let before = 0;
    story.ports.ledger = {
      ...ledger,
      open: async (entry) => {
        const opened = await ledger.open(entry);
        before = trips.length;
        return opened;
      },
    };
    await story.ask();
    expect(before).toBe(3);
  });

  test('is not asked again while it is known to be full', async () => {
    const story = await makeStory(
      { a: [chatAnswer('a')], b: [{ status: 500, body: '' }, chatAnswer('b')] },
      config({ requestsPerMinute: 1 }),
    );
    await story.ask();
    const trips = countTrips(story);
    expect((await story.ask()).headers.get('x-tollgate-attempts')).toBe('2');
    expect(trips).toEqual([['key'], ['target']]);
  });

  test('a request too large for it goes elsewhere, or is told that waiting does not help', async () => {
    const story = await makeStory(
      { a: [chatAnswer('a')], b: [chatAnswer('b')] },
      config({ tokensPerMinute: 20 }, { tokensPerMinute: 100_000 }),
    );
    expect((await story.ask()).headers.get('x-tollgate-model')).toBe('b/m-1');
    const reply = await story.ask({ model: 'other' });
    expect(reply.status).toBe(429);
    expect(reply.headers.get('x-should-retry')).toBe('false');
    expect(reply.headers.get('retry-after')).toBeNull();
    expect(JSON.parse(await reply.text()).error.message).toContain('larger than the quota of every target');
  });

  test('behind an open circuit the next target’s quota is asked first', async () => {
    const story = await makeStory(
      { a: [{ status: 500, body: '' }], b: [chatAnswer('b')] },
      config({ requestsPerMinute: 100 }, { requestsPerMinute: 100 }),
    );
    for (let i = 0; i < 5; i++) await story.ask();
    expect(hosts(story).filter((host) => host === 'a')).toHaveLength(5);
    const trips = countTrips(story);
    await story.ask();
    expect(trips).toEqual([['key'], ['target']]);
    expect(await quotaOf(story, 'a/m-1', { requestsPerMinute: 100 })).toEqual({ requests: 5 });
    expect(await quotaOf(story, 'b/m-1', { requestsPerMinute: 100 })).toEqual({ requests: 6 });
  });
});

describe('what a quota is charged', () => {
  const limit = { requestsPerMinute: 100, tokensPerMinute: 100_000, concurrent: 4 };

  test('the estimate while the call runs, what the provider counted afterwards', async () => {
    const story = await makeStory({ a: [{ ...chatAnswer('a'), afterMs: 50 }] }, config(limit));
    let during: object = {};
    void story.clock.sleep(20).then(async () => {
      during = await quotaOf(story, 'a/m-1', limit);
    });
    await story.ask();
    const [entry] = await story.entries();
    expect(during).toEqual({
      requests: 1,
      // 20 ms have brought 33 tokens back.
      tokens: (entry?.receipt.estimate.inputTokensHigh ?? 0) + 1_000 - 33,
      concurrent: 1,
    });
    // What was counted, 15, has drained meanwhile.
    expect(await quotaOf(story, 'a/m-1', limit)).toEqual({ requests: 1, tokens: 0, concurrent: 0 });
  });

  test('each attempt by itself: a failure that nobody bills counts as a request and no tokens', async () => {
    const story = await makeStory({ a: [{ status: 500, body: '' }], b: [chatAnswer('b')] }, config(limit, limit));
    await story.ask();
    expect(await quotaOf(story, 'a/m-1', limit)).toEqual({ requests: 1, tokens: 0, concurrent: 0 });
    expect(await quotaOf(story, 'b/m-1', limit)).toEqual({ requests: 1, tokens: 15, concurrent: 0 });
  });

  test('a stream until it has ended', async () => {
    const story = await makeStory({ a: [chatStream([says('hi'), ...DONE])] }, config(limit));
    const reply = await story.ask({ stream: true });
    expect(await quotaOf(story, 'a/m-1', limit)).toMatchObject({ concurrent: 1 });
    await story.read(reply);
    expect(await quotaOf(story, 'a/m-1', limit)).toEqual({ requests: 1, tokens: 15, concurrent: 0 });
  });

  test('nothing for a call that was never sent', async () => {
    const story = await makeStory(
      { a: [chatAnswer('a')] },
      {
        ...config(limit),
        providers: {
          ...CONFIG.providers,
          a: { kind: 'openai-compatible', baseUrl: 'https://a/v1', apiKey: 'env:NONE' },
        },
      },
    );
    await story.ask({ model: 'other' });
    expect(hosts(story)).toEqual([]);
    expect(await quotaOf(story, 'a/m-1', limit)).toEqual({ requests: 0, tokens: 0, concurrent: 0 });
  });

  test.each([
    ['a budget', { budgets: { org: { monthly: '$0.01' } } }],
    ['a limit', { limits: { perKey: { tokensPerMinute: 5 } } }],
  ])('nothing for a request that %s refused', async (_, more) => {
    const story = await makeStory({ a: [chatAnswer('a')] }, config(limit, undefined, more));
    expect((await story.ask()).status).toBe(429);
    expect(await quotaOf(story, 'a/m-1', limit)).toEqual({ requests: 0, tokens: 0, concurrent: 0 });
  });

  test('nothing for a dearer hop that the budget refused', async () => {
    const story = await makeStory(
      { a: [{ status: 500, body: '' }], b: [chatAnswer('b')] },
      config(limit, limit, { budgets: { org: { monthly: '$0.15' } } }),
    );
    expect((await story.ask()).status).toBe(429);
    expect(await quotaOf(story, 'b/m-1', limit)).toEqual({ requests: 0, tokens: 0, concurrent: 0 });
  });

  test('nothing for a client that has gone before the call', async () => {
    const story = await makeStory({ a: [chatAnswer('a')] }, config(limit));
    const client = new AbortController();
    const { ledger } = story.ports;
    story.ports.ledger = { ...ledger, open: (entry) => ledger.open(entry).finally(() => client.abort()) };
    await story.ask({}, { signal: client.signal });
    expect(hosts(story)).toEqual([]);
    expect(await quotaOf(story, 'a/m-1', limit)).toEqual({ requests: 0, tokens: 0, concurrent: 0 });
  });

  test('a retry counts once more', async () => {
    const story = await makeStory(
      { a: [{ status: 500, body: '' }, chatAnswer('a')] },
      { ...config(limit), models: { assistant: { targets: [{ ...A, limits: limit }] } } },
    );
    expect((await story.ask()).status).toBe(200);
    expect(await quotaOf(story, 'a/m-1', limit)).toEqual({ requests: 2, tokens: 15, concurrent: 0 });
  });
});

test('a store that fails to answer for a quota refuses, and leaves nothing held', async () => {
  const story = await makeStory({ a: [chatAnswer('a')] }, config({ requestsPerMinute: 5 }));
  const { limits } = story.ports;
  story.ports.limits = {
    ...limits,
    take: (takes, ...rest) =>
      takes[0]?.scope.startsWith('target#')
        ? Promise.reject(new StoreUnavailable('down'))
        : limits.take(takes, ...rest),
  };
  expect((await story.ask()).status).toBe(503);
  expect(await story.org()).toMatchObject({ committed: 0n });
  expect(await story.underWay()).toBe(0);
});

test('where every target is at its quota, the refusal names it and offers an alias that has another target', async () => {
  const cheap = { ...B, price: { inputPerMTok: '1', outputPerMTok: '1' } };
  const story = await makeStory(
    { a: [chatAnswer('a')], b: [chatAnswer('b')] },
    {
      ...config({ requestsPerMinute: 1 }),
      models: {
        assistant: { targets: [{ ...A, limits: { requestsPerMinute: 1 } }] },
        same: { targets: [{ ...A, limits: { requestsPerMinute: 1 } }], output: { default: 10 } },
        spare: { targets: [cheap] },
      },
    },
  );
  await story.ask();
  const reply = await story.ask();
  expect(reply.status).toBe(429);
  const { error } = (await reply.json()) as { error: { tollgate: { scope: string; offers: { model: string }[] } } };
  expect(error.tollgate.scope).toBe('target a/m-1');
  expect(error.tollgate.offers.map(({ model }) => model)).toEqual(['spare']);
});
