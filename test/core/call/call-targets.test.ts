import { describe, expect, test } from '@jest/globals';
import { closeCircuit } from '../../../lambdas/core/call/circuit.ts';
import { overrideCircuit } from '../../../lambdas/core/call/override-circuit.ts';
import { dialectOf } from '../../../lambdas/core/codecs.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import type { Target } from '../../../lambdas/core/target.ts';
import { ANSWER, answers, expectKind, fails, makeScene, makeTarget } from './call-fixture.ts';
import type { Script } from './scripted-upstream.ts';

const LIMITED = (seconds: number) => fails(429, { 'retry-after': String(seconds) });

describe('an answer', () => {
  test('comes from the first target, whose dialect is the client’s own, with unknown fields kept on both ways', async () => {
    const { call, upstream } = makeScene({ a: [{ status: 200, body: JSON.stringify({ ...ANSWER, extra: 1 }) }] });
    const result = expectKind(await call({ outputLimit: () => 77 }), 'answered');
    expect(upstream.calls.map(({ body }) => body)).toEqual([{ model: 'model-a', kept: true, max: 77 }]);
    expect(result.body).toEqual({ ...ANSWER, extra: 1, alias: 'assistant' });
    expect(result).toMatchObject({ target: { id: 'a' }, answer: ANSWER, dropped: [] });
  });

  test('of another dialect is encoded from the conversation and written in the client’s', async () => {
    const targets = [makeTarget('a', { dialect: 'anthropic-messages' })];
    const { call, upstream } = makeScene({ a: [answers()] }, { targets });
    const result = expectKind(await call(), 'answered');
    expect(upstream.calls[0]?.body).toEqual({ encodedBy: 'anthropic-messages', turns: 1, model: 'model-a' });
    expect(result.body).toEqual({ encodedBy: 'openai-chat', alias: 'assistant', parts: ANSWER.parts });
    expect(result.dropped).toEqual(['seed']);
  });

  test('leaves a record with the vendor’s usage, status and time', async () => {
    const { call, startedAt } = makeScene({ a: [answers(ANSWER, 120)] });
    const { attempts } = expectKind(await call(), 'answered');
    expect(attempts).toEqual([
      {
        target: expect.objectContaining({ id: 'a' }),
        startedAt,
        durationMs: 120,
        status: 200,
        usage: ANSWER.usage,
        seenOutputTokens: 0,
      },
    ]);
  });

  test('without the vendor’s usage is counted from what was seen', async () => {
    const { usage: _, ...uncounted } = ANSWER;
    const { call } = makeScene({ a: [answers(uncounted)] });
    const { attempts } = expectKind(await call(), 'answered');
    expect(attempts[0]?.seenOutputTokens).toBeGreaterThan(0);
    expect(attempts[0]).not.toHaveProperty('usage');
  });

  test('that is no answer falls back, and may have been billed', async () => {
    const { call } = makeScene({ a: [{ status: 200, body: '<html>' }], b: [answers()] });
    const { attempts } = expectKind(await call(), 'answered');
    expect(attempts[0]?.failure).toMatchObject({ reason: 'malformed_answer', mayBeBilled: true });
    expect(attempts[1]?.target.id).toBe('b');
  });

  test('leaves no timer behind', async () => {
    const { call, clock } = makeScene({ a: [fails(500)], b: [answers()] });
    await call();
    await clock.flush();
    expect(clock.timers()).toBe(0);
  });
});

