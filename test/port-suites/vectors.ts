import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { FoundVector, VectorEntry, VectorIndex } from '../../lambdas/core/cache/vector-index.ts';
import type { Clock } from '../../lambdas/core/ports.ts';
import { makeWorldClock, type WorldClock } from './store-world.ts';

/** One fresh index, as several processes would see it. */
export interface VectorWorld {
  /** Another process's view of the same index; one that can't be shared gives the same again. */
  open(): Promise<VectorIndex>;
  /** Lets finds see what was put. */
  catchUp(): Promise<void>;
  end(): Promise<void>;
}

export type MakeVectorWorld = (clock: Clock, dimensions: number) => Promise<VectorWorld>;

const HOUR_MS = 60 * 60_000;
const DIMENSIONS = 8;

/** Of length 1, made from a seed. */
export const vectorOf = (seed: number, dimensions = DIMENSIONS): Float32Array => {
  let state = seed * 2_654_435_761 + 1;
  const numbers = Array.from({ length: dimensions }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state / 2 ** 31;
  });
  const length = Math.hypot(...numbers);
  return Float32Array.from(numbers, (value) => value / length);
};

export const entryOf = (id: string, nowMs: number, more: Partial<VectorEntry> = {}): VectorEntry => ({
  id,
  tenant: '["team","acme","search"]',
  scope: 'scope-1',
  embedder: 'minilm/1',
  vector: vectorOf(1),
  question: `question ${id}`,
  answerKey: `answer-${id}`,
  team: 'search',
  user: 'ada',
  alias: 'assistant',
  createdAt: nowMs,
  expiresAt: nowMs + HOUR_MS,
  ...more,
});

const cosine = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);

