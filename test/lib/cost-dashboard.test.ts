import { describe, expect, test } from '@jest/globals';
import { DIMENSION_SETS, type MetricName, type MetricRecord } from '../../lambdas/contract/metrics.ts';
import type { LedgerEntry } from '../../lambdas/core/ledger.ts';
import { measureBudgets, measureEntries } from '../../lambdas/core/observe/measure-entries.ts';
import { cachedConfig, makeCachedStory, OTHER, SAME } from '../core/story/cached-story.ts';
import { chatAnswer, makeStory } from '../core/story/story-fixture.ts';
import { cachedDeployable } from '../support/cached-deployable.ts';
import { DEPLOYABLE } from '../support/deployable.ts';
import { ofType, synthGateway } from '../support/synth-gateway.ts';
import { drawnBy, keyOf, kindsOf } from './drawn-metrics.ts';

const gateway = synthGateway({ config: { ...DEPLOYABLE, budgets: { org: { monthly: '$7300' } } } });

const cached = synthGateway({ config: cachedDeployable() });

/** A run of the gateway: an answer, a fallback, another answer; the last of them as often as asked, each for another user. */
const runGateway = async (users: number): Promise<MetricRecord[]> => {
  const story = await makeStory({
    a: [chatAnswer('hi'), { status: 500, body: '' }, chatAnswer('hi')],
    b: [chatAnswer('hi')],
  });
  for (let i = 0; i < 3; i++) await story.ask();
  const entries = await story.entries();
  const more = Array.from({ length: users }, (_, i) => ({ ...entries[0], user: `user-${i}`, keyId: `key-${i}` }));
  const { committed } = await story.org();
  return [
    ...measureEntries(
      [...entries, ...(more as LedgerEntry[])].map((entry) => ({
        ...entry,
        isCorrection: false,
        settledAt: entry.settledAt ?? 0,
      })),
      story.clock.now(),
    ),
    ...measureBudgets([{ team: 'search', committed, cap: 10_000_000_000n }]),
  ];
};

/** A run of one that keeps answers: hits, each audited, the last of them wrong too often; and a cache that does not answer. */
const runCachedGateway = async (): Promise<MetricRecord[]> => {
  const story = await makeCachedStory(
    [SAME, OTHER, OTHER, OTHER].map((text) => chatAnswer(text)),
    {
      config: cachedConfig({ auditShare: 1 }),
    },
  );
  for (let i = 0; i < 4; i++) {
    await story.hit();
    await story.clock.advance(11_000);
  }
  story.stores.vectors.find = () => new Promise(() => {});
  await story.hit();
  story.stores.close();
  return story.metrics();
};

const CONTRACT = new Set(
  DIMENSION_SETS.flatMap(({ dimensions, metrics }) =>
    metrics.map((name) => keyOf({ name, dimensions: [...dimensions] })),
  ),
);

/** Every metric of a run with its dimensions and their values: what is paid for. */
const seriesOf = (records: MetricRecord[]): Set<string> =>
  new Set(
    records.flatMap(({ dimensions, values }) =>
      Object.keys(values).map((name) => `${name} ${JSON.stringify(dimensions)}`),
    ),
  );

