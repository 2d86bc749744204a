import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { epochOf } from '../../lambdas/contract/timing.ts';
import { parseApiKey, secretMatches } from '../../lambdas/core/authenticate/api-key.ts';
import type { Receipt } from '../../lambdas/core/receipt.ts';
import { openLocalStores } from '../../lambdas/wiring/open-local-stores.ts';

const program = resolve(import.meta.dirname, '../../bin/tollgate.ts');

// Each test starts the program several times.
jest.setTimeout(60_000);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Nobody's account is reached, whoever runs the tests. */
const NO_AWS = { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' };

const dataDir = (): string => join(folder, '.tollgate');

/** Runs the program itself, in a folder of its own. */
const tollgate = (...words: string[]) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', program, ...words],
    { cwd: folder, encoding: 'utf8', env: { PATH: process.env.PATH, ...NO_AWS } },
  );
  return { status, stdout, stderr };
};

const json = (...words: string[]) => {
  const { status, stdout, stderr } = tollgate(...words, '--json', '--local');
  if (status !== 0) throw new Error(`${status}: ${stderr}`);
  return JSON.parse(stdout);
};

const openStores = () => {
  const opened = openLocalStores(dataDir(), { mustExist: true });
  if (!opened.ok) throw new Error(opened.problem);
  return opened.stores;
};

describe('tollgate keys', () => {
  test('create prints the key once, for people and for programs, and stores only its hash', async () => {
    const { status, stdout, stderr } = tollgate('keys', 'create', 'app', '--team', 'search', '--local');
    expect([status, stderr]).toEqual([0, '']);
    const key = /^key +(tg_\S+)$/m.exec(stdout)?.[1] ?? '';
    const { id, secret } = parseApiKey(key) ?? { id: '', secret: 'none' };
    const files = readdirSync(dataDir()).map((name) => readFileSync(join(dataDir(), name), 'latin1'));
    expect(files.some((text) => text.includes(id))).toBe(true);
    expect(files.some((text) => text.includes(secret))).toBe(false);

    const second = json(
      ...['keys', 'create', 'other', '--team', 'ads', '--user', 'ann', '--models', 'a,b', '--tags', 'x=y'],
      ...['--rights', 'read-usage', '--expires', '2100-01-01'],
    );
    expect(second).toEqual({
      key: expect.stringMatching(/^tg_/),
      id: expect.any(String),
      name: 'other',
      team: 'ads',
      user: 'ann',
      models: ['a', 'b'],
      tags: { x: 'y' },
      rights: ['read-usage'],
      state: 'active',
      created_at: expect.stringMatching(/^\d{4}-.*Z$/),
      expires_at: '2100-01-01T00:00:00.000Z',
      revoked_at: null,
    });

    const stores = openStores();
    const stored = await stores.access.findKey(id);
    stores.close();
    expect(secretMatches(secret, stored?.hash ?? '')).toBe(true);

    const listed = tollgate('keys', 'list', '--local');
    expect(listed.stdout).toMatch(/^ID +NAME +TEAM/);
    expect(listed.stdout).toContain(`${id}  app    search  app   all     active`);
    const asJson = tollgate('keys', 'list', '--local', '--json').stdout;
    expect(JSON.parse(asJson).map(({ name }: { name: string }) => name)).toEqual(['app', 'other']);
    for (const hidden of [secret, stored?.hash ?? 'none']) {
      expect(listed.stdout).not.toContain(hidden);
      expect(asJson).not.toContain(hidden);
    }
  });

  test("create makes a data directory that is its owner's alone", () => {
    json('keys', 'create', 'app', '--team', 'search');
    expect(statSync(dataDir()).mode & 0o077).toBe(0);
  });

  test('rotate makes a new key and ends the old one after the grace; revoke ends one now', () => {
    const { id } = json('keys', 'create', 'app', '--team', 'search');
    const rotated = json('keys', 'rotate', id, '--grace', '2h');
    expect(rotated).toMatchObject({ name: 'app', team: 'search', state: 'active', replaces: { id, state: 'ending' } });
    const graceMs = Date.parse(rotated.replaces.revoked_at) - Date.parse(rotated.created_at);
    expect(Math.abs(graceMs - 2 * 3_600_000)).toBeLessThan(1000);
    expect(json('keys', 'revoke', rotated.id)).toMatchObject({ id: rotated.id, state: 'revoked' });
    expect(json('keys', 'list').map((key: { state: string }) => key.state)).toEqual(['ending', 'revoked']);
    expect(tollgate('keys', 'rotate', rotated.id, '--local')).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining('was revoked'),
    });
  });

  test('of an id that does not exist fails on stderr, as JSON where that was asked for', () => {
    json('keys', 'create', 'app', '--team', 'search');
    expect(tollgate('keys', 'revoke', 'nope', '--local')).toEqual({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining('no key with the id "nope"'),
    });
    const { status, stdout, stderr } = tollgate('keys', 'revoke', 'nope', '--local', '--json');
    expect([status, stdout]).toEqual([1, '']);
    expect(JSON.parse(stderr)).toEqual({ error: { message: expect.stringContaining('nope') } });
  });
});

