import { describe, expect, test } from '@jest/globals';
import type { Feedback } from '../../lambdas/core/feedback/feedback-store.ts';
import { inWorld, type MakeStores } from './store-world.ts';

const DAY_MS = 24 * 60 * 60_000;

const feedbackOf = (at: number, more: Partial<Feedback> = {}): Feedback => ({
  requestId: 'req_1',
  score: 0.7,
  label: 'helpful',
  at,
  ...more,
});

export const describeFeedbackSuite = (name: string, makeStores: MakeStores): void => {
  describe(`feedback store: ${name}`, () => {
    test(
      'of many at once one is kept, and all are told which',
      inWorld(makeStores, async ({ world, clock, stores }) => {
        const other = await world.open();
        const expires = clock.now() + DAY_MS;
        const all = Array.from({ length: 24 }, (_, i) => feedbackOf(clock.now(), { score: i / 100, label: `l${i}` }));
        const kept = await Promise.all(all.map((one, i) => (i % 2 === 0 ? stores : other).feedback.give(one, expires)));
        expect(new Set(kept.map((one) => JSON.stringify(one))).size).toBe(1);
        expect(all).toContainEqual(kept[0]);
        expect(await other.feedback.read('req_1')).toEqual(kept[0]);
      }),
    );

    test.each([
      ['with a label', { label: 'größe' }],
      ['without', { label: null }],
      ['of nothing', { score: 0 }],
      ['of everything', { score: 1 }],
      ['to four decimals', { score: 0.1235 }],
    ])('%s it is read back as it was given, by another process', (_, more) =>
      inWorld(makeStores, async ({ world, clock, stores }) => {
        const given = feedbackOf(clock.now(), more);
        expect(await stores.feedback.give(given, clock.now() + DAY_MS)).toEqual(given);
        expect(await (await world.open()).feedback.read('req_1')).toEqual(given);
      })(),
    );

    test(
      'the same write again is told that it was the first; the same words later are told of those',
      inWorld(makeStores, async ({ clock, stores: { feedback } }) => {
        const first = feedbackOf(clock.now());
        const expires = clock.now() + DAY_MS;
        await feedback.give(first, expires);
        expect(await feedback.give(first, expires)).toEqual(first);
        expect(await feedback.give(feedbackOf(clock.now() + 5_000), expires)).toEqual(first);
      }),
    );

    test(
      'requests are apart, and of one without any nothing is known',
      inWorld(makeStores, async ({ clock, stores: { feedback } }) => {
        await feedback.give(feedbackOf(clock.now()), clock.now() + DAY_MS);
        const other = feedbackOf(clock.now(), { requestId: 'req_2', score: 0.2 });
        expect(await feedback.give(other, clock.now() + DAY_MS)).toEqual(other);
        expect(await feedback.read('req_3')).toBeUndefined();
      }),
    );
  });
};
