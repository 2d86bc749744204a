import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { EMPTY_DIGEST, noteValue, quantileOf, weightOf } from '../../../lambdas/core/route/decayed-digest.ts';
import { expectedTime, LEAST_MEASURED } from '../../../lambdas/core/route/expected-time.ts';
import { sampleCall } from '../../../lambdas/core/route/sample-call.ts';
import { readStatistics, writeStatistics } from '../../../lambdas/core/route/statistics-text.ts';
import {
  CALL_KINDS,
  type CallKind,
  type CallSample,
  failureRateOf,
  joinStatistics,
  NO_STATISTICS,
  noteCall,
  SLOT_MS,
  SPEED_HALF_LIFE_MS,
  STALE_MS,
  statisticsAt,
  type TargetStatistics,
  WINDOW_MS,
} from '../../../lambdas/core/route/target-statistics.ts';

const NOW = Date.UTC(2026, 10, 22, 12);
const noted = (
  samples: (Partial<CallSample> & { kind: CallKind })[],
  now = NOW,
  from = NO_STATISTICS,
): TargetStatistics => samples.reduce((stats, sample) => noteCall(stats, { endedAt: now, ...sample }, now), from);
const calls = (kind: CallKind, count: number): { kind: CallKind }[] => Array.from({ length: count }, () => ({ kind }));
/** Weights as they are kept: of two decimals. */
const shown = (stats: TargetStatistics) => writeStatistics(stats);

const anySample = fc.record({
  kind: fc.constantFrom(...CALL_KINDS),
  agoMs: fc.integer({ min: -30_000, max: 2 * WINDOW_MS }),
  firstTokenMs: fc.option(fc.double({ min: 0, max: 600_000, noNaN: true }), { nil: undefined }),
  tokenUs: fc.option(fc.double({ min: 0, max: 1e7, noNaN: true }), { nil: undefined }),
});
const anyStatistics = fc.array(anySample, { maxLength: 40 }).map((samples) =>
  samples.reduce(
    (stats, { kind, agoMs, firstTokenMs, tokenUs }) =>
      noteCall(
        stats,
        {
          kind,
          endedAt: NOW - agoMs,
          ...(firstTokenMs !== undefined && { firstTokenMs }),
          ...(tokenUs !== undefined && { tokenUs }),
        },
        NOW,
      ),
    NO_STATISTICS,
  ),
);

describe('the failure rate of a target', () => {
  test('is that of its calls within the last minutes', () => {
    const stats = noted([...calls('ok', 6), ...calls('broken', 2)]);
    expect(failureRateOf(stats, NOW)).toEqual({ calls: 8, failed: 2, rate: 0.25 });
    expect(failureRateOf(stats, NOW + WINDOW_MS - SLOT_MS).calls).toBe(8);
    expect(failureRateOf(stats, NOW + WINDOW_MS + SLOT_MS)).toEqual({ calls: 0, failed: 0, rate: 0 });
  });

  test('weighs a busy target less than a broken one, and is never more than 1', () => {
    expect(failureRateOf(noted([...calls('ok', 4), ...calls('limited', 4)]), NOW).rate).toBe(0.125);
    expect(failureRateOf(noted(calls('timeout', 3)), NOW)).toEqual({ calls: 3, failed: 3, rate: 1 });
    const weights = { limited: 0, timeout: 0, broken: 0, misconfigured: 1 };
    expect(failureRateOf(noted([...calls('broken', 3), ...calls('misconfigured', 1)]), NOW, { weights }).rate).toBe(
      0.25,
    );
  });

  test('leaves out what was before the circuit closed, so that it does not open again for it', () => {
    const before = noted(calls('broken', 9));
    const closedAt = NOW + 2 * SLOT_MS;
    const after = noted(calls('ok', 3), closedAt + SLOT_MS, before);
    expect(failureRateOf(after, closedAt + SLOT_MS).rate).toBe(0.75);
    expect(failureRateOf(after, closedAt + SLOT_MS, { since: closedAt })).toEqual({ calls: 3, failed: 0, rate: 0 });
  });

  test('of the slot in which it closed nothing is counted: part of it was before', () => {
    const stats = noted(calls('broken', 9));
    expect(failureRateOf(stats, NOW + 5_000, { since: NOW + 3_000 }).calls).toBe(0);
  });

  test('of a shorter window counts only what ended in it', () => {
    const stats = noted(calls('ok', 5), NOW + 60_000, noted(calls('broken', 5)));
    expect(failureRateOf(stats, NOW + 60_000, { windowMs: 30_000 })).toEqual({ calls: 5, failed: 0, rate: 0 });
  });

  test('of a target that nobody knows is nothing', () => {
    expect(failureRateOf(undefined, NOW)).toEqual({ calls: 0, failed: 0, rate: 0 });
  });

  test('a clock that ran far ahead leaves nothing behind that is never over', () => {
    const ahead = noted(calls('broken', 5), NOW + 3_600_000);
    expect(statisticsAt(ahead, NOW).slots.size).toBe(0);
    expect(failureRateOf(ahead, NOW).calls).toBe(0);
  });

  test('a call that is told of after the window is no news', () => {
    expect(noted([{ kind: 'broken', endedAt: NOW - WINDOW_MS - 1 }]).slots.size).toBe(0);
  });
});

