import { describe, expect, test } from '@jest/globals';
import { figuresOf, judgeCanary } from '../../../lambdas/core/pins/judge-canary.ts';
import { type CanaryTally, makeCanaryTally } from '../../../lambdas/core/pins/tally-canaries.ts';
import type { LedgerEntry } from '../../../lambdas/core/ports.ts';
import type { Attempt, CanaryNote, Receipt } from '../../../lambdas/core/receipt.ts';

const note = (place: number, more: Partial<CanaryNote> = {}): CanaryNote => ({
  target: 'a/n',
  of: 'a/m',
  place,
  share: 0.5,
  ...more,
});
const attempt = (target: string, more: Partial<Attempt> = {}): Attempt => ({
  target,
  startedAt: 0,
  durationMs: 100,
  cost: '1000',
  ...more,
});
let made = 0;
const entry = (drawn: CanaryNote, attempts: Attempt[], more: Partial<Receipt> = {}): LedgerEntry => {
  made += 1;
  const answer = attempts.at(-1);
  return {
    requestId: `req_${made}`,
    alias: 'chat',
    state: 'settled',
    receipt: {
      plan: { targets: [], passedOver: [], canaries: [drawn] },
      attempts,
      ...(answer?.failure === undefined ? { outcome: 'answered', answeredBy: answer?.target } : { outcome: 'failed' }),
      ...more,
    },
  } as unknown as LedgerEntry;
};
const DRAWN = note(0.4);
const NOT_DRAWN = note(0.6);
const FAILED = { failure: 'server_error' } as const;

const tallied = (entries: LedgerEntry[], alias?: string): CanaryTally[] => {
  const tally = makeCanaryTally({ alias, sampleSize: 2 });
  for (const one of entries) tally.add(one);
  return tally.tallies();
};
const only = (entries: LedgerEntry[]): CanaryTally => {
  const [one, ...others] = tallied(entries);
  if (one === undefined || others.length > 0) throw new Error(`${others.length + 1} pairs`);
  return one;
};

describe('a tally', () => {
  test('puts each request on the side that its conversation was drawn for, whoever answered it', () => {
    const { target, canary } = only([
      entry(DRAWN, [attempt('a/n')]),
      entry(DRAWN, [attempt('a/n', FAILED), attempt('a/m')]),
      entry(NOT_DRAWN, [attempt('a/m', FAILED), attempt('a/m', { cost: '3' })]),
      entry(NOT_DRAWN, [attempt('a/m')]),
    ]);
    expect(canary).toMatchObject({ version: 'a/n', requests: 2, errors: 1, answered: 1, cost: 2_000n });
    expect(canary.reasons).toEqual(new Map([['server_error', 1]]));
    expect(target).toMatchObject({ version: 'a/m', requests: 2, errors: 1, answered: 2, cost: 2_003n });
  });

  test('knows the versions in their regions, and no other whose name begins alike', () => {
    const { canary } = only([
      entry(DRAWN, [attempt('a/n@eu-west-1')]),
      entry(DRAWN, [attempt('a/n-2')]),
      entry(DRAWN, [attempt('a/n@20251022')]),
    ]);
    expect(canary).toMatchObject({ requests: 1, answered: 1 });
  });

  test('counts what was wrong with answers, and a filter’s no as a refusal', () => {
    const { canary } = only([
      entry(DRAWN, [attempt('a/n')], { flaw: 'refused' }),
      entry(DRAWN, [attempt('a/n')], { flaw: 'truncated' }),
      entry(DRAWN, [attempt('a/n')], { flaw: 'invalid-output' }),
      entry(DRAWN, [attempt('a/n', { failure: 'content_filter' }), attempt('a/m')]),
    ]);
    expect(canary).toMatchObject({
      requests: 4,
      errors: 0,
      answered: 3,
      refused: 2,
      filtered: 1,
      truncated: 1,
      invalid: 1,
    });
    expect(figuresOf(canary, [])).toMatchObject({ refusals: { count: 2, of: 4 }, truncated: { count: 1, of: 3 } });
  });

  test('leaves out whom nobody asked, who went away, and what has not ended', () => {
    expect(
      tallied([
        { ...entry(DRAWN, [attempt('a/n')]), state: 'open' },
        { ...entry(DRAWN, [attempt('a/n')]), state: 'lost' },
        {
          ...entry(DRAWN, [attempt('a/n')]),
          receipt: { plan: { targets: [], passedOver: [] }, attempts: [] } as never,
        },
      ]),
    ).toEqual([]);
    const { canary, target } = only([
      entry(DRAWN, [attempt('a/m')]),
      entry(DRAWN, [attempt('a/n', { failure: 'cancelled' })]),
    ]);
    expect([canary.requests, target.requests]).toEqual([0, 0]);
  });

  test('takes what a canary did as a fallback for neither side', () => {
    const { canary, target } = only([
      entry(note(0.6, { share: 1, slowStart: 0.25 }), [attempt('a/m', FAILED), attempt('a/n')]),
      entry(note(0.1, { unread: true }), [attempt('a/m')]),
    ]);
    expect(canary.requests).toBe(0);
    expect(target).toMatchObject({ requests: 2, errors: 1 });
  });

  test('keeps pairs and aliases apart, also where another alias answered', () => {
    const entries = [
      entry(DRAWN, [attempt('a/n')]),
      entry(note(0.1, { target: 'a/o' }), [attempt('a/o')]),
      entry(note(0.1, { alias: 'cheap' }), [attempt('a/n')]),
    ];
    expect(tallied(entries).map(({ alias, canary }) => [alias, canary.version])).toEqual([
      ['chat', 'a/n'],
      ['chat', 'a/o'],
      ['cheap', 'a/n'],
    ]);
    expect(tallied(entries, 'cheap')).toHaveLength(1);
  });

  test('keeps the newest answers of each side to look up what people thought of them', () => {
    const entries = Array.from({ length: 5 }, () => entry(DRAWN, [attempt('a/n')]));
    expect(only(entries).canary.sample).toEqual(entries.slice(0, 2).map(({ requestId }) => requestId));
  });
});

