import { describe, expect, test } from '@jest/globals';
import { inWorld, type MakeStores } from './store-world.ts';

/** Longer than any adapter waits between two looks. */
const SOON_MS = 1_000;

export const describeCancellationsSuite = (name: string, makeStores: MakeStores): void => {
  describe(`cancellations: ${name}`, () => {
    test(
      'in the process that runs the request it is told at once, and once',
      inWorld(makeStores, async ({ world, clock, stores: { cancellations } }) => {
        let calls = 0;
        cancellations.watch('req_1', () => calls++);
        await cancellations.request('req_1');
        expect(calls).toBe(1);
        await cancellations.request('req_1');
        await clock.advance(3 * SOON_MS);
        await world.catchUp();
        expect(calls).toBe(1);
      }),
    );

    test(
      'another process is told soon',
      inWorld(makeStores, async ({ world, clock, stores }) => {
        const other = await world.open();
        let calls = 0;
        other.cancellations.watch('req_1', () => calls++);
        await clock.advance(2 * SOON_MS);
        await world.catchUp();
        expect(calls).toBe(0);
        await stores.cancellations.request('req_1');
        await clock.advance(SOON_MS);
        await world.catchUp();
        expect(calls).toBe(1);
      }),
    );

    test(
      'a cancellation that comes before the watch is not lost',
      inWorld(makeStores, async ({ world, clock, stores: { cancellations } }) => {
        await cancellations.request('req_1');
        let calls = 0;
        cancellations.watch('req_1', () => calls++);
        await clock.advance(SOON_MS);
        await world.catchUp();
        expect(calls).toBe(1);
      }),
    );

    test(
      'every watcher of the request is told, those of others are not',
      inWorld(makeStores, async ({ world, clock, stores: { cancellations } }) => {
        const told: string[] = [];
        cancellations.watch('req_1', () => told.push('a'));
        cancellations.watch('req_1', () => told.push('b'));
        cancellations.watch('req_2', () => told.push('other'));
        await cancellations.request('req_1');
        await clock.advance(2 * SOON_MS);
        await world.catchUp();
        expect(told.sort()).toEqual(['a', 'b']);
      }),
    );

    test(
      'who has stopped watching is not told, and nothing goes on looking',
      inWorld(makeStores, async ({ world, clock, stores: { cancellations } }) => {
        let calls = 0;
        const stopFirst = cancellations.watch('req_1', () => calls++);
        const stopSecond = cancellations.watch('req_2', () => calls++);
        stopFirst();
        stopSecond();
        stopFirst();
        expect(clock.timers()).toBe(0);
        await cancellations.request('req_1');
        await clock.advance(2 * SOON_MS);
        await world.catchUp();
        expect(calls).toBe(0);
      }),
    );

    test(
      'once all that was watched is cancelled nothing goes on looking',
      inWorld(makeStores, async ({ clock, stores: { cancellations } }) => {
        cancellations.watch('req_1', () => {});
        await cancellations.request('req_1');
        await clock.advance(2 * SOON_MS);
        expect(clock.timers()).toBe(0);
      }),
    );
  });
};
