import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { makePowertoolsLog } from '../../../lambdas/adapters/powertools-log/make-powertools-log.ts';
import { redactKeys } from '../../../lambdas/adapters/system/redact-keys.ts';
import { toLoggable } from '../../../lambdas/adapters/system/to-loggable.ts';

afterEach(() => {
  jest.restoreAllMocks();
});

const lines = (write: (log: ReturnType<typeof makePowertoolsLog>) => void): Record<string, unknown>[] => {
  let text = '';
  const capture = (chunk: unknown): boolean => {
    text += String(chunk);
    return true;
  };
  jest.spyOn(process.stdout, 'write').mockImplementation(capture);
  jest.spyOn(process.stderr, 'write').mockImplementation(capture);
  write(makePowertoolsLog({ service: 'gateway', toLoggable, redactKeys }));
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
};

describe('the log on Lambda', () => {
  test('is one line of JSON a record, with its fields beside the message', () => {
    expect(lines((log) => log.info('request', { 'gen_ai.request.model': 'a', cost: 5n }))).toEqual([
      expect.objectContaining({
        level: 'INFO',
        service: 'gateway',
        message: 'request',
        'gen_ai.request.model': 'a',
        cost: '5',
      }),
    ]);
  });

  test('leaves debug out unless the function asks for it', () => {
    expect(lines((log) => log.debug('detail'))).toEqual([]);
  });

  test('takes out what looks like a key, wherever it stands', () => {
    const [record] = lines((log) =>
      log.error('sk-abcdefghijklmnop', {
        url: 'Bearer abcdefghijklmnop',
        apiKey: 'plain',
        deep: { error: new Error('sk-zyxwvutsrqponm') },
      }),
    );
    expect(JSON.stringify(record)).not.toMatch(/abcdefgh|zyxwvuts|plain/);
    expect(JSON.stringify(record)).toContain('[redacted]');
  });

  test('a field does not take the place of what every record has', () => {
    const [record] = lines((log) => log.warn('said', { message: 'other', level: 'low', service: 's' }));
    expect(record).toMatchObject({ message: 'said', level: 'WARN', service: 'gateway', 'field.message': 'other' });
  });

  test('never throws: a circular, throwing or odd record is written all the same', () => {
    const circular: Record<string, unknown> = {};
    circular['self'] = circular;
    const throwing = Object.defineProperty({}, 'x', {
      enumerable: true,
      get() {
        throw new Error('no');
      },
    });
    expect(lines((log) => log.info('odd', { circular, throwing, fn: () => 1, at: new Date(Number.NaN) }))).toHaveLength(
      1,
    );
  });

  test("a record's metrics are CloudWatch's, out of its own line: in the whole, and under its dimensions", () => {
    const [record] = lines((log) =>
      log.info('feedback', {
        request_id: 'req_1',
        metrics: { dimensions: { Provider: 'ä', Model: ':m' }, values: { QualityScore: 0.5 } },
      }),
    );
    expect(record).toMatchObject({
      message: 'feedback',
      request_id: 'req_1',
      Provider: '%C3%A4',
      Model: '%3Am',
      QualityScore: 0.5,
      _aws: {
        Timestamp: expect.any(Number),
        CloudWatchMetrics: [
          {
            Namespace: 'Tollgate',
            Dimensions: [[], ['Provider', 'Model']],
            Metrics: [{ Name: 'QualityScore', Unit: 'None' }],
          },
        ],
      },
    });
    expect(record).not.toHaveProperty('metrics');
  });

  test.each([
    ['none', {}, { x: 1 }],
    ['no values', { metrics: { values: {} } }, { x: 1 }],
    ['another field of that name', { metrics: 5 }, { x: 1, metrics: 5 }],
    ['names that nobody promised', { metrics: { values: { Users: 1 } } }, { x: 1 }],
  ])('%s: no metric, and no error', (_, more, expected) => {
    const [record] = lines((log) => log.info('said', { x: 1, ...more }));
    expect(record).toMatchObject(expected);
    expect(record).not.toHaveProperty('_aws');
  });

  test('names the invocation once it has begun', () => {
    const [record] = lines((log) => {
      log.beginInvocation({
        awsRequestId: 'r-1',
        functionName: 'f',
        memoryLimitInMB: '512',
        invokedFunctionArn: 'arn',
      });
      log.info('x');
    });
    expect(record).toMatchObject({ function_request_id: 'r-1' });
  });
});
