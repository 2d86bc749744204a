import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { comparePins } from '../../lambdas/cli/compare-pins.ts';
import type { LedgerEntry } from '../../lambdas/core/ledger.ts';
import { runCli } from '../support/run-cli.ts';

const price = { inputPerMTok: 1, outputPerMTok: 2 };
const model = (name: string) => ({ model: name, price, contextTokens: 10_000 });
const target = (name: string, canary: string) => ({
  provider: 'a',
  ...model(name),
  canary: { ...model(canary), share: 0.05 },
});
const CONFIG = {
  providers: { a: { kind: 'openai-compatible', baseUrl: 'https://a/v1' } },
  models: {
    chat: { targets: [target('m-1', 'm-2')] },
    both: { targets: [target('m-1', 'm-2'), target('k-1', 'k-2')] },
    plain: { targets: [{ provider: 'a', ...model('m-1') }] },
  },
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tollgate-canaries-'));
  writeFileSync(join(folder, 'config.json'), JSON.stringify(CONFIG));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const config = () => ['--config', join(folder, 'config.json')];
const local = () => ['--local', join(folder, 'data')];
const pins = (...words: string[]) => runCli(['pins', ...words], { env: {} });
const jsonOf = async (...words: string[]) => JSON.parse((await pins(...words, '--json')).stdout);
const beginStore = () => runCli(['keys', 'create', 'app', '--team', 't', ...local()], { env: {} });

describe('a canary by hand', () => {
  beforeEach(beginStore);

  test('gets all, some, or none of the conversations, until it is released', async () => {
    const promoted = await pins('promote', 'chat', '--by', 'ada', ...config(), ...local());
    expect(promoted).toMatchObject({ status: 0, stderr: '' });
    expect(promoted.stdout).toMatch(
      /^chat: a\/m-2 gets 100 % of the conversations until "pins release"\. a\/m-1 stands behind it/,
    );
    const some = await pins('promote', 'chat', '--share', '0.25', '--until', '30d', ...config(), ...local());
    expect(some.stdout).toMatch(/gets 25 % of the conversations until \d{4}-.*a\/m-1 has the others/);
    expect(await jsonOf('back', 'chat', '--by', 'bob', ...config(), ...local())).toEqual({
      alias: 'chat',
      target: 'a/m-1',
      canary: 'a/m-2',
      share: 0,
      by: 'bob',
      until: null,
    });
    const { canaries } = await jsonOf('list', 'chat', ...config(), ...local());
    expect(canaries).toMatchObject([{ configured_share: 0.05, share: 0, override: { share: 0, by: 'bob' } }]);
    expect((await pins('release', 'chat', '--by', 'ada', ...local())).stdout).toBe(
      'chat: nothing is set by hand for a/m-2 in the place of a/m-1 any more. Where a configuration has the two, its share holds.\n',
    );
    const released = await jsonOf('list', 'chat', ...config(), ...local());
    expect(released.canaries).toMatchObject([{ share: 0.05, override: null }]);
    expect((await jsonOf('history', ...local())).canaries.map(({ share }: { share: number }) => share)).toEqual([
      null,
      0,
      0.25,
      1,
    ]);
  });

  test('says whose word it replaces', async () => {
    await pins('back', 'chat', '--by', 'ann (incident 12)', ...config(), ...local());
    const promoted = await pins('promote', 'chat', '--by', 'bob', ...config(), ...local());
    expect([promoted.status, promoted.stderr]).toEqual([
      0,
      expect.stringMatching(/^This replaces what ann \(incident 12\) has set at .*: 0 % for a\/m-2\.\n$/),
    ]);
    // One's own word, or the same once more, is no news.
    expect((await pins('promote', 'chat', '--share', '0.5', '--by', 'bob', ...config(), ...local())).stderr).toBe('');
    expect((await pins('promote', 'chat', '--share', '0.5', '--by', 'ann', ...config(), ...local())).stderr).toBe('');
    await pins('release', 'chat', '--by', 'ann', ...local());
    expect((await pins('back', 'chat', '--by', 'bob', ...config(), ...local())).stderr).toBe('');
  });

  test('of several is the one that is named', async () => {
    expect(await pins('promote', 'both', ...config(), ...local())).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(
        /both has several canaries: a\/m-2 of a\/m-1, a\/k-2 of a\/k-1\. Say which: --target/,
      ),
    });
    expect(await jsonOf('promote', 'both', '--target', 'a/k-1', ...config(), ...local())).toMatchObject({
      canary: 'a/k-2',
    });
    expect(await jsonOf('back', 'both', '--target', 'a/m-1', ...config(), ...local())).toMatchObject({
      canary: 'a/m-2',
    });
    expect(await jsonOf('promote', 'both', '--to', 'm-2', ...config(), ...local())).toMatchObject({ canary: 'a/m-2' });
    // Of one alias nothing is said of another.
    const { canaries } = await jsonOf('list', ...config(), ...local());
    expect(canaries.map(({ alias, share }: { alias: string; share: number }) => [alias, share])).toEqual([
      ['chat', 0.05],
      ['both', 1],
      ['both', 1],
    ]);
  });

  test.each([
    ['an alias that there is not', ['chta'], 1, /no alias "chta" in .*Did you mean "chat"\?/],
    [
      'an alias without one',
      ['plain'],
      1,
      /No target of plain has a canary in .*only what the configuration has, with its price/,
    ],
    [
      'a model that the configuration does not have',
      ['chat', '--to', 'm-9'],
      1,
      /"m-9" is no canary of chat .*it has a\/m-2 of a\/m-1/,
    ],
    ['another target', ['chat', '--target', 'a/k-1'], 1, /chat has no canary of "a\/k-1"/],
    ['a share of nothing', ['chat', '--share', '0'], 2, /Expected a share above 0 up to 1/],
    ['a time that is over', ['chat', '--until', '2020-01-01'], 2, /That is in the past/],
  ] as const)('is not set for %s', async (_, words, status, message) => {
    expect(await pins('promote', ...words, ...config(), ...local())).toMatchObject({
      status,
      stderr: expect.stringMatching(message),
    });
    expect((await jsonOf('history', ...local())).canaries).toEqual([]);
  });

  test('is taken back all the same to a version that ends, which is told', async () => {
    const soon = new Date(Date.now() + 20 * 86_400_000).toISOString().slice(0, 10);
    const ending = { ...target('m-1', 'm-2'), lifecycle: { retires: soon } };
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...CONFIG, models: { chat: { targets: [ending] } } }));
    expect(await pins('back', 'chat', ...config(), ...local())).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/^a\/m-1 \(chat\) retires .* in (19|20) days\.\n$/),
    });
    expect(await pins('promote', 'chat', ...config(), ...local())).toMatchObject({ status: 0, stderr: '' });
  });

  test('that nobody has set can’t be released', async () => {
    expect(await pins('release', 'chat', ...local())).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/No canary of chat is set by hand/),
    });
  });
});

