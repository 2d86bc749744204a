import { expect, test } from '@jest/globals';
import { StoreUnavailable } from '../../lambdas/core/ports.ts';
import { STORE_DEADLINE_MS, withDeadlines, withinDeadline } from '../../lambdas/core/store-deadline.ts';
import { makeFakeClock } from '../support/fake-clock.ts';

test('a store that does not answer is unavailable, by name, when its time is up', async () => {
  const clock = makeFakeClock();
  const startedAt = clock.now();
  const asked = withinDeadline('hold', () => new Promise<never>(() => {}), clock);
  await expect(clock.settle(asked)).rejects.toMatchObject({
    name: 'StoreUnavailable',
    message: `hold: no answer within ${STORE_DEADLINE_MS} ms`,
  });
  expect(clock.now() - startedAt).toBe(STORE_DEADLINE_MS);
});

test('an answer in time, or what the store throws, goes through, and no timer is left', async () => {
  const clock = makeFakeClock();
  expect(await withinDeadline('read', async () => 7, clock)).toBe(7);
  const bug = new TypeError('a bug');
  await expect(withinDeadline('read', () => Promise.reject(bug), clock)).rejects.toBe(bug);
  expect(clock.timers()).toBe(0);
});

test('an answer that comes too late hurts nobody', async () => {
  const clock = makeFakeClock();
  const late = Promise.withResolvers<number>();
  await expect(clock.settle(withinDeadline('read', () => late.promise, clock, { deadlineMs: 10 }))).rejects.toThrow(
    StoreUnavailable,
  );
  late.reject(new Error('after all'));
  await clock.flush();
});

test('only the methods that are named get a deadline', async () => {
  const clock = makeFakeClock();
  const store = { read: (_: string) => new Promise<string>(() => {}), watch: () => () => 'unwatched', size: 3 };
  const bound = withDeadlines(store, ['read'], clock, 50);
  await expect(clock.settle(bound.read('x'))).rejects.toThrow('read: no answer within 50 ms');
  expect([bound.watch()(), bound.size]).toEqual(['unwatched', 3]);
});

test('what a late answer says was done is undone, once; an answer in time is kept', async () => {
  const clock = makeFakeClock();
  const undone: string[] = [];
  const undo = async (late: string) => void undone.push(late);
  const late = Promise.withResolvers<string>();
  const asked = withinDeadline('hold', () => late.promise, clock, { deadlineMs: 10, undo });
  await expect(clock.settle(asked)).rejects.toThrow(StoreUnavailable);
  late.resolve('held');
  await clock.flush();
  expect(await withinDeadline('hold', async () => 'in time', clock, { undo })).toBe('in time');
  expect(undone).toEqual(['held']);
});
