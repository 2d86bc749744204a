import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { CachedAnswer, ResponseCache } from '../../lambdas/core/cache/cache-stores.ts';
import { tenantOf } from '../../lambdas/core/cache/scope-key.ts';
import type { CacheSelection } from '../../lambdas/core/cache/vector-index.ts';
import { seededRandom } from '../adapters/embedded/embedded-worlds.ts';
import { answerOf, anyAnswer, cachedOf } from './cached-answers.ts';
import { inWorld, type MakeStores } from './store-world.ts';

const HOUR_MS = 60 * 60_000;
/** A purge also takes requests that come up to so much after it, where clocks differ. */
const LONGEST_MARGIN_MS = 10_000;

const findAll = async (responses: ResponseCache, entries: CachedAnswer[], nowMs: number): Promise<string[]> => {
  const found = await Promise.all(entries.map(({ tenant, key }) => responses.find(tenant, key, nowMs)));
  return found.flatMap((entry) => (entry === undefined ? [] : [entry.key]));
};

/** Selected as a purge does it, of what is there. */
const isSelected = (entry: CachedAnswer, { team, user, alias, createdBefore }: CacheSelection): boolean =>
  (team === undefined || team === entry.team) &&
  (user === undefined || user === entry.user) &&
  (alias === undefined || alias === entry.alias) &&
  (createdBefore === undefined || entry.createdAt < createdBefore);

