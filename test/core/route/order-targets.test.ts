import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { hashFraction } from '../../../lambdas/core/route/hash-fraction.ts';
import { EXPLORED_SHARE, TRIED_AGAIN_SHARE } from '../../../lambdas/core/route/order-by-speed.ts';
import type { OrderFacts } from '../../../lambdas/core/route/order-facts.ts';
import { orderTargets } from '../../../lambdas/core/route/order-targets.ts';

const IDS = ['a/m', 'b/m', 'c/m'];
const seeds = (count: number): string[] => Array.from({ length: count }, (_, i) => `seed ${i}`);
const firsts = (facts: (seed: string) => OrderFacts, ids = IDS, count = 6_000): number[] => {
  const counts = ids.map(() => 0);
  for (const seed of seeds(count)) {
    const [first = 0] = orderTargets(ids, facts(seed));
    counts[first] = (counts[first] ?? 0) + 1;
  }
  return counts.map((times) => times / count);
};

describe('by weight', () => {
  const weighted = (seed: string, weights = [1, 2, 7]): OrderFacts => ({ policy: 'weighted', seed, weights });

  test('each is first as often as its weight says', () => {
    const [a = 0, b = 0, c = 0] = firsts((seed) => weighted(seed));
    expect(a).toBeCloseTo(0.1, 1.5);
    expect(b).toBeCloseTo(0.2, 1.5);
    expect(c).toBeCloseTo(0.7, 1.5);
  });

  test('a conversation keeps its order, and those of a target that goes fall to the others by their weights', () => {
    const second = [0, 0, 0];
    let own = 0;
    for (const seed of seeds(2_000)) {
      const order = orderTargets(IDS, weighted(seed));
      const without = orderTargets(['a/m', 'b/m'], weighted(seed, [1, 2]));
      expect(without).toEqual(order.filter((target) => target !== 2));
      if (order[0] !== 2) continue;
      own += 1;
      second[without[0] ?? 0] = (second[without[0] ?? 0] ?? 0) + 1;
    }
    expect((second[1] ?? 0) / own).toBeCloseTo(2 / 3, 1);
  });

  test('a target without weight is asked last, for every conversation', () => {
    for (const seed of seeds(200)) expect(orderTargets(IDS, weighted(seed, [1, 0, 1])).at(-1)).toBe(1);
    expect(orderTargets(IDS, weighted('x', [0, 0, 0]))).toEqual([0, 1, 2]);
  });

  test('regions share the weight of their target, and follow each other before any other target', () => {
    const ids = ['a/m@eu', 'a/m@us', 'b/m'];
    const facts = (seed: string): OrderFacts => ({ policy: 'weighted', seed, weights: [1, 1, 1] });
    const [eu = 0, us = 0, b = 0] = firsts(facts, ids);
    expect(b).toBeCloseTo(0.5, 1.5);
    expect(eu).toBeCloseTo(0.25, 1.5);
    expect(us).toBeCloseTo(0.25, 1.5);
    for (const seed of seeds(200)) {
      const order = orderTargets(ids, facts(seed));
      expect(Math.abs(order.indexOf(0) - order.indexOf(1))).toBe(1);
    }
  });

  test('a region that is gone leaves the choice among targets as it was', () => {
    for (const seed of seeds(200)) {
      const all = orderTargets(['a/m@eu', 'a/m@us', 'b/m'], { policy: 'weighted', seed, weights: [1, 1, 1] });
      const isOfA = (all[0] ?? 0) < 2;
      for (const region of ['eu', 'us']) {
        const left = orderTargets([`a/m@${region}`, 'b/m'], { policy: 'weighted', seed, weights: [1, 1] });
        expect(left[0] === 0).toBe(isOfA);
      }
    }
  });
});

describe('by cost', () => {
  test('the cheapest first, equals as they are listed, beyond what a number holds exactly', () => {
    expect(orderTargets(IDS, { policy: 'cheapest', costs: ['9007199254740993', '9007199254740992', '5'] })).toEqual([
      2, 1, 0,
    ]);
    expect(orderTargets(IDS, { policy: 'cheapest', costs: ['7', '3', '3'] })).toEqual([1, 2, 0]);
  });
});

