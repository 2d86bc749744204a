import { Writable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { type ExportFormat, exportLedger } from '../../../lambdas/cli/export/export-ledger.ts';
import { EPOCH_MS } from '../../../lambdas/contract/timing.ts';
import type { LedgerAudit, LedgerRecord } from '../../../lambdas/core/audit/ledger-audit.ts';
import { receipt } from '../../port-suites/ledger-requests.ts';

const START = Date.UTC(2026, 10, 22);

/** So many records, one a second; tells how many have been asked for. */
const auditOf = (count: number) => {
  const asked = { records: 0, from: 0, to: 0 };
  const records: LedgerAudit['records'] = async function* (from, to) {
    Object.assign(asked, { from, to });
    for (let i = 0; i < count; i++) {
      asked.records += 1;
      yield {
        requestId: `req_${i}`,
        nonce: '',
        epoch: 0,
        hold: 10n,
        accounts: [],
        keyId: 'k1',
        org: 'acme',
        team: 'search',
        user: i === 1 ? '=HYPERLINK("x")' : 'ada',
        tags: {},
        alias: 'assistant',
        receipt: receipt('r'),
        state: 'settled',
        cost: 7n,
        inputTokens: 1,
        outputTokens: 2,
        openedAt: START + i * 1_000,
        settledAt: START + i * 1_000,
        isCorrection: false,
        ...(i === 1 && { run: 'job/plan', parentRun: 'job' }),
      } satisfies LedgerRecord;
    }
  };
  return { audit: { records } as LedgerAudit, asked };
};

const collect = async (format: ExportFormat, count = 3, range = { from: START, to: START + EPOCH_MS }) => {
  const { audit, asked } = auditOf(count);
  let written = '';
  const output = new Writable({
    write(chunk, _encoding, done) {
      written += chunk;
      done();
    },
  });
  const { records } = await exportLedger(audit, range, format, output);
  return { written, records, asked };
};

describe('an export', () => {
  test.each([
    ['csv', 'run', 'parent_run'],
    ['focus', 'x_Run', 'x_ParentRun'],
  ] as const)('%s says which agent run a request was of, and what started that', async (format, run, parentRun) => {
    const [heading = '', first = '', second = ''] = (await collect(format)).written.split('\r\n');
    const names = heading.split('","').map((name) => name.replaceAll('"', ''));
    const cells = (line: string) => line.match(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)?.map((cell) => cell.replace(/,$/, ''));
    expect(cells(first)?.[names.indexOf(run)]).toBe('');
    expect(cells(second)?.[names.indexOf(run)]).toBe('"job/plan"');
    expect(cells(second)?.[names.indexOf(parentRun)]).toBe('"job"');
  });

  test.each(['csv', 'focus'] as const)('%s has a heading and a line a record', async (format) => {
    const { written, records } = await collect(format);
    expect(records).toBe(3);
    expect(written.split('\r\n')).toHaveLength(5);
    expect(written).toContain(`"'=HYPERLINK(""x"")"`);
  });

  test('jsonl has an object a line, with exact amounts and the receipt', async () => {
    const { written } = await collect('jsonl');
    const lines = written
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatchObject({
      kind: 'entry',
      id: 'req_0',
      cost_usd: '0.000000007',
      input_tokens: 1,
      surface: 'openai-chat',
    });
  });

  test('a range without records is a heading alone', async () => {
    expect((await collect('csv', 0)).written).toMatch(/^"request",[^\r]*\r\n$/);
    expect((await collect('jsonl', 0)).written).toBe('');
  });

  test('takes from the first instant on and not the last, and looks into the epochs beside', async () => {
    const { written, records, asked } = await collect('csv', 10, { from: START + 2_000, to: START + 5_000 });
    expect(records).toBe(3);
    expect(written).toContain('"req_2"');
    expect(written).not.toContain('"req_5"');
    expect([asked.from, asked.to]).toEqual([START / EPOCH_MS - 1, START / EPOCH_MS + 1]);
  });

  test('waits for whoever takes it, and reads no further meanwhile', async () => {
    const { audit, asked } = auditOf(5_000);
    let release = (): void => {};
    const output = new Writable({
      highWaterMark: 1,
      write(_chunk, _encoding, done) {
        release = done;
      },
    });
    const exporting = exportLedger(audit, { from: START, to: START + 10_000_000 }, 'csv', output);
    const settle = () => new Promise((resolve) => setImmediate(resolve));
    await settle();
    await settle();
    const first = asked.records;
    expect(first).toBeLessThan(1_000);
    await settle();
    expect(asked.records).toBe(first);
    release();
    await settle();
    await settle();
    expect(asked.records).toBeGreaterThan(first);
    const timer = setInterval(() => release(), 0);
    expect((await exporting).records).toBe(5_000);
    clearInterval(timer);
  });
});
