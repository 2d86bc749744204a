import { describe, expect, test } from '@jest/globals';
import {
  DIMENSION_SETS,
  type LoggedMetrics,
  type MetricName,
  type MetricRecord,
} from '../../lambdas/contract/metrics.ts';
import { openCircuit, untouchedCircuit } from '../../lambdas/core/call/circuit.ts';
import { measureCircuits } from '../../lambdas/core/observe/measure-circuits.ts';
import { measureEntries } from '../../lambdas/core/observe/measure-entries.ts';
import { makeApp } from '../../lambdas/gateway/app.ts';
import { chatAnswer, chatStream, DONE, makeStory, type Story, says } from '../core/story/story-fixture.ts';
import { DEPLOYABLE } from '../support/deployable.ts';
import { ofType, synthGateway } from '../support/synth-gateway.ts';
import { dashboardText, drawnBy, keyOf, kindsOf } from './drawn-metrics.ts';

const gateway = synthGateway();

/** What the gateway's own log lines tell CloudWatch, as the log's adapter puts it: in the whole, and under the dimensions. */
const loggedBy = (story: Story): MetricRecord[] =>
  story.log.lines.flatMap(({ fields }) => {
    const { values = {}, dimensions } = (fields?.['metrics'] ?? {}) as Partial<LoggedMetrics>;
    const lists = Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [value]]));
    return [{}, ...(dimensions === undefined ? [] : [dimensions])].map((one) => ({ dimensions: one, values: lists }));
  });

/** A refusal, a fallback, a stream, feedback on it, and a circuit that opens: what each function would tell of them. */
const runGateway = async (): Promise<MetricRecord[]> => {
  const story = await makeStory({
    a: [{ status: 500, body: '' }, chatStream([says('hi', 100), ...DONE])],
    b: [chatAnswer('hi')],
  });
  await story.ask({ model: 'nobody' });
  await story.ask();
  const streamed = await story.ask({ stream: true });
  await story.read(streamed);
  await story.clock.settle(
    Promise.resolve(
      makeApp(story.ports).request('/v1/feedback', {
        method: 'POST',
        headers: { 'x-api-key': story.key },
        body: JSON.stringify({ request_id: streamed.headers.get('x-request-id'), score: 1 }),
      }),
    ),
  );
  const now = story.clock.now();
  const entries = (await story.entries()).map((entry) => ({ ...entry, isCorrection: false, settledAt: now }));
  const circuits = [openCircuit(untouchedCircuit('a/m-1'), now, 0, 'server_error')];
  return [
    ...measureEntries(entries, now),
    ...loggedBy(story),
    ...measureCircuits(circuits, story.ports.gateway.aliases.values(), now),
  ];
};

const dashboards = [
  [
    'Reliability',
    [
      'AllCircuitsOpen{Alias}',
      'CircuitOpen{Model,Provider}',
      'CircuitOpen{}',
      'Errors{Model,Provider}',
      'Errors{}',
      'Fallbacks{Model,Provider}',
      'Fallbacks{}',
      'FirstTokenMs{Model,Provider}',
      'FirstTokenMs{}',
      'GatewayOverheadMs{}',
      'LatencyMs{Model,Provider}',
      'LatencyMs{}',
      'Refusals{}',
      'Requests{Model,Provider}',
      'Requests{}',
    ],
  ],
  ['Quality', ['FeedbackScore{Model,Provider}', 'FeedbackScore{}', 'QualityScore{Model,Provider}', 'QualityScore{}']],
] as const;

describe.each(dashboards)('the %s dashboard', (name, expected) => {
  const drawn = drawnBy(gateway, `Gateway${name}Dashboard`);

  test('draws what its title says', () => {
    expect([...new Set(drawn.map(keyOf))].toSorted()).toEqual([...expected].toSorted());
  });

  test('draws nothing that a run of the gateway does not emit', async () => {
    const emitted = kindsOf(await runGateway());
    for (const metric of drawn) expect(emitted).toContain(keyOf(metric));
  });

  test('draws only what the contract promises, under the dimensions it promises', () => {
    for (const { name: metric, dimensions } of drawn) {
      const set = DIMENSION_SETS.find(
        (known) => keyOf({ name: metric, dimensions: [...known.dimensions] }) === keyOf({ name: metric, dimensions }),
      );
      expect(set?.metrics).toContain(metric as MetricName);
    }
  });

  test('is left out where nobody wants it', () => {
    const without = synthGateway(name === 'Quality' ? { qualityDashboard: false } : { reliabilityDashboard: false });
    const ids = ofType(without, 'AWS::CloudWatch::Dashboard').map(([id]) => id);
    expect(ids).toHaveLength(2);
    expect(ids.some((id) => id.startsWith(`Gateway${name}`))).toBe(false);
  });
});

test('everything that a run emits is in the contract', async () => {
  const promised = new Set(
    DIMENSION_SETS.flatMap(({ dimensions, metrics }) =>
      metrics.map((name) => keyOf({ name, dimensions: [...dimensions] })),
    ),
  );
  for (const kind of kindsOf(await runGateway())) expect(promised).toContain(kind);
});

test('latency, first token and overhead are drawn as p50, p95 and p99', () => {
  const text = dashboardText(gateway, 'GatewayReliabilityDashboard');
  for (const metric of ['LatencyMs', 'FirstTokenMs', 'GatewayOverheadMs'])
    for (const percent of ['p50', 'p95', 'p99'])
      expect(text).toMatch(new RegExp(`\\["Tollgate","${metric}",\\{[^}]*"stat":"${percent}"`));
});

test("each model's failures are drawn against its own calls", () => {
  const text = dashboardText(gateway, 'GatewayReliabilityDashboard');
  for (const { provider, model } of Object.values(DEPLOYABLE.models).flatMap(({ targets }) => targets))
    for (const metric of ['Errors', 'Requests'])
      expect(text).toContain(`["Tollgate","${metric}","Model","${model}","Provider","${provider}"`);
});

describe('the alarms over what clients see', () => {
  const alarms = new Map(
    ofType(gateway, 'AWS::CloudWatch::Alarm')
      .filter(([id]) => id.startsWith('GatewayReliabilityAlarms'))
      .map(([id, { Properties }]) => [id.replace(/^GatewayReliabilityAlarms|.{8}$/g, ''), Properties]),
  );

  test('are the error rate, of enough requests, and an alias that is shut', () => {
    expect([...alarms.keys()]).toEqual(['ErrorRate', 'AllCircuitsOpen']);
    expect(alarms.get('ErrorRate')).toMatchObject({
      Threshold: 5,
      EvaluationPeriods: 2,
      TreatMissingData: 'notBreaching',
    });
    const metrics = alarms.get('ErrorRate')?.['Metrics'] as { Expression?: string }[];
    expect(metrics.map(({ Expression }) => Expression)).toContain(
      'IF(requests >= 20, 100 * FILL(errors, 0) / requests, 0)',
    );
    expect(alarms.get('AllCircuitsOpen')).toMatchObject({
      MetricName: 'AllCircuitsOpen',
      Statistic: 'Maximum',
      Period: 60,
      DatapointsToAlarm: 2,
      EvaluationPeriods: 3,
      Threshold: 0,
    });
  });

  test('look at what a run emits', async () => {
    const emitted = kindsOf(await runGateway());
    for (const name of ['Errors', 'Requests', 'AllCircuitsOpen']) expect(emitted).toContain(`${name}{}`);
  });
});
