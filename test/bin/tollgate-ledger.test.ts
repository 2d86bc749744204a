/** `tollgate ledger verify|rebuild|export`, the program itself on a local store. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { openEmbeddedStores } from '../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { systemRandom } from '../../lambdas/adapters/system/random.ts';
import { closeDueAt, epochOf } from '../../lambdas/contract/timing.ts';
import { makeRequestId } from '../../lambdas/core/admit/request-id.ts';
import { account, ledgerAt, settlementOf } from '../port-suites/ledger-requests.ts';
import { makeWorldClock } from '../port-suites/store-world.ts';

const program = resolve(import.meta.dirname, '../../bin/tollgate.ts');
const TEAM = account('team#search#2026-11', 10_000_000_000n);

// Each test starts the program several times.
jest.setTimeout(60_000);

let folder: string;
let request: string;

const file = (): string => join(folder, '.tollgate', 'tollgate.db');

/** A closed epoch with one request of $1.50 and one that was lost at $2 and put right to $0.25. */
const spendSome = async (): Promise<void> => {
  const clock = makeWorldClock();
  const stores = openEmbeddedStores({ file: file(), clock, random: systemRandom });
  const { ledger } = stores;
  const close = async (): Promise<void> => {
    clock.jump(closeDueAt(epochOf(clock.now())) - clock.now());
    await ledger.closeDueEpochs();
  };
  const epoch = epochOf(clock.now());
  request = makeRequestId({ epoch, lane: 1, random: 'a'.repeat(18) });
  const lost = makeRequestId({ epoch, lane: 2, random: 'b'.repeat(18) });
  await ledgerAt(ledger, clock).admit(request, 2_000_000_000n, [TEAM], { user: '=1+1' });
  await ledgerAt(ledger, clock).admit(lost, 2_000_000_000n, [TEAM]);
  await ledger.settle(settlementOf(request, 1_500_000_000n));
  await close();
  await ledger.settle(settlementOf(lost, 250_000_000n));
  await close();
  stores.close();
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-cli-'));
  mkdirSync(join(folder, '.tollgate'));
  await spendSome();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ledger = (...words: string[]) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', program, 'ledger', ...words, '--local'],
    { cwd: folder, encoding: 'utf8', env: { PATH: process.env['PATH'] } },
  );
  return { status, stdout, stderr };
};

const change = (sql: string): void => {
  const database = new DatabaseSync(file());
  database.exec(sql);
  database.close();
};

describe('tollgate ledger verify', () => {
  test('says that a ledger holds, and its head, which a later run finds again', () => {
    const first = ledger('verify');
    expect(first).toMatchObject({ status: 0, stderr: '', stdout: expect.stringContaining('Every seal holds.') });
    const { head, ...facts } = JSON.parse(ledger('verify', '--json').stdout);
    expect(facts).toMatchObject({ ok: true, seals: 2, entries: 3, cost_usd: '1.75', problems: [] });
    expect(first.stdout).toContain(head);
    expect(ledger('verify', '--expect', head).status).toBe(0);
  });

  test('tells what was changed, in text and as JSON, with the exit code 1', () => {
    change(`UPDATE entries SET cost = 1 WHERE id = '${request}'`);
    const { status, stdout, stderr } = ledger('verify');
    expect(status).toBe(1);
    expect(stderr).toContain('1 thing does not hold');
    expect(stdout).toMatch(/entries-changed +sealed 1 entries of \$1\.5, now 1 entries of \$0\.000000001/);
    expect(JSON.parse(ledger('verify', '--json').stdout)).toMatchObject({
      ok: false,
      problems: [{ kind: 'entries-changed', lane: 1 }],
    });
  });

  test('an expected head that is not there is told, and one that is none is refused', () => {
    expect(ledger('verify', '--expect', `5984496:${'A'.repeat(43)}`)).toMatchObject({
      status: 1,
      stdout: expect.stringContaining('not-as-expected'),
    });
    expect(ledger('verify', '--expect', 'nonsense').status).toBe(2);
    expect(ledger('verify', '--from', '2026-11-23', '--to', '2026-11-22').status).toBe(2);
  });
});

describe('tollgate ledger rebuild', () => {
  test('tells which account differs, changes nothing in a dry run, puts it right, and then finds nothing', () => {
    expect(ledger('rebuild')).toMatchObject({ status: 0, stdout: expect.stringContaining('0 differ') });
    change('UPDATE accounts SET spent = spent + 3000000000');
    const dry = ledger('rebuild', '--dry-run', '--json');
    expect(dry.status).toBe(1);
    expect(JSON.parse(dry.stdout)).toMatchObject({
      accounts: 1,
      different: 1,
      differences: [
        { account: TEAM.key, found: { cost_usd: '4.75' }, entries: { cost_usd: '1.75', requests: 2 }, repaired: false },
      ],
    });
    expect(ledger('rebuild', '--account', TEAM.key)).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/team#search#2026-11 +4\.75 +1\.75 +2 +2 +yes/),
    });
    expect(JSON.parse(ledger('rebuild', '--json').stdout)).toMatchObject({ different: 0 });
    expect(ledger('rebuild', '--account', 'team#nobody#2026-11').status).toBe(1);
  });
});

describe('tollgate ledger export', () => {
  test('csv, jsonl and focus have the same records, which come to what was spent', () => {
    const csv = ledger('export', '--from', '2026-11-22', '--to', '2026-11-23');
    expect(csv).toMatchObject({ status: 0, stderr: '' });
    const rows = csv.stdout.trimEnd().split('\r\n');
    expect(rows).toHaveLength(4);
    expect(csv.stdout).toContain(`"'=1+1"`);
    const json = ledger('export', '--from', '2026-11-22', '--to', '2026-11-23', '--json').stdout;
    const records = json
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(records.map(({ kind, state, cost_usd }) => [kind, state, cost_usd])).toEqual([
      ['entry', 'settled', '1.5'],
      ['entry', 'lost', '2'],
      ['correction', 'settled', '-1.75'],
    ]);
    const focus = ledger('export', '--from', '2026-11-22', '--to', '2026-11-23', '--format', 'focus').stdout;
    expect(focus.split('\r\n')[0]).toMatch(/^"BilledCost",/);
    expect(
      focus
        .split('\r\n')
        .slice(1, 4)
        .map((line) => line.split(',')[0]),
    ).toEqual(['1.5', '2', '-1.75']);
  });

  test('a range without entries is a heading alone, and one that ends before it begins is refused', () => {
    expect(ledger('export', '--from', '2026-01-01', '--to', '2026-01-02').stdout.split('\r\n')).toHaveLength(2);
    expect(ledger('export', '--from', '2026-01-02', '--to', '2026-01-01').status).toBe(2);
    expect(ledger('export', '--from', 'yesterday').status).toBe(2);
    expect(ledger('export', '--from', '2026-01-01', '--json', '--format', 'csv').status).toBe(2);
  });
});
