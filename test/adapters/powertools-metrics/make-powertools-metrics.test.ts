import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { makePowertoolsMetrics } from '../../../lambdas/adapters/powertools-metrics/make-powertools-metrics.ts';
import type { MetricRecord } from '../../../lambdas/contract/metrics.ts';

interface EmfLine {
  _aws: {
    CloudWatchMetrics: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string; Unit: string }[] }[];
  };
  [member: string]: unknown;
}

const linesOf = (records: MetricRecord[]): EmfLine[] => {
  const written = jest.spyOn(process.stdout, 'write').mockImplementation(() => true);
  const logged = jest.spyOn(console, 'log').mockImplementation(() => undefined);
  makePowertoolsMetrics()(records);
  const text = [...written.mock.calls, ...logged.mock.calls].map(([line]) => String(line)).join('\n');
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as EmfLine);
};

afterEach(() => {
  jest.restoreAllMocks();
});

describe('metrics as lines of the log', () => {
  test('a metric without dimensions says so, in the namespace that dashboards read', () => {
    const [line, ...more] = linesOf([{ dimensions: {}, values: { CostUsd: [0.25], Requests: [2] } }]);
    expect(more).toEqual([]);
    expect(line?._aws.CloudWatchMetrics).toEqual([
      {
        Namespace: 'Tollgate',
        Dimensions: [[]],
        Metrics: [
          { Name: 'CostUsd', Unit: 'None' },
          { Name: 'Requests', Unit: 'Count' },
        ],
      },
    ]);
    expect(line).toMatchObject({ CostUsd: 0.25, Requests: 2 });
    expect(line).not.toHaveProperty('service');
  });

  test('each combination of dimensions is a line of its own, with those dimensions and no others', () => {
    const lines = linesOf([
      { dimensions: { Provider: 'openai', Model: 'gpt-5' }, values: { CostUsd: [1] } },
      { dimensions: { Team: 'search' }, values: { CostUsd: [1] } },
    ]);
    expect(lines.map((line) => line._aws.CloudWatchMetrics[0]?.Dimensions)).toEqual([
      [['Provider', 'Model']],
      [['Team']],
    ]);
    expect(lines[0]).toMatchObject({ Provider: 'openai', Model: 'gpt-5' });
    expect(lines[1]).not.toHaveProperty('Provider');
  });

  test('many values of one metric are split, and each line keeps its dimensions', () => {
    const values = Array.from({ length: 250 }, (_, i) => i);
    const lines = linesOf([{ dimensions: { Alias: 'a' }, values: { LatencyMs: values, Requests: [250] } }]);
    expect(lines.flatMap((line) => line['LatencyMs'])).toEqual(values);
    expect(lines.map((line) => (line['LatencyMs'] as number[]).length)).toEqual([99, 99, 52]);
    expect(lines.map((line) => line['Alias'])).toEqual(['a', 'a', 'a']);
    expect(lines.filter((line) => 'Requests' in line)).toHaveLength(1);
  });

  test.each([
    ['Größe & Co', 'Gr%C3%B6%C3%9Fe & Co'],
    ['', '-'],
    ['  ', '-'],
    [':colon', '%3Acolon'],
    ['a\nb', 'a%0Ab'],
    ['\ud800', '%EF%BF%BD'],
  ])('the team %j becomes a value that CloudWatch takes', (team, value) => {
    const [line] = linesOf([{ dimensions: { Team: team }, values: { Requests: [1] } }]);
    expect(line?.['Team']).toBe(value);
  });
});
