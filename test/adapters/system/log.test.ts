import { Writable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type LogLevel, makeLog } from '../../../lambdas/adapters/system/log.ts';

const capture = (level: LogLevel = 'debug') => {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk, _, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const log = makeLog({ level, stream, now: () => Date.UTC(2026, 10, 22, 12) });
  return { log, lines, stream, record: () => JSON.parse(lines.at(-1) ?? 'null') };
};

describe('a log record', () => {
  test('is one line of JSON with time, level, message and the fields in snake case', () => {
    const { log, lines } = capture();
    log.info('request\nanswered', {
      requestId: 'req_1',
      'gen_ai.request.model': 'assistant',
      cost: 12n,
      none: undefined,
    });
    expect(lines).toEqual([
      '{"timestamp":"2026-11-22T12:00:00.000Z","level":"info","message":"request\\nanswered","request_id":"req_1","gen_ai.request.model":"assistant","cost":"12"}\n',
    ]);
  });

  test('can not have its time, level or message replaced by a field', () => {
    const { log, record } = capture();
    log.warn('real', { level: 'debug', message: 'forged', timestamp: 0 });
    expect(record()).toMatchObject({
      level: 'warn',
      message: 'real',
      'field.message': 'forged',
      'field.level': 'debug',
    });
  });

  test('below the level is not written, and its fields are not looked at', () => {
    const { log, lines } = capture('warn');
    let looked = 0;
    const fields = {
      get field() {
        looked += 1;
        return 1;
      },
    };
    log.debug('a', fields);
    log.info('b', fields);
    log.warn('c');
    log.error('d');
    expect([looked, lines.map((line) => JSON.parse(line).message)]).toEqual([0, ['c', 'd']]);
  });

  test('tells an error with its cause, its code and the errors inside', () => {
    const { log, record } = capture();
    const cause = Object.assign(new RangeError('inner'), { code: 'E_INNER' });
    log.error('failed', { error: new AggregateError([new Error('one')], 'outer', { cause }) });
    expect(record().error).toMatchObject({
      'exception.type': 'AggregateError',
      'exception.message': 'outer',
      'exception.stacktrace': expect.stringContaining('log.test'),
      cause: { 'exception.type': 'RangeError', code: 'E_INNER' },
      errors: [{ 'exception.message': 'one' }],
    });
  });

  test('of odd values is written all the same', () => {
    const circular: Record<string, unknown> = {};
    circular.self = { circular };
    const proxy = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no');
        },
      },
    );
    const { log, record } = capture();
    log.info('odd', {
      circular,
      proxy,
      getter: Object.defineProperty({ ok: 1 }, 'bad', {
        enumerable: true,
        get: () => {
          throw new Error('no');
        },
      }),
      toJson: {
        toJSON: () => {
          throw new Error('no');
        },
      },
      date: new Date(Number.NaN),
      map: new Map([[{}, 1n]]),
      bytes: Buffer.from('secret'),
      nan: Number.NaN,
      symbol: Symbol('s'),
      lone: '\uD800',
    });
    expect(record()).toMatchObject({
      circular: { self: { circular: '[circular]' } },
      proxy: '[unreadable]',
      getter: { ok: 1, bad: '[threw]' },
      date: '[invalid date]',
      map: { '[object Object]': '1' },
      bytes: '[6 bytes]',
      nan: 'NaN',
      symbol: 'Symbol(s)',
    });
  });

  test('of values that share parts without end stays short', () => {
    let shared: unknown = 'leaf';
    for (let i = 0; i < 30; i++) shared = Array.from({ length: 50 }, () => shared);
    const { log, lines } = capture();
    log.info('wide', { shared });
    expect(lines[0]?.length).toBeLessThan(100_000);
  });

  test('of anything is one line of JSON', () => {
    const { log, lines } = capture();
    fc.assert(
      fc.property(
        fc.string(),
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withNullPrototype: true,
          withTypedArray: true,
        }),
        (message, fields) => {
          log.info(message, fields as Record<string, unknown>);
          const line = lines.at(-1) ?? '';
          expect(line.indexOf('\n')).toBe(line.length - 1);
          expect(JSON.parse(line)).toMatchObject({ level: 'info' });
        },
      ),
    );
  });

  test.each([
    ['tg_0123456789AB_abcdefghijklmnopqrstuvwxyzABCDEF123456', 'tg_0123456789AB_[redacted]'],
    ['sk-ant-api03-abcdefghijk', 'sk-[redacted]'],
    ['sk-proj-abc_def-ghi', 'sk-[redacted]'],
    ['Bearer abcdefgh.ijkl', 'Bearer [redacted]'],
    ['authorization: basic dXNlcjpwYXNz', 'authorization: basic [redacted]'],
    ['ABSKQmVkcm9ja0FQSUtleS1=', 'ABSK[redacted]'],
    ['eyJhbGciOiJIUzI1.eyJzdWIiOiIx.abc', 'eyJ[redacted]'],
  ])('never holds the key in %s', (text, redacted) => {
    const { log, record } = capture();
    log.error(`before ${text} after`, { nested: { deep: [text] }, error: new Error(text) });
    expect(record()).toMatchObject({
      message: `before ${redacted} after`,
      nested: { deep: [redacted] },
      error: { 'exception.message': redacted },
    });
  });

  test('keeps what only looks a little like a key', () => {
    const { log, record } = capture();
    const text = 'bearer of news, basic idea, task-force, tg_short, risk-management-plan';
    log.info(text);
    expect(record().message).toBe(text);
  });

  test('never holds the value of a field that is named as a secret', () => {
    const { log, lines } = capture();
    log.info('headers', {
      headers: { authorization: 'x"y', 'x-api-key': 'plain', 'content-type': 'json' },
      apiKey: 'plain',
    });
    expect(lines[0]).not.toMatch(/plain|x\\"y/);
    expect(lines[0]).toContain('"content-type":"json"');
  });

  test('that can not be written any more breaks nothing', async () => {
    const stream = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
    });
    const log = makeLog({ stream });
    log.info('one');
    await new Promise((resolve) => setImmediate(resolve));
    expect(() => log.info('two')).not.toThrow();
  });
});

describe('records that may wait', () => {
  const open = (delayMs: number) => {
    const writes: string[] = [];
    const stream = new Writable({
      write(chunk, _, done) {
        writes.push(String(chunk));
        done();
      },
    });
    return { log: makeLog({ stream, delayMs }), writes };
  };
  const messagesOf = (written: string) =>
    written
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { message: string }).message);

  test('are written together', async () => {
    const { log, writes } = open(1);
    log.info('one');
    log.info('two');
    expect(writes).toEqual([]);
    while (writes.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(writes.map(messagesOf)).toEqual([['one', 'two']]);
  });

  test('do not hold back a warning, and keep their place before it', () => {
    const { log, writes } = open(60_000);
    log.info('one');
    log.warn('two');
    expect(writes.map(messagesOf)).toEqual([['one', 'two']]);
  });

  test('are written once there are many', () => {
    const { log, writes } = open(60_000);
    for (let i = 0; i < 1000; i++) log.info('x'.repeat(100));
    expect(writes.length).toBeGreaterThan(5);
    expect(writes.length).toBeLessThan(50);
  });
});
