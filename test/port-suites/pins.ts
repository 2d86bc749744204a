import { describe, expect, test } from '@jest/globals';
import type { PinOverride, PinOverrides, PinRecord } from '../../lambdas/core/pins/pin-store.ts';
import { inWorld, type MakeStores } from './store-world.ts';

const record = (pin: string, version: number, more: Partial<PinRecord> = {}): PinRecord => ({
  pin,
  version,
  calendar: { deprecatedOn: null, retiresOn: '2026-12-11', successor: 'm-2' },
  changes: [],
  notices: [{ key: '90 2026-12-11', leaseUntil: 5, toldAt: null }],
  ...more,
});

const override = (alias: string, more: Partial<PinOverride> = {}): PinOverride => ({
  alias,
  target: 'a/m-1',
  canary: 'a/m-2',
  share: 0.25,
  by: 'ada',
  at: 7,
  until: null,
  ...more,
});
const overrides = (version: number, set: PinOverride[]): PinOverrides => ({
  version,
  set,
  history: set.map((one) => ({ ...one, share: one.share === 0 ? null : one.share })),
});

export const describePinsSuite = (name: string, makeStores: MakeStores): void => {
  describe(`pin store: ${name}`, () => {
    test(
      'what one process writes the others read, in the order they asked; of the rest nothing is remembered',
      inWorld(makeStores, async ({ world, stores: { pins } }) => {
        expect(await pins.read([])).toEqual([]);
        expect(await pins.list()).toEqual([]);
        const change = {
          at: 7,
          from: { deprecatedOn: null, retiresOn: null, successor: null },
          to: { deprecatedOn: '2026-06-11', retiresOn: '2026-12-11', successor: null },
        };
        expect(await pins.write(record('b/m', 1, { changes: [change] }))).toBe(true);
        expect(await pins.write(record('a/m', 1))).toBe(true);
        const other = await world.open();
        expect(await other.pins.read(['b/m', 'c/m', 'a/m', 'b/m'])).toEqual([
          record('b/m', 1, { changes: [change] }),
          undefined,
          record('a/m', 1),
          record('b/m', 1, { changes: [change] }),
        ]);
        expect((await other.pins.list()).map(({ pin }) => pin)).toEqual(['a/m', 'b/m']);
      }),
    );

    test(
      'only the writer who has seen the last version writes',
      inWorld(makeStores, async ({ stores: { pins } }) => {
        expect(await pins.write(record('p', 2))).toBe(false);
        expect(await pins.write(record('p', 1))).toBe(true);
        expect(await pins.write(record('p', 1, { notices: [] }))).toBe(false);
        expect(await pins.write(record('p', 3))).toBe(false);
        expect(await pins.write(record('p', 2, { notices: [] }))).toBe(true);
        expect(await pins.read(['p'])).toEqual([record('p', 2, { notices: [] })]);
      }),
    );

    test(
      'of many who write the same version one wins: one of them tells',
      inWorld(makeStores, async ({ world, stores }) => {
        const other = await world.open();
        const won = await Promise.all(
          Array.from({ length: 24 }, (_, i) =>
            (i % 2 ? other : stores).pins.write(
              record('p', 1, { notices: [{ key: `${i}`, leaseUntil: 1, toldAt: null }] }),
            ),
          ),
        );
        expect(won.filter(Boolean)).toHaveLength(1);
        expect((await other.pins.list())[0]?.notices[0]?.key).toBe(`${won.indexOf(true)}`);
        // Also where they write the same to the letter, in the same millisecond.
        const same = await Promise.all(
          Array.from({ length: 24 }, (_, i) => (i % 2 ? other : stores).pins.write(record('p', 2))),
        );
        expect(same.filter(Boolean)).toHaveLength(1);
      }),
    );

    test(
      'what is set by hand is there for every process, all of it at once',
      inWorld(makeStores, async ({ world, stores: { pins } }) => {
        const other = await world.open();
        expect(await other.pins.readOverrides()).toEqual({ version: 0, set: [], history: [] });
        const first = overrides(1, [override('chat'), override('draft', { share: 0, until: 9 })]);
        expect(await pins.writeOverrides(first)).toBe(true);
        expect(await other.pins.readOverrides()).toEqual(first);
        expect(await other.pins.writeOverrides(overrides(2, []))).toBe(true);
        expect(await pins.readOverrides()).toEqual({ version: 2, set: [], history: [] });
      }),
    );

    test(
      'of many who set something by hand each is told whether it holds',
      inWorld(makeStores, async ({ world, stores }) => {
        const other = await world.open();
        expect(await stores.pins.writeOverrides(overrides(2, []))).toBe(false);
        for (const version of [1, 2]) {
          const won = await Promise.all(
            Array.from({ length: 12 }, (_, i) =>
              (i % 2 ? other : stores).pins.writeOverrides(overrides(version, [override(`${i}`)])),
            ),
          );
          expect(won.filter(Boolean)).toHaveLength(1);
          const { set } = await other.pins.readOverrides();
          expect(set.map(({ alias }) => alias)).toEqual([`${won.indexOf(true)}`]);
        }
        expect(await stores.pins.writeOverrides(overrides(2, []))).toBe(false);
        expect(await stores.pins.writeOverrides(overrides(4, []))).toBe(false);
      }),
    );

    test(
      'a pin is no key, and a key no pin; what is set by hand is neither',
      inWorld(makeStores, async ({ stores }) => {
        await stores.pins.write(record('p', 1));
        await stores.pins.writeOverrides(overrides(1, [override('chat')]));
        expect((await stores.pins.list()).map(({ pin }) => pin)).toEqual(['p']);
        expect(await stores.access.listKeys()).toEqual([]);
        expect(await stores.access.findKey('p')).toBeUndefined();
      }),
    );
  });
};