describe('speeds', () => {
  test('fade by half in a half-life, and are gone in the end', () => {
    const stats = noted(Array.from({ length: 8 }, () => ({ kind: 'ok' as const, firstTokenMs: 300 })));
    const weight = weightOf(stats.firstTokenMs);
    expect(weight).toBeGreaterThan(5);
    expect(weightOf(statisticsAt(stats, NOW + SPEED_HALF_LIFE_MS).firstTokenMs)).toBeCloseTo(weight / 2);
    expect(statisticsAt(stats, NOW + 20 * SPEED_HALF_LIFE_MS).firstTokenMs.size).toBe(0);
  });

  test('a quantile is right within a tenth, whatever the distribution', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 1, max: 600_000, noNaN: true }), { minLength: 1, maxLength: 200 }),
        fc.constantFrom(0.5, 0.9),
        (values, share) => {
          const digest = values.reduce((all, value) => noteValue(all, value), EMPTY_DIGEST);
          const sorted = values.toSorted((a, b) => a - b);
          const exact = sorted[Math.ceil(share * values.length) - 1] ?? 0;
          const found = quantileOf(digest, share) ?? 0;
          expect(Math.abs(Math.log2(found / exact))).toBeLessThanOrEqual(0.2501);
        },
      ),
    );
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, -1])('%d is no duration', (firstTokenMs) => {
    expect(noted([{ kind: 'ok', firstTokenMs }]).firstTokenMs.size).toBe(0);
  });
});

describe('a target whose speed has changed', () => {
  const stream = { stream: true, tokens: 0 };
  const timed = (firstTokenMs: number, times: number, from: number, everyMs: number, stats = NO_STATISTICS) => {
    for (let i = 0; i < times; i++) stats = noted([{ kind: 'ok', firstTokenMs }], from + i * everyMs, stats);
    return stats;
  };
  const msOf = (stats: TargetStatistics, now: number) => expectedTime(stats, stream, now)?.ms ?? 0;

  test('is known by ten calls, however many went before them', () => {
    const slower = timed(400, 10, NOW, 100, timed(20, 500, NOW - 50_000, 100));
    expect(msOf(slower, NOW + 1_000)).toBeGreaterThan(300);
    // One that is slow now and then is not a slow one.
    expect(msOf(timed(400, 3, NOW, 100, timed(20, 500, NOW - 50_000, 100)), NOW + 300)).toBeLessThan(30);
  });

  test('is known by two calls after a rest: what is stale weighs little', () => {
    const slow = timed(400, 100, NOW, 100);
    const again = NOW + 10_000 + STALE_MS;
    expect(msOf(timed(20, 1, again, 0, slow), again)).toBeGreaterThan(300);
    expect(msOf(timed(20, 2, again, STALE_MS, slow), again + STALE_MS)).toBeLessThan(30);
  });

  test('elsewhere is believed: what a process has seen itself long ago counts no more', () => {
    const own = timed(400, 20, NOW, 100);
    const everybodys = timed(20, 10, NOW + 30_000, 100, own);
    expect(msOf(joinStatistics(own, everybodys), NOW + 31_000)).toBeLessThan(30);
    expect(msOf(joinStatistics(everybodys, own), NOW + 31_000)).toBeLessThan(30);
  });

  test('here is believed before everybody’s account has heard of it', () => {
    const everybodys = timed(20, 100, NOW - 10_000, 100);
    const own = timed(400, 10, NOW, 100, everybodys);
    expect(msOf(joinStatistics(own, everybodys), NOW + 1_000)).toBeGreaterThan(300);
  });

  test('stays measured when a process makes its first call there', () => {
    const everybodys = timed(20, 20, NOW - 200_000, 100);
    const own = timed(22, 1, NOW, 0);
    expect(weightOf(own.firstTokenMs)).toBeLessThan(LEAST_MEASURED);
    expect(msOf(joinStatistics(everybodys, own), NOW + 1_000)).toBeGreaterThan(0);
  });

  test('is as old as its newest measurement of that kind, as text too', () => {
    const stats = noted([{ kind: 'ok', wholeTokenUs: 5 }, { kind: 'broken' }], NOW + 5_000, timed(20, 5, NOW, 0));
    for (const one of [stats, readStatistics(writeStatistics(stats))]) {
      expect(expectedTime(one, stream, NOW + 9_000)?.measuredAt).toBe(NOW);
      expect(one.wholeAt).toBe(NOW + 5_000);
    }
  });
});

