import { describe, expect, test } from '@jest/globals';
import { callTargets } from '../../../lambdas/core/call/call-targets.ts';
import { answers, expectKind, fails, makeScene, makeTarget, START, streams } from './call-fixture.ts';
import type { Script } from './scripted-upstream.ts';

const HANGS: Script = { hang: true };
const BODY_HANGS: Script = { status: 200, body: { hang: true } };

describe('the deadline', () => {
  test.each([
    ['waiting for the head', HANGS, false],
    ['in the middle of a body', BODY_HANGS, false],
    ['before the first event', HANGS, true],
  ])('%s: aborts the upstream and refuses with deadline_exceeded', async (_, script, stream) => {
    const { call, upstream, startedAt, clock } = makeScene({ a: [script], b: [answers()] });
    const result = expectKind(await call({ deadlineMs: 5_000, stream }), 'failed');
    expect(result).toMatchObject({ outcome: 'deadline', refusal: { code: 'deadline_exceeded' } });
    expect(upstream.calls.map(({ abortedAt }) => abortedAt)).toEqual([startedAt + 5_000]);
    expect(result.attempts[0]?.failure).toMatchObject({ reason: 'deadline', mayBeBilled: true });
    expect(clock.timers()).toBe(0);
  });

  test('is the alias’s total where that comes first', async () => {
    const { call, clock, startedAt } = makeScene({ a: [HANGS] });
    const result = expectKind(await call({ timeouts: { totalMs: 3_000 } }), 'failed');
    expect(result.outcome).toBe('deadline');
    expect(clock.now() - startedAt).toBe(3_000);
  });

  test('is shared by all attempts', async () => {
    const { call, clock, startedAt, upstream } = makeScene({ a: [HANGS], b: [HANGS], c: [HANGS] });
    const result = expectKind(
      await call({ stream: true, deadlineMs: 5_000, timeouts: { firstTokenMs: 2_000 } }),
      'failed',
    );
    expect(result.outcome).toBe('deadline');
    expect(clock.now() - startedAt).toBe(5_000);
    expect(upstream.calls.map(({ at, abortedAt }) => [at - startedAt, (abortedAt ?? 0) - startedAt])).toEqual([
      [0, 2_000],
      [2_000, 4_000],
      [4_000, 5_000],
    ]);
  });

  test('told by a timer that fired a moment early is a deadline all the same', async () => {
    const scene = makeScene({ a: [HANGS], b: [answers()] });
    const { clock } = scene;
    scene.ports.clock = { ...clock, after: (ms, callback) => clock.after(ms - 1, callback) };
    expect(expectKind(await scene.call({ deadlineMs: 5_000 }), 'failed').outcome).toBe('deadline');
    expect(scene.upstream.calls).toHaveLength(1);
  });

  test('that has passed before the start makes no call', async () => {
    const { call, upstream } = makeScene({ a: [answers()] });
    expect(expectKind(await call({ deadlineMs: 0 }), 'failed').outcome).toBe('deadline');
    expect(upstream.calls).toEqual([]);
  });

  test('let pass by a silent target counts against its circuit, unless it had little time', async () => {
    const { call } = makeScene({ a: [HANGS] });
    const patient = expectKind(await call({ deadlineMs: 5_000, timeouts: { firstTokenMs: 5_000 } }), 'failed');
    expect(patient.attempts[0]?.failure?.countsAgainstCircuit).toBe(true);
    const { call: callSoon } = makeScene({ a: [HANGS] });
    const hasty = expectKind(await callSoon({ deadlineMs: 4_999, timeouts: { firstTokenMs: 5_000 } }), 'failed');
    expect(hasty.attempts[0]?.failure?.countsAgainstCircuit).toBe(false);
  });
});

