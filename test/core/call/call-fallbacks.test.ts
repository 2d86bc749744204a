import { describe, expect, test } from '@jest/globals';
import type { CallRequest } from '../../../lambdas/core/call/call.ts';
import { refuse } from '../../../lambdas/core/failures.ts';
import type { FallbackCause, Target } from '../../../lambdas/core/target.ts';
import {
  ANSWER,
  answers,
  END,
  expectKind,
  fails,
  HELLO,
  makeScene,
  makeTarget,
  readAll,
  START,
  streams,
} from './call-fixture.ts';
import type { Script } from './scripted-upstream.ts';

const FILTERED = (body: string): Script => fails(400, {}, body);
/** What the fixture's provider takes for a prompt that is too long. */
const TOO_LONG = fails(400, {}, 'the prompt is too long');

type Chains = Partial<Record<FallbackCause, string[]>>;

/** A scene whose request may fall back on targets by cause; `own` are the alias's own. */
const sceneWith = (scripts: Record<string, Script[]>, own: string[], chains: Chains) => {
  const targets = new Map(Object.keys(scripts).map((host) => [host, makeTarget(host)]));
  const of = (hosts: string[]): Target[] => hosts.flatMap((host) => targets.get(host) ?? []);
  const scene = makeScene(scripts, { targets: of(own) });
  const fellBack: FallbackCause[] = [];
  const request: Partial<Omit<CallRequest, 'alias'>> = {
    fallbackCauses: new Set(Object.keys(chains) as FallbackCause[]),
    fallbackTargets: (cause) => of(chains[cause] ?? []),
    fellBack: (cause) => void fellBack.push(cause),
  };
  const hosts = () => scene.upstream.calls.map(({ host }) => host);
  return {
    ...scene,
    hosts,
    fellBack,
    ask: (more: Parameters<typeof scene.call>[0] = {}) => scene.call({ ...request, ...more }),
  };
};

