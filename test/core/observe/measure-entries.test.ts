import { describe, expect, test } from '@jest/globals';
import type { MetricRecord } from '../../../lambdas/contract/metrics.ts';
import { type MeasuredEntry, measureBudgets, measureEntries } from '../../../lambdas/core/observe/measure-entries.ts';
import type { Attempt, Receipt } from '../../../lambdas/core/receipt.ts';

const NOW = 1_000_000;

const usage = (inputTokens: number, outputTokens: number, cachedInputTokens = 0) => ({
  inputTokens,
  cachedInputTokens,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens,
  reasoningTokens: 0,
});

const attempt = (target: string, more: Partial<Attempt> = {}): Attempt => ({
  target,
  startedAt: 0,
  durationMs: 900,
  firstTokenMs: 300,
  usage: usage(10, 5, 4),
  cost: '1000000000',
  ...more,
});

const receipt = (attempts: Attempt[], more: Partial<Receipt> = {}): Receipt => ({
  surface: 'openai-chat',
  stream: true,
  plan: { targets: ['openai/gpt-5'], passedOver: [] },
  estimate: { inputTokensLow: 1, inputTokensHigh: 2, outputTokens: 3 },
  attempts,
  outcome: 'answered',
  usage: usage(10, 5, 4),
  dropped: [],
  budget: { state: 'ok', scope: null },
  ...more,
});

const entry = (more: Partial<MeasuredEntry> = {}): MeasuredEntry => ({
  isCorrection: false,
  cost: 1_000_000_000n,
  inputTokens: 14,
  outputTokens: 5,
  team: 'search',
  alias: 'assistant',
  settledAt: NOW - 250,
  receipt: receipt([attempt('openai/gpt-5')]),
  ...more,
});

const under = (records: MetricRecord[], dimensions: Record<string, string>) =>
  records.find((record) => JSON.stringify(record.dimensions) === JSON.stringify(dimensions))?.values;

