import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type Bucket,
  chargeUnits,
  LIMIT_PERIOD_US,
  readStanding,
  returnUnits,
  takeUnits,
} from '../../../lambdas/core/admit/gcra.ts';

const PERIOD_MS = LIMIT_PERIOD_US / 1000;
const START_MS = Date.UTC(2026, 10, 22, 12);

const limits = fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 300_000_000 }));
/** Gaps between requests: together, close, far. */
const gaps = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 3 * PERIOD_MS }));

/** A limit, and requests as shares of it, one after another. */
const traffic = limits.chain((limit) =>
  fc.record({
    limit: fc.constant(limit),
    requests: fc.array(fc.record({ gapMs: gaps, units: fc.integer({ min: 0, max: limit }) }), {
      minLength: 1,
      maxLength: 60,
    }),
  }),
);

/** Every request in turn, taken at the time it comes. */
const run = ({ limit, requests }: { limit: number; requests: { gapMs: number; units: number }[] }) => {
  let bucket: Bucket | undefined;
  let nowMs = START_MS;
  return requests.map(({ gapMs, units }) => {
    nowMs += gapMs;
    const before = bucket;
    const outcome = takeUnits(before, { limit, units, nowMs });
    if (outcome.kind === 'admitted') bucket = outcome.bucket;
    return { nowMs, units, before, after: bucket, outcome };
  });
};

