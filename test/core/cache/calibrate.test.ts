import { expect, test } from '@jest/globals';
import { readPairs } from '../../../bench/pages/cache-pairs.ts';
import { calibrate, measureAt, type ScoredPair } from '../../../lambdas/core/cache/calibrate.ts';
import type { Embedder } from '../../../lambdas/core/cache/embedder.ts';
import { findGuardRefusal } from '../../../lambdas/core/cache/guards/guards.ts';
import { halfOf, parsePairs, scorePairs } from '../../../lambdas/core/cache/labelled-pairs.ts';
import { isInScope } from '../../../lambdas/core/cache/pair-scope.ts';

const pair = (score: number | undefined, isSame: boolean, more: Partial<ScoredPair> = {}): ScoredPair => ({
  half: 'tune',
  kind: 'x',
  isSame,
  score,
  isInScope: true,
  guard: undefined,
  ...more,
});
const many = (count: number, one: ScoredPair): ScoredPair[] => Array.from({ length: count }, () => one);

test('precision and recall are counted by check: cosine, then the filter, then the guards', () => {
  const pairs = [
    pair(0.95, true),
    pair(0.85, true),
    pair(0.96, false),
    pair(0.97, false, { isInScope: false }),
    pair(0.98, false, { guard: 'numbers' }),
    pair(undefined, true),
  ];
  const figures = (checks: 'cosine' | 'scope' | 'guards') => {
    const { hits, wrong, precision, recall } = measureAt(pairs, 0.9, checks);
    return [hits, wrong, precision, recall];
  };
  expect(figures('cosine')).toEqual([4, 3, 1 / 4, 1 / 3]);
  expect(figures('scope')).toEqual([3, 2, 1 / 3, 1 / 3]);
  expect(figures('guards')).toEqual([2, 1, 1 / 2, 1 / 3]);
});

test('the threshold keeps the bound there and above, loses no hit by it, and the test half has no say', () => {
  const pairs = [
    ...many(30, pair(0.93, true)),
    ...many(5, pair(0.86, true)),
    pair(0.82, false),
    ...many(9, pair(0.8, true)),
  ];
  const swayed = [...pairs, ...many(50, pair(0.99, false, { half: 'test' }))];
  expect(calibrate(pairs, 0.01).threshold).toBe(0.86);
  expect(calibrate(swayed, 0.01)).toMatchObject({
    threshold: 0.86,
    tune: { hits: 35, wrong: 0 },
    test: { hits: 50, wrong: 50 },
  });
});

test('an embedder that is wrong even where it is surest gets no threshold; nor do too few hits', () => {
  expect(calibrate([...many(50, pair(0.9, true)), pair(0.999, false)], 0.01).threshold).toBeUndefined();
  expect(calibrate(many(19, pair(0.9, true)), 0.01).threshold).toBeUndefined();
});

test('a line that is no pair is named', () => {
  expect(() => parsePairs('{"a":"x","b":"y","same":true}\n{"a":"x"}')).toThrow(/line 2/);
  expect(() => parsePairs('{"a":"x","b":"y","same":"yes"}')).toThrow(/line 1: same/);
});

test('every text is embedded once; a pair with one that can’t be read has no score', async () => {
  const asked: string[] = [];
  const embedder: Embedder = {
    name: 'axes',
    dimensions: 2,
    async embed(text) {
      asked.push(text);
      if (text === 'unread') return { kind: 'unreadable', why: 'too-long' };
      return { kind: 'vector', vector: Float32Array.from(text === 'up' ? [0, 1] : [0.6, 0.8]), inputTokens: 1 };
    },
  };
  const of = (a: string, b: string) => ({ a, b, same: true, kind: 'x' });
  const scored = await scorePairs([of('up', 'slant'), of('up', 'unread')], embedder, () => true);
  expect(scored.map(({ score }) => score?.toFixed(3))).toEqual(['0.800', undefined]);
  expect(asked.sort()).toEqual(['slant', 'unread', 'up']);
});

test('the labelled set: 500 pairs and more, every kind in both halves, every change of scope kept apart', () => {
  const pairs = readPairs();
  expect(pairs.length).toBeGreaterThanOrEqual(500);
  const kinds = new Set(pairs.map(({ kind }) => kind));
  for (const half of ['tune', 'test'] as const) {
    const own = pairs.filter((one) => halfOf(one) === half);
    expect(own.length).toBeGreaterThan(pairs.length * 0.4);
    expect(new Set(own.map(({ kind }) => kind))).toEqual(kinds);
  }
  expect(new Set(pairs.map(({ language }) => language))).toEqual(new Set(['en', 'de', 'fr', 'es', 'ja', 'zh']));
  const inScope = isInScope('x/1');
  for (const one of pairs) expect([one, inScope(one)]).toEqual([one, one.differs === undefined]);
});

test('without any embedder, filter and guards alone let pass less than a hundredth of the near-misses', () => {
  const nearMisses = readPairs().filter(({ same, differs }) => !same && differs === undefined);
  const passed = nearMisses.filter(({ a, b }) => findGuardRefusal(a, b) === undefined);
  expect(passed.length).toBeLessThanOrEqual(nearMisses.length / 100);
});
