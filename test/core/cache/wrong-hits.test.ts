import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compareAnswers } from '../../../lambdas/core/cache/same-answer.ts';
import {
  noteAudit,
  thresholdNow,
  UNAUDITED,
  type WrongHitState,
  wrongShare,
} from '../../../lambdas/core/cache/wrong-hits.ts';

const policy = { maxWrongShare: 0.01, threshold: 0.9 };

const run = (outcomes: readonly boolean[], from: WrongHitState = UNAUDITED) => {
  const changes: string[] = [];
  let state = from;
  for (const [i, isWrong] of outcomes.entries()) {
    const next = noteAudit(state, isWrong, policy);
    if (next.change !== 'none') changes.push(`${next.change}@${i + 1}`);
    state = next.state;
  }
  return { state, changes };
};

test('hits that are all wrong tighten twice and then turn the cache off, three at a time', () => {
  const { state, changes } = run(Array.from({ length: 9 }, () => true));
  expect(changes).toEqual(['tightened@3', 'tightened@6', 'turned-off@9']);
  expect(thresholdNow(state, policy)).toBeUndefined();
  expect(run([false, false], state).state).toEqual(state);
});

test('each tightening takes half of what is left to 1', () => {
  expect(thresholdNow(UNAUDITED, policy)).toBeCloseTo(0.9);
  expect(thresholdNow({ ...UNAUDITED, tightened: 1 }, policy)).toBeCloseTo(0.95);
  expect(thresholdNow({ ...UNAUDITED, tightened: 2 }, policy)).toBeCloseTo(0.975);
});

test('one wrong hit in 200 is within 1 % and changes nothing in 20,000; one in 20 is not', () => {
  const every = (n: number, of: number) => Array.from({ length: of }, (_, i) => i % n === n - 1);
  expect(run(every(200, 20_000)).changes).toEqual([]);
  expect(run(every(20, 2_000)).changes.at(-1)).toMatch(/turned-off/);
});

test('what was long good and goes bad is noticed: old audits fade', () => {
  const good = run(Array.from({ length: 50_000 }, () => false)).state;
  expect(good.audited).toBeLessThanOrEqual(2_000);
  expect(
    run(
      Array.from({ length: 60 }, (_, i) => i % 2 === 0),
      good,
    ).changes,
  ).toEqual(['tightened@31', 'tightened@37', 'turned-off@43']);
});

test('whatever is audited, the threshold never falls, never passes 1, and off stays off', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 400 }), (outcomes) => {
      let state = UNAUDITED;
      let threshold = thresholdNow(state, policy) ?? 1;
      for (const isWrong of outcomes) {
        const wasOff = state.isOff;
        state = noteAudit(state, isWrong, policy).state;
        const now = thresholdNow(state, policy) ?? 1;
        expect(now).toBeGreaterThanOrEqual(threshold);
        expect(now).toBeLessThanOrEqual(1);
        expect(state.wrong).toBeLessThanOrEqual(state.audited);
        if (wasOff) expect(state.isOff).toBe(true);
        threshold = now;
      }
    }),
  );
});

test('the rate comes with its interval, and nothing audited has no rate', () => {
  expect(wrongShare(UNAUDITED)).toEqual({ share: undefined, interval: { low: 0, high: 1 } });
  expect(wrongShare({ ...UNAUDITED, audited: 100, wrong: 1 }).share).toBe(0.01);
});

test('answers are one by their words but for formatting, else by their vectors, else nothing is known', () => {
  expect(compareAnswers('**Paris** is the capital.', 'paris is  the capital', undefined)).toBe('same');
  expect(compareAnswers('Paris', 'Rome', undefined)).toBe('unknown');
  expect(compareAnswers('Paris', 'Rome', Number.NaN)).toBe('unknown');
  expect(compareAnswers('Paris', 'Rome', 0.4)).toBe('wrong');
  expect(compareAnswers('It is Paris', 'Paris it is, surely', 0.95)).toBe('same');
});