describe('fallback', () => {
  test('primary failing with 500: the backup answers, one upstream call to each, no sleep', async () => {
    const { call, upstream, startedAt, clock } = makeScene({ a: [fails(500)], b: [answers()] });
    const result = expectKind(await call(), 'answered');
    expect(upstream.calls.map(({ host, at }) => [host, at - startedAt])).toEqual([
      ['a', 0],
      ['b', 0],
    ]);
    expect(result.target.id).toBe('b');
    expect(result.attempts.map(({ status, failure }) => [status, failure?.reason])).toEqual([
      [500, 'server_error'],
      [200, undefined],
    ]);
    expect(clock.now()).toBe(startedAt);
  });

  test('primary answering 429 with retry-after 5: the backup answers at once', async () => {
    const { call, clock, startedAt, upstream } = makeScene({ a: [LIMITED(5)], b: [answers()] });
    expect(expectKind(await call(), 'answered').target.id).toBe('b');
    expect(clock.now()).toBe(startedAt);
    expect(upstream.calls).toHaveLength(2);
  });

  test('a retry-after is remembered: other requests pass the target over until then, and no longer', async () => {
    const { call, upstream, clock, request, startedAt } = makeScene({ a: [LIMITED(5), answers()], b: [answers()] });
    await call();
    await clock.advance(4_999);
    expect(expectKind(await call(), 'answered').target.id).toBe('b');
    await clock.advance(1);
    expect(
      expectKind(await call({ deadlineAt: request().deadlineAt + clock.now() - startedAt }), 'answered').target.id,
    ).toBe('a');
    expect(upstream.calls.map(({ host }) => host)).toEqual(['a', 'b', 'b', 'a']);
  });

  test('every attempt is made from the client’s own request, whatever the last target spoke', async () => {
    const targets = [makeTarget('a', { dialect: 'anthropic-messages' }), makeTarget('b')];
    const { call, upstream } = makeScene({ a: [fails(503)], b: [answers()] }, { targets });
    expectKind(await call(), 'answered');
    expect(upstream.calls[1]?.body).toEqual({ model: 'model-b', kept: true });
  });

  test('a refused connection falls back and is not billed', async () => {
    const { call } = makeScene({ a: [{ broken: 'connect' }], b: [answers()] });
    const { attempts } = expectKind(await call(), 'answered');
    expect(attempts[0]?.failure).toMatchObject({ reason: 'connection_failed', mayBeBilled: false });
  });

  test('a connection that breaks after the request was sent may be billed', async () => {
    const { call } = makeScene({ a: [{ broken: 'reset' }], b: [answers()] });
    const { attempts } = expectKind(await call(), 'answered');
    expect(attempts[0]?.failure).toMatchObject({ reason: 'connection_failed', mayBeBilled: true });
  });

  test('a body that breaks falls back as cut off', async () => {
    const { call } = makeScene({ a: [{ status: 200, body: { broken: 'reset' } }], b: [answers()] });
    const { attempts } = expectKind(await call(), 'answered');
    expect(attempts[0]).toMatchObject({ status: 200, failure: { reason: 'cut_off', mayBeBilled: true } });
  });

  test('an error reply whose body never comes counts by its status, after the idle time', async () => {
    const { call, clock, startedAt, upstream } = makeScene({
      a: [{ status: 503, body: { hang: true } }],
      b: [answers()],
    });
    const { attempts } = expectKind(await call({ timeouts: { idleMs: 700 } }), 'answered');
    expect(attempts[0]?.failure).toMatchObject({ reason: 'overloaded', status: 503, mayBeBilled: false });
    expect(clock.now() - startedAt).toBe(700);
    expect(upstream.calls[0]?.abortedAt).toBe(startedAt + 700);
  });

  test('an error reply whose body never ends holds nobody up: the status says enough', async () => {
    const { call, clock, startedAt } = makeScene({ a: [{ status: 500, body: { hang: true } }], b: [answers()] });
    expect(expectKind(await call(), 'answered').attempts[0]?.failure).toMatchObject({ reason: 'server_error' });
    expect(clock.now() - startedAt).toBe(1_000);
  });

  test('a request that is refused as wrong is heard out: only the body says what about', async () => {
    const { call, clock, startedAt } = makeScene({ a: [{ status: 400, body: { hang: true } }], b: [answers()] });
    expectKind(await call(), 'failed');
    expect(clock.now() - startedAt).toBe(30_000);
  });

  test('a 429 that does not say until when is remembered for a moment, so that the next request goes elsewhere at once', async () => {
    const scene = makeScene({ a: [fails(429), answers()], b: [answers()] });
    const passedOver: string[][] = [];
    await scene.call();
    await scene.clock.advance(999);
    const { attempts } = expectKind(
      await scene.call({ passedOver: ({ id }, reason) => void passedOver.push([id, reason]) }),
      'answered',
    );
    expect(attempts.map(({ target }) => target.id)).toEqual(['b']);
    expect(passedOver).toEqual([['a', 'rate-limited a moment ago']]);
    await scene.clock.advance(1);
    expect(expectKind(await scene.call(), 'answered').target.id).toBe('a');
  });

  test('a 429 that does not say until when keeps nobody out who has no other target', async () => {
    const { call, clock, startedAt } = makeScene({ a: [fails(429), answers()] }, { fraction: 0.5 });
    expectKind(await call({ attempts: 1 }), 'failed');
    expectKind(await call(), 'answered');
    expect(clock.now() - startedAt).toBe(50);
  });

  test('a 503 with a retry-after is told on, and is no rate limit to those who come next', async () => {
    const { call } = makeScene({ a: [fails(503, { 'retry-after': '31' })] });
    expect(expectKind(await call(), 'failed').refusal).toMatchObject({
      code: 'all_targets_failed',
      retryAfterMs: 31_000,
    });
    expect(expectKind(await call(), 'failed').refusal).toMatchObject({
      code: 'no_target_available',
      retryAfterMs: 31_000,
    });
  });

  test('who is not asked is noted, and why', async () => {
    const scene = makeScene({ a: [fails(500)], b: [LIMITED(60)], c: [answers()] }, { fraction: 0 });
    const passedOver: string[][] = [];
    for (let i = 0; i < 6; i++)
      await scene.call({ passedOver: ({ id }, reason) => void passedOver.push([id, reason]) });
    const until = new Date(scene.startedAt + 60_000).toISOString();
    expect(passedOver.at(1)).toEqual(['b', `retry-after until ${until}`]);
    expect(passedOver.slice(-2)).toEqual([
      ['a', 'circuit open'],
      ['b', `retry-after until ${until}`],
    ]);
  });

  test('a target that said no for good is not asked again, others are', async () => {
    const { call, upstream } = makeScene({ a: [fails(404)], b: [fails(500), answers()] });
    expect(expectKind(await call(), 'answered').target.id).toBe('b');
    expect(upstream.calls.map(({ host }) => host)).toEqual(['a', 'b', 'b']);
  });

  test('a mistake of the client’s ends the call at the first target', async () => {
    const { call, upstream } = makeScene({ a: [fails(400, {}, 'messages: bad')], b: [answers()] });
    const result = expectKind(await call(), 'failed');
    expect(result).toMatchObject({
      outcome: 'refused-by-provider',
      refusal: { code: 'invalid_request', message: 'messages: bad', shouldRetry: false },
    });
    expect(upstream.calls).toHaveLength(1);
  });

  test('a request too long for one target may fit another', async () => {
    const { call } = makeScene({ a: [fails(400, {}, 'prompt is too long')], b: [answers()] });
    expect(expectKind(await call(), 'answered').target.id).toBe('b');
  });

  test('an encoder that breaks is logged, not retried, held against nobody, and the next target answers', async () => {
    const targets = [makeTarget('a', { dialect: 'anthropic-messages' }), makeTarget('b')];
    const scene = makeScene({ a: [answers()], b: [answers()] }, { targets });
    const boom = new Error('boom');
    const encodeRequest = () => {
      throw boom;
    };
    const dialect = dialectOf(makeTarget('a', { dialect: 'anthropic-messages' }), scene.ports.dialects);
    scene.ports.dialects = { ...scene.ports.dialects, 'anthropic-messages': { ...dialect, encodeRequest } };
    const result = expectKind(await scene.call(), 'answered');
    expect(result.target.id).toBe('b');
    expect(result.attempts[0]?.failure).toMatchObject({
      reason: 'malformed_answer',
      isRetryable: false,
      mayBeBilled: false,
      countsAgainstCircuit: false,
    });
    expect(scene.log.lines).toContainEqual(
      expect.objectContaining({ level: 'error', fields: expect.objectContaining({ error: boom }) }),
    );
  });
});

