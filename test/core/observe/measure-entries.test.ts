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