export const describeResponseCacheSuite = (name: string, makeStores: MakeStores): void => {
  describe(`response cache: ${name}`, () => {
    test(
      'what one process keeps every other finds, whole, and nothing under another key',
      inWorld(makeStores, async ({ world, clock, stores: { responses } }) => {
        const entry = cachedOf('a', clock.now(), { dropped: ['top_k', 'seed'] });
        const other = await world.open();
        expect(await other.responses.find(entry.tenant, 'a', clock.now())).toBeUndefined();
        expect(await responses.keep(entry, clock.now())).toBe('kept');
        for (const one of [responses, other.responses]) {
          expect(await one.find(entry.tenant, 'a', clock.now())).toEqual(entry);
          expect(await one.find(entry.tenant, 'b', clock.now())).toBeUndefined();
        }
      }),
    );

    test(
      'tenants never meet, whatever names they, or keys, are made of',
      inWorld(makeStores, async ({ clock, stores: { responses } }) => {
        const now = clock.now();
        const names = [
          'a',
          'A',
          'a#b',
          'b',
          '#',
          '',
          '"]',
          'a","b',
          'ä',
          'a\u0308',
          '__proto__',
          'x'.repeat(3_000),
          '\u0000',
        ];
        const tenants = [
          ...names.map((team) => tenantOf({ org: 'acme', team, user: 'u' }, 'team')),
          ...names.map((user) => tenantOf({ org: 'acme', team: 'a', user }, 'user')),
          ...names.map((org) => tenantOf({ org, team: 'a', user: 'u' }, 'org')),
          'a#b',
          'a',
        ];
        const keys = ['k', 'b#k', '#k', 'k'.repeat(3_000)];
        const all = tenants.flatMap((tenant) => keys.map((key) => ({ tenant, key })));
        for (const [i, { tenant, key }] of all.entries())
          await responses.keep(cachedOf(key, now, { tenant, answer: answerOf(`${i}`) }), now);
        for (const [i, { tenant, key }] of all.entries())
          expect((await responses.find(tenant, key, now))?.answer).toEqual(answerOf(`${i}`));
      }),
    );

    test(
      'any tenants and keys that differ have answers that differ',
      inWorld(makeStores, async ({ clock, stores: { responses } }) => {
        const now = clock.now();
        const kept = new Map<string, string>();
        const word = fc.oneof(fc.constantFrom('a', 'b', '#', 'a#', ',', '"'), fc.string({ maxLength: 3 }));
        await fc.assert(
          fc.asyncProperty(word, word, async (tenant, key) => {
            const place = JSON.stringify([tenant, key]);
            expect((await responses.find(tenant, key, now))?.answer.id).toBe(kept.get(place));
            if (kept.has(place)) return;
            await responses.keep(cachedOf(key, now, { tenant, answer: { ...answerOf(''), id: place } }), now);
            kept.set(place, place);
          }),
          { numRuns: 60 },
        );
      }),
    );

    test(
      'any answer comes back as it was',
      inWorld(makeStores, async ({ clock, stores: { responses } }) => {
        const now = clock.now();
        let round = 0;
        await fc.assert(
          fc.asyncProperty(anyAnswer, async (answer) => {
            round += 1;
            const entry = cachedOf(`k${round}`, now, { answer });
            expect(await responses.keep(entry, now)).toBe('kept');
            expect((await responses.find(entry.tenant, entry.key, now))?.answer).toStrictEqual(answer);
          }),
          { numRuns: 80 },
        );
      }),
    );

    test(
      'an answer of a hundred pages is kept, one that does not fit even compressed is not, and takes nobody’s place',
      inWorld(makeStores, async ({ clock, stores: { responses } }) => {
        const now = clock.now();
        const long = Array.from({ length: 30_000 }, (_, i) => `word ${i % 977}, ${i}.`).join(' ');
        const entry = cachedOf('long', now, { answer: answerOf(long) });
        expect(await responses.keep(entry, now)).toBe('kept');
        expect((await responses.find(entry.tenant, 'long', now))?.answer).toEqual(answerOf(long));
        const huge = [randomBytes(2 * 1024 * 1024).toString('base64'), 'a'.repeat(20 * 1024 * 1024)];
        for (const text of huge)
          expect(await responses.keep(cachedOf('long', now + 1, { answer: answerOf(text) }), now + 1)).toBe(
            'too-large',
          );
        expect((await responses.find(entry.tenant, 'long', now + 1))?.answer).toEqual(answerOf(long));
      }),
    );

    test(
      'an answer is found up to its time and not at it; then anything takes its place',
      inWorld(makeStores, async ({ world, clock, stores: { responses } }) => {
        const now = clock.now();
        const entry = cachedOf('a', now, { expiresAt: now + 1_500 });
        await responses.keep(entry, now);
        expect(await responses.find(entry.tenant, 'a', now + 1_499)).toEqual(entry);
        for (const one of [responses, (await world.open()).responses])
          expect(await one.find(entry.tenant, 'a', now + 1_500)).toBeUndefined();
        expect(await responses.stats(now + 1_500)).toEqual([]);
        const older = cachedOf('a', now - 5, { requestId: 'slow' });
        expect(await responses.keep(older, now + 1_500)).toBe('kept');
        expect((await responses.find(entry.tenant, 'a', now + 1_500))?.requestId).toBe('slow');
      }),
    );

    test(
      'an answer takes the place of one to an older request; one to a newer request stays',
      inWorld(makeStores, async ({ world, clock, stores: { responses } }) => {
        const now = clock.now();
        const other = await world.open();
        const idNow = async () => (await other.responses.find(cachedOf('a', now).tenant, 'a', now + 9))?.requestId;
        await responses.keep(cachedOf('a', now, { requestId: 'first' }), now + 5);
        await other.responses.keep(cachedOf('a', now + 2, { requestId: 'newer', user: 'bob' }), now + 6);
        expect(await idNow()).toBe('newer');
        expect(await responses.keep(cachedOf('a', now + 1, { requestId: 'older' }), now + 7)).toBe('kept');
        expect(await idNow()).toBe('newer');
        expect(await responses.purge({ user: 'ada' }, now + 8)).toBe(0);
        expect(await idNow()).toBe('newer');
      }),
    );

    test(
      'of many answers to one key that come at once the newest is left, or none is',
      inWorld(makeStores, async ({ world, clock, stores }) => {
        const now = clock.now();
        const other = await world.open();
        await Promise.all(
          Array.from({ length: 24 }, (_, i) =>
            (i % 2 ? other : stores).responses.keep(
              cachedOf('a', now - ((i * 7) % 24), { requestId: `${(i * 7) % 24}` }),
              now,
            ),
          ),
        );
        // The newest has been claimed last, and whoever claims last writes.
        expect((await stores.responses.find(cachedOf('a', now).tenant, 'a', now))?.requestId).toBe('0');
      }),
    );

    test.each<[string, CacheSelection]>([
      ['a team', { team: 'search' }],
      ['a user, in every team', { user: 'ada' }],
      ['a user of a team', { user: 'ada', team: 'sales' }],
      ['an alias', { alias: 'fast' }],
      ['a user’s of an alias', { user: 'bob', alias: 'assistant' }],
      ['a user of a team by an alias', { user: 'bob', team: 'search', alias: 'fast' }],
      ['nobody', { user: 'nobody' }],
      ['what is old', { createdBefore: 2_000 }],
      ['a user’s old ones', { user: 'ada', createdBefore: 2_000 }],
      ['a team’s old ones by an alias', { team: 'sales', alias: 'assistant', createdBefore: 3_000 }],
      ['everything', {}],
    ])('a purge of %s takes that and nothing else, at once and in every process', (_, selection) =>
      inWorld(makeStores, async ({ world, clock, stores: { responses } }) => {
        const now = clock.now();
        const began = now - 10_000;
        const other = await world.open();
        const entries = ['search', 'sales'].flatMap((team) =>
          ['ada', 'bob'].flatMap((user) =>
            ['assistant', 'fast'].flatMap((alias) =>
              [1_000, 2_000, 3_000].map((age) =>
                cachedOf(`${team}-${user}-${alias}-${age}`, began + age, { team, user, alias }),
              ),
            ),
          ),
        );
        await Promise.all(entries.map((entry) => responses.keep(entry, now)));
        // Found before, so that whatever remembers remembers it.
        expect(await findAll(other.responses, entries, now)).toHaveLength(entries.length);
        const { createdBefore, ...names } = selection;
        const asked = { ...names, ...(createdBefore !== undefined && { createdBefore: began + createdBefore }) };
        const gone = entries.filter((entry) => isSelected(entry, asked));
        expect(await responses.purge(asked, now)).toBe(gone.length);
        const left = entries.filter((entry) => !gone.includes(entry)).map(({ key }) => key);
        for (const one of [responses, other.responses, (await world.open()).responses])
          expect(await findAll(one, entries, now)).toEqual(left);
        expect((await other.responses.stats(now)).reduce((sum, { entries: count }) => sum + count, 0)).toBe(
          left.length,
        );
        expect(await other.responses.purge(asked, now)).toBe(0);
      })(),
    );

    test(
      'a purge counts what could be found, and not what had expired',
      inWorld(makeStores, async ({ clock, stores: { responses } }) => {
        const now = clock.now();
        await responses.keep(cachedOf('short', now, { expiresAt: now + 5 }), now);
        await responses.keep(cachedOf('long', now), now);
        expect(await responses.purge({ team: 'search' }, now + 5)).toBe(1);
      }),
    );

    test(
      'a purge of thousands is complete, and counts each once',
      inWorld(makeStores, async ({ clock, stores: { responses } }) => {
        const now = clock.now();
        const entries = Array.from({ length: 1_201 }, (_, i) =>
          cachedOf(`k${i}`, now, { user: i % 10 === 0 ? 'bob' : 'ada' }),
        );
        for (let i = 0; i < entries.length; i += 100)
          await Promise.all(entries.slice(i, i + 100).map((entry) => responses.keep(entry, now)));
        expect(await responses.purge({ user: 'ada' }, now)).toBe(1_080);
        expect(await responses.stats(now)).toMatchObject([{ entries: 121 }]);
      }),
    );

    test(
      'a request under way when it is purged keeps nothing; others’ do, and so does its next one',
      inWorld(makeStores, async ({ world, clock, stores: { responses } }) => {
        const began = clock.now();
        await clock.advance(60_000);
        const purged = clock.now();
        expect(await (await world.open()).responses.purge({ user: 'ada', alias: 'assistant' }, purged)).toBe(0);
        await clock.advance(30_000);
        const later = clock.now();
        expect(await responses.keep(cachedOf('late', began), later)).toBe('purged');
        expect(await responses.keep(cachedOf('bob', began, { user: 'bob' }), later)).toBe('kept');
        expect(await responses.keep(cachedOf('fast', began, { alias: 'fast' }), later)).toBe('kept');
        const next = purged + LONGEST_MARGIN_MS;
        expect(await responses.keep(cachedOf('next', next), later)).toBe('kept');
        const entries = ['late', 'bob', 'fast', 'next'].map((key) => cachedOf(key, began));
        expect(await findAll(responses, entries, later)).toEqual(['bob', 'fast', 'next']);
      }),
    );

    test(
      'a purge by age lets a request under way keep that is younger',
      inWorld(makeStores, async ({ clock, stores: { responses } }) => {
        const now = clock.now();
        await responses.purge({ createdBefore: now - 1_000 }, now);
        expect(await responses.keep(cachedOf('old', now - 1_001), now)).toBe('purged');
        expect(await responses.keep(cachedOf('young', now - 1_000), now)).toBe('kept');
      }),
    );

    test(
      'a clock that is set back after a request came does not bring a purged answer back',
      inWorld(makeStores, async ({ clock, stores: { responses } }) => {
        const came = clock.now();
        clock.jump(-HOUR_MS);
        await responses.purge({ user: 'ada' }, clock.now());
        expect(await responses.keep(cachedOf('late', came), clock.now())).toBe('purged');
        // What is there came before, whatever its clock said.
        await responses.keep(
          cachedOf('bob', came, { user: 'bob', createdAt: clock.now() + 20_000 }),
          clock.now() + 20_000,
        );
        expect(await responses.purge({ user: 'bob' }, clock.now())).toBe(1);
      }),
    );

    test(
      'two hundred purges of users later a request under way is still not kept, and a new one is',
      inWorld(makeStores, async ({ clock, stores: { responses } }) => {
        const began = clock.now();
        await clock.advance(1_000);
        for (let i = 0; i < 200; i++) await responses.purge({ user: `user ${i}` }, clock.now());
        for (const i of [0, 100, 199])
          expect(await responses.keep(cachedOf('late', began, { user: `user ${i}` }), clock.now())).toBe('purged');
        await clock.advance(LONGEST_MARGIN_MS);
        expect(await responses.keep(cachedOf('next', clock.now(), { user: 'user 0' }), clock.now())).toBe('kept');
      }),
    );

    test.each([1, 2, 3])(
      'many keeps of many processes and a purge among them: nothing of the purged user is found after it, and everybody else’s is (%i)',
      (seed) =>
        inWorld(makeStores, async ({ world, clock, stores: { responses } }) => {
          const now = clock.now();
          const random = seededRandom(seed);
          const caches = [responses, (await world.open()).responses, (await world.open()).responses];
          const entries = Array.from({ length: 90 }, (_, i) =>
            cachedOf(`k${i}`, now - Math.floor(random.fraction() * 50), {
              user: random.fraction() < 0.5 ? 'ada' : 'bob',
            }),
          );
          const purgeAt = Math.floor(random.fraction() * entries.length);
          let purged = Promise.resolve(0);
          const keeps: Promise<string | undefined>[] = [];
          for (const [i, entry] of entries.entries()) {
            if (i === purgeAt) purged = caches[i % 2]?.purge({ user: 'ada' }, now) ?? purged;
            keeps.push(caches[i % 3]?.keep(entry, now) ?? Promise.resolve(undefined));
            if (random.fraction() < 0.2) await new Promise((resolve) => setTimeout(resolve, random.fraction() * 4));
          }
          await purged;
          const findBoth = () => Promise.all(caches.map((cache) => findAll(cache, entries, now)));
          const ofUser = (user: string) => entries.filter((entry) => entry.user === user).map(({ key }) => key);
          const gone = new Set(ofUser('ada'));
          expect((await findBoth()).flat().filter((key) => gone.has(key))).toEqual([]);
          const outcomes = await Promise.all(keeps);
          for (const found of await findBoth()) expect(found).toEqual(ofUser('bob'));
          expect(entries.filter(({ user }, i) => user === 'bob' && outcomes[i] !== 'kept')).toEqual([]);
        })(),
    );

    test(
      'is counted by team and alias, with its size and the age of the oldest',
      inWorld(makeStores, async ({ clock, stores: { responses } }) => {
        const now = clock.now();
        expect(await responses.stats(now)).toEqual([]);
        await responses.keep(cachedOf('a', now - 5), now);
        await responses.keep(cachedOf('b', now - 9, { user: 'bob' }), now);
        await responses.keep(cachedOf('c', now, { team: 'sales', alias: 'fast' }), now);
        await responses.keep(cachedOf('d', now, { team: 'sales' }), now);
        const counts = await responses.stats(now);
        expect(counts.map(({ bytes: _, ...rest }) => rest)).toEqual([
          { team: 'sales', alias: 'assistant', entries: 1, oldestAt: now },
          { team: 'sales', alias: 'fast', entries: 1, oldestAt: now },
          { team: 'search', alias: 'assistant', entries: 2, oldestAt: now - 9 },
        ]);
        for (const { bytes, entries } of counts) {
          expect(bytes).toBeGreaterThan(100 * entries);
          expect(bytes).toBeLessThan(1_000 * entries);
        }
      }),
    );
  });
};