describe('retry', () => {
  test('goes round again after a full-jitter backoff when every target has failed', async () => {
    const { call, upstream, startedAt } = makeScene({ a: [fails(500), answers()], b: [fails(500)] }, { fraction: 0.5 });
    expect(expectKind(await call(), 'answered').target.id).toBe('a');
    expect(upstream.calls.map(({ host, at }) => [host, at - startedAt])).toEqual([
      ['a', 0],
      ['b', 0],
      ['a', 50],
    ]);
  });

  test('backs off longer each round', async () => {
    const { call, upstream, startedAt } = makeScene(
      { a: [fails(500), fails(500), fails(500), answers()] },
      { fraction: 1 },
    );
    expectKind(await call(), 'answered');
    expect(upstream.calls.map(({ at }) => at - startedAt)).toEqual([0, 100, 300, 700]);
  });

  test('waits for the retry-after where it is the only way', async () => {
    const { call, upstream, startedAt } = makeScene({ a: [LIMITED(5), answers()] }, { fraction: 0.1 });
    expectKind(await call(), 'answered');
    expect(upstream.calls.map(({ at }) => at - startedAt)).toEqual([0, 5_010]);
  });

  test('asks the target that may be asked first, not the one that comes first', async () => {
    const { call, upstream, startedAt } = makeScene({ a: [LIMITED(5)], b: [LIMITED(2), answers()] }, { fraction: 0.1 });
    expect(expectKind(await call(), 'answered').target.id).toBe('b');
    expect(upstream.calls.map(({ host, at }) => [host, at - startedAt])).toEqual([
      ['a', 0],
      ['b', 0],
      ['b', 2_010],
    ]);
  });

  test('does not wait past the deadline: the client is told when to come back', async () => {
    const { call, clock, startedAt } = makeScene({ a: [LIMITED(5)] });
    const { refusal } = expectKind(await call({ deadlineMs: 5_500 }), 'failed');
    expect(refusal).toMatchObject({ code: 'rate_limit_exceeded', retryAfterMs: 5_000 });
    expect(clock.now()).toBe(startedAt);
  });

  test('does not hold a slot through a retry-after of a minute', async () => {
    const { call, clock, startedAt } = makeScene({ a: [LIMITED(60)] });
    expect(expectKind(await call(), 'failed').refusal).toMatchObject({
      code: 'rate_limit_exceeded',
      retryAfterMs: 60_000,
    });
    expect(clock.now()).toBe(startedAt);
  });

  test('retries and fallbacks share one attempt budget', async () => {
    const { call, upstream } = makeScene({ a: [fails(500)], b: [fails(503)] });
    const { refusal, attempts } = expectKind(await call({ attempts: 3 }), 'failed');
    expect(upstream.calls.map(({ host }) => host)).toEqual(['a', 'b', 'a']);
    expect(attempts).toHaveLength(3);
    expect(refusal.code).toBe('all_targets_failed');
    expect(refusal.attempts).toEqual([
      { target: 'a', status: 500, reason: 'server_error', message: 'vendor said 500' },
      { target: 'b', status: 503, reason: 'overloaded', message: 'vendor said 503' },
      { target: 'a', status: 500, reason: 'server_error', message: 'vendor said 500' },
    ]);
  });

  test('a spent attempt budget ends the call without a wait', async () => {
    const { call, clock, startedAt } = makeScene({ a: [fails(500)] });
    expectKind(await call({ attempts: 1 }), 'failed');
    expect(clock.now()).toBe(startedAt);
  });

  test('the attempt budget bounds the fallbacks too', async () => {
    const { call, upstream } = makeScene({ a: [fails(500)], b: [fails(500)], c: [answers()] });
    expectKind(await call({ attempts: 2 }), 'failed');
    expect(upstream.calls.map(({ host }) => host)).toEqual(['a', 'b']);
  });
});

