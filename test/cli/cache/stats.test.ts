import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readRecentUse } from '../../../lambdas/cli/cache/recent-use.ts';
import { showCache } from '../../../lambdas/cli/cache/show-cache.ts';
import type { Ledger, LedgerEntry } from '../../../lambdas/core/ledger.ts';
import type { CacheReceipt, Receipt } from '../../../lambdas/core/receipt.ts';
import { type CacheWorld, openCacheWorld } from './world.ts';

let world: CacheWorld;
beforeEach(() => {
  world = openCacheWorld();
});
afterEach(() => world.end());

describe('cache stats', () => {
  test('counts what is kept in both stores, by team and alias, and says how old it is', async () => {
    const old = Date.now() - 600_000;
    await world.keep('a', { createdAt: old });
    await world.keep('b');
    await world.keep('c', { team: 'sales', alias: 'small' });
    const { answers, questions } = await world.json('stats');
    expect(answers).toEqual([
      { team: 'sales', alias: 'small', entries: 1, bytes: expect.any(Number), oldest_at: expect.any(String) },
      {
        team: 'search',
        alias: 'assistant',
        entries: 2,
        bytes: expect.any(Number),
        oldest_at: new Date(old).toISOString(),
      },
    ]);
    expect(questions).toMatchObject([
      { team: 'sales', alias: 'small', embedder: 'minilm/1', entries: 1 },
      { team: 'search', alias: 'assistant', entries: 2, oldest_at: new Date(old).toISOString() },
    ]);
    const { stdout } = await world.tollgate('stats');
    expect(stdout).toMatch(/TEAM +ALIAS +ANSWERS +BYTES +OLDEST\nsales +small +1 .*\nsearch +assistant +2 /);
    expect(stdout).toMatch(/TEAM +ALIAS +QUESTIONS +EMBEDDER +OLDEST\nsales +small +1 +minilm\/1 /);
  });

  test('of a team, of an alias', async () => {
    await world.keep('a');
    await world.keep('b', { team: 'sales' });
    await world.keep('c', { alias: 'small' });
    expect((await world.json('stats', '--team', 'sales')).answers).toMatchObject([{ team: 'sales' }]);
    expect((await world.json('stats', '--alias', 'small')).questions).toMatchObject([{ alias: 'small' }]);
  });

  test('of nothing says so', async () => {
    const { stdout } = await world.tollgate('stats');
    expect(stdout).toBe(
      'No answers are kept.\n\nNo questions are kept.\n\nNo requests.\n\nNo semantic hit has been audited.\n',
    );
  });

  test('the threshold is the newest request’s, unless it has been raised since', async () => {
    const { stores } = world;
    const record = { alias: 'assistant', embedder: 'e/1', state: { tightened: 1, isOff: false, audited: 0, wrong: 0 } };
    await stores.wrongHits.write({ ...record, version: 1, changedAt: 1_000 });
    const { responses, wrongHits, vectors, wipePurged: wipe } = stores;
    const thresholdAt = async (openedAt: number, embedder = 'e/1'): Promise<number | null> => {
      const receipt = { cache: { result: 'miss', semantic: { embedder, threshold: 0.925, candidates: [] } } };
      const tail = async () => [
        { requestId: 'req_1', alias: 'assistant', openedAt, receipt } as unknown as LedgerEntry,
      ];
      const openCache = async () => ({ responses, wrongHits, vectors, wipe });
      const { data } = await showCache({}, 10, { openCache, clock: stores.clock, ledger: { ...stores.ledger, tail } });
      return (data as { audits: { threshold: number | null }[] }).audits[0]?.threshold ?? null;
    };
    expect(await thresholdAt(2_000)).toBe(0.925);
    expect(await thresholdAt(500)).toBeNull();
    // With other vectors it says nothing of these.
    expect(await thresholdAt(2_000, 'e/2')).toBeNull();
  });

  test('shows what audits have found, and cache trust makes it forgotten', async () => {
    const { wrongHits } = world.stores;
    const state = { tightened: 2, isOff: true, audited: 60, wrong: 6 };
    await wrongHits.write({ alias: 'assistant', embedder: 'e/1', version: 1, state, changedAt: Date.now() });
    const { audits } = await world.json('stats');
    expect(audits).toMatchObject([
      { alias: 'assistant', embedder: 'e/1', audited: 60, wrong: 6, share: 0.1, threshold: null, is_off: true },
    ]);
    expect(audits[0].share_low).toBeCloseTo(0.0466, 3);
    expect(audits[0].share_high).toBeCloseTo(0.2015, 3);
    expect((await world.tollgate('stats')).stdout).toMatch(
      /assistant +e\/1 +60 +6 +10\.0 % \(4\.7 % to 20\.1 %\) +- +off \(cache trust assistant\)/,
    );

    const { stdout } = await world.tollgate('trust', 'assistant');
    expect(stdout).toMatch(
      /^assistant, e\/1: 6 of 60 audited hits were wrong, and it had turned itself off\. Forgotten\.\n/,
    );
    expect((await wrongHits.read('assistant', 'e/1')).state).toMatchObject({ isOff: false, tightened: 0, audited: 0 });
    expect(await world.json('trust', 'assistant')).toEqual({ alias: 'assistant', forgotten: [] });
    expect(await world.tollgate('trust', 'assitant')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/No audit of the semantic cache of "assitant" is known\. There are: assistant\./),
    });
  });
});