describe('fallbacks for any error', () => {
  test('are asked when the own targets are spent, at once, and before any of them is asked again', async () => {
    const { ask, hosts, clock, startedAt, fellBack } = sceneWith(
      { a: [fails(500)], b: [fails(503)], x: [answers()] },
      ['a', 'b'],
      { any: ['x'] },
    );
    expect(expectKind(await ask(), 'answered').target.id).toBe('x');
    expect(hosts()).toEqual(['a', 'b', 'x']);
    expect(clock.now()).toBe(startedAt);
    expect(fellBack).toEqual(['any']);
  });

  test('are not looked for while an own target answers', async () => {
    const { ask, fellBack } = sceneWith({ a: [fails(500)], b: [answers()], x: [answers()] }, ['a', 'b'], {
      any: ['x'],
    });
    expect(expectKind(await ask(), 'answered').target.id).toBe('b');
    expect(fellBack).toEqual([]);
  });

  test('share the attempt budget with the own targets', async () => {
    const { ask, hosts, fellBack } = sceneWith({ a: [fails(500)], b: [fails(500)], x: [answers()] }, ['a', 'b'], {
      any: ['x'],
    });
    expect(expectKind(await ask({ attempts: 2 }), 'failed').refusal.code).toBe('all_targets_failed');
    expect(hosts()).toEqual(['a', 'b']);
    expect(fellBack).toEqual([]);
  });

  test('leave a client’s own mistake alone', async () => {
    const { ask, hosts } = sceneWith({ a: [fails(400)], x: [answers()] }, ['a'], { any: ['x'] });
    expect(expectKind(await ask(), 'failed').refusal.code).toBe('invalid_request');
    expect(hosts()).toEqual(['a']);
  });

  test('go round with the own targets, once all have failed', async () => {
    const { ask, hosts } = sceneWith({ a: [fails(500), answers()], x: [fails(500)] }, ['a'], { any: ['x'] });
    expect(expectKind(await ask(), 'answered').target.id).toBe('a');
    expect(hosts()).toEqual(['a', 'x', 'a']);
  });

  test('are asked before an own target whose circuit is open', async () => {
    const scene = sceneWith({ a: [fails(500)], x: [answers()] }, ['a'], { any: ['x'] });
    for (let i = 0; i < 5; i++) await scene.call({ attempts: 1 });
    scene.upstream.calls.length = 0;
    expect(expectKind(await scene.ask(), 'answered').attempts).toMatchObject([{ target: { id: 'x' } }]);
    expect(scene.hosts()).toEqual(['x']);
  });

  test('give a plain answer its share of the time, so that a target that hangs leaves them some', async () => {
    const { ask, hosts } = sceneWith({ a: [{ hang: true }], x: [answers()] }, ['a'], { any: ['x'] });
    expect(expectKind(await ask({ deadlineMs: 60_000 }), 'answered').target.id).toBe('x');
    expect(hosts()).toEqual(['a', 'x']);
  });

  test('that a budget has no room for are passed over for one that it has', async () => {
    const { ask, hosts } = sceneWith({ a: [fails(500)], dear: [answers()], cheap: [answers()] }, ['a'], {
      any: ['dear', 'cheap'],
    });
    const refusal = refuse('budget_exceeded', 'no room');
    const result = await ask({ admitAttempt: async ({ id }) => (id === 'dear' ? refusal : undefined) });
    expect(expectKind(result, 'answered').target.id).toBe('cheap');
    expect(hosts()).toEqual(['a', 'cheap']);
  });

  test('that a budget has no room for are passed over for a second round of the others', async () => {
    const { ask, hosts } = sceneWith({ a: [fails(500), answers()], dear: [answers()] }, ['a'], { any: ['dear'] });
    const passedOver: string[][] = [];
    const result = await ask({
      admitAttempt: async ({ id }) => (id === 'dear' ? refuse('budget_exceeded', 'no room') : undefined),
      passedOver: ({ id }, reason) => void passedOver.push([id, reason]),
    });
    expect(expectKind(result, 'answered').target.id).toBe('a');
    expect(hosts()).toEqual(['a', 'a']);
    expect(passedOver).toEqual([['dear', 'no budget for this hop']]);
  });

  test('that a budget has no room for, and no others: the refusal, with the attempts; it may be sent again', async () => {
    const { ask, hosts } = sceneWith({ a: [fails(500)], dear: [answers()] }, ['a'], { any: ['dear'] });
    const refusal = refuse('budget_exceeded', 'no room', { shouldRetry: false, retryAfterMs: 86_400_000 });
    const result = await ask({ admitAttempt: async ({ id }) => (id === 'dear' ? refusal : undefined) });
    const told = expectKind(result, 'failed').refusal;
    expect(told).toMatchObject({ code: 'budget_exceeded', retryAfterMs: 1_000 });
    expect(told).not.toHaveProperty('shouldRetry');
    expect(told.attempts).toHaveLength(4);
    expect(hosts()).toEqual(['a', 'a', 'a', 'a']);
  });

  test('that a budget has no room for, where no failure will pass: the refusal as it is', async () => {
    const { ask, hosts } = sceneWith({ a: [fails(404)], dear: [answers()] }, ['a'], { any: ['dear'] });
    const refusal = refuse('budget_exceeded', 'no room', { shouldRetry: false });
    const result = await ask({ admitAttempt: async ({ id }) => (id === 'dear' ? refusal : undefined) });
    expect(expectKind(result, 'failed').refusal).toMatchObject({
      ...refusal,
      attempts: [{ target: 'a', status: 404 }],
    });
    expect(hosts()).toEqual(['a']);
  });

  test('never ask the same target twice for the sake of its second alias', async () => {
    const { ask, hosts } = sceneWith({ a: [fails(404)], x: [fails(404)] }, ['a'], { any: ['a', 'x'] });
    expectKind(await ask(), 'failed');
    expect(hosts()).toEqual(['a', 'x']);
  });
});

describe('fallbacks for a prompt that is too long', () => {
  test('come before those for any error, and only then', async () => {
    const chains = { any: ['x'], contextLength: ['long'] };
    const long = sceneWith({ a: [TOO_LONG], x: [answers()], long: [answers()] }, ['a'], chains);
    expect(expectKind(await long.ask(), 'answered').target.id).toBe('long');
    const broken = sceneWith({ a: [fails(500)], x: [answers()], long: [answers()] }, ['a'], chains);
    expect(expectKind(await broken.ask(), 'answered').target.id).toBe('x');
  });

  test('are followed by those for any error', async () => {
    const { ask, hosts, fellBack } = sceneWith({ a: [TOO_LONG], long: [fails(500)], x: [answers()] }, ['a'], {
      any: ['x'],
      contextLength: ['long'],
    });
    expectKind(await ask(), 'answered');
    expect(hosts()).toEqual(['a', 'long', 'x']);
    expect(fellBack).toEqual(['contextLength', 'any']);
  });
});