describe('circuits', () => {
  const failing = async (scene: ReturnType<typeof makeScene>, times: number) => {
    for (let i = 0; i < times; i++) await scene.call({ attempts: 1 });
  };

  test('an open circuit is passed over without a call', async () => {
    const scene = makeScene({ a: [fails(500)], b: [answers()] });
    await failing(scene, 5);
    scene.upstream.calls.length = 0;
    expect(expectKind(await scene.call(), 'answered').target.id).toBe('b');
    expect(scene.upstream.calls.map(({ host }) => host)).toEqual(['b']);
  });

  test('every circuit open: each target is tried once, and its record says so', async () => {
    const scene = makeScene({ a: [fails(500)], b: [fails(500)] }, { fraction: 0 });
    await failing(scene, 5);
    await failing(scene, 5);
    scene.upstream.calls.length = 0;
    const { refusal, attempts } = expectKind(await scene.call(), 'failed');
    expect(refusal).toMatchObject({
      code: 'no_target_available',
      retryAfterMs: 30_000,
      attempts: [{ target: 'a' }, { target: 'b' }],
    });
    expect(attempts.map(({ target, leastBad }) => [target.id, leastBad])).toEqual([
      ['a', true],
      ['b', true],
    ]);
    expect(scene.upstream.calls.map(({ host }) => host)).toEqual(['a', 'b']);
  });

  test('every circuit open and one target well again: the first request finds it', async () => {
    const broken = [...Array(5).fill(fails(500))];
    const scene = makeScene({ a: [fails(500)], b: [fails(500)], c: [...broken, answers()] }, { fraction: 0 });
    for (let i = 0; i < 3; i++) await failing(scene, 5);
    expect(expectKind(await scene.call(), 'answered').target.id).toBe('c');
  });

  test('every circuit open and one attempt a request: another target is tried each time', async () => {
    const broken = [...Array(5).fill(fails(500))];
    const scene = makeScene({ a: [fails(500)], b: [fails(500)], c: [...broken, answers()] }, { fraction: 0 });
    for (let i = 0; i < 3; i++) await failing(scene, 5);
    scene.upstream.calls.length = 0;
    const outcomes = [];
    for (let i = 0; i < 3; i++) outcomes.push((await scene.call({ attempts: 1 })).kind);
    expect(outcomes).toEqual(['failed', 'failed', 'answered']);
    expect(scene.upstream.calls.map(({ host }) => host)).toEqual(['a', 'b', 'c']);
  });

  test('a target behind an open circuit is tried before one that has just failed is asked again', async () => {
    const scene = makeScene({ a: [...Array(5).fill(fails(500)), answers()], b: [fails(500)] }, { fraction: 0 });
    await failing(scene, 5);
    scene.upstream.calls.length = 0;
    expect(expectKind(await scene.call(), 'answered').target.id).toBe('a');
    expect(scene.upstream.calls.map(({ host }) => host)).toEqual(['b', 'a']);
  });

  test('but not where it would keep the call waiting: its circuit was opened by silence', async () => {
    const scene = makeScene({
      a: [{ hang: true }],
      b: [answers(), answers(), answers(), answers(), fails(500), answers()],
    });
    for (let i = 0; i < 4; i++) await scene.call({ stream: false, deadlineAt: scene.clock.now() + 60_000 });
    expect(scene.ports.circuitBoard.peek('a').kind).toBe('wait');
    scene.upstream.calls.length = 0;
    expectKind(await scene.call({ deadlineAt: scene.clock.now() + 60_000 }), 'answered');
    expect(scene.upstream.calls.map(({ host }) => host)).toEqual(['b', 'b']);
  });

  test('the least bad that hangs leaves a plain answer time for the others', async () => {
    const broken = [...Array(5).fill(fails(500))];
    const scene = makeScene({ a: [...broken, { hang: true }], b: [...broken, answers()] }, { fraction: 0 });
    for (let i = 0; i < 2; i++) await failing(scene, 5);
    expect(expectKind(await scene.call({ deadlineMs: 50_000 }), 'answered').target.id).toBe('b');
    expect(scene.clock.now() - scene.startedAt).toBe(25_000);
  });

  test('a target that answers as the least bad has closed its circuit', async () => {
    const scene = makeScene({ a: [...Array(5).fill(fails(500)), answers()] }, { fraction: 0 });
    await failing(scene, 5);
    const { attempts } = expectKind(await scene.call(), 'answered');
    expect(attempts).toMatchObject([{ leastBad: true }]);
    await scene.ports.circuitBoard.settled();
    expect(scene.circuits.records.get('a')).toMatchObject({
      circuit: { state: 'closed' },
      reason: 'answered as the least bad',
    });
  });

  test('a circuit opened by hand is left alone, for want of any other target too: 503', async () => {
    const scene = makeScene({ a: [answers()] });
    const ports = { circuits: scene.circuits, clock: scene.clock };
    await overrideCircuit('a', { state: 'open', forMs: 20_000, reason: 'maintenance' }, ports);
    const { refusal, outcome, attempts } = expectKind(await scene.call(), 'failed');
    expect(refusal).toMatchObject({ code: 'no_target_available', retryAfterMs: 20_000 });
    expect([outcome, attempts, scene.upstream.calls]).toEqual(['failed', [], []]);
  });

  test('a target that asked to be left alone is, although there is no other', async () => {
    const scene = makeScene({ a: [fails(429, { 'retry-after': '60' }), answers()] });
    await failing(scene, 1);
    expect(expectKind(await scene.call(), 'failed').refusal.code).toBe('rate_limit_exceeded');
    expect(scene.upstream.calls).toHaveLength(1);
  });

  test('a call whose own failures open the circuit does not wait for it', async () => {
    const scene = makeScene({ a: [fails(500)] });
    await failing(scene, 4);
    const before = scene.clock.now();
    expect(expectKind(await scene.call(), 'failed').attempts).toHaveLength(1);
    expect(scene.clock.now()).toBe(before);
  });

  test('one request probes when the open time is up, and its answer closes the circuit', async () => {
    const scene = makeScene({ a: [...Array(5).fill(fails(500)), answers()] }, { fraction: 0 });
    await failing(scene, 5);
    await scene.clock.advance(30_000);
    expectKind(await scene.call(), 'answered');
    await scene.ports.circuitBoard.settled();
    expect(scene.circuits.records.get('a')?.circuit).toEqual({ state: 'closed' });
  });

  describe('closed by another process after the plan was made', () => {
    /** `a` is open as far as this process knows, and was closed elsewhere a moment ago. */
    const closedElsewhere = async (backup: Script) => {
      const scene = makeScene({ a: [...Array(5).fill(fails(500)), answers()], b: [backup] }, { fraction: 0 });
      await failing(scene, 5);
      await scene.ports.circuitBoard.settled();
      await scene.clock.advance(30_000);
      scene.upstream.calls.length = 0;
      const { circuitBoard } = scene.ports;
      // As a request does: it is planned by what is known, and what is no longer fresh is read anew beside its trips.
      expect(circuitBoard.shareOf('a')).toBe(1);
      const [record] = await scene.circuits.read(['a']);
      if (record === undefined) throw new Error('no record');
      await scene.circuits.write(
        closeCircuit(
          { ...record, circuit: { state: 'half-open', prober: 'p', leaseUntil: 0, openings: 1 } },
          scene.clock.now(),
          'probe answered',
        ),
      );
      await circuitBoard.refresh();
      const passedOver: string[][] = [];
      const ask = (place: number) =>
        scene.call({
          isHeldBack: ({ id }) => place >= circuitBoard.shareOf(id),
          passedOver: ({ id }, reason) => void passedOver.push([id, reason]),
        });
      return { ...scene, ask, passedOver, hosts: () => scene.upstream.calls.map(({ host }) => host) };
    };

    test('it is asked behind the others, where its slow start has no place for the conversation yet', async () => {
      const { ask, hosts, passedOver } = await closedElsewhere(answers());
      expect(expectKind(await ask(0.5), 'answered').target.id).toBe('b');
      expect(hosts()).toEqual(['b']);
      expect(passedOver).toEqual([['a', 'circuit closed a moment ago']]);
    });

    test('and in its turn where there is one', async () => {
      const { ask, hosts, passedOver } = await closedElsewhere(answers());
      expect(expectKind(await ask(0.05), 'answered').target.id).toBe('a');
      expect([hosts(), passedOver]).toEqual([['a'], []]);
    });

    test('where the others fail it is asked after them, at once', async () => {
      const { ask, hosts, clock } = await closedElsewhere(fails(503));
      const before = clock.now();
      expect(expectKind(await ask(0.5), 'answered').target.id).toBe('a');
      expect(hosts()).toEqual(['b', 'a']);
      expect(clock.now()).toBe(before);
    });
  });

  test('where all are to come behind the others they are asked as they stand, each once a round', async () => {
    const scene = makeScene({ a: [fails(500)], b: [fails(500)] });
    expectKind(await scene.call({ attempts: 4, isHeldBack: () => true }), 'failed');
    expect(scene.upstream.calls.map(({ host }) => host)).toEqual(['a', 'b', 'a', 'b']);
  });

  test('a prober is held back by nothing: somebody has to find out', async () => {
    const scene = makeScene({ a: [...Array(5).fill(fails(500)), answers()], b: [answers()] }, { fraction: 0 });
    await failing(scene, 5);
    await scene.clock.advance(30_000);
    expect(expectKind(await scene.call({ isHeldBack: () => true }), 'answered').target.id).toBe('a');
  });

  test('a probe whose call is refused by the ledger gives the lease back', async () => {
    const scene = makeScene({ a: [fails(500)] }, { fraction: 0 });
    await failing(scene, 5);
    await scene.clock.advance(30_000);
    await scene.call({ admitAttempt: async () => ({ code: 'budget_exceeded', message: 'no' }) });
    await scene.ports.circuitBoard.settled();
    expect(scene.circuits.records.get('a')?.circuit).toMatchObject({ state: 'open', until: scene.clock.now() });
  });

  test('a probe of a target without a key learns nothing', async () => {
    let key: string | undefined = 'k';
    const targets = [makeTarget('a', { apiKey: 'env:A' })];
    const scene = makeScene({ a: [fails(500)] }, { fraction: 0, targets, secrets: { read: async () => key } });
    await failing(scene, 5);
    await scene.clock.advance(30_000);
    key = undefined;
    await scene.call();
    await scene.ports.circuitBoard.settled();
    expect(scene.circuits.records.get('a')?.circuit.state).toBe('open');
  });
});

