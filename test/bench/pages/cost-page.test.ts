import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  type CostInput,
  costOfIdleMonth,
  costOfMillion,
  dollarsOf,
  stretchedMs,
} from '../../../bench/pages/cost-model.ts';
import { accessLogBytes, costParts, readResults } from '../../../bench/pages/cost-page.ts';
import { describeIdle, runsAMonth } from '../../../bench/pages/idle-stack.ts';
import { readPart } from '../../../bench/pages/marked-part.ts';
import { DESCRIBED, describedResources, type Resources } from '../../../bench/pages/template.ts';

const folder = mkdtempSync(join(tmpdir(), 'tollgate-pages-'));
const resources = describedResources(folder);
rmSync(folder, { recursive: true, force: true });
const parts = Object.entries(costParts(readResults(), resources)).flatMap(([file, byName]) =>
  Object.entries(byName).map(([name, part]): [string, string, string] => [file, name, part]),
);

test.each(parts)(
  '%s: its part "%s" is what the counts, the prices and the template come to (npm run docs:cost)',
  (file, name, part) => {
    expect(readPart(readFileSync(file, 'utf8'), name)).toBe(`${part.trimEnd()}\n`);
  },
);

describe('the model', () => {
  const none = { reads: 0, writes: 0 };
  const input: CostInput = {
    counted: {
      gateway: {
        start: none,
        first: { reads: 2, writes: 10 },
        warm: { reads: 0, writes: 10 },
        secretReadsAnEnvironment: 1,
      },
      projector: { batchOf1: { reads: 0, writes: 5 }, batchOf100: { reads: 0, writes: 5 } },
      closer: { idle: { reads: 18, writes: 1 }, withOne: none },
      accounts: 5,
      metrics: { idle: 2, oneTeam: 30 },
    },
    sizes: {
      entry: 4_096,
      gatewayLog: 474,
      projectorLogOf1: 1_024 ** 3 / 1_000_000,
      projectorLogOf100: 0,
      closerIdleLog: 0,
      answer: 1_024 ** 3 / 1_000_000,
      toProvider: 0,
    },
    cpu: { gatewayMs: 0, projectorOneMs: 0, projectorHundredMs: 0, closerIdleMs: 0 },
    memory: { gatewayMb: 1_024, projectorMb: 1_024, closerMb: 1_024 },
    accessLogBytes: 0,
  };
  const dollars = (pace: 'quiet' | 'busy') =>
    Object.fromEntries(costOfMillion(input, pace).map((item) => [item.what, Number(dollarsOf(item).toFixed(4))]));

  test('a million requests at prices that can be worked out by hand', () => {
    expect(dollars('quiet')).toMatchObject({
      'API Gateway': 3.5,
      'gateway: calls': 0.2,
      // 3.015 s at 1 GB.
      'gateway: duration': 40.2002,
      'gateway: writes': 6.25,
      'gateway: reads': 0.25,
      'projector: calls': 0.2,
      'projector: writes': 3.125,
      'closer: reads of entries': 0.125,
      "the projector's log lines, metrics among them": 0.5,
      'answers to clients': 0.09,
    });
    expect(dollars('busy')).toMatchObject({
      'gateway: reads': 0,
      'projector: calls': 0.002,
      'projector: writes': 0.0313,
    });
  });

  test('an idle month counts each run of the schedule', () => {
    const stack = {
      scheduled: [{ id: 'Closer', runsAMonth: 8_640, memoryMb: 1_024 }],
      standing: [],
      tables: 5,
      tablesTouched: 2,
    };
    const quantities = Object.fromEntries(costOfIdleMonth(input, stack).map(({ what, quantity }) => [what, quantity]));
    expect(quantities).toMatchObject({
      'scheduled runs: calls': 8_640,
      'scheduled runs: reads': 155_520,
      'scheduled runs: writes': 8_640,
      "scheduled runs: the tables' key": 17_280,
      'scheduled runs: metrics (2)': 2,
    });
    // 15 ms of round trips at 1 GB.
    expect(quantities['scheduled runs: duration']).toBeCloseTo(129.6, 6);
  });

  test('a function has a share of a processor by its memory, and never more than one', () => {
    expect(stretchedMs(10, 1_769)).toBe(10);
    expect(stretchedMs(10, 10_240)).toBe(10);
    expect(stretchedMs(10, 512)).toBeCloseTo(34.55, 2);
  });
});

describe('an idle stack', () => {
  const made = (Type: string, Properties: Record<string, unknown> = {}) => ({ Type, Properties });

  test('costs what its alarms, dashboards and secrets cost', () => {
    const stack: Resources = {
      A: made('AWS::CloudWatch::Alarm', { MetricName: 'Errors' }),
      E: made('AWS::CloudWatch::Alarm', {
        Metrics: [{ MetricStat: {} }, { Expression: 'ANOMALY_DETECTION_BAND(m0, 3)' }],
      }),
      B: made('AWS::CloudWatch::Alarm', {
        Metrics: [{ Id: 'e', Expression: 'm1+m2' }, { MetricStat: {} }, { MetricStat: {} }],
      }),
      C: made('AWS::CloudWatch::Dashboard'),
      D: made('AWS::DynamoDB::Table'),
    };
    expect(describeIdle(stack, DESCRIBED).standing).toEqual([
      { what: '2 secrets of providers', price: 'secrets', quantity: 2 },
      { what: '3 alarms', price: 'alarmMetrics', quantity: 6 },
      { what: '1 dashboard', price: 'dashboards', quantity: 1 },
    ]);
  });

  test('with a resource whose price is not known here is not described at all', () => {
    expect(() => describeIdle({ A: made('AWS::RDS::DBInstance') }, DESCRIBED)).toThrow('AWS::RDS::DBInstance');
  });

  test('with a function that polls a queue is not described: polling costs', () => {
    const stack: Resources = {
      Q: made('AWS::SQS::Queue'),
      M: made('AWS::Lambda::EventSourceMapping', { EventSourceArn: { 'Fn::GetAtt': ['Q', 'Arn'] } }),
    };
    expect(() => describeIdle(stack, DESCRIBED)).toThrow('polls a queue');
  });

  test.each([
    ['rate(5 minutes)', 8_640],
    ['rate(1 minute)', 43_200],
    ['rate(1 day)', 30],
    ['cron(15 3 * * ? *)', 30],
  ])('%s comes %d times in 30 days', (expression, runs) => {
    expect(runsAMonth(expression)).toBe(runs);
  });

  test('an expression that it does not know is an error', () => {
    expect(() => runsAMonth('cron(0/5 * ? * MON-FRI *)')).toThrow('can');
  });
});

test('an access log line is counted with its variables filled in', () => {
  const stage = (Format: string): Resources => ({
    S: { Type: 'AWS::ApiGateway::Stage', Properties: { AccessLogSetting: { Format } } },
  });
  expect(accessLogBytes(stage('{"m":"$context.httpMethod"}'))).toBe('{"m":"POST"}'.length);
  expect(() => accessLogBytes(stage('$context.authorizer.token'))).toThrow('authorizer.token');
});
