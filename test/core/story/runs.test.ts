import { describe, expect, test } from '@jest/globals';
import { killRun } from '../../../lambdas/cli/runs.ts';
import type { GatewayConfig } from '../../../lambdas/contract/config.ts';
import { MAX_RUN_DEPTH } from '../../../lambdas/contract/scope-names.ts';
import { makeRunBook } from '../../../lambdas/core/admit/run-book.ts';
import { makeApp } from '../../../lambdas/gateway/app.ts';
import { CONFIG, chatAnswer, chatStream, makeStory, type Story, says } from './story-fixture.ts';

const MINUTE_MS = 60_000;
const withRuns = (budgets: GatewayConfig['budgets']): GatewayConfig => ({ ...CONFIG, ...(budgets && { budgets }) });
const run = (id: string, parent?: string): Record<string, string> => ({
  'x-tollgate-run': id,
  ...(parent !== undefined && { 'x-tollgate-parent-run': parent }),
});
/** $0.0006 is spent a call, some $0.10 held. */
const answering = (budgets: GatewayConfig['budgets'] = {}) => makeStory({ a: [chatAnswer('hi')] }, withRuns(budgets));
const told = async (reply: Response) => {
  const { error } = (await reply.json()) as {
    error: { message: string; param: string | null; tollgate: { code: string; scope?: string } };
  };
  return { status: reply.status, message: error.message, param: error.param, ...error.tollgate };
};
const calls = async (story: Story, id: string, team = 'search') => (await story.ports.runs.read(team, [id]))[0]?.calls;
const kill = (story: Story, id: string, reason = 'runs away') =>
  killRun('search', id, reason, story.ports as Parameters<typeof killRun>[3]);