describe('what the last requests say', () => {
  const entry = (number: number, more: Partial<LedgerEntry>, receipt: Partial<Receipt> = {}): LedgerEntry =>
    ({
      requestId: `req_${number}`,
      alias: 'assistant',
      team: 'search',
      openedAt: number,
      cost: 0n,
      ...more,
      receipt: receipt as Receipt,
    }) as LedgerEntry;
  const cached = (number: number, cache: CacheReceipt, more: Partial<LedgerEntry> = {}): LedgerEntry =>
    entry(number, more, { cache });
  /** Newest first, and no more than asked for. */
  const ledgerOf = (entries: LedgerEntry[]) => {
    const asked: number[] = [];
    const tail: Ledger['tail'] = async ({ limit, before }) => {
      asked.push(limit);
      const begin = before === undefined ? 0 : entries.findIndex(({ requestId }) => requestId === before) + 1;
      return entries.slice(begin, begin + limit);
    };
    return { tail, asked };
  };

  test('hits, misses, what was saved, what vectors and audits cost, alias by alias', async () => {
    const semantic = { embedder: 'e/1', threshold: 0.9, candidates: [] };
    const { aliases, entries, since } = await readRecentUse(
      ledgerOf([
        cached(9, { result: 'hit-exact', saved: '700' }),
        cached(8, {
          result: 'hit-semantic',
          saved: '300',
          score: 0.95,
          semantic,
          embedding: { target: 't', inputTokens: 1, cost: '5' },
        }),
        cached(7, {
          result: 'miss',
          semantic: { ...semantic, threshold: 0.85 },
          embedding: { target: 't', inputTokens: 1, cost: '6' },
        }),
        cached(6, { result: 'off', why: 'client-says-off' }),
        entry(5, { cost: 40n }, { cacheAudit: { of: 'req_8', verdict: 'same' }, cache: { result: 'miss' } }),
        cached(4, { result: 'miss' }, { alias: 'small' }),
        entry(3, { alias: 'plain' }),
      ]),
      100,
      {},
    );
    expect([entries, since]).toEqual([7, 3]);
    expect(aliases).toEqual([
      {
        alias: 'assistant',
        exactHits: 1,
        semanticHits: 1,
        misses: 1,
        off: 1,
        saved: 1_000n,
        embeddings: 11n,
        audits: 1,
        auditCost: 40n,
        threshold: { value: 0.9, embedder: 'e/1', at: 8 },
      },
      expect.objectContaining({ alias: 'small', misses: 1, saved: 0n }),
    ]);
  });

  test('as many as asked for are read, in pages, and of a team only its own are counted', async () => {
    const ledger = ledgerOf(
      Array.from({ length: 3_000 }, (_, i) =>
        cached(3_000 - i, { result: 'miss' }, { team: i % 2 === 0 ? 'search' : 'sales' }),
      ),
    );
    const use = await readRecentUse(ledger, 1_200, { team: 'sales' });
    expect(use).toMatchObject({ entries: 1_200, since: 1_801, aliases: [{ misses: 600 }] });
    expect(ledger.asked).toEqual([500, 500, 200]);
  });
});