describe('the first-token timeout', () => {
  test('of a stream falls back at once and aborts the upstream', async () => {
    const { call, upstream, startedAt } = makeScene({ a: [streams(START, 'hang')], b: [HANGS] });
    const result = expectKind(await call({ stream: true, attempts: 2, timeouts: { firstTokenMs: 1_000 } }), 'failed');
    expect(result.attempts.map(({ failure }) => failure?.reason)).toEqual([
      'first_token_timeout',
      'first_token_timeout',
    ]);
    expect(upstream.calls.map(({ at, abortedAt }) => [at - startedAt, (abortedAt ?? 0) - startedAt])).toEqual([
      [0, 1_000],
      [1_000, 2_000],
    ]);
  });

  test('does not cut an error reply short, whose status has come', async () => {
    const { call } = makeScene({ a: [{ status: 503, body: { hang: true } }] });
    const timeouts = { firstTokenMs: 500, idleMs: 700 };
    const { attempts } = expectKind(await call({ stream: true, attempts: 1, timeouts }), 'failed');
    expect(attempts[0]).toMatchObject({ durationMs: 700, failure: { reason: 'overloaded' } });
  });

  test('does not hold for plain answers, which have no first token', async () => {
    const { call } = makeScene({ a: [answers(undefined, 60_000)] });
    expectKind(await call({ timeouts: { firstTokenMs: 1_000 } }), 'answered');
  });
});

describe('the caller’s signal', () => {
  const scenes: [string, Record<string, Script[]>, boolean][] = [
    ['waiting for the head', { a: [HANGS] }, false],
    ['in the middle of a body', { a: [BODY_HANGS] }, false],
    ['in the body of an error', { a: [{ status: 500, body: { hang: true } }] }, false],
    ['between events before content', { a: [streams(START, 'hang')] }, true],
  ];
  test.each(scenes)('%s: the upstream is aborted at once and no other is asked', async (_, scripts, stream) => {
    const controller = new AbortController();
    const { request, ports, clock, upstream, startedAt } = makeScene({ ...scripts, b: [answers()] });
    const result = callTargets(request({ stream, signal: controller.signal }), ports);
    await clock.advance(300);
    controller.abort('client-gone');
    expect(expectKind(await clock.settle(result), 'failed')).toMatchObject({
      outcome: 'client-gone',
      refusal: { code: 'cancelled' },
      attempts: [{ failure: { reason: 'cancelled', mayBeBilled: true }, durationMs: 300 }],
    });
    expect(upstream.calls.map(({ abortedAt }) => abortedAt)).toEqual([startedAt + 300]);
    expect(clock.timers()).toBe(0);
  });

  test('in a backoff: ends the call at once', async () => {
    const controller = new AbortController();
    const { request, ports, clock, upstream } = makeScene({ a: [fails(429, { 'retry-after': '20' })] });
    const result = callTargets(request({ signal: controller.signal }), ports);
    await clock.advance(1_000);
    controller.abort('cancelled');
    await clock.flush();
    expect(expectKind(await result, 'failed')).toMatchObject({ outcome: 'cancelled', refusal: { code: 'cancelled' } });
    expect(upstream.calls).toHaveLength(1);
    expect(clock.timers()).toBe(0);
  });

  test('while the provider key is read: ends the call without an upstream call', async () => {
    const controller = new AbortController();
    const { request, ports, clock, upstream } = makeScene(
      { a: [answers()] },
      { targets: [makeTarget('a', { apiKey: 'env:A' })], secrets: { read: () => new Promise(() => {}) } },
    );
    const result = callTargets(request({ signal: controller.signal }), ports);
    await clock.flush();
    controller.abort('client-gone');
    expect(expectKind(await clock.settle(result), 'failed')).toMatchObject({
      outcome: 'client-gone',
      attempts: [{ failure: { reason: 'cancelled', mayBeBilled: false } }],
    });
    expect(upstream.calls).toEqual([]);
  });

  test('while the attempt is admitted: ends the call without an upstream call', async () => {
    const controller = new AbortController();
    const { call, upstream } = makeScene({ a: [answers()] });
    const admitAttempt = async () => controller.abort('client-gone') as undefined;
    expect(expectKind(await call({ signal: controller.signal, admitAttempt }), 'failed').outcome).toBe('client-gone');
    expect(upstream.calls).toEqual([]);
  });

  test('that was aborted before makes no call, and an unnamed reason is a client that has gone', async () => {
    const { call, upstream } = makeScene({ a: [answers()] });
    expect(expectKind(await call({ signal: AbortSignal.abort() }), 'failed')).toMatchObject({
      outcome: 'client-gone',
      attempts: [],
    });
    expect(upstream.calls).toEqual([]);
  });

  test('whose reason is the deadline is told as one', async () => {
    const { call } = makeScene({ a: [answers()] });
    const result = expectKind(await call({ signal: AbortSignal.abort('deadline') }), 'failed');
    expect(result).toMatchObject({ outcome: 'deadline', refusal: { code: 'deadline_exceeded' } });
  });
});