describe('a run', () => {
  test('stands in the entry and the receipt with what started it', async () => {
    const story = await answering();
    const reply = await story.ask({}, { headers: run('plan', 'job') });
    const [entry] = await story.entries();
    expect(entry).toMatchObject({ run: 'plan', parentRun: 'job' });
    const receipt = await makeApp(story.ports).request(`/v1/receipts/${reply.headers.get('x-request-id')}`, {
      headers: { 'x-api-key': story.key },
    });
    expect(await receipt.json()).toMatchObject({ run: 'plan', parent_run: 'job' });
    await story.ask();
    expect((await story.entries())[0]).not.toHaveProperty('run');
  });

  test('a request without one asks nothing of the runs, and one with it makes no trip more', async () => {
    const story = await answering({ perRun: { lifetime: '$5', calls: 9, minutes: 9 } });
    const { runs, ledger } = story.ports;
    const order: string[] = [];
    const note = <Asked, Told>(name: string, method: (asked: Asked) => Told) => {
      return (asked: Asked): Told => {
        order.push(name);
        return method(asked);
      };
    };
    story.ports.runs = { ...runs, enter: note('runs', runs.enter) };
    story.ports.ledger = { ...ledger, hold: note('hold', ledger.hold), open: note('open', ledger.open) };
    await story.ask();
    expect(order).toEqual(['hold', 'open']);
    order.length = 0;
    await story.ask({}, { headers: run('plan', 'job') });
    expect(order.toSorted()).toEqual(['hold', 'open', 'runs']);
    expect(order.at(-1)).toBe('open');
  });

  test('takes as many calls as it may, those of its sub-runs included; refused ones do not count', async () => {
    const story = await answering({ perRun: { calls: 3 }, perUser: { daily: '$0.15' } });
    const asUser = (user: string, headers: Record<string, string>) => story.ask({ user }, { headers });
    expect((await asUser('u1', run('job'))).status).toBe(200);
    expect((await asUser('u2', run('plan', 'job'))).status).toBe(200);
    // Refused by the user's budget: 1,000,000 tokens do not fit into it.
    const dear = await story.ask({ user: 'u3', max_tokens: 8_000 }, { headers: run('plan') });
    expect(await told(dear)).toMatchObject({ status: 429, scope: 'user u3' });
    expect([await calls(story, 'job'), await calls(story, 'plan')]).toEqual([2, 1]);
    expect((await asUser('u4', run('plan'))).status).toBe(200);
    const refused = await asUser('u5', run('plan'));
    expect(refused.headers.get('x-should-retry')).toBe('false');
    expect(await told(refused)).toMatchObject({
      status: 429,
      code: 'budget_exceeded',
      scope: 'run job',
      message: expect.stringContaining('has made 3 of the 3 calls'),
    });
    expect((await asUser('u6', run('other'))).status).toBe(200);
    expect(await story.org()).toMatchObject({ held: 0n });
  });

  test('is over when it has lasted as long as it may', async () => {
    const story = await answering({ perRun: { minutes: 10 } });
    expect((await story.ask({}, { headers: run('job') })).status).toBe(200);
    await story.clock.advance(10 * MINUTE_MS - 1);
    expect((await story.ask({}, { headers: run('plan', 'job') })).status).toBe(200);
    await story.clock.advance(1);
    expect(await told(await story.ask({}, { headers: run('plan') }))).toMatchObject({
      status: 429,
      scope: 'run job',
      message: expect.stringContaining('began at 2026-11-22T12:00:00.000Z and may last 10 minutes'),
    });
  });

  test('a call under way ends with its run', async () => {
    const story = await makeStory({ a: [chatStream([says('hi')], 'hang')] }, withRuns({ perRun: { minutes: 1 } }));
    const first = await story.ask({ stream: true }, { headers: run('job') });
    await story.clock.advance(50_000);
    await first.body?.cancel();
    const reply = await story.ask({ stream: true }, { headers: run('job') });
    const startedAt = story.clock.now();
    const text = await story.read(reply);
    expect(text).toContain('deadline_exceeded');
    expect(text).toContain('The run job may last 1 minutes, which were up at 2026-11-22T12:01:00.000Z.');
    expect(text).toContain('"scope":"run job"');
    expect(story.clock.now() - startedAt).toBeLessThanOrEqual(10_000);
  });

  test('a plain call that ends with its run names the run, and is not to be sent again', async () => {
    const story = await makeStory({ a: [{ hang: true }] }, withRuns({ runs: { search: { job: { minutes: 1 } } } }));
    const reply = await story.ask({}, { headers: run('plan', 'job') });
    expect(reply.headers.get('x-should-retry')).toBe('false');
    expect(await told(reply)).toMatchObject({
      status: 504,
      code: 'deadline_exceeded',
      scope: 'run job',
      message: expect.stringContaining('may last 1 minutes'),
    });
  });

  test('money: the refusal names the run whose pool is empty, and no wait', async () => {
    const story = await answering({
      runs: { search: { job: { lifetime: '$0.1012' } } },
      perRun: { lifetime: '$0.101' },
    });
    expect((await story.ask({}, { headers: run('plan', 'job') })).status).toBe(200);
    expect((await story.ask({}, { headers: run('job') })).status).toBe(200);
    const refused = await story.ask({}, { headers: run('code', 'job') });
    expect(refused.headers.get('retry-after')).toBeNull();
    expect(await told(refused)).toMatchObject({ status: 429, code: 'budget_exceeded', scope: 'run job' });
    // The sub-run's own pool.
    const own = await story.ask({}, { headers: run('plan', 'other') });
    expect(own.status).toBe(400);
    expect((await story.ask({}, { headers: run('alone') })).status).toBe(200);
    expect((await story.ask({}, { headers: run('alone') })).status).toBe(429);
  });

  test('belongs to its team: another team’s run of that name is another', async () => {
    const story = await answering({ perRun: { calls: 1 } });
    const ads = await story.makeKey({ team: 'ads' });
    expect((await story.ask({}, { headers: run('job') })).status).toBe(200);
    expect((await story.ask({}, { headers: run('job'), key: ads })).status).toBe(200);
    await kill(story, 'job');
    expect((await story.ask({}, { headers: run('sub', 'job'), key: ads })).status).toBe(429);
    expect(await told(await story.ask({}, { headers: run('job'), key: ads }))).toMatchObject({
      message: expect.stringContaining('1 of the 1 calls'),
    });
    expect([await calls(story, 'job'), await calls(story, 'job', 'ads')]).toEqual([1, 1]);
  });
});

