import { describe, expect, test } from '@jest/globals';
import { answers, expectKind, fails, makeScene, makeTarget } from './call-fixture.ts';
import type { Script } from './scripted-upstream.ts';

/** A canary in front of its target, and another one. */
const sceneWith = (canary: Script[], target: Script[] = [answers()], other: Script[] = [answers()]) => {
  const targets = [
    makeTarget('c', { canaryOf: { target: 'a/model-a', share: 0.5 } }),
    makeTarget('a'),
    makeTarget('b'),
  ];
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
