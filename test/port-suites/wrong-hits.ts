import { describe, expect, test } from '@jest/globals';
import type { WrongHitRecord, WrongHitStore } from '../../lambdas/core/cache/cache-stores.ts';
import { noteAudit, UNAUDITED } from '../../lambdas/core/cache/wrong-hits.ts';
import { inWorld, type MakeStores } from './store-world.ts';

const POLICY = { maxWrongShare: 0.01, threshold: 0.85 };

const record = (alias: string, version: number, more: Partial<WrongHitRecord> = {}): WrongHitRecord => ({
  alias,
  embedder: 'minilm/1',
  version,
  state: { tightened: 1, isOff: false, audited: 20, wrong: 3 },
  changedAt: 1_700_000_000_000,
  ...more,
});

/** As an auditor does it: until it was the first to write. */
const audit = async (store: WrongHitStore, isWrong: boolean): Promise<void> => {
  for (;;) {
    const seen = await store.read('assistant', 'minilm/1');
    const { state } = noteAudit(seen.state, isWrong, POLICY);
    if (await store.write({ ...seen, state, version: seen.version + 1, changedAt: 1 })) return;
  }
};

export const describeWrongHitsSuite = (name: string, makeStores: MakeStores): void => {
  describe(`wrong hits: ${name}`, () => {
    test(
      'what one process writes the others read; what nobody has audited is unaudited',
      inWorld(makeStores, async ({ world, stores: { wrongHits } }) => {
        expect(await wrongHits.list()).toEqual([]);
        expect(await wrongHits.read('a', 'e')).toEqual({
          alias: 'a',
          embedder: 'e',
          version: 0,
          state: UNAUDITED,
          changedAt: 0,
        });
        const off = record('b', 1, { state: { tightened: 2, isOff: true, audited: 7, wrong: 5 } });
        expect(await wrongHits.write(off)).toBe(true);
        expect(await wrongHits.write(record('a', 1))).toBe(true);
        const other = (await world.open()).wrongHits;
        expect(await other.read('b', 'minilm/1')).toEqual(off);
        expect(await other.list()).toEqual([record('a', 1), off]);
      }),
    );

    test(
      'no alias and embedder are another’s, whatever they are called',
      inWorld(makeStores, async ({ stores: { wrongHits } }) => {
        const names = ['a', 'a#b', 'b', '#', 'a","b', '__proto__'];
        const all = names.flatMap((alias) => names.map((embedder) => ({ alias, embedder })));
        for (const [i, pair] of all.entries())
          expect(await wrongHits.write(record('', 1, { ...pair, changedAt: i }))).toBe(true);
        for (const [i, { alias, embedder }] of all.entries())
          expect((await wrongHits.read(alias, embedder)).changedAt).toBe(i);
        expect(await wrongHits.list()).toHaveLength(all.length);
      }),
    );

    test(
      'only who has seen the last version writes',
      inWorld(makeStores, async ({ stores: { wrongHits } }) => {
        expect(await wrongHits.write(record('a', 2))).toBe(false);
        expect(await wrongHits.list()).toEqual([]);
        expect(await wrongHits.write(record('a', 1))).toBe(true);
        expect(await wrongHits.write(record('a', 1, { changedAt: 9 }))).toBe(false);
        expect(await wrongHits.write(record('a', 3))).toBe(false);
        expect(await wrongHits.write(record('a', 2, { changedAt: 9 }))).toBe(true);
        expect(await wrongHits.list()).toEqual([record('a', 2, { changedAt: 9 })]);
      }),
    );

    test(
      'of two who write the very same one wins: both audits count',
      inWorld(makeStores, async ({ world, stores }) => {
        const other = await world.open();
        for (let version = 1; version <= 10; version++) {
          const won = await Promise.all([
            stores.wrongHits.write(record('a', version)),
            other.wrongHits.write(record('a', version)),
          ]);
          expect(won.filter(Boolean)).toHaveLength(1);
        }
      }),
    );

    test(
      'no audit is lost where many processes audit at once',
      inWorld(makeStores, async ({ world, stores }) => {
        const other = await world.open();
        await Promise.all(Array.from({ length: 16 }, (_, i) => audit((i % 2 ? other : stores).wrongHits, i === 7)));
        expect(await stores.wrongHits.read('assistant', 'minilm/1')).toMatchObject({
          version: 16,
          state: { audited: 16, wrong: 1 },
        });
      }),
    );

    test(
      'answers that are purged leave it as it was',
      inWorld(makeStores, async ({ clock, stores }) => {
        await stores.wrongHits.write(record('a', 1));
        await stores.responses.purge({}, clock.now());
        expect(await stores.wrongHits.list()).toEqual([record('a', 1)]);
        expect(await stores.responses.stats(clock.now())).toEqual([]);
      }),
    );
  });
};