describe('what started a run', () => {
  test('need not be said again: a process that does not know asks once, and the pool is the same', async () => {
    const story = await answering({ perRun: { calls: 4 } });
    await story.ask({}, { headers: run('leaf', 'job/plan') });
    await story.ask({}, { headers: run('leaf') });
    // Another process.
    story.ports.runs = makeRunBook(story.ports.runs);
    let holds = 0;
    const { ledger } = story.ports;
    story.ports.ledger = {
      ...ledger,
      hold: (request) => {
        holds += 1;
        return ledger.hold(request);
      },
    };
    expect((await story.ask({}, { headers: run('leaf') })).status).toBe(200);
    expect(holds).toBe(2);
    expect((await story.ask({}, { headers: run('leaf') })).status).toBe(200);
    expect(holds).toBe(3);
    expect(await told(await story.ask({}, { headers: run('leaf') }))).toMatchObject({ status: 429, scope: 'run leaf' });
    expect(await Promise.all(['leaf', 'plan', 'job'].map((id) => calls(story, id)))).toEqual([4, 4, 4]);
    expect(await story.org()).toMatchObject({ held: 0n });
  });

  test.each([
    ['itself', [run('job', 'job')], "a run can't have started itself: job/job"],
    ['a run of its own', [run('job'), run('job', 'other')], 'the run job has begun without a parent'],
    ['another run', [run('job', 'boss'), run('job', 'other')], 'the run job was started by the run boss'],
    ['one that it has started', [run('plan', 'job'), run('job', 'plan')], 'the run job has begun without a parent'],
    ['a path that runs in a circle', [run('a', 'b/a')], "a run can't have started itself: b/a/a"],
    ['a circle of three', [run('a', 'x/b')], undefined],
    ['too many', [run('f', 'a/b/c/d/e')], `at most ${MAX_RUN_DEPTH} runs`],
    ['too many, one by one', [run('b', 'a'), run('c', 'b'), run('d', 'c'), run('e', 'd'), run('f', 'e')], 'at most 5'],
  ])('%s: a clear 400, in this process and in another, and nothing is called', async (_, headers, problem) => {
    for (const isOther of [false, true]) {
      const story = await answering({ perRun: { lifetime: '$5' } });
      for (const before of headers.slice(0, -1)) expect((await story.ask({}, { headers: before })).status).toBe(200);
      if (isOther) story.ports.runs = makeRunBook(story.ports.runs);
      const called = story.upstream.calls.length;
      const reply = await story.ask({}, { headers: headers.at(-1) ?? {} });
      if (problem === undefined) {
        expect(reply.status).toBe(200);
        continue;
      }
      expect(await told(reply)).toMatchObject({
        status: 400,
        code: 'invalid_request',
        param: 'x-tollgate-parent-run',
        message: expect.stringContaining(problem),
      });
      expect(story.upstream.calls.length).toBe(called);
      expect(await story.org()).toMatchObject({ held: 0n });
    }
  });

  test.each([
    [run('a/b'), 'x-tollgate-run'],
    [run('-a'), 'x-tollgate-run'],
    [run('a'.repeat(129)), 'x-tollgate-run'],
    [run('a#b'), 'x-tollgate-run'],
    [run('a', 'b//c'), 'x-tollgate-parent-run'],
    [run('a', '/b'), 'x-tollgate-parent-run'],
    [run('a', `b/${'c/'.repeat(600)}`), 'x-tollgate-parent-run'],
    [{ 'x-tollgate-parent-run': 'job' }, 'x-tollgate-parent-run'],
  ])('%j is a 400 that names the header', async (headers, param) => {
    const story = await answering();
    expect(await told(await story.ask({}, { headers }))).toMatchObject({ status: 400, param });
    expect(story.upstream.calls).toEqual([]);
  });

  test('a key that must name a run is refused without one', async () => {
    const story = await answering();
    const key = await story.makeKey({ rights: ['require-run'] });
    expect(await told(await story.ask({}, { key }))).toMatchObject({ status: 400, param: 'x-tollgate-run' });
    expect((await story.ask({}, { key, headers: run('job') })).status).toBe(200);
  });
});

