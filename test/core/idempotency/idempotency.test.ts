import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { chatAnswer, chatStream, DONE, makeStory, type Story, says } from '../story/story-fixture.ts';

const KEYED = { headers: { 'idempotency-key': '0b9d6c1e-3f2a' } };

const errorOf = async (reply: Response) =>
  ((await reply.json()) as { error: { tollgate: { code: string }; param: string } }).error;

/** Nothing is held, and the accounts say what the entries say. */
const expectAtRest = async (story: Story): Promise<void> => {
  const entries = await story.entries();
  const sum = entries.reduce((total, { cost }) => total + cost, 0n);
  expect(await story.org()).toMatchObject({ committed: sum, spent: sum, held: 0n });
  expect(await story.underWay()).toBe(0);
};

describe('idempotency-key', () => {
  test('the same request again: the same answer, one call, one bill', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    const first = await story.ask({}, KEYED);
    const again = await story.ask({}, KEYED);
    expect(again.status).toBe(200);
    expect(await again.text()).toBe(await first.text());
    for (const name of ['content-type', 'x-request-id', 'x-tollgate-model', 'x-tollgate-cost-usd'])
      expect([name, again.headers.get(name)]).toEqual([name, first.headers.get(name)]);
    expect(first.headers.has('idempotent-replayed')).toBe(false);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    // How the caller stood then is of no use now.
    expect(again.headers.has('x-ratelimit-remaining-requests')).toBe(false);
    expect(story.upstream.calls).toHaveLength(1);
    expect(await story.entries()).toHaveLength(1);
    await expectAtRest(story);
  });

  test('a stream again: every event of it, one bill', async () => {
    const story = await makeStory({ a: [chatStream([says('hi'), says(' there'), ...DONE])] });
    const first = await story.read(await story.ask({ stream: true }, KEYED));
    const again = await story.ask({ stream: true }, KEYED);
    expect(again.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(await story.read(again)).toBe(first);
    expect(first).toContain('[DONE]');
    expect(await story.entries()).toHaveLength(1);
    await expectAtRest(story);
  });

  test('members in another order are the same request', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    await story.ask({ temperature: 0, top_p: 1 }, KEYED);
    expect((await story.ask({ top_p: 1, temperature: 0 }, KEYED)).headers.get('idempotent-replayed')).toBe('true');
  });

  test.each([
    ['another body', { max_tokens: 999 }, KEYED],
    ['another end user', {}, { headers: { ...KEYED.headers, 'x-tollgate-user': 'bob' } }],
    ['a stream instead', { stream: true }, KEYED],
  ])('%s under the same key is refused with 422 and holds nothing', async (_name, body, more) => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    await story.ask({}, KEYED);
    const reply = await story.ask(body, more);
    expect(reply.status).toBe(422);
    expect(reply.headers.get('x-should-retry')).toBe('false');
    expect(await errorOf(reply)).toMatchObject({
      param: 'idempotency-key',
      tollgate: { code: 'idempotency_mismatch' },
    });
    await expectAtRest(story);
  });

  test("another key's request under the same name is another request", async () => {
    const story = await makeStory({ a: [chatAnswer('one'), chatAnswer('two')] });
    const other = await story.makeKey();
    await story.ask({}, KEYED);
    expect(await (await story.ask({}, { ...KEYED, key: other })).text()).toContain('two');
  });

  test('a duplicate of what is under way waits for it and gets its answer', async () => {
    const story = await makeStory({ a: [{ ...chatAnswer('hi'), afterMs: 3_000 }] });
    const [first, second] = await Promise.all([story.ask({}, KEYED), story.ask({}, KEYED)]);
    expect([first, second].map(({ status }) => status)).toEqual([200, 200]);
    expect(await second.text()).toBe(await first.text());
    expect(story.upstream.calls).toHaveLength(1);
    await expectAtRest(story);
  });

  test('where that takes longer: 409 with retry-after, and nothing held by the duplicate', async () => {
    const story = await makeStory({ a: [{ ...chatAnswer('hi'), afterMs: 15_000 }] });
    const startedAt = story.clock.now();
    let toldAfterMs = 0;
    const [first, second] = await Promise.all([
      story.ask({}, KEYED),
      story.ask({}, KEYED).then((reply) => {
        toldAfterMs = story.clock.now() - startedAt;
        return reply;
      }),
    ]);
    expect(first.status).toBe(200);
    expect(second.status).toBe(409);
    expect(second.headers.get('retry-after')).toBe('5');
    expect(await errorOf(second)).toMatchObject({ tollgate: { code: 'idempotency_in_progress' } });
    expect(toldAfterMs).toBeGreaterThanOrEqual(5_000);
    expect(toldAfterMs).toBeLessThan(15_000);
    await expectAtRest(story);
  });

  test('the 409 does not claim that a dead request lives, and its wait ends with the lease', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    const { answers } = story.ports;
    const leaseUntil = story.clock.now() + 8_000;
    // Nobody keeps or releases it: its process is gone.
    await answers.claim(
      {
        key: `${story.keyRecord.id}#${createHash('sha256').update('0b9d6c1e-3f2a').digest('hex')}`,
        fingerprint: 'f',
        owner: 'dead',
        leaseUntil,
      },
      story.clock.now(),
    );
    story.ports.answers = {
      ...answers,
      claim: async (claim, now) => {
        const outcome = await answers.claim(claim, now);
        return outcome.kind === 'mismatch' ? { kind: 'in-progress', leaseUntil } : outcome;
      },
    };
    const reply = await story.ask({}, KEYED);
    expect([reply.status, reply.headers.get('retry-after')]).toEqual([409, '3']);
    expect(((await reply.json()) as { error: { message: string } }).error.message).toContain(
      'under way, or its process died; the key is free at the latest at 2026-11-22T12:00:08.000Z',
    );
    await story.clock.advance(3_000);
    expect((await story.ask({}, KEYED)).status).toBe(200);
  });

  test('of ten at once one is called', async () => {
    const story = await makeStory({ a: [{ ...chatAnswer('hi'), afterMs: 1_000 }] });
    const replies = await Promise.all(Array.from({ length: 10 }, () => story.ask({}, KEYED)));
    expect(new Set(await Promise.all(replies.map((reply) => reply.text()))).size).toBe(1);
    expect(story.upstream.calls).toHaveLength(1);
    await expectAtRest(story);
  });

  test('a failure leaves the key free: the next try is a try', async () => {
    const story = await makeStory({ a: [{ status: 400, body: '{}' }, chatAnswer('hi')] });
    expect((await story.ask({}, KEYED)).status).toBe(400);
    const next = await story.ask({}, KEYED);
    expect(next.status).toBe(200);
    expect(next.headers.has('idempotent-replayed')).toBe(false);
    await expectAtRest(story);
  });

  test('a fault of the gateway itself leaves the key free: nobody waits for the lease', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    const { providers } = story.ports;
    story.ports.providers = new Proxy(providers, {
      get: () => {
        throw new TypeError('a fault');
      },
    });
    expect((await story.ask({}, KEYED)).status).toBe(500);
    story.ports.providers = providers;
    const next = await story.ask({}, KEYED);
    expect([next.status, next.headers.has('idempotent-replayed')]).toEqual([200, false]);
  });

  test('a refusal leaves the key free, also for a smaller body', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    // A hold of 8,000 tokens at $100 a million on a budget of $10, thirteen at once.
    story.ports.gateway = { ...story.ports.gateway, budgets: { ...story.ports.gateway.budgets, org: cap('0.5') } };
    expect((await story.ask({ max_tokens: 8_000 }, KEYED)).status).toBe(429);
    expect((await story.ask({ max_tokens: 100 }, KEYED)).status).toBe(200);
    await expectAtRest(story);
  });

  test('a duplicate of what was answered is answered, budget or not', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    await story.ask({}, KEYED);
    story.ports.gateway = {
      ...story.ports.gateway,
      policyVersion: 2,
      budgets: { ...story.ports.gateway.budgets, org: cap('0') },
    };
    expect((await story.ask({}, KEYED)).headers.get('idempotent-replayed')).toBe('true');
    expect((await story.ask()).status).toBe(429);
    await expectAtRest(story);
  });

  test('a cut stream is not kept: the next try gets a whole answer', async () => {
    const story = await makeStory({
      a: [chatStream([says('hi')], { broken: 'reset' }), chatStream([says('hi'), ...DONE])],
    });
    expect(await story.read(await story.ask({ stream: true }, KEYED))).toContain('"error"');
    const next = await story.ask({ stream: true }, KEYED);
    expect(next.headers.has('idempotent-replayed')).toBe(false);
    expect(await story.read(next)).toContain('[DONE]');
    await expectAtRest(story);
  });

  test('an answer beyond what is kept: 409 that names the request, and no second bill', async () => {
    const story = await makeStory({ a: [chatAnswer('x'.repeat(3 * 1024 * 1024))] });
    const first = await story.ask({}, KEYED);
    const again = await story.ask({}, KEYED);
    expect(again.status).toBe(409);
    const { error } = (await again.json()) as { error: { message: string; tollgate: { code: string } } };
    expect(error.tollgate.code).toBe('idempotency_too_large');
    expect(error.message).toContain(first.headers.get('x-request-id') ?? 'no id');
    expect(story.upstream.calls).toHaveLength(1);
  });

  test('while the store of answers is away nothing is called: there could be two bills', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    const { answers } = story.ports;
    story.ports.answers = { ...answers, claim: () => Promise.reject(new StoreUnavailable('down')) };
    expect((await story.ask({}, KEYED)).status).toBe(503);
    expect((await story.ask()).status).toBe(200);
    expect(story.upstream.calls).toHaveLength(1);
    await expectAtRest(story);
  });

  test('an answer that could not be kept is the client’s all the same', async () => {
    const story = await makeStory({ a: [chatAnswer('hi')] });
    const { answers } = story.ports;
    story.ports.answers = { ...answers, keep: () => Promise.reject(new StoreUnavailable('down')) };
    expect(await (await story.ask({}, KEYED)).text()).toContain('hi');
    expect(story.log.lines.some(({ message }) => message.startsWith('answer not kept'))).toBe(true);
    await expectAtRest(story);
  });

  test.each(['', ' ', 'a b', 'ä', 'x'.repeat(256)])(
    'the header %j is refused, with what is allowed',
    async (header) => {
      const story = await makeStory({ a: [chatAnswer('hi')] });
      const reply = await story.ask({}, { headers: { 'idempotency-key': header } });
      expect(reply.status).toBe(400);
      expect(await errorOf(reply)).toMatchObject({ param: 'idempotency-key' });
    },
  );
});

const cap = (usd: string) => ({ monthly: BigInt(Number(usd) * 1e9), warnAt: 0.8 });
