import { describe, expect, test } from '@jest/globals';
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import { CONFIG, chatAnswer, chatStream, DONE, makeStory, says } from '../story/story-fixture.ts';

const answering = (config: GatewayConfig = CONFIG) =>
  makeStory({ a: [chatAnswer('hi')], b: [chatAnswer('hi')] }, config);
const pick = (reply: Response, prefix: string) =>
  Object.fromEntries([...reply.headers].filter(([name]) => name.startsWith(prefix)));

describe('rate-limit headers', () => {
  const limits = { perKey: { requestsPerMinute: 2 }, org: { requestsPerMinute: 100 } };

  test('name the tightest scope on an answer', async () => {
    const story = await answering({ ...CONFIG, limits });
    expect(pick(await story.ask(), 'x-ratelimit')).toEqual({
      'x-ratelimit-limit-requests': '2',
      'x-ratelimit-remaining-requests': '1',
      'x-ratelimit-reset-requests': '30s',
    });
  });

  test('stand on the 429 as well, with the exact wait rounded up to seconds', async () => {
    const story = await answering({ ...CONFIG, limits });
    await story.ask();
    await story.ask();
    await story.clock.advance(100);
    const reply = await story.ask();
    expect(reply.status).toBe(429);
    // 29.9 s are left until one of the two drains.
    expect(reply.headers.get('retry-after')).toBe('30');
    expect(reply.headers.get('x-should-retry')).toBeNull();
    expect(pick(reply, 'x-ratelimit')).toEqual({
      'x-ratelimit-limit-requests': '2',
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': '59.9s',
    });
    const { tollgate } = JSON.parse(await reply.text()).error;
    expect(tollgate.retry_at).toBe('2026-11-22T12:00:30.000Z');
    expect(tollgate.scope).toMatch(/^key /);
    // Come back then, and it is admitted.
    await story.clock.advance(29_900);
    expect((await story.ask()).status).toBe(200);
  });

  test('have Anthropic’s names and times besides on messages', async () => {
    const story = await answering({ ...CONFIG, limits });
    expect(pick(await story.ask({}, { surface: 'anthropic-messages' }), 'anthropic-')).toEqual({
      'anthropic-ratelimit-requests-limit': '2',
      'anthropic-ratelimit-requests-remaining': '1',
      'anthropic-ratelimit-requests-reset': '2026-11-22T12:00:30.000Z',
    });
    await story.ask();
    const refused = await story.ask({}, { surface: 'anthropic-messages' });
    expect(refused.status).toBe(429);
    expect(refused.headers.get('anthropic-ratelimit-requests-remaining')).toBe('0');
    expect(JSON.parse(await refused.text())).toMatchObject({ type: 'error', error: { type: 'rate_limit_error' } });
  });

  test('a request larger than the limit is told not to come back', async () => {
    const story = await answering({ ...CONFIG, limits: { perKey: { tokensPerMinute: 5 } } });
    const reply = await story.ask();
    expect(reply.status).toBe(429);
    expect(reply.headers.get('x-should-retry')).toBe('false');
    expect(reply.headers.get('retry-after')).toBeNull();
    expect(reply.headers.get('x-ratelimit-limit-tokens')).toBe('5');
  });

  test('stand on an answer that failed', async () => {
    const story = await makeStory({ a: [{ status: 400, body: '{"error":{"message":"no"}}' }] }, { ...CONFIG, limits });
    const reply = await story.ask();
    expect(reply.status).toBe(400);
    expect(reply.headers.get('x-ratelimit-remaining-requests')).toBe('1');
    expect(reply.headers.get('x-tollgate-budget')).toBe('ok');
  });
});

describe('the budget header', () => {
  /** $0.10 are held and $0.0006 spent by each request. */
  test('goes from ok to warn with the scope, to reject with the scope', async () => {
    const story = await answering({ ...CONFIG, budgets: { org: { monthly: '$0.102', warnAt: 0.005 } } });
    const states = [];
    for (let i = 0; i < 4; i++) states.push((await story.ask()).headers.get('x-tollgate-budget'));
    expect(states).toEqual([
      'ok',
      'warn; scope=org default; used=0.005',
      'warn; scope=org default; used=0.011',
      'reject; scope=org default',
    ]);
  });

  test('names the scope with the least left', async () => {
    const story = await answering({
      ...CONFIG,
      budgets: {
        org: { monthly: '$0.12', warnAt: 0.005 },
        perTeam: { monthly: '$0.11', warnAt: 0.005 },
        perUser: { daily: '$0.12', warnAt: 0.005 },
      },
    });
    await story.ask();
    expect((await story.ask()).headers.get('x-tollgate-budget')).toBe('warn; scope=team search; used=0.005');
  });

  test('does not depend on how much the request itself may cost, and never falls while money is spent', async () => {
    const budgets = { org: { monthly: '$1', warnAt: 0.0006 } };
    const story = await answering({ ...CONFIG, budgets });
    const limits = [9_000, 9, 900, 90];
    const used = [];
    for (const max_tokens of limits) {
      const header = (await story.ask({ max_tokens: Math.min(max_tokens, 8_000) })).headers.get('x-tollgate-budget');
      used.push(Number(/used=([\d.]+)/.exec(header ?? '')?.[1] ?? 0));
    }
    // $0.0006 of $1 a call.
    expect(used).toEqual([0, 0, 0.001, 0.001]);
  });

  test('a refusal says when the period ends, unless no period has room for the request', async () => {
    const spent = await answering({ ...CONFIG, budgets: { org: { monthly: '$0.101' } } });
    await spent.ask();
    const later = JSON.parse(await (await spent.ask()).text()).error;
    expect(later.tollgate.retry_at).toBe('2026-12-01T00:00:00.000Z');
    const never = await answering({ ...CONFIG, budgets: { org: { monthly: '$0.05' } } });
    const reply = await never.ask();
    expect(reply.headers.get('x-should-retry')).toBe('false');
    expect(reply.headers.get('retry-after')).toBeNull();
    const { message, tollgate } = JSON.parse(await reply.text()).error;
    expect(tollgate).not.toHaveProperty('retry_at');
    expect(message).not.toContain('wait');
  });
});

