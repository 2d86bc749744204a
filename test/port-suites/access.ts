import { describe, expect, test } from '@jest/globals';
import type { KeyRecord } from '../../lambdas/core/authenticate/access-store.ts';
import { inWorld, type MakeStores } from './store-world.ts';

const key = (id: string, fields: Partial<KeyRecord> = {}): KeyRecord => ({
  id,
  name: `key ${id}`,
  hash: 'ab'.repeat(32),
  team: 'search',
  user: 'ada',
  tags: { env: 'prod' },
  aliases: ['assistant'],
  rights: ['read-usage'],
  createdAt: 1_000,
  expiresAt: null,
  revokedAt: null,
  ...fields,
});

export const describeAccessSuite = (name: string, makeStores: MakeStores): void => {
  describe(`access store: ${name}`, () => {
    test(
      'a key comes back as it was created, to every process',
      inWorld(makeStores, async ({ world, stores }) => {
        const full = key('k1', {
          name: 'Ünïcode "quoted" \u0000',
          aliases: [],
          rights: ['act-for-users'],
          expiresAt: 9_000,
          revokedAt: 8_000,
        });
        const bare = key('k2', { aliases: null, tags: {}, rights: [] });
        expect(await stores.access.createKey(full)).toBe(true);
        expect(await stores.access.createKey(bare)).toBe(true);
        const other = await world.open();
        expect(await other.access.findKey('k1')).toEqual(full);
        expect(await other.access.findKey('k2')).toEqual(bare);
      }),
    );

    test(
      'an unknown key is undefined',
      inWorld(makeStores, async ({ stores }) => {
        expect(await stores.access.findKey('nobody')).toBeUndefined();
      }),
    );

    test(
      'a key of an id that exists is not overwritten, and of several creators one wins',
      inWorld(makeStores, async ({ world, stores }) => {
        const other = await world.open();
        const made = await Promise.all(
          Array.from({ length: 8 }, (_, i) =>
            (i % 2 ? other : stores).access.createKey(key('same', { name: `n${i}` })),
          ),
        );
        expect(made.filter(Boolean)).toHaveLength(1);
        expect((await stores.access.findKey('same'))?.name).toBe(`n${made.indexOf(true)}`);
      }),
    );

    test(
      'a revocation takes effect, an earlier one wins, a later one changes nothing',
      inWorld(makeStores, async ({ stores: { access } }) => {
        await access.createKey(key('k'));
        expect(await access.revokeKey('k', 5_000)).toBe(true);
        expect((await access.findKey('k'))?.revokedAt).toBe(5_000);
        expect(await access.revokeKey('k', 9_000)).toBe(true);
        expect((await access.findKey('k'))?.revokedAt).toBe(5_000);
        expect(await access.revokeKey('k', 3_000)).toBe(true);
        expect((await access.findKey('k'))?.revokedAt).toBe(3_000);
      }),
    );

    test(
      'revoking an unknown key says so and makes none',
      inWorld(makeStores, async ({ stores: { access } }) => {
        expect(await access.revokeKey('nobody', 1)).toBe(false);
        expect(await access.listKeys()).toEqual([]);
      }),
    );

    test(
      'keys are listed by creation time',
      inWorld(makeStores, async ({ stores: { access } }) => {
        await access.createKey(key('b', { createdAt: 20 }));
        await access.createKey(key('c', { createdAt: 10 }));
        await access.createKey(key('a', { createdAt: 30 }));
        expect((await access.listKeys()).map(({ id }) => id)).toEqual(['c', 'b', 'a']);
      }),
    );
  });
};
