import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { purgeCache } from '../../../lambdas/cli/cache/purge-cache.ts';
import { CommandFailed } from '../../../lambdas/cli/output.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { vectorOf } from '../../port-suites/vectors.ts';
import { type CacheWorld, openCacheWorld, TENANT } from './world.ts';

let world: CacheWorld;
beforeEach(() => {
  world = openCacheWorld();
});
afterEach(() => world.end());

const kept = async (): Promise<{ answers: string[]; questions: string[] }> => {
  const { stores } = world;
  const names = ['a', 'b', 'c', 'd'];
  const found = await Promise.all(names.map((name) => stores.responses.find(TENANT, `key ${name}`, Date.now())));
  const query = { tenant: TENANT, scope: 'scope-1', embedder: 'minilm/1', vector: vectorOf(1), count: 10 };
  return {
    answers: names.filter((_, i) => found[i] !== undefined),
    questions: (await stores.vectors.find(query, Date.now())).map(({ id }) => id).sort(),
  };
};

const keepFour = async (): Promise<void> => {
  await world.keep('a');
  await world.keep('b', { user: 'bob' });
  await world.keep('c', { alias: 'small' });
  await world.keep('d', { team: 'sales', createdAt: Date.now() - 3_000_000 });
};

describe('cache purge', () => {
  test.each([
    [['--user', 'ada'], ['b'], 3],
    [['--team', 'sales'], ['a', 'b', 'c'], 1],
    [['--alias', 'small'], ['a', 'b', 'd'], 1],
    [['--user', 'ada', '--alias', 'assistant'], ['b', 'c'], 2],
    [['--older-than', '30m'], ['a', 'b', 'c'], 1],
    [['--before', new Date(Date.now() - 1_800_000).toISOString()], ['a', 'b', 'c'], 1],
    [['--all'], [], 4],
    [['--user', 'carol'], ['a', 'b', 'c', 'd'], 0],
  ])('%j leaves %j in both stores', async (words, left, gone) => {
    await keepFour();
    expect(await world.json('purge', ...words)).toMatchObject({ answers: gone, questions: gone, wiped: true });
    expect(await kept()).toEqual({ answers: left, questions: left });
  });

  test('says how many of each went, and what it does not reach', async () => {
    await keepFour();
    const { stdout } = await world.tollgate('purge', '--user', 'ada');
    expect(stdout).toMatch(/^Purged what was kept of the user "ada": 3 answers, 3 questions\./);
    expect(stdout).toContain('idempotency');
    expect((await world.tollgate('purge', '--user', 'ada')).stdout).toMatch(/^Nothing was kept of the user "ada"\./);
  });

  test.each([
    [[], /Say what is to go.*--all/],
    [['--all', '--user', 'ada'], /--all goes with nothing/],
    [['--older-than', '1d', '--before', '2026-01-01'], /either --older-than or --before/],
    [['--before', '2999-01-01'], /yet to come/],
    [['--user', ''], /1 to 256 characters/],
    [['--older-than', 'soon'], /duration/],
  ])('%j is refused, and nothing goes', async (words, why) => {
    await keepFour();
    expect(await world.tollgate('purge', ...words)).toMatchObject({ status: 2, stderr: expect.stringMatching(why) });
    expect((await kept()).answers).toHaveLength(4);
  });

  test('a user’s name is taken to the letter', async () => {
    await world.keep('a', { user: ' ada ' });
    expect(await world.json('purge', '--user', 'ada')).toMatchObject({ answers: 0 });
    expect(await world.json('purge', '--user', ' ada ')).toMatchObject({ answers: 1, questions: 1 });
  });
});

describe('a purge that breaks off', () => {
  const place = { kind: 'local', dataDir: '' } as const;
  const purge = (broken: Partial<Awaited<ReturnType<typeof opened>>>) =>
    purgeCache(
      { isAll: false, user: 'ada' },
      { clock: world.stores.clock, place, openCache: async () => ({ ...(await opened()), ...broken }) },
    );
  const opened = async () => {
    const { responses, wrongHits, vectors, wipePurged: wipe } = world.stores;
    return { responses, wrongHits, vectors, wipe };
  };
  const unavailable = async (): Promise<never> => {
    throw new StoreUnavailable('The index did not answer.');
  };

  test('before the questions are gone has let no answer be found, says so, and is completed by the next', async () => {
    await keepFour();
    const failed = purge({ vectors: { ...world.stores.vectors, purge: unavailable } });
    await expect(failed).rejects.toThrow(/index did not answer\. 3 answers went.*Purge again/);
    await expect(failed).rejects.toBeInstanceOf(CommandFailed);
    expect(await kept()).toEqual({ answers: ['b'], questions: ['a', 'b', 'c', 'd'] });
    expect((await purge({})).data).toMatchObject({ answers: 0, questions: 3 });
    expect(await kept()).toEqual({ answers: ['b'], questions: ['b'] });
  });

  test('at the answers has touched no question', async () => {
    await keepFour();
    await expect(purge({ responses: { ...world.stores.responses, purge: unavailable } })).rejects.toBeInstanceOf(
      StoreUnavailable,
    );
    expect((await kept()).questions).toHaveLength(4);
  });

  test('at the overwriting is done all the same, and warns', async () => {
    await keepFour();
    const output = await purge({ wipe: unavailable });
    expect(output.data).toMatchObject({ answers: 3, questions: 3, wiped: false });
    expect(output.warnings).toEqual([expect.stringContaining('Purge again')]);
    expect(output.text).not.toContain('Nothing of it is left');
  });
});

test('without an index of questions only answers are purged, and it says so', async () => {
  await keepFour();
  const { responses, wrongHits, clock } = world.stores;
  const openCache = async () => ({ responses, wrongHits, wipe: async () => undefined });
  const place = { kind: 'deployed', stack: 's', region: 'r', gateway: 'g', outputs: {} } as const;
  const output = await purgeCache({ isAll: true }, { clock, place, openCache });
  expect(output.data).toMatchObject({ answers: 4, questions: null });
  expect(output.text).toContain('no index of questions');
});

test('a deployed gateway’s clock may be a minute ahead of the one that purges', async () => {
  const { responses, wrongHits, vectors, clock } = world.stores;
  await vectors.put(
    { ...(await import('../../port-suites/vectors.ts')).entryOf('ahead', Date.now() + 30_000) },
    Date.now(),
  );
  const openCache = async () => ({ responses, wrongHits, vectors, wipe: async () => undefined });
  const place = { kind: 'deployed', stack: 's', region: 'r', gateway: 'g', outputs: {} } as const;
  expect((await purgeCache({ isAll: true }, { clock, place, openCache })).data).toMatchObject({ questions: 1 });
});
