import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isEpochOpen, makeTableTime } from '../../../lambdas/adapters/dynamodb/table-time.ts';
import { EPOCH_MS, epochEnd, epochOf, epochStart, GRACE_MS } from '../../../lambdas/contract/timing.ts';
import { makeWorldClock } from '../../port-suites/store-world.ts';

const headerAt = (timeMs: number): string => new Date(timeMs).toUTCString();

describe('the time of the table', () => {
  test("is this machine's until the table has said anything", () => {
    const clock = makeWorldClock();
    const time = makeTableTime(clock);
    expect(time.known()).toBeUndefined();
    expect(time.now()).toBe(clock.now());
  });

  test('leaves a clock that agrees with it to the second as it is', () => {
    const clock = makeWorldClock();
    clock.jump(837);
    const time = makeTableTime(clock);
    time.note(headerAt(clock.now()), clock.now());
    expect(time.known()).toBe(clock.now());
  });

  test('is never off by more than a second and the time of a round trip, however wrong the clock', () => {
    const offset = fc.integer({ min: -10 * EPOCH_MS, max: 10 * EPOCH_MS });
    const answers = fc.array(fc.record({ waitMs: fc.nat(60_000), tripMs: fc.nat(2_000) }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(offset, answers, (offsetMs, list) => {
        const clock = makeWorldClock();
        const time = makeTableTime(clock);
        for (const { waitMs, tripMs } of list) {
          clock.jump(waitMs);
          const sentAt = clock.now();
          clock.jump(Math.floor(tripMs / 2));
          const header = headerAt(clock.now() + offsetMs);
          clock.jump(Math.ceil(tripMs / 2));
          time.note(header, sentAt);
          const truth = clock.now() + offsetMs;
          expect(Math.abs(time.now() - truth)).toBeLessThanOrEqual(1_000 + tripMs);
        }
      }),
    );
  });

  test('follows the table when the clock jumps between two answers', () => {
    const clock = makeWorldClock();
    const time = makeTableTime(clock);
    const truth = clock.now();
    time.note(headerAt(truth), clock.now());
    clock.jump(-3 * EPOCH_MS);
    time.note(headerAt(truth), clock.now());
    expect(Math.abs(time.now() - truth)).toBeLessThanOrEqual(1_000);
  });

  test('a header that is no date changes nothing', () => {
    const time = makeTableTime(makeWorldClock());
    time.note('soon', 0);
    expect(time.known()).toBeUndefined();
  });

  test('never lies in an epoch in which nothing may begin any more', () => {
    const clock = makeWorldClock();
    const time = makeTableTime(clock);
    const epoch = epochOf(clock.now());
    time.raiseFence(epoch + 2);
    time.raiseFence(epoch);
    expect(time.fence()).toBe(epoch + 2);
    expect(time.now()).toBe(epochStart(epoch + 3));
  });

  test('an epoch takes what comes within a grace of it', () => {
    const epoch = 5_984_497;
    expect(isEpochOpen(epoch, epochStart(epoch) - GRACE_MS)).toBe(true);
    expect(isEpochOpen(epoch, epochStart(epoch) - GRACE_MS - 1)).toBe(false);
    expect(isEpochOpen(epoch, epochEnd(epoch) + GRACE_MS)).toBe(true);
    expect(isEpochOpen(epoch, epochEnd(epoch) + GRACE_MS + 1)).toBe(false);
  });
});
