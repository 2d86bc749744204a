import { describe, expect, test } from '@jest/globals';
import { attemptFailure } from '../../../lambdas/core/call/attempt-failure.ts';
import type { Refusal } from '../../../lambdas/core/failures.ts';
import type { SecretStore } from '../../../lambdas/core/ports.ts';
import { answers, END, expectKind, fails, later, makeScene, makeTarget, START, streams, text } from './call-fixture.ts';
import type { Script } from './scripted-upstream.ts';

const ON_TRIAL = { target: 'a/model-a', share: 0.5, onTrial: true } as const;
const FAILURE = attemptFailure('server_error', { status: 500, message: 'x' });
const HANG: Script = { hang: true };

/** A canary in front of its target, and another one. */
const sceneWith = (canary: Script[], target: Script[] = [answers()], other: Script[] = [answers()]) => {
  const targets = [makeTarget('c', { canaryOf: ON_TRIAL }), makeTarget('a'), makeTarget('b')];
  const scene = makeScene({ c: canary, a: target, b: other }, { targets });
  return { ...scene, hosts: () => scene.upstream.calls.map(({ host }) => host) };
};

describe('a canary that fails leaves the request to its target at once', () => {
  test.each([
    ['refuses what the target takes', fails(400)],
    ['is filtered', fails(400, {}, 'content_filter')],
    ['is overloaded', fails(503)],
    ['says when it has room again', fails(429, { 'retry-after-ms': '100' })],
    ['does not know its key', fails(401)],
    ['is gone', fails(404)],
    ['can’t take so much', fails(400, {}, 'the prompt is too long')],
  ])('where it %s', async (_, failure) => {
    const { call, hosts, clock, startedAt } = sceneWith([failure]);
    expect(expectKind(await call(), 'answered').target.id).toBe('a');
    expect(hosts()).toEqual(['c', 'a']);
    expect(clock.now()).toBe(startedAt);
  });

  test('before whatever is named for what a filter has refused', async () => {
    const { call, hosts } = sceneWith([fails(400, {}, 'content_filter')]);
    const strict = makeTarget('x');
    const asked = { fallbackCauses: new Set(['contentFilter'] as const), fallbackTargets: () => [strict] };
    expect(expectKind(await call(asked), 'answered').target.id).toBe('a');
    expect(hosts()).toEqual(['c', 'a']);
  });

  test('but not a second time: once its target is out, its no is a no', async () => {
    const { call, hosts } = sceneWith([fails(503), fails(400)], [fails(404)], [fails(503), answers()]);
    expect(expectKind(await call({ attempts: 8 }), 'failed').outcome).toBe('refused-by-provider');
    expect(hosts()).toEqual(['c', 'a', 'b', 'c']);
  });

  test('and what is the client’s own mistake is told once its target has said so too', async () => {
    const { call, hosts } = sceneWith([fails(400)], [fails(400)]);
    const { outcome, refusal } = expectKind(await call(), 'failed');
    expect([outcome, refusal.code]).toEqual(['refused-by-provider', 'invalid_request']);
    expect(hosts()).toEqual(['c', 'a']);
  });

  test('and is told as well where its target is gone, as the one before a promoted version may be', async () => {
    const targets = [makeTarget('c', { canaryOf: { target: 'a/model-a', share: 1 } }), makeTarget('a')];
    const askBoth = async (canary: Script, target: Script) =>
      expectKind(await makeScene({ c: [canary], a: [target] }, { targets }).call({ attempts: 2 }), 'failed');
    expect(await askBoth(fails(400, {}, 'no such field'), fails(404))).toMatchObject({
      outcome: 'refused-by-provider',
      refusal: { code: 'invalid_request', message: expect.stringContaining('no such field') },
    });
    // But a target that may be back says that it is worth another try.
    expect(await askBoth(fails(400), fails(503))).toMatchObject({ outcome: 'failed' });
    expect(await askBoth(fails(503), fails(404))).toMatchObject({ outcome: 'failed' });
  });

  test('but where its target is not among those who may answer it is a target like any other', async () => {
    const targets = [makeTarget('c', { canaryOf: { target: 'a/model-a', share: 1 } }), makeTarget('b')];
    const { call, upstream } = makeScene({ c: [fails(400)], b: [answers()] }, { targets });
    expectKind(await call(), 'failed');
    expect(upstream.calls.map(({ host }) => host)).toEqual(['c']);
  });

  test('and is asked again where its target fails as well', async () => {
    const { call, hosts } = sceneWith([fails(503), answers()], [fails(404)]);
    const targets = [makeTarget('c', { canaryOf: { target: 'a/model-a', share: 1 } }), makeTarget('a')];
    const alone = makeScene({ c: [fails(503), answers()], a: [fails(404)] }, { targets });
    expect(expectKind(await alone.call(), 'answered').target.id).toBe('c');
    expect(alone.upstream.calls.map(({ host }) => host)).toEqual(['c', 'a', 'c']);
    await call();
    expect(hosts()).toEqual(['c', 'a', 'b']);
  });
});

