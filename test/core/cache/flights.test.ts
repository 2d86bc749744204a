import { expect, test } from '@jest/globals';
import { follow, type Landing, makeFlights } from '../../../lambdas/core/cache/flights.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

const LANDED: Landing = { hit: { result: 'hit-exact', found: { key: 'k' } as never } };

const scene = () => {
  const clock = makeFakeClock();
  const flights = makeFlights(clock);
  const own = flights.begin('team', 'key');
  const flight = flights.under('team', 'key');
  if (flight === undefined) throw new Error('it has not begun');
  const controller = new AbortController();
  const followed = (mostMs: number) => {
    const state: { ended: boolean; landing?: Landing | undefined } = { ended: false };
    void follow(flight, { signal: controller.signal, mostMs, clock }).then((landing) => {
      Object.assign(state, { ended: true, landing });
    });
    return state;
  };
  return { clock, flights, own, controller, followed };
};

test('who waits is given what the call comes to, at once', async () => {
  const { clock, flights, own, followed } = scene();
  const state = followed(60_000);
  await clock.advance(30_000);
  expect(state.ended).toBe(false);
  own.land(LANDED);
  await clock.advance(0);
  expect(state).toEqual({ ended: true, landing: LANDED });
  expect(flights.under('team', 'key')).toBeUndefined();
  expect(clock.timers()).toBe(0);
});

test('who has waited long enough, or has left, waits no more; the call goes on for others', async () => {
  const { clock, flights, controller, followed } = scene();
  const [short, long] = [followed(2_500), followed(60_000)];
  await clock.advance(2_499);
  expect(short.ended).toBe(false);
  await clock.advance(1);
  expect(short).toEqual({ ended: true, landing: undefined });
  expect(long.ended).toBe(false);
  controller.abort();
  await clock.advance(0);
  expect(long).toEqual({ ended: true, landing: undefined });
  expect(flights.under('team', 'key')).toBeDefined();
  expect(clock.timers()).toBe(0);
});

test('a stream that says nothing for five seconds is left; one that has not begun, or goes on, is not', async () => {
  const { clock, own, followed } = scene();
  const state = followed(600_000);
  await clock.advance(20_000);
  for (let i = 0; i < 10; i++) {
    own.heard();
    await clock.advance(4_000);
  }
  expect(state.ended).toBe(false);
  await clock.advance(2_000);
  expect(state).toEqual({ ended: true, landing: undefined });
});

test('of two calls for one key each ends its own, and a second landing changes nothing', async () => {
  const { clock, flights, own, followed } = scene();
  const state = followed(60_000);
  const later = flights.begin('team', 'key');
  own.land({});
  own.land(LANDED);
  await clock.advance(0);
  expect(state).toEqual({ ended: true, landing: {} });
  expect(flights.under('team', 'key')).toBeDefined();
  later.land({});
  expect(flights.under('team', 'key')).toBeUndefined();
});

test('no tenant runs into a key', () => {
  const { flights } = scene();
  expect(flights.under('team"', 'key')).toBeUndefined();
  expect(flights.under('team","key', '')).toBeUndefined();
});
