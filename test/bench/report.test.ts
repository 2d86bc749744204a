import { describe, expect, test } from '@jest/globals';
import { type Cell, findFault } from '../../bench/measure.ts';
import { judgeGoals, makeTables, summarizeCells } from '../../bench/report.ts';
import { percentile, spread } from '../../bench/statistics.ts';
import type { TargetName } from '../../bench/targets.ts';

const scenario = { stream: false, concurrency: 16, eventGapMs: 0 };

const cell = (
  target: TargetName,
  round: number,
  cpuMs: number,
  p50: number,
  extra: Partial<Cell['load']> = {},
): Cell => ({
  round,
  scenario,
  target,
  load: {
    answered: 64,
    failed: 0,
    faults: {},
    elapsedMs: 320,
    latencyMs: { p50, p95: p50, p99: p50 },
    firstTokenMs: { p50, p95: p50, p99: p50 },
    ...extra,
  },
  cpuMs,
  residentBytes: 80_000_000,
  upstreamCalls: 64,
});

describe('statistics', () => {
  test('percentiles are by nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, index) => index + 1);
    expect([0.5, 0.95, 0.99, 1].map((share) => percentile(values, share))).toEqual([50, 95, 99, 100]);
    expect(percentile([7], 0.5)).toBe(7);
  });

  test('the median of an even count lies between the middle two', () => {
    expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4 });
    expect(spread([9, 1, 5])).toEqual({ median: 5, min: 1, max: 9 });
  });
});

describe('summarizeCells', () => {
  test('ratios are made within a round, before the median', () => {
    // Machine twice as slow in round 2: the ratio stays what it is.
    const cells = [
      cell('bare', 1, 16, 1),
      cell('tollgate', 1, 32, 2),
      cell('bare', 2, 32, 2),
      cell('tollgate', 2, 64, 4),
    ];
    const [, line] = summarizeCells(cells, [scenario], ['bare', 'tollgate']);
    expect(line?.cpuRatioTo.bare).toEqual({ median: 2, min: 2, max: 2 });
    expect(line?.cpuMsPerRequest).toEqual({ median: 0.75, min: 0.5, max: 1 });
    expect(line?.requestsPerSecond.median).toBe(200);
  });

  test('added latency is over the direct call of the same round', () => {
    const direct = [1, 2].map((round) => cell('direct', round, 0, round));
    const cells = [...direct, cell('bare', 1, 10, 3), cell('bare', 2, 10, 9)];
    const [, line] = summarizeCells(cells, [scenario], ['direct', 'bare']);
    expect(line?.addedP50Ms).toEqual({ median: 4.5, min: 2, max: 7 });
  });

  test('cells with a fault count for nothing', () => {
    const cells = [
      cell('bare', 1, 10, 1),
      cell('tollgate', 1, 1, 1, { failed: 1 }),
      cell('tollgate', 2, 1, 1, { answered: 63 }),
    ];
    const lines = summarizeCells(cells, [scenario], ['bare', 'tollgate']);
    expect(lines[1]?.cpuMsPerRequest).toBeUndefined();
    const [cost] = makeTables(lines, { bare: 'bare proxy', tollgate: 'Tollgate' });
    expect(cost?.rows[1]).toEqual(['plain, 16 at once', 'Tollgate', '–', '–', '–', '–']);
  });
});

describe('findFault', () => {
  test('a sound cell has none', () => {
    expect(findFault(cell('bare', 1, 1, 1))).toBeUndefined();
  });

  test.each([
    [
      'a failed request',
      cell('tollgate', 3, 1, 1, { failed: 2, faults: { 'status 500': 2 } }),
      /tollgate.*round 3.*2 × status 500/,
    ],
    ['no answer at all', cell('tollgate', 1, 1, 1, { answered: 0 }), /nothing was answered/],
    [
      'an answer that the upstream never gave',
      cell('tollgate', 1, 1, 1, { answered: 65 }),
      /65 answers from 64 upstream calls/,
    ],
  ])('%s is one', (_, broken, message) => {
    expect(findFault(broken)).toMatch(message);
  });
});

test('the aim is judged by the worst load', () => {
  const other = { stream: true, concurrency: 1, eventGapMs: 0 };
  const cells = [
    cell('portkey', 1, 10, 1),
    cell('tollgate', 1, 5, 1),
    { ...cell('portkey', 1, 10, 1), scenario: other },
    { ...cell('tollgate', 1, 20, 1), scenario: other },
  ];
  const lines = summarizeCells(cells, [scenario, other], ['tollgate', 'portkey']);
  expect(judgeGoals(lines, { portkey: 'Portkey' })).toEqual([
    'Aim: at most 1 × the CPU of Portkey per request. Met in 1 of 2 loads; the most was 2.000 × (streamed, 1 at once).',
  ]);
});
