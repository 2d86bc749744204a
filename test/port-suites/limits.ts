import { describe, expect, test } from '@jest/globals';
import { EPOCH_MS, epochOf } from '../../lambdas/contract/timing.ts';
import type { LimitOutcome, LimitTake, RateLimit } from '../../lambdas/core/admit/limit-store.ts';
import { inWorld, type MakeStores, type Stores, type WorldClock } from './store-world.ts';

const take = (limit: RateLimit, tokens = 0, scope = 'key#k1'): LimitTake => ({ scope, limit, tokens });

/** The store as a caller at the clock's time uses it. */
const at = ({ limits }: Stores, clock: WorldClock) => ({
  take: (...takes: LimitTake[]) => limits.take(takes, epochOf(clock.now()), clock.now()),
  giveBack: (...takes: LimitTake[]) => limits.giveBack(takes, epochOf(clock.now()), clock.now()),
  settle: (used: number, ...takes: LimitTake[]) => limits.settle(takes, epochOf(clock.now()), used, clock.now()),
  read: (...takes: LimitTake[]) => limits.read(takes, clock.now()),
});

const waitOf = (outcome: LimitOutcome): number => (outcome.kind === 'refused' ? outcome.retryAfterMs : 0);

export const describeLimitsSuite = (name: string, makeStores: MakeStores): void => {
  describe(`limit store: ${name}`, () => {
    test(
      'an idle scope admits a whole minute at once, then refuses and names the limit',
      inWorld(makeStores, async ({ clock, stores }) => {
        const limits = at(stores, clock);
        const one = take({ requestsPerMinute: 3 });
        for (const remaining of [2, 1, 0]) {
          expect(await limits.take(one)).toEqual({
            kind: 'taken',
            figures: [{ scope: 'key#k1', what: 'requests', limit: 3, remaining, resetMs: (3 - remaining) * 20_000 }],
          });
        }
        expect(await limits.take(one)).toEqual({
          kind: 'refused',
          by: { scope: 'key#k1', what: 'requests', limit: 3, remaining: 0, resetMs: 60_000 },
          retryAfterMs: 20_000,
          never: false,
          figures: [{ scope: 'key#k1', what: 'requests', limit: 3, remaining: 0, resetMs: 60_000 }],
        });
      }),
    );

    test(
      'the wait it tells is exact: admitted then, refused a millisecond earlier',
      inWorld(makeStores, async ({ clock, stores }) => {
        const limits = at(stores, clock);
        const some = take({ tokensPerMinute: 7_000 }, 4_999);
        await limits.take(some);
        const refused = await limits.take(some);
        expect(waitOf(refused)).toBeGreaterThan(1);
        clock.jump(waitOf(refused) - 1);
        expect((await limits.take(some)).kind).toBe('refused');
        clock.jump(1);
        expect((await limits.take(some)).kind).toBe('taken');
      }),
    );

    test(
      'what it tells to be left is what it admits: all of it, and not one more',
      inWorld(makeStores, async ({ clock, stores }) => {
        const limits = at(stores, clock);
        const limit = { tokensPerMinute: 7_001 };
        await limits.take(take(limit, 6_543));
        for (const waitMs of [1, 997, 12_345]) {
          clock.jump(waitMs);
          const refused = await limits.take(take(limit, 7_001));
          const left = refused.figures[0]?.remaining ?? 0;
          expect(left).toBeGreaterThan(0);
          expect((await limits.take(take(limit, left + 1))).kind).toBe('refused');
          expect((await limits.take(take(limit, left))).kind).toBe('taken');
        }
      }),
    );

    test(
      'a request larger than the limit is refused for good',
      inWorld(makeStores, async ({ clock, stores }) => {
        const limits = at(stores, clock);
        expect(await limits.take(take({ tokensPerMinute: 100 }, 101))).toMatchObject({ kind: 'refused', never: true });
        expect(await limits.take(take({ tokensPerMinute: 100 }, 100))).toMatchObject({ kind: 'taken' });
      }),
    );

    test(
      'all scopes or none: a refusal leaves no trace in any',
      inWorld(makeStores, async ({ clock, stores }) => {
        const limits = at(stores, clock);
        const wide = take({ requestsPerMinute: 10, tokensPerMinute: 1_000, concurrent: 5 }, 10, 'team#t');
        const narrow = take({ requestsPerMinute: 1 }, 10, 'key#k');
        expect((await limits.take(wide, narrow)).kind).toBe('taken');
        const before = await limits.read(wide, narrow);
        const refused = await limits.take(wide, narrow);
        expect(refused).toMatchObject({ kind: 'refused', by: { scope: 'key#k', what: 'requests' } });
        expect(await limits.read(wide, narrow)).toEqual(before);
        expect(refused.figures).toEqual(before);
      }),
    );

    test(
      'where several limits refuse, the wait does for all of them',
      inWorld(makeStores, async ({ clock, stores }) => {
        const limits = at(stores, clock);
        const both = [take({ requestsPerMinute: 60 }, 0, 'key#fast'), take({ requestsPerMinute: 2 }, 0, 'team#slow')];
        for (let i = 0; i < 58; i++) await limits.take(take({ requestsPerMinute: 60 }, 0, 'key#fast'));
        await limits.take(...both);
        await limits.take(...both);
        const refused = await limits.take(...both);
        expect(refused).toMatchObject({ kind: 'refused', by: { scope: 'team#slow' }, retryAfterMs: 30_000 });
        clock.jump(30_000);
        expect((await limits.take(...both)).kind).toBe('taken');
      }),
    );

    test(
      'of 64 callers at once as many are admitted as the limit says',
      inWorld(makeStores, async ({ world, clock, stores }) => {
        const [a, b] = [at(stores, clock), at(await world.open(), clock)];
        const one = take({ requestsPerMinute: 40, tokensPerMinute: 100_000, concurrent: 50 }, 100);
        const outcomes = await Promise.all(Array.from({ length: 64 }, (_, i) => (i % 2 ? a : b).take(one)));
        expect(outcomes.filter(({ kind }) => kind === 'taken')).toHaveLength(40);
      }),
    );

    test(
      'what is given back can be taken again',
      inWorld(makeStores, async ({ clock, stores }) => {
        const limits = at(stores, clock);
        const all = take({ requestsPerMinute: 1, tokensPerMinute: 500, concurrent: 1 }, 500);
        const fresh = await limits.read(all);
        expect((await limits.take(all)).kind).toBe('taken');
        await limits.giveBack(all);
        expect(await limits.read(all)).toEqual(fresh);
        expect((await limits.take(all)).kind).toBe('taken');
      }),
    );

    test(
      'settling corrects the estimate down, and the request itself stays counted',
      inWorld(makeStores, async ({ clock, stores }) => {
        const limits = at(stores, clock);
        const one = take({ requestsPerMinute: 10, tokensPerMinute: 1_000 }, 800);
        await limits.take(one);
        await limits.settle(100, one);
        const figures = await limits.read(one);
        expect(figures.map(({ what, remaining }) => [what, remaining])).toEqual([
          ['requests', 9],
          ['tokens', 900],
        ]);
      }),
    );

    test(
      'settling above the estimate becomes a debt that is paid before anybody is admitted',
      inWorld(makeStores, async ({ clock, stores }) => {
        const limits = at(stores, clock);
        const one = take({ tokensPerMinute: 600 }, 600);
        await limits.take(one);
        await limits.settle(900, one);
        const small = take({ tokensPerMinute: 600 }, 10);
        expect(await limits.take(small)).toMatchObject({ kind: 'refused', retryAfterMs: 31_000 });
        clock.jump(31_000);
        expect((await limits.take(small)).kind).toBe('taken');
      }),
    );

    test(
      'requests under way are counted until they settle, each once',
      inWorld(makeStores, async ({ world, clock, stores }) => {
        const [a, b] = [at(stores, clock), at(await world.open(), clock)];
        const one = take({ concurrent: 2 });
        expect((await a.take(one)).figures).toMatchObject([{ what: 'concurrent', limit: 2, remaining: 1 }]);
        expect((await b.take(one)).kind).toBe('taken');
        expect(await a.take(one)).toMatchObject({ kind: 'refused', by: { what: 'concurrent' }, never: false });
        await b.settle(0, one);
        expect((await a.take(one)).kind).toBe('taken');
        expect((await b.take(one)).kind).toBe('refused');
      }),
    );

    test(
      'a settlement without a take frees no place',
      inWorld(makeStores, async ({ clock, stores }) => {
        const limits = at(stores, clock);
        const one = take({ concurrent: 1 });
        await limits.settle(0, one);
        await limits.settle(0, one);
        expect((await limits.take(one)).kind).toBe('taken');
        expect((await limits.take(one)).kind).toBe('refused');
      }),
    );

    test(
      'a request whose end was never told stops counting when it can no longer be under way, and a late end changes nothing',
      inWorld(makeStores, async ({ clock, stores }) => {
        const limits = at(stores, clock);
        const one = take({ concurrent: 1 });
        const epoch = epochOf(clock.now());
        await limits.take(one);
        clock.jump(3 * EPOCH_MS);
        expect((await limits.take(one)).kind).toBe('refused');
        clock.jump(2 * EPOCH_MS);
        expect((await limits.take(one)).kind).toBe('taken');
        await stores.limits.settle([one], epoch, 0, clock.now());
        expect((await limits.take(one)).kind).toBe('refused');
      }),
    );

    test(
      'requests under way from before the clock went back do not count',
      inWorld(makeStores, async ({ clock, stores }) => {
        const limits = at(stores, clock);
        const one = take({ concurrent: 1 });
        await limits.take(one);
        clock.jump(-4 * EPOCH_MS);
        expect((await limits.take(one)).kind).toBe('taken');
        expect((await limits.take(one)).kind).toBe('refused');
      }),
    );

    test.each([-3_600_000, -86_400_000, 3_600_000])(
      'a clock set by %d ms locks nobody out for longer than the limit says',
      async (jumpMs) =>
        inWorld(makeStores, async ({ clock, stores }) => {
          const limits = at(stores, clock);
          const one = take({ requestsPerMinute: 2, tokensPerMinute: 50 }, 25);
          await limits.take(one);
          await limits.take(one);
          clock.jump(jumpMs);
          const outcome = await limits.take(one);
          expect(waitOf(outcome)).toBeLessThanOrEqual(30_000);
          clock.jump(waitOf(outcome));
          if (outcome.kind === 'refused') expect((await limits.take(one)).kind).toBe('taken');
          clock.jump(60_000);
          expect((await limits.take(one)).kind).toBe('taken');
          expect((await limits.take(one)).kind).toBe('taken');
          expect((await limits.take(one)).kind).toBe('refused');
        })(),
    );

    test(
      'reading takes nothing, and a scope without limits has no figures',
      inWorld(makeStores, async ({ clock, stores }) => {
        const limits = at(stores, clock);
        const one = take({ requestsPerMinute: 1, concurrent: 1 });
        for (let i = 0; i < 3; i++)
          expect(await limits.read(one, take({}, 5, 'org#o'))).toEqual([
            { scope: 'key#k1', what: 'requests', limit: 1, remaining: 1, resetMs: 0 },
            { scope: 'key#k1', what: 'concurrent', limit: 1, remaining: 1, resetMs: 0 },
          ]);
        expect(await limits.take(take({}, 5, 'org#o'))).toEqual({ kind: 'taken', figures: [] });
        expect(await limits.take()).toEqual({ kind: 'taken', figures: [] });
      }),
    );
  });
};