describe('metrics of entries', () => {
  test('an answer counts in the whole, for its model, its alias and its team', () => {
    const records = measureEntries([entry()], NOW);
    expect(under(records, {})).toEqual({
      CostUsd: [1],
      Requests: [1],
      Errors: [0],
      Fallbacks: [0],
      Overruns: [0],
      InputTokens: [14],
      OutputTokens: [5],
      CachedTokens: [4],
      LatencyMs: [900],
      FirstTokenMs: [300],
      ProjectorLagMs: [250],
    });
    expect(under(records, { Provider: 'openai', Model: 'gpt-5' })).toEqual({
      CostUsd: [1],
      Requests: [1],
      Errors: [0],
      Fallbacks: [0],
      InputTokens: [14],
      OutputTokens: [5],
      CachedTokens: [4],
      LatencyMs: [900],
      FirstTokenMs: [300],
    });
    expect(under(records, { Alias: 'assistant' })).toEqual({ CostUsd: [1], Requests: [1] });
    expect(under(records, { Team: 'search' })).toEqual({ CostUsd: [1], Requests: [1] });
  });

  test('a fallback: each provider carries its own cost and failure, and the whole is one request', () => {
    const records = measureEntries(
      [
        entry({
          cost: 1_500_000_000n,
          receipt: receipt([
            attempt('openai/gpt-5', { failure: 'server_error', cost: '500000000' }),
            attempt('bedrock/us.anthropic.claude-x-v1:0@us-west-2', { startedAt: 1_000 }),
          ]),
        }),
      ],
      NOW,
    );
    expect(under(records, {})).toMatchObject({
      CostUsd: [1.5],
      Requests: [1],
      Errors: [0],
      Fallbacks: [1],
      LatencyMs: [1_900],
    });
    expect(under(records, { Provider: 'openai', Model: 'gpt-5' })).toMatchObject({
      CostUsd: [0.5],
      Errors: [1],
      Fallbacks: [1],
    });
    expect(under(records, { Provider: 'bedrock', Model: 'us.anthropic.claude-x-v1:0' })).toMatchObject({
      CostUsd: [1],
      Errors: [0],
      Fallbacks: [0],
    });
  });

  test('sums are exact: a million small costs make no rounding error', () => {
    const records = measureEntries(
      Array.from({ length: 1_000 }, () => entry({ cost: 100_000_001n })),
      NOW,
    );
    expect(under(records, { Team: 'search' })?.CostUsd).toEqual([100.000001]);
  });

  test('a lost request counts against the target that was planned, and its correction takes it from there', () => {
    const lost = entry({ cost: 3_000_000_000n, receipt: receipt([], { outcome: undefined as never }) });
    const correction = entry({ isCorrection: true, cost: -2_000_000_000n });
    const records = measureEntries([lost, correction], NOW);
    expect(under(records, {})).toMatchObject({ CostUsd: [1], Requests: [1], Errors: [1] });
    expect(under(records, { Provider: 'openai', Model: 'gpt-5' })).toMatchObject({ CostUsd: [1] });
  });

  test.each([
    ['answered', 0],
    ['refused-by-provider', 0],
    ['client-gone', 0],
    ['cancelled', 0],
    ['failed', 1],
    ['cut', 1],
    ['deadline', 1],
  ] as const)('a request that ended as %s counts %i errors', (outcome, errors) => {
    const records = measureEntries([entry({ receipt: receipt([attempt('openai/gpt-5')], { outcome }) })], NOW);
    expect(under(records, {})?.Errors).toEqual([errors]);
  });

  test.each([
    [undefined, 1],
    ['truncated', 0.5],
    ['refused', 0],
    ['invalid-output', 0],
  ] as const)(
    'the quality of an answer with the flaw %s is %d, for the model that answered and in the whole',
    (flaw, score) => {
      const stop = { reason: 'end', raw: 'stop' } as const;
      const attempts = [attempt('openai/gpt-5', { failure: 'server_error' }), attempt('bedrock/m@us-west-2')];
      const answer = receipt(attempts, { answeredBy: 'bedrock/m@us-west-2', stop, ...(flaw && { flaw }) });
      const records = measureEntries([entry({ receipt: answer }), entry({ receipt: answer })], NOW);
      expect(under(records, {})?.QualityScore).toEqual([score, score]);
      expect(under(records, { Provider: 'bedrock', Model: 'm' })?.QualityScore).toEqual([score, score]);
      expect(under(records, { Provider: 'openai', Model: 'gpt-5' })?.QualityScore).toBeUndefined();
    },
  );

  test.each<[string, Partial<MeasuredEntry>]>([
    ['an answer that was cut', { receipt: receipt([attempt('a/m')], { answeredBy: 'a/m', outcome: 'cut' }) }],
    ['one that nobody gave', { receipt: receipt([], { outcome: 'failed' }) }],
    [
      'a probe, which lets nothing be said',
      {
        alias: 'circuit-probe',
        receipt: receipt([attempt('a/m')], {
          answeredBy: 'a/m',
          stop: { reason: 'length', raw: 'length' },
          flaw: 'truncated',
        }),
      },
    ],
    ['what has no end to judge, as embeddings', { receipt: receipt([attempt('a/m')], { answeredBy: 'a/m' }) }],
  ])('%s has no quality', (_, more) => {
    expect(measureEntries([entry(more)], NOW).flatMap(({ values }) => values.QualityScore ?? [])).toEqual([]);
  });

  test('an overrun is counted', () => {
    const records = measureEntries([entry({ receipt: receipt([], { overrun: '5' }) })], NOW);
    expect(under(records, {})?.Overruns).toEqual([1]);
  });

  test('by provider, costs sum to the whole, whatever happened', () => {
    const entries = [
      entry(),
      entry({ cost: 7n, receipt: receipt([]) }),
      entry({ isCorrection: true, cost: -5n }),
      entry({ receipt: receipt([attempt('a/m', { cost: '3' }), attempt('b/m', { cost: '999999997' })]) }),
    ];
    const records = measureEntries(entries, NOW);
    const sum = records
      .filter(({ dimensions }) => 'Provider' in dimensions)
      .reduce((total, { values }) => total + Math.round((values.CostUsd?.[0] ?? 0) * 1e9), 0);
    expect(sum).toBe(Math.round((under(records, {})?.CostUsd?.[0] ?? 0) * 1e9));
  });
});