describe('a trial takes nothing from the attempts that the alias allows', () => {
  test('so that all of them are left for its target and those behind it', async () => {
    const { call, hosts } = sceneWith([fails(400)], [fails(500)]);
    expect(expectKind(await call({ attempts: 2 }), 'answered').target.id).toBe('b');
    expect(hosts()).toEqual(['c', 'a', 'b']);
  });

  test('where that is one, too', async () => {
    const { call, hosts } = sceneWith([fails(503)], [fails(503)]);
    expectKind(await call({ attempts: 1 }), 'failed');
    expect(hosts()).toEqual(['c', 'a']);
    const good = sceneWith([fails(503)]);
    expect(expectKind(await good.call({ attempts: 1 }), 'answered').target.id).toBe('a');
  });

  test('and it is not asked a second time in its target’s stead', async () => {
    const { call, hosts } = sceneWith([fails(503)], [fails(503), answers()], [fails(503)]);
    expect(expectKind(await call({ attempts: 3 }), 'answered').target.id).toBe('a');
    expect(hosts()).toEqual(['c', 'a', 'b', 'a']);
  });

  test('nor does reading its key anew take one', async () => {
    const { call, hosts } = sceneWith([fails(401)]);
    const targets = [makeTarget('c', { canaryOf: ON_TRIAL, apiKey: 'env:K' }), makeTarget('a')];
    const secrets: SecretStore = { read: async (_, how) => (how?.refresh ? 'new' : 'old') };
    const scene = makeScene({ c: [fails(401)], a: [answers()] }, { targets, secrets });
    expect(expectKind(await scene.call({ attempts: 1 }), 'answered').target.id).toBe('a');
    expect(scene.upstream.calls.map(({ host }) => host)).toEqual(['c', 'c', 'a']);
    await call();
    expect(hosts()).toEqual(['c', 'a']);
  });

  test('nor the last try behind a circuit that is open', async () => {
    const { call, hosts, ports } = sceneWith([fails(500)], [fails(500), answers()], [fails(500)]);
    for (const id of ['c', 'a', 'b'])
      for (let i = 0; i < 5; i++) ports.circuitBoard.report(id, { ...FAILURE }, undefined);
    const before = hosts().length;
    await call({ attempts: 1 });
    expect(hosts().slice(before)).not.toContain('c');
    expect(hosts().slice(before)).toHaveLength(1);
  });

  test('nor does the call go round for it while its target wants to be left alone', async () => {
    const { call, hosts, clock, startedAt } = sceneWith(
      [fails(503)],
      [fails(429, { 'retry-after': '60' })],
      [fails(404)],
    );
    expectKind(await call(), 'failed');
    expect([hosts(), clock.now() - startedAt]).toEqual([['c', 'a', 'b'], 0]);
  });

  test('but what is sent has an end: as many as the alias allows, and two for the canary', async () => {
    const { call, hosts } = sceneWith([fails(503)], [fails(503)], [fails(503)]);
    expectKind(await call({ attempts: 4 }), 'failed');
    expect(hosts()).toEqual(['c', 'a', 'b', 'a', 'b']);
  });
});