export const describeVectorSuite = (name: string, makeWorld: MakeVectorWorld): void => {
  const inWorld =
    (run: (context: { world: VectorWorld; clock: WorldClock; index: VectorIndex }) => Promise<void>) =>
    async (): Promise<void> => {
      const clock = makeWorldClock();
      const world = await makeWorld(clock, DIMENSIONS);
      try {
        await run({ world, clock, index: await world.open() });
      } finally {
        await world.end();
      }
    };
  const query = (more: Partial<VectorEntry & { count: number }> = {}) => ({
    tenant: '["team","acme","search"]',
    scope: 'scope-1',
    embedder: 'minilm/1',
    vector: vectorOf(1),
    count: 10,
    ...more,
  });
  const idsOf = (found: FoundVector[]): string[] => found.map(({ id }) => id).sort();

  describe(`vector index: ${name}`, () => {
    test(
      'the nearest come first, with their cosines and all that was kept, and no more than asked for',
      inWorld(async ({ world, clock, index }) => {
        const now = clock.now();
        for (let i = 0; i < 30; i++) await index.put(entryOf(`e${i}`, now, { vector: vectorOf(i) }), now);
        await world.catchUp();
        const asked = vectorOf(99);
        const expected = Array.from({ length: 30 }, (_, i) => ({ id: `e${i}`, score: cosine(asked, vectorOf(i)) }))
          .sort((a, b) => b.score - a.score)
          .slice(0, 5);
        const found = await index.find(query({ vector: asked, count: 5 }), now);
        expect(found.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
        for (const [i, { score }] of found.entries()) expect(score).toBeCloseTo(expected[i]?.score ?? 2, 4);
        const [best] = found;
        expect(best).toMatchObject({
          question: `question ${best?.id}`,
          answerKey: `answer-${best?.id}`,
          createdAt: now,
        });
      }),
    );

    test(
      'another process finds what one has put, and what it puts after',
      inWorld(async ({ world, clock, index }) => {
        const other = await world.open();
        await index.put(entryOf('a', clock.now()), clock.now());
        await world.catchUp();
        expect(idsOf(await other.find(query(), clock.now()))).toEqual(['a']);
        await index.put(entryOf('b', clock.now()), clock.now());
        await world.catchUp();
        expect(idsOf(await other.find(query(), clock.now()))).toEqual(['a', 'b']);
      }),
    );

    test(
      'tenants, scopes and embedders never mix, whatever they are called',
      inWorld(async ({ world, clock, index }) => {
        const now = clock.now();
        const names = ['a', 'A', 'a ', 'a*', '*', '"a"', 'a OR b', 'a","b', 'ä', 'b'];
        const all = names.flatMap((tenant) =>
          ['s', 's*'].flatMap((scope) => ['e/1', 'e/2'].map((embedder) => ({ tenant, scope, embedder }))),
        );
        await Promise.all(all.map((where, i) => index.put(entryOf(`n${i}`, now, where), now)));
        await world.catchUp();
        for (const [i, where] of all.entries()) expect(idsOf(await index.find(query(where), now))).toEqual([`n${i}`]);
      }),
    );

    test(
      'an id is one entry: the later takes the place of the earlier, also for who had found it before',
      inWorld(async ({ world, clock, index }) => {
        const now = clock.now();
        const other = await world.open();
        await index.put(entryOf('a', now, { answerKey: 'first' }), now);
        await world.catchUp();
        expect((await other.find(query(), now)).map(({ answerKey }) => answerKey)).toEqual(['first']);
        await index.put(entryOf('a', now, { answerKey: 'second', vector: vectorOf(2) }), now);
        await world.catchUp();
        for (const one of [index, other])
          expect((await one.find(query(), now)).map(({ answerKey }) => answerKey)).toEqual(['second']);
      }),
    );

    test(
      'an entry is found up to its time and not at it, in processes that knew it as well',
      inWorld(async ({ world, clock, index }) => {
        const now = clock.now();
        await index.put(entryOf('short', now, { expiresAt: now + 1_000 }), now);
        await index.put(entryOf('long', now, { expiresAt: now + 9_000 }), now);
        await world.catchUp();
        expect(idsOf(await index.find(query(), now + 999))).toEqual(['long', 'short']);
        expect(idsOf(await index.find(query(), now + 1_000))).toEqual(['long']);
        expect(idsOf(await (await world.open()).find(query(), now + 9_000))).toEqual([]);
        await index.put(entryOf('new', now + 9_000, { expiresAt: now + 20_000 }), now + 9_000);
        await world.catchUp();
        expect(await index.stats(now + 9_000)).toEqual([
          { team: 'search', alias: 'assistant', embedder: 'minilm/1', entries: 1, oldestAt: now + 9_000 },
        ]);
      }),
    );

    test.each([
      ['a team’s', { team: 'search' }, ['sales-ada', 'sales-bob']],
      ['a user’s, in every team', { user: 'ada' }, ['sales-bob', 'search-bob']],
      ['a user’s of a team', { user: 'ada', team: 'search' }, ['sales-ada', 'sales-bob', 'search-bob']],
      ['an alias’s', { alias: 'assistant' }, []],
      ['another alias’s', { alias: 'other' }, ['sales-ada', 'sales-bob', 'search-ada', 'search-bob']],
      ['all', {}, []],
    ] as const)('a purge takes %s entries and no other, at once and in every process', (_, selection, left) =>
      inWorld(async ({ world, clock, index }) => {
        const now = clock.now();
        const other = await world.open();
        for (const team of ['search', 'sales'])
          for (const user of ['ada', 'bob']) await index.put(entryOf(`${team}-${user}`, now, { team, user }), now);
        await world.catchUp();
        expect(await other.find(query(), now)).toHaveLength(4);
        expect(await index.purge(selection, now)).toBe(4 - left.length);
        for (const one of [index, other, await world.open()]) expect(idsOf(await one.find(query(), now))).toEqual(left);
        const kept = await index.stats(now);
        expect(kept.reduce((sum, { entries }) => sum + entries, 0)).toBe(left.length);
      })(),
    );

    test(
      'a purge by age takes what came before, and not what came then',
      inWorld(async ({ world, clock, index }) => {
        const now = clock.now();
        for (const [id, createdAt] of [
          ['old', now - 2_000],
          ['edge', now - 1_000],
          ['new', now],
        ] as const)
          await index.put(entryOf(id, now, { createdAt }), now);
        await world.catchUp();
        expect(await index.purge({ createdBefore: now - 1_000 }, now)).toBe(1);
        expect(idsOf(await index.find(query(), now))).toEqual(['edge', 'new']);
      }),
    );

    test(
      'a request that was under way when its user was purged keeps nothing; the next one does, and others’ do',
      inWorld(async ({ world, clock, index }) => {
        const began = clock.now();
        const purged = began + 5_000;
        expect(await (await world.open()).purge({ user: 'ada' }, purged)).toBe(0);
        expect(await index.put(entryOf('late', began), purged + 1)).toBe(false);
        expect(await index.put(entryOf('bob', began, { user: 'bob' }), purged + 1)).toBe(true);
        expect(await index.put(entryOf('next', purged + 1), purged + 1)).toBe(true);
        await world.catchUp();
        expect(idsOf(await index.find(query(), purged + 2))).toEqual(['bob', 'next']);
      }),
    );

    test(
      'many processes put and purge at once: what is left is what came after, or was never meant',
      inWorld(async ({ world, clock, index }) => {
        const now = clock.now();
        const other = await world.open();
        const puts = Array.from({ length: 40 }, (_, i) =>
          (i % 2 === 0 ? index : other).put(
            entryOf(`p${i}`, now, { user: i % 4 < 2 ? 'ada' : 'bob', vector: vectorOf(i) }),
            now,
          ),
        );
        await Promise.all([...puts, other.purge({ user: 'ada' }, now)]);
        await world.catchUp();
        const found = await index.find(query({ count: 100 }), now);
        const bobs = Array.from({ length: 40 }, (_, i) => i).filter((i) => i % 4 >= 2);
        expect(idsOf(found)).toEqual(bobs.map((i) => `p${i}`).sort());
      }),
    );

    test(
      'questions of any signs come back as they were',
      inWorld(async ({ world, clock, index }) => {
        const now = clock.now();
        const questions = [
          '',
          '\u0000',
          '"; DROP TABLE vectors; --',
          '日本語 ﬁ ß',
          '🙂'.repeat(100),
          'a\nb\\',
          '{"query":{}}',
        ];
        for (const [i, question] of questions.entries()) await index.put(entryOf(`q${i}`, now, { question }), now);
        await world.catchUp();
        const found = await index.find(query({ count: 20 }), now);
        expect(found.map(({ question }) => question).sort()).toEqual([...questions].sort());
      }),
    );
  });
};

/** Finds of an index against a plain sort, over any entries: for adapters that compare with every vector. */
export const checkAgainstSort = async (index: VectorIndex, nowMs: number): Promise<void> => {
  let round = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 40 }),
      fc.integer(),
      fc.integer({ min: 0, max: 12 }),
      async (seeds, asked, count) => {
        round += 1;
        const scope = `scope-${round}`;
        for (const [i, seed] of seeds.entries())
          await index.put(entryOf(`${scope}-${i}`, nowMs, { scope, vector: vectorOf(seed) }), nowMs);
        const vector = vectorOf(asked);
        const scores = seeds.map((seed) => cosine(vector, vectorOf(seed))).sort((a, b) => b - a);
        const found = await index.find(
          { tenant: entryOf('', 0).tenant, scope, embedder: 'minilm/1', vector, count },
          nowMs,
        );
        expect(found.map(({ score }) => score.toFixed(5))).toEqual(
          scores.slice(0, count).map((score) => score.toFixed(5)),
        );
      },
    ),
    { numRuns: 40 },
  );
};
