import { describe, expect, test } from '@jest/globals';
import type { CircuitRecord } from '../../lambdas/core/call/circuit-store.ts';
import { inWorld, type MakeStores } from './store-world.ts';

const record = (target: string, version: number, fields: Partial<CircuitRecord> = {}): CircuitRecord => ({
  target,
  version,
  circuit: { state: 'open', until: 123_456, openings: 2 },
  override: null,
  reason: '5 failures in a row',
  changedAt: 1_000,
  ...fields,
});

export const describeCircuitsSuite = (name: string, makeStores: MakeStores): void => {
  describe(`circuit store: ${name}`, () => {
    test(
      'a target never written reads as closed, version 0',
      inWorld(makeStores, async ({ stores: { circuits } }) => {
        expect(await circuits.read(['a/b@r'])).toEqual([
          { target: 'a/b@r', version: 0, circuit: { state: 'closed' }, override: null, reason: '', changedAt: 0 },
        ]);
        expect(await circuits.list()).toEqual([]);
      }),
    );

    test(
      'what one process writes the others read, in the order they asked',
      inWorld(makeStores, async ({ world, stores: { circuits } }) => {
        const probing = record('b', 1, {
          circuit: { state: 'half-open', prober: 'p1', leaseUntil: 99, openings: 3 },
          override: { state: 'open', until: 5 },
        });
        expect(await circuits.write(probing)).toBe(true);
        expect(await circuits.write(record('a', 1))).toBe(true);
        const other = await world.open();
        expect(await other.circuits.read(['b', 'c', 'a'])).toEqual([
          probing,
          expect.objectContaining({ target: 'c', version: 0 }),
          record('a', 1),
        ]);
        expect(await other.circuits.list()).toEqual([record('a', 1), probing]);
      }),
    );

    test(
      'only the writer who has seen the last version writes',
      inWorld(makeStores, async ({ stores: { circuits } }) => {
        expect(await circuits.write(record('t', 2))).toBe(false);
        expect(await circuits.write(record('t', 1))).toBe(true);
        expect(await circuits.write(record('t', 1, { reason: 'late' }))).toBe(false);
        expect(await circuits.write(record('t', 3))).toBe(false);
        expect(await circuits.write(record('t', 2, { reason: 'next' }))).toBe(true);
        expect(await circuits.read(['t'])).toEqual([record('t', 2, { reason: 'next' })]);
      }),
    );

    test(
      'of many who write the same version one wins: a single prober',
      inWorld(makeStores, async ({ world, stores }) => {
        await stores.circuits.write(record('t', 1));
        const other = await world.open();
        const won = await Promise.all(
          Array.from({ length: 24 }, (_, i) =>
            (i % 2 ? other : stores).circuits.write(
              record('t', 2, { circuit: { state: 'half-open', prober: `p${i}`, leaseUntil: 9, openings: 1 } }),
            ),
          ),
        );
        expect(won.filter(Boolean)).toHaveLength(1);
        expect((await stores.circuits.read(['t']))[0]?.circuit).toMatchObject({ prober: `p${won.indexOf(true)}` });
      }),
    );
  });
};