/** Two sides of so many requests, of which so many failed or were refused, with answers that take so long. */
const sides = (
  canary: { requests: number; errors?: number; refused?: number; ms?: number; scores?: number[] },
  target: typeof canary,
) => {
  const of = (version: string, { requests, errors = 0, refused = 0, ms = 100 }: typeof canary) => {
    const answered = requests - errors;
    return {
      version,
      requests,
      errors,
      reasons: new Map<string, number>(),
      answered,
      refused,
      filtered: 0,
      truncated: 0,
      invalid: 0,
      durations: Array.from({ length: answered }, (_, i) => ms + (i % 10)),
      firstTokens: [],
      outputTokens: 0,
      cost: 0n,
      sample: [],
    };
  };
  const tally = { canary: of('a/n', canary), target: of('a/m', target) };
  return judgeCanary(tally, {
    canary: figuresOf(tally.canary, canary.scores ?? []),
    target: figuresOf(tally.target, target.scores ?? []),
  });
};

describe('a judgement', () => {
  test('says in what a canary is worse, and by how much', () => {
    expect(sides({ requests: 100, errors: 10, refused: 11 }, { requests: 900, errors: 2, refused: 9 })).toEqual({
      verdict: 'worse',
      text: 'worse: errors 10 % against 0.2 %; refusals 12.2 % against 1 %',
    });
    expect(sides({ requests: 100, ms: 900 }, { requests: 100, ms: 300 }).text).toMatch(
      /^worse: half of the answers take 904 ms against 304 ms/,
    );
    const scored = (score: number) => Array.from({ length: 20 }, (_, i) => score + (i % 3) / 100);
    expect(sides({ requests: 40, scores: scored(0.5) }, { requests: 40, scores: scored(0.9) })).toEqual({
      verdict: 'worse',
      text: 'worse: quality 0.51 against 0.91',
    });
  });

  test('does not call it slower for what nobody feels', () => {
    expect(sides({ requests: 100, ms: 330 }, { requests: 100, ms: 300 }).verdict).toBe('no difference');
    expect(sides({ requests: 100, ms: 340 }, { requests: 100, ms: 300 }).verdict).toBe('worse');
  });

  test('says when it is better, and when it is both', () => {
    expect(sides({ requests: 200 }, { requests: 200, errors: 40 })).toMatchObject({ verdict: 'better' });
    expect(sides({ requests: 200, ms: 900 }, { requests: 200, errors: 40 })).toMatchObject({
      verdict: 'mixed',
      text: expect.stringMatching(/^worse: half .*\. Better: errors 0 % against 20 %$/),
    });
  });

  test('does not tell from few requests, but where they leave no doubt', () => {
    expect(sides({ requests: 12 }, { requests: 400, errors: 2 })).toEqual({
      verdict: 'not enough requests',
      text: 'not enough requests to tell: 12 of the canary, 400 of its target',
    });
    expect(sides({ requests: 5, errors: 5 }, { requests: 400, errors: 2 })).toMatchObject({ verdict: 'worse' });
    // Never from few that it is better.
    expect(sides({ requests: 29 }, { requests: 400, errors: 200 })).toMatchObject({ verdict: 'not enough requests' });
    expect(sides({ requests: 0 }, { requests: 0 })).toMatchObject({ verdict: 'not enough requests' });
  });

  test('of no difference says what could still be', () => {
    expect(sides({ requests: 100, errors: 1 }, { requests: 100, errors: 2 })).toEqual({
      verdict: 'no difference',
      text: 'no difference seen: 100 of the canary, 100 of its target; of the canary errors up to 5.4 % and refusals up to 3.7 % are possible',
    });
  });

  test('of two alike says seldom that they differ', () => {
    // A thousand comparisons of the same model with itself.
    const random = mulberry(7);
    const side = () => ({
      requests: 200,
      errors: Array.from({ length: 200 }, random).filter((one) => one < 0.05).length,
      refused: Array.from({ length: 100 }, random).filter((one) => one < 0.1).length,
    });
    const verdicts = Array.from({ length: 1_000 }, () => sides(side(), side()).verdict);
    const wrong = verdicts.filter((verdict) => verdict !== 'no difference');
    expect(wrong.length).toBeLessThan(50);
  });
});

const mulberry = (first: number) => {
  let seed = first;
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
};