describe('the Cost dashboard', () => {
  const drawn = drawnBy(gateway, 'GatewayCostDashboard');

  test('draws money by team, model and provider, budgets, requests and overruns', () => {
    expect(new Set(drawn.map(keyOf))).toEqual(
      new Set([
        'CostUsd{}',
        'CostUsd{Team}',
        'CostUsd{Model,Provider}',
        'CostUsd{Alias}',
        'Requests{}',
        'Requests{Alias}',
        'BudgetUsed{Team}',
        'Overruns{}',
        'InputTokens{}',
        'OutputTokens{}',
        'CachedTokens{}',
      ]),
    );
  });

  test('draws nothing that a run of the gateway does not emit', async () => {
    const emitted = kindsOf(await runGateway(0));
    for (const metric of drawn) expect(emitted).toContain(keyOf(metric));
  });

  test('draws only what the contract promises, under the dimensions it promises', () => {
    for (const { name, dimensions } of drawn) {
      const set = DIMENSION_SETS.find(
        (known) => keyOf({ name, dimensions: [...known.dimensions] }) === keyOf({ name, dimensions }),
      );
      expect(set?.metrics).toContain(name as MetricName);
    }
  });

  describe('of a gateway that keeps answers', () => {
    const more = drawnBy(cached, 'GatewayCostDashboard').filter(
      (metric) => !drawn.some((one) => keyOf(one) === keyOf(metric)),
    );

    test('draws also what is saved, how often, and how often it is wrong', () => {
      expect(new Set(more.map(keyOf))).toEqual(
        new Set([
          'SavedUsd{}',
          'CacheHits{}',
          'CacheFailures{}',
          'CacheWrongHits{}',
          'CacheWrongShare{Alias}',
          'CacheWrongShareLow{Alias}',
          'CacheWrongShareHigh{Alias}',
        ]),
      );
    });

    test('draws nothing that its run does not emit, and nothing outside the contract', async () => {
      const emitted = kindsOf(await runCachedGateway());
      expect([...emitted]).toEqual(expect.arrayContaining(more.map(keyOf)));
      expect(emitted).toContain('CacheTightened{}');
      for (const kind of emitted) expect(CONTRACT).toContain(kind);
    });

    test('one that keeps the very same answers only draws no wrong ones', () => {
      const config = { ...DEPLOYABLE, models: { ...DEPLOYABLE.models } };
      config.models['demo'] = { targets: [{ provider: 'demo', model: 'echo' }], cache: { exact: '1h' } };
      const names = drawnBy(synthGateway({ config }), 'GatewayCostDashboard').map(({ name }) => name);
      expect(names).toContain('SavedUsd');
      expect(names.filter((name) => name.startsWith('CacheWrong'))).toEqual([]);
    });
  });

  test('is left out where nobody wants it', () => {
    const left = ofType(synthGateway({ costDashboard: false }), 'AWS::CloudWatch::Dashboard');
    expect(left.map(([id]) => id.slice(0, -8))).toEqual(['GatewayReliabilityDashboard', 'GatewayQualityDashboard']);
  });
});

test('a thousand users more add no metric', async () => {
  const few = seriesOf(await runGateway(0));
  expect(few.size).toBeGreaterThan(20);
  expect(seriesOf(await runGateway(1_000))).toEqual(few);
});

test('everything that is emitted is in the contract, and nothing names a user or a key', async () => {
  for (const kind of kindsOf(await runGateway(3))) expect(CONTRACT).toContain(kind);
});

describe('the alarms over cost', () => {
  const alarms = new Map(
    ofType(gateway, 'AWS::CloudWatch::Alarm')
      .filter(([id]) => id.startsWith('GatewayCostAlarms'))
      .map(([id, { Properties }]) => [id.replace(/^GatewayCostAlarms|.{8}$/g, ''), Properties]),
  );

  test('are overruns, an unusual hour, and burning the month in five days', () => {
    expect([...alarms.keys()].toSorted()).toEqual(['BurnRate', 'CostAnomaly', 'Overruns']);
    // $7,300 a month are $10 an hour; six times that.
    expect(alarms.get('BurnRate')).toMatchObject({
      Threshold: 60,
      Period: 3600,
      Statistic: 'Sum',
      MetricName: 'CostUsd',
    });
    expect(alarms.get('Overruns')).toMatchObject({ Threshold: 0, MetricName: 'Overruns' });
    expect(JSON.stringify(alarms.get('CostAnomaly'))).toContain('ANOMALY_DETECTION_BAND');
  });

  test('without a budget of the organisation there is no pace to compare with', () => {
    const ids = ofType(synthGateway({ config: { ...DEPLOYABLE, budgets: {} } }), 'AWS::CloudWatch::Alarm').map(
      ([id]) => id,
    );
    expect(ids.some((id) => id.includes('BurnRate'))).toBe(false);
  });
});

test('a semantic cache that is wrong too often raises an alarm; without one there is no such alarm to pay for', () => {
  const named = (synthesised: typeof gateway) =>
    ofType(synthesised, 'AWS::CloudWatch::Alarm').filter(([id]) => id.startsWith('GatewayCacheAlarmsCacheTightened'));
  expect(named(cached).map(([, { Properties }]) => Properties)).toMatchObject([
    { MetricName: 'CacheTightened', Threshold: 0, Statistic: 'Sum', TreatMissingData: 'notBreaching' },
  ]);
  expect(named(gateway)).toEqual([]);
});
