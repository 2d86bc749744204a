import { describe, expect, test } from '@jest/globals';
import type { LedgerEntry } from '../../../lambdas/core/ledger.ts';
import { figuresOf, judgeCanary } from '../../../lambdas/core/pins/judge-canary.ts';
import { type Arm, type CanaryTally, makeCanaryTally, type Seen } from '../../../lambdas/core/pins/tally-canaries.ts';
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
  const tally = makeCanaryTally({ alias });
  for (const one of entries) tally.add(one);
  return tally.tallies();
};
const only = (entries: LedgerEntry[]): CanaryTally => {
  const [one, ...others] = tallied(entries);
  if (one === undefined || others.length > 0) throw new Error(`${others.length + 1} pairs`);
  return one;
};
const NOBODY = () => undefined;

describe('a tally', () => {
  test('puts each request on the side that its conversation was drawn for, whoever answered it', () => {
    const { target, canary } = only([
      entry(DRAWN, [attempt('a/n')]),
      entry(DRAWN, [attempt('a/n', FAILED), attempt('a/m', { cost: '7' })]),
      entry(NOT_DRAWN, [attempt('a/m', FAILED), attempt('a/m', { cost: '3' })]),
      entry(NOT_DRAWN, [attempt('a/m')]),
    ]);
    expect([canary.version, target.version]).toEqual(['a/n', 'a/m']);
    expect(canary.seen).toMatchObject([
      { isAnswered: true, answer: { durationMs: 100 }, cost: 1_000n, costOfOthers: 0n },
      { isAnswered: true, failure: 'server_error', cost: 1_000n, costOfOthers: 7n },
    ]);
    expect(canary.seen[1]).not.toHaveProperty('answer');
    expect(target.seen).toMatchObject([
      { failure: 'server_error', answer: { durationMs: 100 }, cost: 1_003n, costOfOthers: 0n },
      { cost: 1_000n },
    ]);
    expect(target.seen[1]).not.toHaveProperty('failure');
  });

  test('knows the versions in their regions, and no other whose name begins alike', () => {
    const { canary } = only([
      entry(DRAWN, [attempt('a/n@eu-west-1')]),
      entry(DRAWN, [attempt('a/n-2')]),
      entry(DRAWN, [attempt('a/n@20251022')]),
    ]);
    expect(canary.seen).toHaveLength(1);
  });

  test('counts what was wrong with answers, and a filter’s no as a refusal', () => {
    const tally = only([
      entry(DRAWN, [attempt('a/n')], { flaw: 'refused' }),
      entry(DRAWN, [attempt('a/n')], { flaw: 'truncated' }),
      entry(DRAWN, [attempt('a/n')], { flaw: 'invalid-output' }),
      entry(DRAWN, [attempt('a/n', { failure: 'content_filter' }), attempt('a/m')]),
      entry(NOT_DRAWN, [attempt('a/m')]),
    ]);
    expect(figuresOf(tally, NOBODY).canary).toMatchObject({
      requests: 4,
      errors: { count: 0, of: 4 },
      refusals: { count: 2, of: 4 },
      truncated: { count: 1, of: 3 },
      invalidOutput: { count: 1, of: 3 },
    });
  });

  test('leaves out who went away, what has not ended, and what belongs to no conversation that is known', () => {
    expect(
      tallied([
        { ...entry(DRAWN, [attempt('a/n')]), state: 'open' },
        { ...entry(DRAWN, [attempt('a/n')]), state: 'lost' },
        entry(note(0.999999, { unnamed: true }), [attempt('a/m')]),
        {
          ...entry(DRAWN, [attempt('a/n')]),
          receipt: { plan: { targets: [], passedOver: [] }, attempts: [] } as never,
        },
      ]),
    ).toEqual([]);
    const { canary } = only([entry(DRAWN, [attempt('a/n', { failure: 'cancelled' })])]);
    expect(canary.seen).toEqual([]);
  });

  test('says of how many that were drawn nobody was asked, and why; an answer from the cache is none of them', () => {
    const plan = (reason?: string) => ({
      plan: {
        targets: [],
        passedOver: reason === undefined ? [] : [{ target: 'a/n@eu-west-1', reason }],
        canaries: [DRAWN],
      },
    });
    const { canary, target, notAsked } = only([
      entry(DRAWN, [attempt('a/m')], plan('circuit open')),
      entry(DRAWN, [attempt('a/m')], plan('circuit open')),
      entry(DRAWN, [attempt('b/m')], plan()),
      entry(DRAWN, [], plan()),
      entry(NOT_DRAWN, [attempt('b/m')]),
    ]);
    expect([canary.seen, target.seen]).toEqual([[], []]);
    expect([...notAsked]).toEqual([
      ['circuit open', 2],
      ['another came first', 1],
    ]);
  });

  test('takes what a canary did as a fallback for neither side', () => {
    const { canary, target } = only([
      entry(note(0.6, { share: 1, slowStart: 0.25 }), [attempt('a/m', FAILED), attempt('a/n')]),
      entry(note(0.1, { unread: true }), [attempt('a/m')]),
    ]);
    expect(canary.seen).toEqual([]);
    expect(target.seen).toMatchObject([{ failure: 'server_error', share: 0.25 }, { share: 0 }]);
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
});

interface Traffic {
  requests: number;
  errors?: number;
  refused?: number;
  ms?: number;
  scores?: number[];
  share?: number;
  /** Requests of one conversation. */
  turns?: number;
}
let placed = 0;
const seenOf = ({ requests, errors = 0, refused = 0, ms = 100, share = 0.5, turns = 1 }: Traffic): Seen[] =>
  Array.from({ length: requests }, (_, i): Seen => {
    if (i % turns === 0) placed += 1;
    const isAnswered = i >= errors;
    return {
      requestId: `${placed}-${i}`,
      conversation: placed,
      share,
      isAnswered,
      cost: 0n,
      costOfOthers: 0n,
      ...(isAnswered
        ? {
            answer: {
              durationMs: ms + (i % 10),
              outputTokens: 1,
              ...(i < errors + refused && { flaw: 'refused' as const }),
            },
          }
        : { failure: 'server_error' as const }),
    };
  });
const judged = (canary: Seen[], target: Seen[], scoreOf: (id: string) => number | undefined = NOBODY) => {
  const arm = (version: string, seen: Seen[]): Arm => ({ version, seen });
  return judgeCanary(figuresOf({ canary: arm('a/n', canary), target: arm('a/m', target) }, scoreOf));
};
const sides = (canary: Traffic, target: Traffic) => {
  const scores = new Map<string, number>();
  const [ofCanary, ofTarget] = [canary, target].map((traffic) => {
    const seen = seenOf(traffic);
    for (const [i, score] of (traffic.scores ?? []).entries()) scores.set(seen[i]?.requestId ?? '', score);
    return seen;
  });
  return judged(ofCanary ?? [], ofTarget ?? [], (id) => scores.get(id));
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

  test('takes many requests of one conversation for little more than one', () => {
    expect(sides({ requests: 50, errors: 50, turns: 50 }, { requests: 400, errors: 2 })).toEqual({
      verdict: 'not enough requests',
      text: 'not enough requests to tell: 50 in 1 conversation of the canary, 400 of its target',
    });
  });

  test('of no difference says what could still be', () => {
    expect(sides({ requests: 100, errors: 1 }, { requests: 100, errors: 2 })).toEqual({
      verdict: 'no difference',
      text: 'no difference seen: 100 of the canary, 100 of its target; of the canary errors up to 5.4 % and refusals up to 3.7 % are possible',
    });
  });

  test('compares what ran under the same share, so that a slow day is nobody’s fault', () => {
    // A tenth on quiet days, half on a slow one: put together, the canary has had most of its requests on the slow one.
    const canary = [
      ...seenOf({ requests: 100, ms: 100, share: 0.1 }),
      ...seenOf({ requests: 450, ms: 400, share: 0.5 }),
    ];
    const target = [
      ...seenOf({ requests: 900, ms: 100, share: 0.1 }),
      ...seenOf({ requests: 450, ms: 400, share: 0.5 }),
    ];
    expect(judged(canary, target).verdict).toBe('no difference');
    // What really is slower is seen all the same.
    const slower = [
      ...seenOf({ requests: 100, ms: 200, share: 0.1 }),
      ...seenOf({ requests: 450, ms: 800, share: 0.5 }),
    ];
    expect(judged(slower, target).text).toMatch(/^worse: half of the answers take/);
  });

  test('of two that were never asked side by side is none, whatever each did', () => {
    const [canary, target] = [seenOf({ requests: 100, share: 1 }), seenOf({ requests: 100, errors: 90, share: 0 })];
    expect(judged(canary, target)).toEqual({
      verdict: 'not enough requests',
      text: 'not enough requests to tell: 100 of the canary, 100 of its target, at no time side by side',
    });
  });

  test('leaves out when one of them was alone', () => {
    const canary = seenOf({ requests: 100, share: 0.5 });
    const target = [...seenOf({ requests: 100, share: 0.5 }), ...seenOf({ requests: 900, errors: 900, share: 0 })];
    expect(judged(canary, target)).toMatchObject({
      verdict: 'no difference',
      text: expect.stringMatching(/100 of the canary, 100 of its target/),
    });
  });
});

describe('of the same model against itself, one comparison in twenty at most names a difference', () => {
  interface World {
    conversations: number;
    turns: (random: () => number) => number;
    share: number;
    /** How a conversation's requests fare alike. */
    isClustered: boolean;
  }
  /** Requests of conversations that have their own chance to be refused or cut short, and their own pace. */
  const trafficOf = ({ conversations, turns, share, isClustered }: World, random: () => number) => {
    const sides: { canary: Seen[]; target: Seen[] } = { canary: [], target: [] };
    for (let i = 0; i < conversations; i++) {
      const side = random() < share ? sides.canary : sides.target;
      const chance = isClustered ? (random() < 0.03 ? 0.9 : 0.01) : 0.03;
      const paceMs = 200 * Math.exp(2 * random());
      const count = turns(random);
      for (let turn = 0; turn < count; turn++) {
        const isFailed = random() < chance / 3;
        const isRefused = random() < chance;
        const flaw = isRefused ? 'refused' : random() < chance / 2 ? 'truncated' : undefined;
        const durationMs = isClustered ? paceMs * (0.8 + 0.4 * random()) : 200 * Math.exp(2 * random());
        side.push({
          requestId: `${i}-${turn}`,
          conversation: i,
          share,
          isAnswered: true,
          cost: 0n,
          costOfOthers: 0n,
          ...(isFailed
            ? { failure: 'server_error' as const }
            : { answer: { durationMs, firstTokenMs: durationMs / 4, outputTokens: 1, ...(flaw && { flaw }) } }),
        });
      }
    }
    return sides;
  };
  const once = () => 1;

  test.each<[string, World]>([
    ['requests on their own, half of them', { conversations: 400, turns: once, share: 0.5, isClustered: false }],
    ['requests on their own, a twentieth', { conversations: 1_000, turns: once, share: 0.08, isClustered: false }],
    ['long conversations', { conversations: 300, turns: () => 10, share: 0.2, isClustered: true }],
    ['few long conversations', { conversations: 60, turns: () => 30, share: 0.2, isClustered: true }],
    ['a handful of them', { conversations: 20, turns: () => 60, share: 0.3, isClustered: true }],
    [
      'conversations of many lengths',
      { conversations: 300, turns: (random) => Math.ceil(1 / (0.03 + random() ** 2)), share: 0.1, isClustered: true },
    ],
    [
      'conversations whose requests have nothing in common',
      { conversations: 200, turns: () => 8, share: 0.2, isClustered: false },
    ],
  ])('%s', (_, world) => {
    const random = mulberry(11);
    const times = 100;
    const verdicts = Array.from({ length: times }, () => {
      const { canary, target } = trafficOf(world, random);
      return judged(canary, target).verdict;
    });
    const named = verdicts.filter((verdict) => ['worse', 'better', 'mixed'].includes(verdict)).length;
    expect(named / times).toBeLessThanOrEqual(0.05);
  });

  test('and what differs is found in conversations too', () => {
    const random = mulberry(5);
    const world = { conversations: 400, turns: () => 6, share: 0.3, isClustered: true };
    const found = Array.from({ length: 20 }, () => {
      const { canary, target } = trafficOf(world, random);
      const worse = canary.map((one): Seen => {
        if (one.answer === undefined || random() > 0.2) return one;
        return { ...one, answer: { ...one.answer, flaw: 'refused' } };
      });
      return judged(worse, target).text;
    });
    for (const text of found) expect(text).toMatch(/^worse: .*refusals/);
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
