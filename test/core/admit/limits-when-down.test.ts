import { describe, expect, test } from '@jest/globals';
import type { LimitStore, LimitTake } from '../../../lambdas/core/admit/limit-store.ts';
import { keepLimitsWhenDown } from '../../../lambdas/core/admit/limits-when-down.ts';
import { makeLocalLimits } from '../../../lambdas/core/admit/local-limits.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { makeMemoryLog } from '../call/call-fixture.ts';

const take = (scope = 'key#k1'): LimitTake => ({ scope, limit: { requestsPerMinute: 2, concurrent: 5 }, tokens: 0 });

const setUp = () => {
  const clock = makeFakeClock();
  const log = makeMemoryLog();
  const inner = makeLocalLimits();
  const state = { mood: 'up' as 'up' | 'down' | 'hangs', asked: 0, ended: 0 };
  const through = async <T>(work: () => T): Promise<T> => {
    state.asked += 1;
    if (state.mood === 'hangs') return new Promise<T>(() => {});
    if (state.mood === 'down') throw new StoreUnavailable('down');
    return work();
  };
  const ending = (work: () => void): Promise<void> =>
    through(() => {
      state.ended += 1;
      work();
    });
  const store: LimitStore = {
    take: (takes, _, nowMs) => through(() => inner.take(takes, nowMs)),
    giveBack: (takes, _, nowMs) => ending(() => inner.giveBack(takes, nowMs)),
    settle: (takes, _, used, nowMs) => ending(() => inner.settle(takes, used, nowMs)),
    read: () => through(() => []),
  };
  const limits = keepLimitsWhenDown(store, { clock, log });
  const ask = (...takes: LimitTake[]) => clock.settle(limits.take(takes, 1, clock.now()));
  return { clock, log, state, limits, ask };
};

describe.each(['down', 'hangs'] as const)('a limit store that %s', (mood) => {
  test('refuses nobody for it: the process keeps the limits by itself', async () => {
    const { state, ask } = setUp();
    state.mood = mood;
    const kinds = [(await ask(take())).kind, (await ask(take())).kind, (await ask(take())).kind];
    expect(kinds).toEqual(['taken', 'taken', 'refused']);
    expect((await ask(take('key#k2'))).kind).toBe('taken');
  });

  test('holds a request up for two seconds at most, and the next ones not at all', async () => {
    const { state, ask, clock } = setUp();
    state.mood = mood;
    const startedAt = clock.now();
    await ask(take());
    expect(clock.now() - startedAt).toBeLessThanOrEqual(2_000);
    const before = clock.now();
    for (let i = 0; i < 20; i++) await ask(take(`key#${i}`));
    expect(clock.now()).toBe(before);
    expect(state.asked).toBe(1);
  });

  test('is asked again half a second later, and believed at once', async () => {
    const { state, ask, clock, log } = setUp();
    state.mood = mood;
    await ask(take());
    state.mood = 'up';
    await clock.advance(500);
    const asked = state.asked;
    expect((await ask(take())).kind).toBe('taken');
    expect(state.asked).toBe(asked + 1);
    expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
      ['warn', expect.stringContaining('unreachable')],
      ['info', expect.stringContaining('back')],
    ]);
  });

  test('is told nothing of what was taken here, also when it is back', async () => {
    const { state, ask, clock, limits } = setUp();
    state.mood = mood;
    const [one, other] = [take(), take()];
    await ask(one);
    await ask(other);
    state.mood = 'up';
    await limits.settle([one], 1, 10, clock.now());
    await limits.giveBack([other], 1, clock.now());
    expect(state.ended).toBe(0);
    // And both places are free here.
    state.mood = 'down';
    await clock.advance(500);
    expect((await ask(take())).kind).toBe('taken');
  });
});

test('what was taken in the store is ended there', async () => {
  const { state, ask, clock, limits } = setUp();
  const one = take();
  await ask(one);
  await limits.settle([one], 1, 10, clock.now());
  expect(state.ended).toBe(1);
});

test('a clock that is set back does not keep the store unasked', async () => {
  const { state, ask, clock } = setUp();
  state.mood = 'down';
  await ask(take());
  state.mood = 'up';
  const now = clock.now();
  const asked = state.asked;
  (clock as { now(): number }).now = () => now - 3_600_000;
  await ask(take('key#k9'));
  expect(state.asked).toBe(asked + 1);
});

test('a take that the store has made too late is given back there, and stands here', async () => {
  const { clock } = setUp();
  const inner = makeLocalLimits();
  let givenBack = 0;
  const slow: LimitStore = {
    take: async (takes, _, nowMs) => {
      await clock.sleep(3_000);
      return inner.take(takes, nowMs);
    },
    giveBack: async () => {
      givenBack += 1;
    },
    settle: async () => {},
    read: async () => [],
  };
  const limits = keepLimitsWhenDown(slow, { clock, log: makeMemoryLog() });
  expect((await clock.settle(limits.take([take()], 1, clock.now()))).kind).toBe('taken');
  await clock.advance(3_000);
  expect(givenBack).toBe(1);
});