test('pins list needs no store, and says where what was set by hand is', async () => {
  const { status, stdout } = await pins('list', 'chat', ...config());
  expect(status).toBe(0);
  expect(stdout).toMatch(
    /\nchat: canary a\/m-2 of a\/m-1 gets 5 % \(as configured\)\.\nWhether somebody has set them by hand is in the store: --local or --stack\./,
  );
  expect((await pins('list', 'plain', ...config())).stdout).not.toContain('canary');
});

describe('pins compare', () => {
  /** A ledger of so many entries, a second apart, newest first; every fourth was drawn for the canary. */
  const ledgerOf = (count: number) => {
    const asked: { limit: number; before?: string }[] = [];
    const entries = Array.from({ length: count }, (_, i): LedgerEntry => {
      const isDrawn = i % 4 === 0;
      const answeredBy = isDrawn ? 'a/m-2' : 'a/m-1';
      return {
        requestId: `req_${i}`,
        alias: 'chat',
        state: 'settled',
        openedAt: Date.UTC(2026, 10, 23) - i * 1_000,
        receipt: {
          plan: {
            targets: [],
            passedOver: [],
            canaries: [
              {
                target: 'a/m-2',
                of: 'a/m-1',
                place: ((i % 100_000) / 100_000) * (isDrawn ? 0.25 : 0.7) + (isDrawn ? 0 : 0.3),
                share: 0.25,
              },
            ],
          },
          attempts: [
            {
              target: answeredBy,
              startedAt: 0,
              durationMs: isDrawn ? 40 : 80,
              firstTokenMs: 7,
              cost: '1500000',
              usage: { outputTokens: 12 },
            },
          ],
          outcome: 'answered',
          answeredBy,
          ...(isDrawn && i % 8 === 0 && { flaw: 'refused' }),
        },
      } as unknown as LedgerEntry;
    });
    return {
      asked,
      ledger: {
        tail: async (options: { limit: number; before?: string }) => {
          asked.push(options);
          const from =
            options.before === undefined ? 0 : entries.findIndex((one) => one.requestId === options.before) + 1;
          return entries.slice(from, from + options.limit);
        },
      },
    };
  };
  const feedback = {
    read: async (requestId: string) =>
      Number(requestId.slice(4)) % 8 === 4 ? { requestId, score: 0.5, label: null, at: 0 } : undefined,
  };
  const NOBODY = { read: async () => undefined };

  test('shows both sides, what it is made of, and one plain line', async () => {
    const { ledger } = ledgerOf(400);
    const { text, data } = await comparePins({ alias: 'chat', since: undefined, most: 1_000 }, { ledger, feedback });
    expect(text.split('\n')).toEqual([
      expect.stringMatching(/^chat +a\/m-1 +canary a\/m-2$/),
      expect.stringMatching(/^requests +300 +100$/),
      expect.stringMatching(/^errors +0 % \(0; 0 % to 1\.3 %\) +0 % \(0; 0 % to 3\.7 %\)$/),
      expect.stringMatching(/^refusals +0 % \(0; 0 % to 1\.3 %\) +50 % \(50; 40\.4 % to 59\.6 %\)$/),
      expect.stringMatching(/^truncated +0 %/),
      expect.stringMatching(/^invalid output +0 %/),
      expect.stringMatching(/^answer p50, p95 +80 ms, 80 ms +40 ms, 40 ms$/),
      expect.stringMatching(/^first token p50 +7 ms +7 ms$/),
      expect.stringMatching(/^output tokens +12 +12$/),
      expect.stringMatching(/^per 1000 answers +\$1\.5 +\$1\.5$/),
      expect.stringMatching(/^by others +\$0 +\$0$/),
      expect.stringMatching(/^quality +- +0\.50 of 50$/),
      'worse: refusals 50 % against 0 %. Better: half of the answers take 40 ms against 80 ms.',
      '',
      '400 entries of 2026-11-22 23:53:21Z to 2026-11-23 00:00:00Z were read.',
    ]);
    expect(data).toMatchObject({
      comparisons: [
        {
          verdict: 'mixed',
          canary: {
            model: 'a/m-2',
            requests: 100,
            refusals: { count: 50, of: 100 },
            cost_usd_per_1000_answers: '1.5',
          },
          target: { model: 'a/m-1', duration_p50_ms: { value: 80, interval: { low: 80, high: 80 } }, quality: null },
        },
      ],
      entries_read: 400,
      older_left: false,
    });
  });

  test('reads no more than it is told to, and says that there is more', async () => {
    const { ledger, asked } = ledgerOf(12_000);
    const { text, data } = await comparePins(
      { alias: undefined, since: undefined, most: 7_000 },
      { ledger, feedback: NOBODY },
    );
    expect(data).toMatchObject({ entries_read: 7_000, older_left: true });
    expect(text).toMatch(/7000 entries .* were read\. There are older ones: --most reads more\.$/);
    expect(asked).toEqual([{ limit: 5_000 }, { limit: 2_000, before: 'req_4999' }]);
  });

  test('reads no further back than asked', async () => {
    const { ledger, asked } = ledgerOf(12_000);
    const since = Date.UTC(2026, 10, 23) - 99_000;
    const { data } = await comparePins({ alias: undefined, since, most: 10_000 }, { ledger, feedback: NOBODY });
    expect(data).toMatchObject({ entries_read: 100, older_left: false, from: '2026-11-22T23:58:21.000Z' });
    expect(asked).toHaveLength(1);
  });

  test('of an alias without any says so', async () => {
    const { ledger } = ledgerOf(10);
    const PLAIN = { alias: 'plain', since: undefined, most: 100 };
    const configured = { aliases: ['chat', 'plain'], file: 'it.ts' };
    expect(await comparePins({ ...PLAIN, configured }, { ledger, feedback })).toMatchObject({
      text: expect.stringMatching(/^None of the requests for plain had a canary\. 10 entries/),
      data: { comparisons: [], entries_read: 10 },
    });
    const empty = await comparePins(
      { alias: undefined, since: undefined, most: 100 },
      { ledger: ledgerOf(0).ledger, feedback },
    );
    expect(empty.text).toBe('None of the requests had a canary. 0 entries were read.');
    // Neither the configuration nor the ledger knows it.
    await expect(comparePins({ ...PLAIN, alias: 'chta', configured }, { ledger, feedback })).rejects.toThrow(
      /There is no alias "chta" in it\.ts, and none of the entries names it\. Did you mean "chat"\?/,
    );
    await expect(comparePins(PLAIN, { ledger, feedback })).rejects.toThrow(
      /None of the entries names an alias "plain"\. 10 entries/,
    );
  });

  test('counts what a canary’s failures cost its target on the canary’s side, by the answer', async () => {
    const { ledger } = ledgerOf(400);
    const failing = {
      tail: async (options: { limit: number; before?: string }) =>
        (await ledger.tail(options)).map((entry): LedgerEntry => {
          const [attempt] = entry.receipt.attempts;
          if (attempt?.target !== 'a/m-2') return entry;
          const attempts = [
            { ...attempt, failure: 'server_error' as const, cost: '0' },
            { ...attempt, target: 'a/m-1' },
          ];
          return { ...entry, receipt: { ...entry.receipt, attempts, answeredBy: 'a/m-1' } };
        }),
    };
    const { text } = await comparePins(
      { alias: 'chat', since: undefined, most: 400 },
      { ledger: failing, feedback: NOBODY },
    );
    expect(text).toMatch(/\nper 1000 answers +\$1\.5 +\$1\.5\nby others +\$0 +\$1\.5\n/);
    expect(text).toMatch(/\nIts errors: server_error 100\.\n/);
  });

  test('says what it left out, and under which shares it compared', async () => {
    const { ledger } = ledgerOf(400);
    const mixed = {
      tail: async (options: { limit: number; before?: string }) =>
        (await ledger.tail(options)).map((entry, i): LedgerEntry => {
          const canaries = (entry.receipt.plan.canaries ?? []).map((note) =>
            i < 200 ? note : { ...note, share: note.place < 0.25 ? 0.25 : 0, byHand: true as const },
          );
          const isShut = i === 0;
          const plan = {
            ...entry.receipt.plan,
            canaries: i < 100 ? canaries.map((note) => ({ ...note, share: 0.3 })) : canaries,
            passedOver: isShut ? [{ target: 'a/m-2', reason: 'circuit open' }] : [],
          };
          const attempts = entry.receipt.attempts.map((one) => (isShut ? { ...one, target: 'a/m-1' } : one));
          return { ...entry, receipt: { ...entry.receipt, plan, attempts } };
        }),
    };
    const { text, data } = await comparePins(
      { alias: 'chat', since: undefined, most: 400 },
      { ledger: mixed, feedback: NOBODY },
    );
    expect(text).toContain('\nDrawn for it, and not asked with it: circuit open 1.\n');
    expect(text).toContain('\nCompared within each share that was in force (25 %, 30 %), then put together.\n');
    expect(text).toContain('\nLeft out: 150 from times in which only one of the two was asked.\n');
    expect(data).toMatchObject({
      comparisons: [
        { shares: [0.25, 0.3], not_side_by_side: 150, canary: { drawn_but_not_asked: { 'circuit open': 1 } } },
      ],
    });
  });
});