describe('admission of attempts', () => {
  test('is asked before every attempt, with the earlier ones', async () => {
    const asked: [string, number][] = [];
    const admitAttempt = async (target: Target, earlier: readonly unknown[]) =>
      void asked.push([target.id, earlier.length]);
    const { call } = makeScene({ a: [fails(500)], b: [answers()] });
    await call({ admitAttempt: async (target, earlier) => (await admitAttempt(target, earlier)) as undefined });
    expect(asked).toEqual([
      ['a', 0],
      ['b', 1],
    ]);
  });

  test('a budget’s refusal is the answer where nobody else can: nothing dearer is called', async () => {
    const { call, upstream } = makeScene({ a: [fails(500)], b: [answers()] });
    const refusal = { code: 'budget_exceeded', message: 'no room' } as const;
    const result = expectKind(
      await call({ attempts: 2, admitAttempt: async ({ id }) => (id === 'b' ? refusal : undefined) }),
      'failed',
    );
    expect(result).toMatchObject({ refusal, outcome: 'failed' });
    expect(result.attempts).toHaveLength(2);
    expect(upstream.calls.map(({ host }) => host)).toEqual(['a', 'a']);
  });

  test('a store that is down is a refusal, and the attempts made so far are not lost', async () => {
    const { call } = makeScene({ a: [fails(500)], b: [answers()] });
    const result = await call({
      admitAttempt: async ({ id }) => {
        if (id === 'b') throw new StoreUnavailable('down');
        return undefined;
      },
    });
    expect(expectKind(result, 'failed')).toMatchObject({
      refusal: { code: 'store_unavailable' },
      attempts: [{ status: 500 }],
    });
  });
});