describe('GCRA', () => {
  test('in any window no more is admitted than the limit lets drain in it, and one minute at once', () => {
    fc.assert(
      fc.property(traffic, (sample) => {
        const admitted = run(sample).filter(({ outcome }) => outcome.kind === 'admitted');
        for (let from = 0; from < admitted.length; from++) {
          let units = 0n;
          for (const { nowMs, units: more } of admitted.slice(from)) {
            units += BigInt(more);
            const windowMs = BigInt(nowMs - (admitted[from]?.nowMs ?? 0));
            // units ≤ limit·window + limit, in integers.
            expect(units * BigInt(PERIOD_MS) <= BigInt(sample.limit) * (windowMs + BigInt(PERIOD_MS))).toBe(true);
          }
        }
      }),
    );
  });

  test('a refused request is admitted at the time it was told, and refused a millisecond earlier', () => {
    fc.assert(
      fc.property(traffic, (sample) => {
        for (const { nowMs, units, before, outcome } of run(sample)) {
          if (outcome.kind === 'admitted') continue;
          expect(outcome.retryAfterMs).toBeGreaterThan(0);
          const at = (ms: number) => takeUnits(before, { limit: sample.limit, units, nowMs: ms }).kind;
          expect(at(nowMs + outcome.retryAfterMs)).toBe('admitted');
          expect(at(nowMs + outcome.retryAfterMs - 1)).toBe('refused');
        }
      }),
    );
  });

  test('what remains is what would be admitted now, and not a unit more', () => {
    fc.assert(
      fc.property(traffic, (sample) => {
        for (const { nowMs, after } of run(sample)) {
          const { remaining } = readStanding(after, { limit: sample.limit, nowMs });
          const take = (units: number) => takeUnits(after, { limit: sample.limit, units, nowMs }).kind;
          expect(take(remaining)).toBe('admitted');
          expect(take(remaining + 1)).toBe('refused');
        }
      }),
    );
  });

  test('a refusal leaves the next request as it would have been without it', () => {
    fc.assert(
      fc.property(traffic, (sample) => {
        for (const { before, after, outcome } of run(sample))
          if (outcome.kind === 'refused') expect(after).toBe(before);
      }),
    );
  });

  test('a limit is reached in full: steady requests of one unit all pass', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), (limit) => {
        let bucket: Bucket | undefined;
        for (let i = 0; i < 50; i++) {
          const outcome = takeUnits(bucket, { limit, units: 1, nowMs: START_MS + Math.ceil((i * PERIOD_MS) / limit) });
          expect(outcome.kind).toBe('admitted');
          if (outcome.kind === 'admitted') bucket = outcome.bucket;
        }
      }),
    );
  });

  test('giving back a take just made restores what was there', () => {
    fc.assert(
      fc.property(traffic, (sample) => {
        for (const { nowMs, units, before, after, outcome } of run(sample)) {
          if (outcome.kind === 'refused') continue;
          const restored = returnUnits(after, { limit: sample.limit, units, nowMs });
          const read = (bucket: Bucket | undefined) => readStanding(bucket, { limit: sample.limit, nowMs });
          expect(read(restored)).toEqual(read(before));
        }
      }),
    );
  });

  test('giving back late never makes more than a whole minute', () => {
    fc.assert(
      fc.property(traffic, gaps, (sample, laterMs) => {
        for (const { nowMs, units, after } of run(sample)) {
          const bucket = returnUnits(after, { limit: sample.limit, units, nowMs: nowMs + laterMs });
          expect(readStanding(bucket, { limit: sample.limit, nowMs: nowMs + laterMs }).remaining).toBeLessThanOrEqual(
            sample.limit,
          );
        }
      }),
    );
  });

  test('what remains is exact where a double could not hold the product', () => {
    // Room of 51,809,909 µs: 51,809,909 · 299,999,011 = 259,048,691 · 60,000,000 − 1.
    const bucket = { tatUs: START_MS * 1000 + LIMIT_PERIOD_US - 51_809_909, atUs: START_MS * 1000 };
    expect(readStanding(bucket, { limit: 299_999_011, nowMs: START_MS }).remaining).toBe(259_048_690);
  });

  test('a charge that was not taken before delays what comes after it by as long as it takes to drain', () => {
    const limit = 600;
    const taken = takeUnits(undefined, { limit, units: 600, nowMs: START_MS });
    if (taken.kind === 'refused') throw new Error('an idle bucket admits a whole minute');
    const inDebt = chargeUnits(taken.bucket, { limit, units: 1_200, nowMs: START_MS });
    expect(readStanding(inDebt, { limit, nowMs: START_MS })).toEqual({ remaining: 0, resetMs: 180_000 });
    expect(takeUnits(inDebt, { limit, units: 1, nowMs: START_MS })).toMatchObject({ retryAfterMs: 120_100 });
  });

  test('a clock that goes back by any time leaves the wait that there was when the bucket was last written', () => {
    fc.assert(
      fc.property(traffic, fc.integer({ min: 2_000, max: 10 ** 12 }), (sample, backMs) => {
        const last = run(sample).at(-1);
        if (last?.after === undefined) return;
        const standingAt = (nowMs: number) => readStanding(last.after, { limit: sample.limit, nowMs });
        expect(standingAt(last.nowMs - backMs - PERIOD_MS * 200)).toEqual(standingAt(last.after.atUs / 1000));
      }),
    );
  });

  test('callers whose clocks differ by less than a second gain nothing by it', () => {
    const limit = 600;
    let bucket: Bucket | undefined;
    let admitted = 0;
    for (let i = 0; i < 2_000; i++) {
      const outcome = takeUnits(bucket, { limit, units: 1, nowMs: START_MS - (i % 2 === 0 ? 0 : 900) });
      if (outcome.kind === 'refused') continue;
      bucket = outcome.bucket;
      admitted += 1;
    }
    expect(admitted).toBe(limit);
  });

  test('more than the limit is refused for good, nothing is always admitted to an idle bucket', () => {
    expect(takeUnits(undefined, { limit: 5, units: 6, nowMs: START_MS })).toMatchObject({
      kind: 'refused',
      never: true,
    });
    expect(takeUnits(undefined, { limit: 0, units: 1, nowMs: START_MS })).toMatchObject({
      kind: 'refused',
      never: true,
    });
    expect(takeUnits(undefined, { limit: 0, units: 0, nowMs: START_MS }).kind).toBe('admitted');
  });

  test.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('%d units are an error', (units) => {
    expect(() => takeUnits(undefined, { limit: 5, units, nowMs: START_MS })).toThrow(RangeError);
    expect(() => takeUnits(undefined, { limit: units, units: 1, nowMs: START_MS })).toThrow(RangeError);
  });
});