describe('by speed', () => {
  test('the fastest first, the unmeasured last and as they are listed', () => {
    expect(orderTargets(IDS, { policy: 'fastest', ms: [900, 300, 500] })).toEqual([1, 2, 0]);
    expect(orderTargets(IDS, { policy: 'fastest', ms: [null, 300, null], draw: 0.9 })).toEqual([1, 0, 2]);
    expect(orderTargets(IDS, { policy: 'fastest', ms: [null, null, null], draw: 0.9 })).toEqual([0, 1, 2]);
  });

  test('a tenth goes to the unmeasured, to each of them as often, while there are any', () => {
    const counts = [0, 0, 0];
    for (let i = 0; i < 1_000; i++) {
      const [first = 0] = orderTargets(IDS, { policy: 'fastest', ms: [null, 300, null], draw: i / 1_000 });
      counts[first] = (counts[first] ?? 0) + 1;
    }
    expect(counts).toEqual([1_000 * EXPLORED_SHARE * 0.5, 1_000 * (1 - EXPLORED_SHARE), 1_000 * EXPLORED_SHARE * 0.5]);
    for (let i = 0; i < 1_000; i++)
      expect(orderTargets(IDS, { policy: 'fastest', ms: [400, 300, 500], draw: i / 1_000 })[0]).toBe(1);
  });

  test('a twentieth goes to those whose measurement is stale, beside the tenth of the unmeasured', () => {
    const counts = (facts: { ms: (number | null)[]; stale: number[] }): number[] => {
      const all = [0, 0, 0];
      for (let i = 0; i < 1_000; i++) {
        const [first = 0] = orderTargets(IDS, { policy: 'fastest', ...facts, draw: i / 1_000 });
        all[first] = (all[first] ?? 0) + 1;
      }
      return all;
    };
    const tried = 1_000 * TRIED_AGAIN_SHARE;
    expect(counts({ ms: [900, 300, 500], stale: [0, 2] })).toEqual([tried / 2, 1_000 - tried, tried / 2]);
    const explored = 1_000 * EXPLORED_SHARE;
    const beside = counts({ ms: [900, 300, null], stale: [0] });
    expect(beside[2]).toBe(explored);
    // The draw at the very bound may fall on either side.
    expect(Math.abs((beside[0] ?? 0) - tried)).toBeLessThanOrEqual(1);
  });

  test('of those that are as fast a conversation’s name chooses, in every process the same', () => {
    const firsts = new Set<number | undefined>();
    for (const seed of seeds(100)) {
      const facts: OrderFacts = { policy: 'fastest', ms: [320, 300, 500], seed };
      const order = orderTargets(IDS, facts);
      // A measurement that differs a little, as it does from process to process.
      expect(orderTargets(IDS, { ...facts, ms: [300, 310, 490] })).toEqual(order);
      expect(order.at(-1)).toBe(2);
      firsts.add(order[0]);
    }
    expect(firsts).toEqual(new Set([0, 1]));
  });

  test('a conversation stays at home while that is about as fast, and is no guinea pig', () => {
    expect(orderTargets(IDS, { policy: 'fastest', ms: [370, 300, null], home: 0, draw: 0 })[0]).toBe(0);
    expect(orderTargets(IDS, { policy: 'fastest', ms: [900, 300, null], home: 0, draw: 0 })[0]).toBe(1);
    expect(orderTargets(IDS, { policy: 'fastest', ms: [null, null, null], home: 2 })[0]).toBe(2);
  });
});

describe('slow start', () => {
  const held = (place: number, shares: [number, number][]): OrderFacts => ({
    policy: 'ordered',
    slowStart: { place, shares },
  });

  test('lets in the conversations below the share, and puts the target behind the others for the rest', () => {
    expect(orderTargets(IDS, held(0.05, [[0, 0.1]]))).toEqual([0, 1, 2]);
    expect(orderTargets(IDS, held(0.1, [[0, 0.1]]))).toEqual([1, 2, 0]);
    expect(
      orderTargets(
        IDS,
        held(0.3, [
          [0, 0.1],
          [1, 0.5],
        ]),
      ),
    ).toEqual([1, 2, 0]);
  });

  test('with all in it, they keep their order', () => {
    expect(
      orderTargets(
        IDS,
        held(0.9, [
          [0, 0.1],
          [1, 0.1],
          [2, 0.1],
        ]),
      ),
    ).toEqual([0, 1, 2]);
  });
});

test('whatever the facts, every target is there once', () => {
  const figures = fc.record({
    weights: fc.array(fc.nat(10), { minLength: 3, maxLength: 3 }),
    costs: fc.array(fc.bigInt({ min: 0n, max: 10n ** 20n }).map(String), { minLength: 3, maxLength: 3 }),
    ms: fc.array(fc.option(fc.nat(10_000)), { minLength: 3, maxLength: 3 }),
    home: fc.option(fc.nat(2), { nil: undefined }),
    draw: fc.double({ min: 0, max: 0.999999, noNaN: true }),
    stale: fc.uniqueArray(fc.nat(2)),
    seed: fc.string(),
    shares: fc.array(fc.tuple(fc.nat(2), fc.double({ min: 0, max: 1, noNaN: true })), { maxLength: 3 }),
  });
  fc.assert(
    fc.property(figures, ({ weights, costs, ms, home, draw, seed, shares, stale }) => {
      const at = home === undefined ? {} : { home };
      const slowStart = { place: draw, shares: shares as [number, number][] };
      const all: OrderFacts[] = [
        { policy: 'ordered', slowStart },
        { policy: 'weighted', seed, weights, slowStart },
        { policy: 'cheapest', costs, ...at, slowStart },
        { policy: 'fastest', ms, stale, draw, ...at, slowStart },
      ];
      for (const facts of all) {
        const order = orderTargets(IDS, facts);
        expect(order.toSorted()).toEqual([0, 1, 2]);
        // A receipt is JSON.
        expect(orderTargets(IDS, JSON.parse(JSON.stringify(facts)))).toEqual(order);
      }
    }),
  );
});

test('places are even between 0 and 1', () => {
  const buckets = Array.from({ length: 10 }, () => 0);
  for (const seed of seeds(10_000)) {
    const place = hashFraction(seed);
    const bucket = Math.floor(place * 10);
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  for (const count of buckets) expect(Math.abs(count - 1_000)).toBeLessThan(150);
});
