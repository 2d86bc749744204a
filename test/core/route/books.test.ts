import { describe, expect, test } from '@jest/globals';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { makeHomeBook } from '../../../lambdas/core/route/home-book.ts';
import { makeStatisticsBook, STATISTICS_REFRESH_MS } from '../../../lambdas/core/route/statistics-book.ts';
import {
  type CallKind,
  failureRateOf,
  NO_STATISTICS,
  noteCall,
  type TargetStatistics,
} from '../../../lambdas/core/route/target-statistics.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { makeMemoryLog } from '../call/call-fixture.ts';

const world = () => {
  const clock = makeFakeClock();
  const log = makeMemoryLog();
  const stored = new Map<string, TargetStatistics>();
  const store = { reads: 0, answer: 'yes' as 'yes' | 'down' | 'never' };
  const book = makeStatisticsBook({
    store: {
      read: async (targets) => {
        store.reads += 1;
        if (store.answer === 'down') throw new StoreUnavailable('down');
        if (store.answer === 'never') await new Promise(() => {});
        return targets.map((target) => stored.get(target));
      },
    },
    clock,
    log,
    targets: ['a', 'b'],
  });
  const sample = (kind: CallKind) => ({ kind, endedAt: clock.now() });
  const callsOf = (target: string) => failureRateOf(book.of(target), clock.now()).calls;
  return { clock, log, stored, store, book, sample, callsOf };
};

describe("a process's book of statistics", () => {
  test('answers at once, and reads beside the request what has grown old', async () => {
    const { clock, stored, store, book, sample, callsOf } = world();
    stored.set('a', noteCall(NO_STATISTICS, sample('broken'), clock.now()));
    expect(book.of('a')).toBeUndefined();
    expect(store.reads).toBe(1);
    await book.settled();
    expect(callsOf('a')).toBe(1);
    expect(callsOf('b')).toBe(0);
    expect(store.reads).toBe(1);
    await clock.advance(STATISTICS_REFRESH_MS);
    callsOf('a');
    callsOf('a');
    await book.settled();
    expect(store.reads).toBe(2);
  });

  test('adds what it has seen itself to what all have seen, without counting it twice', async () => {
    const { clock, stored, book, sample, callsOf } = world();
    await book.refresh();
    book.note('a', sample('ok'));
    book.note('a', sample('broken'));
    expect(callsOf('a')).toBe(2);
    // The projector brings both, and two of another process.
    let all = NO_STATISTICS;
    for (const kind of ['ok', 'broken', 'ok', 'broken'] as const) all = noteCall(all, sample(kind), clock.now());
    stored.set('a', all);
    await clock.advance(STATISTICS_REFRESH_MS);
    await book.refresh();
    expect(failureRateOf(book.of('a'), clock.now())).toMatchObject({ calls: 4, failed: 2 });
    // What comes next nobody else has seen yet.
    await clock.advance(60_000);
    book.note('a', sample('broken'));
    expect(failureRateOf(book.of('a'), clock.now())).toMatchObject({ calls: 5, failed: 3 });
  });

  test('goes by its own while the store is down, says so once, and recovers by itself', async () => {
    const { clock, log, stored, store, book, sample, callsOf } = world();
    store.answer = 'down';
    for (let i = 0; i < 3; i++) {
      await clock.advance(STATISTICS_REFRESH_MS);
      book.note('a', sample('broken'));
      expect(callsOf('a')).toBe(i + 1);
      await book.settled();
    }
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
    store.answer = 'yes';
    stored.set('b', noteCall(NO_STATISTICS, sample('ok'), clock.now()));
    await clock.advance(STATISTICS_REFRESH_MS);
    book.of('b');
    await book.settled();
    expect(callsOf('b')).toBe(1);
  });

  test('does not wait for ever for a store that says nothing', async () => {
    const { clock, store, book } = world();
    store.answer = 'never';
    await clock.settle(book.refresh());
    expect(clock.timers()).toBe(0);
  });
});

describe("a process's book of homes", () => {
  const home = (target: string, warmUntil = 1_000) => ({ target, cachedTokens: 100, warmUntil });

  test('knows a conversation’s last home until its cache is cold', () => {
    const homes = makeHomeBook();
    homes.note('x', home('a'));
    homes.note('x', home('b'));
    expect(homes.homeOf('x', 999)?.target).toBe('b');
    expect(homes.homeOf('x', 1_000)).toBeUndefined();
    expect(homes.homeOf('y', 0)).toBeUndefined();
  });

  test('forgets those that were noted first when it is full', () => {
    const homes = makeHomeBook(2);
    homes.note('x', home('a'));
    homes.note('y', home('a'));
    homes.note('x', home('a'));
    homes.note('z', home('a'));
    expect(['x', 'y', 'z'].filter((name) => homes.homeOf(name, 0) !== undefined)).toEqual(['x', 'z']);
  });
});