describe('the kill switch', () => {
  test('mid-stream: the stream ends within a second, is settled for what it used, and nothing new is admitted', async () => {
    const story = await makeStory({ a: [chatStream([says('hello')], 'hang'), chatAnswer('hi')] }, withRuns({}));
    const reply = await story.ask({ stream: true }, { headers: run('plan', 'job') });
    const startedAt = story.clock.now();
    const reading = story.read(reply);
    await kill(story, 'job');
    expect(await reading).toMatch(
      /hello[\s\S]*The run job was stopped: runs away\.[\s\S]*cancelled[\s\S]*"scope":"run job"/,
    );
    expect(story.clock.now() - startedAt).toBeLessThanOrEqual(1_000);
    expect((await story.entries())[0]).toMatchObject({ state: 'settled', receipt: { outcome: 'cancelled' } });
    for (const headers of [run('job'), run('plan'), run('new', 'job')])
      expect(await told(await story.ask({}, { headers }))).toMatchObject({
        status: 429,
        code: 'budget_exceeded',
        scope: 'run job',
        message: expect.stringContaining('runs away'),
      });
    expect((await story.ask({}, { headers: run('other') })).status).toBe(200);
    expect(story.watches()).toBe(0);
    expect(await story.org()).toMatchObject({ held: 0n });
  });

  test('a request that entered just before the kill, and calls just after it, is stopped too', async () => {
    const story = await makeStory({ a: [{ hang: true }] }, withRuns({}));
    const { ledger } = story.ports;
    story.ports.ledger = {
      ...ledger,
      open: async (entry) => {
        await kill(story, 'job');
        return ledger.open(entry);
      },
    };
    const startedAt = story.clock.now();
    const reply = await story.ask({}, { headers: run('job') });
    expect(reply.headers.get('x-should-retry')).toBe('false');
    expect(await told(reply)).toMatchObject({
      status: 499,
      code: 'cancelled',
      scope: 'run job',
      message: expect.stringContaining('runs away'),
    });
    expect(story.clock.now() - startedAt).toBeLessThanOrEqual(1_000);
  });

  test('a burst: every one that comes after the kill is refused, every one before it ends', async () => {
    const story = await makeStory({ a: [{ hang: true }] }, withRuns({}));
    const burst = Array.from({ length: 8 }, () => story.ask({}, { headers: run('job') }));
    await story.clock.flush();
    expect(await calls(story, 'job')).toBeGreaterThan(0);
    await kill(story, 'job');
    const late = Array.from({ length: 8 }, () => story.ask({}, { headers: run('job') }));
    for (const reply of await Promise.all(late)) expect(reply.status).toBe(429);
    for (const reply of await Promise.all(burst)) expect([429, 499]).toContain(reply.status);
    expect(await story.org()).toMatchObject({ held: 0n });
    expect(await story.underWay()).toBe(0);
  });

  test('says what it did, and what was spelt wrong', async () => {
    const story = await answering();
    await story.ask({}, { headers: run('job') });
    expect((await kill(story, 'job')).text).toMatch(
      /^Stopped the run job of search\. .*those under way end within seconds\.$/,
    );
    expect((await kill(story, 'job', 'again')).text).toContain('stopped already, 2026-11-22 12:00:00Z: runs away');
    const unknown = await kill(story, 'jbo');
    expect(unknown.text).toContain('has made no call so far');
    expect(unknown.data).toMatchObject({ is_new: true, killed: { reason: 'runs away' } });
  });
});

describe('GET /v1/usage of a run', () => {
  const usage = async (story: Story, headers: Record<string, string>, key = story.key) => {
    const reply = await story.clock.settle(
      Promise.resolve(makeApp(story.ports).request('/v1/usage', { headers: { 'x-api-key': key, ...headers } })),
    );
    const { scopes } = (await reply.json()) as { scopes: { scope: string; id: string }[] };
    return scopes.filter(({ scope }) => scope === 'run');
  };

  test('shows it and what started it, amounts too, to every key of the team', async () => {
    const story = await answering({ perRun: { lifetime: '$1', calls: 5, minutes: 10 } });
    await story.ask({}, { headers: run('plan', 'job') });
    await story.ask({}, { headers: run('job') });
    await story.clock.advance(MINUTE_MS);
    const limits = (left: number) => [
      { what: 'calls', limit: 5, remaining: left, reset_seconds: null },
      { what: 'seconds', limit: 600, remaining: 540, reset_seconds: null },
    ];
    expect(await usage(story, run('plan'), await story.makeKey())).toEqual([
      {
        scope: 'run',
        id: 'plan',
        period: 'all',
        cap_usd: 1,
        spent_usd: 0.0006,
        held_usd: 0,
        state: 'ok',
        limits: limits(4),
      },
      {
        scope: 'run',
        id: 'job',
        period: 'all',
        cap_usd: 1,
        spent_usd: 0.0012,
        held_usd: 0,
        state: 'ok',
        limits: limits(3),
      },
    ]);
    expect(await usage(story, {})).toEqual([]);
    await kill(story, 'job');
    expect(await usage(story, run('job'))).toMatchObject([{ id: 'job', state: 'reject' }]);
    const [other] = await usage(story, run('job'), await story.makeKey({ team: 'ads' }));
    expect(other).toMatchObject({ id: 'job', spent_usd: 0, state: 'ok' });
  });
});