describe('metrics of the cache', () => {
  const hit = (more: Partial<Receipt['cache'] & object> = {}): MeasuredEntry =>
    entry({
      cost: 0n,
      inputTokens: 0,
      outputTokens: 0,
      receipt: receipt([], {
        answeredBy: 'openai/gpt-5',
        usage: usage(0, 0),
        stop: { reason: 'end', raw: 'stop' },
        cache: { result: 'hit-exact', requestId: 'req_1', saved: '2500000001', ...more },
      }),
    });
  const miss = (more: Partial<Receipt> = {}): MeasuredEntry =>
    entry({ receipt: receipt([attempt('openai/gpt-5')], { cache: { result: 'miss' }, ...more }) });
  const audit = (more: Partial<Receipt['cacheAudit'] & object> = {}): MeasuredEntry =>
    entry({
      receipt: receipt([attempt('openai/gpt-5')], {
        answeredBy: 'openai/gpt-5',
        stop: { reason: 'end', raw: 'stop' },
        cacheAudit: { of: 'req_2', verdict: 'same', share: 0.25, low: 0.1, high: 0.5, ...more },
      }),
    });

  test('hits are counted among the requests, and what they saved is summed to the last nano-dollar', () => {
    const records = measureEntries([hit(), hit({ result: 'hit-semantic', score: 0.93 }), miss()], NOW);
    expect(under(records, {})).toMatchObject({ CacheHits: [2], SavedUsd: [5.000000002], Requests: [3], CostUsd: [1] });
    expect(under(records, { Alias: 'assistant' })).toEqual({ CostUsd: [1], Requests: [3] });
  });

  test('a hit is no call of anybody: no time, no quality, no error, nothing by model', () => {
    const records = measureEntries([hit()], NOW);
    expect(under(records, {})).toEqual({
      CostUsd: [0],
      SavedUsd: [2.500000001],
      CacheHits: [1],
      Requests: [1],
      Errors: [0],
      Fallbacks: [0],
      Overruns: [0],
      InputTokens: [0],
      OutputTokens: [0],
      CachedTokens: [0],
      ProjectorLagMs: [250],
    });
    expect(records.filter(({ dimensions }) => 'Model' in dimensions)).toEqual([]);
  });

  test('where the cache was not asked there is no metric of it', () => {
    const names = measureEntries([entry(), miss({ cache: { result: 'off', why: 'temperature' } })], NOW).flatMap(
      ({ values }) => Object.keys(values),
    );
    expect(names.filter((name) => /Cache[A-Z]|Saved/.test(name))).toEqual([]);
  });

  test("who wanted a kept answer alone and got none makes nobody's error; who found all circuits shut does", () => {
    const none = (outcome: 'not-cached' | 'failed') =>
      measureEntries([entry({ cost: 0n, receipt: receipt([], { outcome, cache: { result: 'miss' } }) })], NOW);
    expect(under(none('not-cached'), {})).toMatchObject({ Requests: [1], Errors: [0], CacheHits: [0] });
    expect(none('not-cached').filter(({ dimensions }) => 'Model' in dimensions)).toEqual([]);
    expect(under(none('failed'), {})).toMatchObject({ Requests: [1], Errors: [1] });
  });

  test('a request for which part of the cache had no answer counts once, however many parts', () => {
    const failed = miss({ cache: { result: 'miss', failures: ['exact', 'embedder'] } });
    expect(under(measureEntries([failed, miss()], NOW), {})).toMatchObject({ CacheFailures: [1], CacheHits: [0] });
    expect(under(measureEntries([miss()], NOW), {})).not.toHaveProperty('CacheFailures');
  });

  test("a paid vector costs its embedder's model, on a hit and on a miss, and no error of the planned target", () => {
    const embedding = { target: 'bedrock/titan-v2@us-east-1', inputTokens: 12, cost: '240' };
    const paidHit = { ...hit({ embedding }), cost: 240n };
    const paidMiss = { ...miss({ cache: { result: 'miss', embedding } }), cost: 1_000_000_240n };
    const records = measureEntries([paidHit, paidMiss], NOW);
    expect(under(records, { Provider: 'bedrock', Model: 'titan-v2' })).toEqual({
      CostUsd: [0.00000048],
      InputTokens: [24],
    });
    expect(under(records, { Provider: 'openai', Model: 'gpt-5' })).toMatchObject({
      CostUsd: [1],
      Requests: [1],
      Errors: [0],
    });
    expect(under(records, {})).toMatchObject({ CostUsd: [1.00000048], Errors: [0] });
  });

  test('an audit tells the wrong share of its alias with its interval, and is a call and no request', () => {
    const records = measureEntries([audit(), audit({ verdict: 'wrong', share: 0.5, low: 0.2, high: 0.8 })], NOW);
    expect(under(records, { Alias: 'assistant' })).toEqual({
      CostUsd: [2],
      CacheWrongShare: [0.25, 0.5],
      CacheWrongShareLow: [0.1, 0.2],
      CacheWrongShareHigh: [0.5, 0.8],
    });
    expect(under(records, { Team: 'search' })).toEqual({ CostUsd: [2] });
    expect(under(records, {})).toEqual({
      CostUsd: [2],
      InputTokens: [28],
      OutputTokens: [10],
      CachedTokens: [8],
      Overruns: [0],
      ProjectorLagMs: [250, 250],
      CacheWrongHits: [1],
    });
    expect(under(records, { Provider: 'openai', Model: 'gpt-5' })).toMatchObject({
      Requests: [2],
      LatencyMs: [900, 900],
    });
  });

  test('an audit that failed is no failed request, and its call fails at its target all the same', () => {
    const failed = entry({
      receipt: receipt([attempt('openai/gpt-5', { failure: 'server_error' })], {
        outcome: 'failed',
        cacheAudit: { of: 'req_2', verdict: 'unknown' },
      }),
    });
    const records = measureEntries([failed], NOW);
    expect(under(records, {})).not.toHaveProperty('Errors');
    expect(under(records, {})).toMatchObject({ CacheWrongHits: [0] });
    expect(under(records, { Alias: 'assistant' })).toEqual({ CostUsd: [1] });
    expect(under(records, { Provider: 'openai', Model: 'gpt-5' })).toMatchObject({ Requests: [1], Errors: [1] });
  });

  test('an audit whose process died costs its hold, and is still no request of anybody', () => {
    const lost = entry({
      receipt: receipt([], { outcome: undefined as never, cacheAudit: { of: 'r', verdict: 'unknown' } }),
    });
    const records = measureEntries([lost], NOW);
    expect(under(records, {})).toMatchObject({ CostUsd: [1], CacheWrongHits: [0] });
    expect(under(records, {})).not.toHaveProperty('Errors');
    expect(under(records, {})).not.toHaveProperty('Requests');
    expect(under(records, { Provider: 'openai', Model: 'gpt-5' })).toMatchObject({ CostUsd: [1], Errors: [1] });
  });

  test.each(['tightened', 'turned-off'] as const)('a cache that was %s is counted', (change) => {
    expect(under(measureEntries([audit({ verdict: 'wrong', change }), audit()], NOW), {})).toMatchObject({
      CacheTightened: [1],
    });
    expect(under(measureEntries([audit()], NOW), {})).not.toHaveProperty('CacheTightened');
  });

  test('a correction brings no hit, no saving and no audit again', () => {
    const correction = { ...hit(), isCorrection: true, cost: -5n };
    const names = measureEntries([correction, { ...audit(), isCorrection: true }], NOW).flatMap(({ values }) =>
      Object.keys(values),
    );
    expect(names.filter((name) => /Cache[A-Z]|Saved|Requests/.test(name))).toEqual(['Requests']);
  });
});

describe('metrics of budgets', () => {
  test("a team's tightest budget, and the tightest of all", () => {
    const records = measureBudgets([
      { team: 'search', committed: 50n, cap: 100n },
      { team: 'search', committed: 9n, cap: 10n },
      { team: 'ads', committed: 12n, cap: 10n },
      { team: 'free', committed: 12n, cap: null },
      { team: 'shut', committed: 0n, cap: 0n },
    ]);
    expect(under(records, { Team: 'search' })).toEqual({ BudgetUsed: [0.9] });
    expect(under(records, { Team: 'ads' })).toEqual({ BudgetUsed: [1.2] });
    expect(under(records, { Team: 'shut' })).toEqual({ BudgetUsed: [1] });
    expect(under(records, { Team: 'free' })).toBeUndefined();
    expect(under(records, {})).toEqual({ BudgetUsed: [1.2] });
  });
});