describe('names in headers', () => {
  test.each(['Zoë', '李雷', '😀', '😁', '\ud800', '"; scope=org'])(
    'a user called %j reaches the header as visible ASCII, and no other header',
    async (user) => {
      const story = await answering({ ...CONFIG, budgets: { perUser: { daily: '$0.11', warnAt: 0.005 } } });
      await story.ask({ user });
      const reply = await story.ask({ user });
      expect(reply.status).toBe(200);
      expect(reply.headers.get('x-tollgate-budget')).toMatch(/^warn; scope=user [\x20-\x7e]+$/);
      expect(reply.headers.has('set-cookie')).toBe(false);
    },
  );

  test.each(['a\r\nset-cookie: x=y', '\u0000'])('a user called %j is refused', async (user) => {
    const story = await answering(CONFIG);
    const reply = await story.ask({ user });
    expect(reply.status).toBe(400);
    expect(reply.headers.has('set-cookie')).toBe(false);
  });

  test('two names never look the same', async () => {
    const seen = new Set<string | null>();
    for (const user of ['😀', '😁', 'é', 'e']) {
      const story = await answering({ ...CONFIG, budgets: { perUser: { daily: '$0.11', warnAt: 0.005 } } });
      await story.ask({ user });
      seen.add((await story.ask({ user })).headers.get('x-tollgate-budget'));
    }
    expect(seen.size).toBe(4);
  });
});

describe('what else an answer says', () => {
  test('model, attempts, cost, ids', async () => {
    const story = await makeStory({ a: [{ status: 500, body: '' }], b: [chatAnswer('hi')] });
    const reply = await story.ask();
    expect(Object.fromEntries(reply.headers)).toMatchObject({
      'x-tollgate-model': 'b/m-1',
      'x-tollgate-attempts': '2',
      'x-tollgate-cost-usd': '0.0012',
    });
    expect(reply.headers.get('request-id')).toBe(reply.headers.get('x-request-id'));
    expect((await story.entries())[0]?.requestId).toBe(reply.headers.get('x-request-id'));
  });

  test('the output limit, where Tollgate set one and only there', async () => {
    const story = await answering();
    expect((await story.ask()).headers.get('x-tollgate-output-limit')).toBeNull();
    expect((await story.ask({ max_tokens: undefined })).headers.get('x-tollgate-output-limit')).toBe('4096');
    const unbudgeted = await answering({ ...CONFIG, budgets: {} });
    expect((await unbudgeted.ask({ max_tokens: undefined })).headers.get('x-tollgate-output-limit')).toBeNull();
  });

  test('a field that was dropped on the way', async () => {
    const story = await answering();
    const reply = await story.ask({ top_k: 3 }, { surface: 'anthropic-messages' });
    expect(reply.headers.get('x-tollgate-dropped')).toContain('top');
    expect((await story.entries())[0]?.receipt.dropped.length).toBeGreaterThan(0);
  });

  test('the cost of a stream in a last comment, where it was asked for', async () => {
    const story = await makeStory({ a: [chatStream([says('hi'), ...DONE])] });
    const plain = await story.read(await story.ask({ stream: true }));
    expect(plain.trimEnd()).toMatch(/data: \[DONE\]$/);
    const reply = await story.ask({ stream: true }, { headers: { 'x-tollgate-trailer': 'cost' } });
    expect(reply.headers.get('content-type')).toContain('text/event-stream');
    expect(await story.read(reply)).toMatch(/data: \[DONE\]\n\n: x-tollgate-cost-usd=0\.0006\n\n$/);
  });

  test('a stream whose settlement breaks still arrives whole, and the log says what happened', async () => {
    const story = await makeStory({ a: [chatStream([says('hi'), ...DONE])] });
    story.ports.circuitBoard = {
      ...story.ports.circuitBoard,
      report: () => {
        throw new TypeError('a bug');
      },
    };
    const text = await story.read(await story.ask({ stream: true }, { headers: { 'x-tollgate-trailer': 'cost' } }));
    expect(text).toContain('[DONE]');
    expect(text).not.toContain('x-tollgate-cost-usd');
    expect(story.log.lines).toContainEqual(expect.objectContaining({ level: 'error', message: 'stream not settled' }));
    expect(await story.entries()).toMatchObject([{ state: 'open' }]);
    expect(story.watches()).toBe(0);
    expect(await story.underWay()).toBe(0);
  });
});