describe('tollgate ledger tail', () => {
  test('shows the last requests, newest first, of one key where one is named', async () => {
    const { id } = json('keys', 'create', 'app', '--team', 'search');
    const stores = openStores();
    const now = stores.clock.now();
    for (const [requestId, keyId] of [
      ['req_a', id],
      ['req_b', 'other'],
      ['req_c', id],
    ] as const) {
      await stores.ledger.open({
        requestId,
        nonce: requestId,
        epoch: epochOf(now),
        hold: 5_000_000n,
        accounts: [],
        keyId,
        org: 'org',
        team: 'search',
        user: 'ann',
        tags: {},
        alias: 'assistant',
        receipt,
      });
      if (requestId !== 'req_c')
        await stores.ledger.settle({
          requestId,
          nonce: requestId,
          cost: 1_500_000n,
          inputTokens: 12,
          outputTokens: 34,
          receipt: { ...receipt, outcome: 'answered', answeredBy: 'demo/echo' },
        });
    }
    const all = json('ledger', 'tail');
    expect(all).toHaveLength(3);
    expect(all.find((entry: { id: string }) => entry.id === 'req_a')).toMatchObject({
      state: 'settled',
      outcome: 'answered',
      answered_by: 'demo/echo',
      cost_usd: '0.0015',
      model: 'assistant',
    });
    expect(json('ledger', 'tail', '--key', id)).toHaveLength(2);
    expect(json('ledger', 'tail', '--limit', '1')).toHaveLength(1);
    const { stdout } = tollgate('ledger', 'tail', '--local');
    expect(stdout).toMatch(/req_a +\S+ +search +- +assistant +demo\/echo +answered +12 +34 +0\.0015/);
    expect(stdout).toMatch(/req_c .* open +0 +0 +\(0\.005 held\)/);
    stores.close();
  });
});

describe('tollgate circuits', () => {
  test('open and close hold a circuit by hand for a time, and list shows it', () => {
    json('keys', 'create', 'app', '--team', 'search');
    const opened = json('circuits', 'open', 'demo/echo', '--for', '5m', '--reason', 'maintenance');
    expect(opened).toMatchObject({
      target: 'demo/echo',
      state: 'open',
      by_hand: true,
      reason: 'maintenance',
      is_new: true,
    });
    expect(Date.parse(opened.until) - Date.parse(opened.changed_at)).toBe(300_000);
    expect(json('circuits', 'list')).toMatchObject([{ target: 'demo/echo', state: 'open', by_hand: true }]);
    expect(json('circuits', 'close', 'demo/echo')).toMatchObject({ state: 'closed', by_hand: true, is_new: false });
    expect(tollgate('circuits', 'list', '--local').stdout).toMatch(/demo\/echo +closed until .* yes/);
  });
});

describe('tollgate', () => {
  test.each([
    [['keys', 'list'], 'No AWS region'],
    [['keys', 'list', '--stack', 'x', '--local'], '--local'],
    [['keys', 'lst', '--local'], 'unknown command'],
    [['keys', 'create', 'x', '--local'], '--team'],
    [['ledger', 'tail', '--limit', '0', '--local'], 'from 1 to 1000'],
    [['smoke', '--url', 'http://127.0.0.1:8787'], '--key'],
    [['smoke', '--url', 'nowhere', '--key', 'k'], '--url'],
    [['keys', 'create', ' ', '--team', 't', '--local'], 'Expected 1 to 256 characters'],
    [['keys', 'list', '--nope'], "unknown option '--nope'"],
    [['keys', 'list', '--local', 'a', 'b'], 'too many arguments'],
  ])('%j is a usage error: exit code 2, said on stderr, as JSON where that was asked for', (words, message) => {
    const { status, stdout, stderr } = tollgate(...words);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    const asJson = tollgate(...words, '--json');
    expect([asJson.status, asJson.stdout]).toEqual([2, '']);
    expect(JSON.parse(asJson.stderr)).toEqual({ error: { message: expect.stringContaining(message) } });
  });

  test.each([[[]], [['keys']]])('%j lists the commands there are, as a usage error', (words) => {
    const { status, stdout, stderr } = tollgate(...words);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain('Usage: tollgate');
    const asJson = tollgate(...words, '--json');
    expect([asJson.status, asJson.stdout]).toEqual([2, '']);
    expect(JSON.parse(asJson.stderr)).toEqual({ error: { message: expect.any(String) } });
  });

  test('--json behind -- is an argument, no wish', () => {
    expect(tollgate('keys', 'revoke', '--local', '--', '--json').stderr).toMatch(/^There is no store/);
  });

  test('reading from a directory without a store fails and makes none', () => {
    expect(tollgate('keys', 'list', '--local')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('There is no store'),
    });
    expect(existsSync(dataDir())).toBe(false);
  });

  test('takes another directory', () => {
    tollgate('keys', 'create', 'app', '--team', 'search', '--local', 'elsewhere');
    expect(existsSync(join(folder, 'elsewhere', 'tollgate.db'))).toBe(true);
    expect(existsSync(dataDir())).toBe(false);
  });

  test('a damaged store fails with a message, not with a stack', () => {
    json('keys', 'create', 'app', '--team', 'search');
    writeFileSync(join(dataDir(), 'tollgate.db'), 'not a database, not a database, not a database');
    const { status, stderr } = tollgate('keys', 'list', '--local');
    expect(status).toBe(1);
    expect(stderr).not.toContain('    at ');
  });

  test('help is no error', () => {
    expect(tollgate('keys', 'create', '--help')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('--team'),
      stderr: '',
    });
  });
});

const receipt: Receipt = {
  surface: 'openai-chat',
  stream: false,
  plan: { targets: ['demo/echo'], passedOver: [] },
  estimate: { inputTokensLow: 1, inputTokensHigh: 2, outputTokens: 3 },
  attempts: [],
  dropped: [],
  budget: { state: 'ok', scope: null },
};