describe.each(['error', 'plain answer', 'stream', 'answer with a reason', 'stream with a reason'] as const)(
  'fallbacks for a filter that refused (%s)',
  (how) => {
    const stream = how.startsWith('stream');
    const stop = { reason: 'content-filter', raw: 'content_filter' } as const;
    const refused: Script = {
      error: FILTERED('content_filter'),
      'plain answer': answers({ ...ANSWER, parts: [{ type: 'text', text: '' }], stop }),
      stream: streams([...START, { type: 'part-end', index: 0 }, { type: 'stop', stop }, ...END.slice(2)]),
      'answer with a reason': answers({ ...ANSWER, parts: [{ type: 'refusal', text: 'blocked' }], stop }),
      'stream with a reason': streams([
        ...START,
        { type: 'refusal-start', index: 1 },
        { type: 'refusal-delta', index: 1, text: 'blocked' },
        { type: 'stop', stop },
        ...END.slice(2),
      ]),
    }[how];
    const well = stream ? HELLO : answers();

    test('are asked, and the other own targets are not', async () => {
      const { ask, hosts, fellBack, clock } = sceneWith({ a: [refused], b: [well], lenient: [well] }, ['a', 'b'], {
        contentFilter: ['lenient'],
        any: ['b'],
      });
      const result = await ask({ stream });
      expect(result).toMatchObject({ target: { id: 'lenient' } });
      if (result.kind === 'streaming') expect((await readAll(result, clock)).said).toBe('Hello');
      expect(hosts()).toEqual(['a', 'lenient']);
      expect(fellBack).toEqual(['contentFilter']);
    });

    test('that fail leave nobody else to ask', async () => {
      const { ask, hosts } = sceneWith({ a: [refused], b: [well], lenient: [fails(404)] }, ['a', 'b'], {
        contentFilter: ['lenient'],
        any: ['b'],
      });
      expectKind(await ask({ stream }), 'failed');
      expect(hosts()).toEqual(['a', 'lenient']);
    });

    test('are not those for any error', async () => {
      const { ask, hosts } = sceneWith({ a: [refused], x: [well] }, ['a'], { any: ['x'] });
      const result = await ask({ stream });
      // An error is told as one; an answer that says that it was filtered is the vendor's own, and goes out as it is.
      expect(result.kind).toBe(how === 'error' ? 'failed' : stream ? 'streaming' : 'answered');
      expect(hosts()).toEqual(['a']);
    });
  },
);

test.each([false, true])('a model that declines in its own words has answered (stream: %s)', async (stream) => {
  const stop = { reason: 'refusal', raw: 'refusal' } as const;
  const declined = stream
    ? streams([
        { type: 'answer-start', id: 'a1', model: 'm' },
        { type: 'refusal-start', index: 0 },
        { type: 'refusal-delta', index: 0, text: 'I will not.' },
        { type: 'stop', stop },
        ...END.slice(2),
      ])
    : answers({ ...ANSWER, parts: [{ type: 'refusal', text: 'I will not.' }], stop });
  const { ask, hosts } = sceneWith({ a: [declined], lenient: [answers()] }, ['a'], { contentFilter: ['lenient'] });
  expect(['answered', 'streaming']).toContain((await ask({ stream })).kind);
  expect(hosts()).toEqual(['a']);
});

describe('a retry-after of a moment', () => {
  test('is waited for rather than that the target is left', async () => {
    const { call, upstream, clock, startedAt } = makeScene({
      a: [fails(429, { 'retry-after-ms': '200' }), answers()],
      b: [answers()],
    });
    expect(expectKind(await call(), 'answered').target.id).toBe('a');
    expect(upstream.calls.map(({ host }) => host)).toEqual(['a', 'a']);
    expect(clock.now() - startedAt).toBeGreaterThanOrEqual(200);
    expect(clock.now() - startedAt).toBeLessThanOrEqual(300);
  });

  test('is waited for once a target', async () => {
    const { call, upstream } = makeScene({ a: [fails(429, { 'retry-after-ms': '200' })], b: [answers()] });
    expect(expectKind(await call(), 'answered').target.id).toBe('b');
    expect(upstream.calls.map(({ host }) => host)).toEqual(['a', 'a', 'b']);
  });

  test('is not waited for where that would leave no attempt for the others', async () => {
    const { call, upstream } = makeScene({ a: [fails(429, { 'retry-after-ms': '200' })], b: [answers()] });
    expect(expectKind(await call({ attempts: 2 }), 'answered').target.id).toBe('b');
    expect(upstream.calls.map(({ host }) => host)).toEqual(['a', 'b']);
  });

  test.each([['0'], ['0.251'], ['5']])('is not one of %s s: the next target is asked at once', async (seconds) => {
    const { call, upstream, clock, startedAt } = makeScene({
      a: [fails(429, { 'retry-after': seconds })],
      b: [answers()],
    });
    expect(expectKind(await call(), 'answered').target.id).toBe('b');
    expect(upstream.calls.map(({ host }) => host)).toEqual(['a', 'b']);
    expect(clock.now()).toBe(startedAt);
  });
});
