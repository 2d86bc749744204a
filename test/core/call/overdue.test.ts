import { describe, expect, test } from '@jest/globals';
import { callTargets } from '../../../lambdas/core/call/call-targets.ts';
import { watchOverdue } from '../../../lambdas/core/call/overdue.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { answers, expectKind, makeScene } from './call-fixture.ts';
import type { Script } from './scripted-upstream.ts';

type Asked = Parameters<ReturnType<typeof makeScene>['request']>[0];

/** `count` plain calls, 300 ms apart; an output limit of 100 tokens makes them late after 21 s. */
const askMany = async (scripts: Record<string, Script[]>, count: number, more: Asked = {}) => {
  const scene = makeScene(scripts);
  const results = Array.from({ length: count }, async (_, i) => {
    if (i > 0) await scene.clock.sleep(i * 300);
    const startedAt = scene.clock.now();
    const request = scene.request({ outputLimit: () => 100, deadlineAt: startedAt + 280_000, ...more });
    const result = await callTargets(request, scene.ports);
    return { result, afterMs: scene.clock.now() - startedAt };
  });
  return { scene, results: await scene.clock.settle(Promise.all(results)) };
};

describe('a target that accepts plain calls and says nothing', () => {
  test('is left by all who wait for it once five are late, and its circuit is open', async () => {
    const { scene, results } = await askMany({ a: [{ hang: true }], b: [answers()] }, 20);
    const foundAtMs = 4 * 300 + 21_000;
    for (const [i, { result, afterMs }] of results.entries()) {
      const { target, attempts } = expectKind(result, 'answered');
      expect([target.id, afterMs]).toEqual(['b', foundAtMs - i * 300]);
      expect(attempts[0]?.failure).toMatchObject({ reason: 'first_token_timeout', mayBeBilled: true });
    }
    await scene.ports.circuitBoard.settled();
    expect(scene.circuits.records.get('a')).toMatchObject({ circuit: { state: 'open' }, reason: 'overdue' });
    expect(scene.clock.timers()).toBe(0);
  });

  test('is found by the alias’s default where no output limit is asked for', async () => {
    const { results } = await askMany({ a: [{ hang: true }], b: [answers()] }, 5, { outputLimit: () => undefined });
    expect(results.map(({ afterMs }) => afterMs)).toEqual([31_440, 31_140, 30_840, 30_540, 30_240]);
  });

  test('is waited for where there is nobody else', async () => {
    const { results } = await askMany({ a: [answers(undefined, 60_000)] }, 6);
    for (const { result, afterMs } of results) {
      expect(result.kind).toBe('answered');
      expect(afterMs).toBe(60_000);
    }
  });

  test('is not found by four', async () => {
    const { scene, results } = await askMany({ a: [answers(undefined, 60_000)], b: [answers()] }, 4);
    expect(results.map(({ result }) => expectKind(result, 'answered').target.id)).toEqual(['a', 'a', 'a', 'a']);
    expect(scene.ports.circuitBoard.peek('a').kind).toBe('go');
  });

  test('is given as long as its alias says, by each call alone', async () => {
    const { results } = await askMany({ a: [{ hang: true }], b: [answers()] }, 2, { timeouts: { answerMs: 8_000 } });
    expect(results.map(({ result, afterMs }) => [expectKind(result, 'answered').target.id, afterMs])).toEqual([
      ['b', 8_000],
      ['b', 8_000],
    ]);
  });

  test('is given all the time there is by the last call that can be made, whatever its alias says', async () => {
    const { results } = await askMany({ a: [answers(undefined, 60_000)] }, 1, { timeouts: { answerMs: 8_000 } });
    expect(results.map(({ afterMs }) => afterMs)).toEqual([60_000]);
  });
});

describe('calls that wait', () => {
  const setUp = () => {
    const clock = makeFakeClock();
    const found: string[] = [];
    const left: number[] = [];
    const watch = watchOverdue(clock, (target) => void found.push(target));
    const wait = (name: number, patienceMs = 1_000) =>
      watch.startWaiting('a', { patienceMs, leave: () => void left.push(name) });
    return { clock, watch, wait, found, left };
  };

  test('are told together, those that are not late yet too', async () => {
    const { clock, wait, found, left } = setUp();
    for (const name of [1, 2, 3, 4, 5]) wait(name);
    wait(6, 5_000);
    await clock.advance(999);
    expect(left).toEqual([]);
    await clock.advance(1);
    expect([found, left]).toEqual([['a'], [1, 2, 3, 4, 5, 6]]);
    await clock.advance(10_000);
    expect(found).toEqual(['a']);
  });

  test('say nothing of a target that answered anybody since they began', async () => {
    const { clock, watch, wait, found } = setUp();
    for (const name of [1, 2, 3, 4]) wait(name);
    watch.heard('a');
    for (const name of [5, 6, 7, 8]) wait(name);
    await clock.advance(2_000);
    expect(found).toEqual([]);
    wait(9);
    await clock.advance(1_000);
    expect(found).toEqual(['a']);
  });

  test('count no more once they have ended', async () => {
    const { clock, wait, found } = setUp();
    const ends = [1, 2, 3, 4, 5].map((name) => wait(name));
    await clock.advance(500);
    ends[0]?.();
    await clock.advance(1_000);
    expect(found).toEqual([]);
    for (const end of ends) end();
    expect(clock.timers()).toBe(0);
  });
});