describe('statistics of two sources', () => {
  test('joined with themselves, or with a part of themselves, are what they were', () => {
    fc.assert(
      fc.property(anyStatistics, fc.array(anySample, { maxLength: 10 }), (part, more) => {
        const whole = more.reduce(
          (stats, { kind, agoMs }) => noteCall(stats, { kind, endedAt: NOW - agoMs }, NOW),
          part,
        );
        const current = statisticsAt(whole, NOW);
        expect(shown(joinStatistics(current, part))).toBe(shown(current));
        expect(shown(joinStatistics(current, current))).toBe(shown(current));
      }),
    );
  });

  test('are the same whichever comes first', () => {
    fc.assert(
      fc.property(anyStatistics, anyStatistics, (a, b) => {
        expect(shown(joinStatistics(a, b))).toBe(shown(joinStatistics(b, a)));
      }),
    );
  });

  test('never count fewer calls than either', () => {
    fc.assert(
      fc.property(anyStatistics, anyStatistics, (a, b) => {
        const joined = failureRateOf(joinStatistics(a, b), NOW);
        for (const one of [a, b]) expect(joined.calls).toBeGreaterThanOrEqual(failureRateOf(one, NOW).calls);
      }),
    );
  });
});

describe('statistics as text', () => {
  test('come back as they were, but for the last digits of a weight', () => {
    fc.assert(
      fc.property(anyStatistics, (stats) => {
        const text = writeStatistics(stats);
        expect(writeStatistics(readStatistics(text))).toBe(text);
        expect(failureRateOf(readStatistics(text), NOW)).toEqual(failureRateOf(stats, NOW));
      }),
    );
  });

  test('of a busy target fit into one write unit', () => {
    let stats = NO_STATISTICS;
    for (let i = 0; i < 20_000; i++) {
      const now = NOW + i * 10;
      const firstTokenMs = 200 * 2 ** ((i % 97) / 32);
      stats = noteCall(
        stats,
        {
          kind: CALL_KINDS[i % 5] ?? 'ok',
          endedAt: now,
          firstTokenMs,
          tokenUs: firstTokenMs * 60,
          wholeTokenUs: firstTokenMs * 90,
        },
        now,
      );
    }
    expect(stats.slots.size).toBe(WINDOW_MS / SLOT_MS);
    expect(writeStatistics(stats).length).toBeLessThan(950);
  });

  test.each(['', 'x', 'null', '[]', '{"at":"x"}', '{"at":1,"calls":[["a"],null,[1,-2]],"first":7}'])(
    '%j is read as nothing known, not as a failure',
    (text) => {
      expect(failureRateOf(readStatistics(text), NOW).calls).toBe(0);
    },
  );
});

describe('what a call says of its target', () => {
  const call = { startedAt: NOW, durationMs: 2_000 };

  test('a stream tells the first token and the pace of the others', () => {
    expect(sampleCall({ ...call, firstTokenMs: 1_000, outputTokens: 101 })).toEqual({
      endedAt: NOW + 2_000,
      kind: 'ok',
      firstTokenMs: 1_000,
      tokenUs: 10_000,
    });
  });

  test('a whole answer tells the time by token', () => {
    expect(sampleCall({ ...call, outputTokens: 100 })).toMatchObject({ kind: 'ok', wholeTokenUs: 20_000 });
  });

  test.each([0, 7, Number.NaN])('%d tokens say nothing of the pace', (outputTokens) => {
    expect(sampleCall({ ...call, firstTokenMs: 1_000, outputTokens })).toEqual({
      endedAt: NOW + 2_000,
      kind: 'ok',
      firstTokenMs: 1_000,
    });
  });

  test.each(['bad_request', 'content_filter', 'context_length', 'too_large', 'cancelled'] as const)(
    '%s before content says nothing of it',
    (failure) => {
      expect(sampleCall({ ...call, failure })).toBeUndefined();
    },
  );

  test('a client that left in the middle had been answered', () => {
    expect(sampleCall({ ...call, failure: 'cancelled', firstTokenMs: 50, outputTokens: 90 })).toEqual({
      endedAt: NOW + 2_000,
      kind: 'ok',
      firstTokenMs: 50,
    });
  });

  test('a deadline is blamed on a target that was silent for long, not on the last of several', () => {
    expect(sampleCall({ ...call, failure: 'deadline' })).toBeUndefined();
    expect(sampleCall({ startedAt: NOW, durationMs: 25_000, failure: 'deadline' })?.kind).toBe('timeout');
  });
});