describe('a canary that hangs leaves its target half of the time', () => {
  test.each([
    ['a plain answer', false, {}, 2_000],
    ['a stream', true, {}, 2_000],
    ['a plain answer that has its own limit', false, { answerMs: 3_900 }, 2_000],
    ['a stream whose first token is to come sooner', true, { firstTokenMs: 700 }, 700],
  ])('of %s', async (_, stream, timeouts, afterMs) => {
    const good = stream ? streams([...START, later(600, text('hi')), ...END]) : answers(undefined, 1_500);
    const { call, upstream, startedAt } = sceneWith([HANG], [good]);
    const result = await call({ stream, attempts: 1, timeouts: { firstTokenMs: 4_000, totalMs: 4_000, ...timeouts } });
    expect(result.kind).toBe(stream ? 'streaming' : 'answered');
    expect(upstream.calls.map(({ host, at }) => [host, at - startedAt])).toEqual([
      ['c', 0],
      ['a', afterMs],
    ]);
  });

  test('and one that thinks first is given the time for that, and nobody else is', async () => {
    const late = streams([...START, later(40_000, text('hi')), ...END]);
    const targets = [makeTarget('c', { canaryOf: { ...ON_TRIAL, firstTokenMs: 60_000 } }), makeTarget('a')];
    const thinking = makeScene({ c: [late], a: [late] }, { targets });
    expect(expectKind(await thinking.call({ stream: true }), 'streaming').target.id).toBe('c');
    const without = makeScene({ c: [HANG], a: [late] }, { targets });
    await without.call({ stream: true, attempts: 1 });
    expect(without.upstream.calls.map(({ at, abortedAt }) => (abortedAt ?? 0) - at)).toEqual([60_000, 20_000]);
  });
});

describe('a canary that may not be called for', () => {
  const refuse = (code: 'budget_exceeded' | 'store_unavailable') => async (target: { id: string }) =>
    target.id === 'c' ? ({ code, message: 'no' } as unknown as Refusal) : undefined;

  test.each(['budget_exceeded', 'store_unavailable'] as const)('because of %s is passed over', async (code) => {
    const { call, hosts } = sceneWith([]);
    const passed: string[] = [];
    const passedOver = ({ id }: { id: string }) => passed.push(id);
    expect(expectKind(await call({ admitAttempt: refuse(code), passedOver }), 'answered').target.id).toBe('a');
    expect([hosts(), passed]).toEqual([['a'], ['c']]);
  });

  test('is no reason for what its target fails with', async () => {
    const { call } = sceneWith([], [fails(503)], [fails(503)]);
    const failed = expectKind(await call({ admitAttempt: refuse('budget_exceeded'), attempts: 2 }), 'failed');
    expect(failed.refusal.code).not.toBe('budget_exceeded');
  });

  test('since it was taken back a moment ago is not asked, even where all others fail', async () => {
    const { call, hosts } = sceneWith([answers()], [fails(503)], [fails(503)]);
    expectKind(await call({ confirmCanary: async () => 'back' as const, attempts: 3 }), 'failed');
    expect(hosts()).not.toContain('c');
  });

  test('since nobody knows whether it was comes behind the others', async () => {
    const { call, hosts } = sceneWith([answers()], [fails(404)], [fails(503)]);
    expect(expectKind(await call({ confirmCanary: async () => 'unknown' as const }), 'answered').target.id).toBe('c');
    expect(hosts()).toEqual(['a', 'b', 'c']);
  });
});
