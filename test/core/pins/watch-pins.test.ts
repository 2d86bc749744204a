import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type EmbeddedStores, openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';
import type { LifecycleConfig } from '../../../lambdas/contract/config.ts';
import type { PinNotice } from '../../../lambdas/core/pins/make-pin-notice.ts';
import { NOTICE_LEASE_MS, type WatchPorts, watchPins } from '../../../lambdas/core/pins/watch-pins.ts';
import { type FakeClock, makeFakeClock } from '../../support/fake-clock.ts';
import { makeMemoryLog } from '../call/call-fixture.ts';
import { at, configOf, DAY, pinsOf, target } from './pin-fixture.ts';

let stores: EmbeddedStores;
let clock: FakeClock;
let told: PinNotice[];
let ports: WatchPorts;
beforeEach(() => {
  clock = makeFakeClock(at('2026-08-01', '06:17:00'));
  stores = openEmbeddedStores({ file: ':memory:', clock, random: systemRandom });
  told = [];
  ports = { pins: stores.pins, clock, log: makeMemoryLog(), tell: async (notice) => void told.push(notice) };
});
afterEach(() => stores.close());

const ENDS: LifecycleConfig = { retires: '2026-12-11', successor: 'm-2' };
const look = (lifecycle: LifecycleConfig | undefined = ENDS, more: Partial<WatchPorts> = {}) =>
  watchPins(pinsOf(configOf({ one: [target('a', 'm-1', lifecycle)] }), clock.now()), { ...ports, ...more });
const summary = () => told.map(({ detail }) => [detail.notice, detail.threshold_days, detail.days_left]);

describe('a version that ends', () => {
  test('is told of 90, 30 and 7 days before, and on the day, each once', async () => {
    for (let day = 0; day < 200; day++) {
      await look();
      // Whoever looks twice a day, or restarts, tells nothing more.
      if (day % 7 === 0) await look();
      await clock.advance(DAY);
    }
    expect(summary()).toEqual([
      ['ends', 90, 90],
      ['ends', 30, 30],
      ['ends', 7, 7],
      ['ended', 0, 0],
    ]);
    expect(told[1]).toMatchObject({
      subject: 'Tollgate pin: a/m-1 retires in 30 days',
      message: expect.stringMatching(
        /^a\/m-1 \(one\) retires 2026-12-11, in 30 days \(configuration\)\.\nReplaced by m-2/,
      ),
    });
    expect(told[3]?.subject).toBe('Tollgate pin retired: a/m-1');
  });

  test('that is seen late is told of by the last threshold alone', async () => {
    await clock.advance(at('2026-12-06') - clock.now());
    await look();
    await look();
    expect(summary()).toEqual([['ends', 7, 5]]);
  });

  test('is not spoken of while its end is far, or unknown', async () => {
    expect(await look()).toEqual({ pins: 1, told: 0, changed: 0 });
    const unknown = pinsOf(configOf({ one: [target('b', 'x')] }), clock.now());
    expect(await watchPins(unknown, ports)).toEqual({ pins: 1, told: 0, changed: 0 });
    expect((await stores.pins.list()).map(({ pin, version }) => [pin, version])).toEqual([
      ['a/m-1', 1],
      ['b/x', 1],
    ]);
    // Nothing is written where nothing is new.
    await watchPins(unknown, ports);
    expect((await stores.pins.list()).map(({ version }) => version)).toEqual([1, 1]);
  });
});

describe('a notice is told once', () => {
  beforeEach(() => clock.advance(at('2026-11-20', '06:17:00') - clock.now()));

  test('by one of many that look at the same time', async () => {
    await Promise.all(Array.from({ length: 12 }, () => look()));
    expect(summary()).toEqual([['ends', 30, 21]]);
  });

  test('also where another looks while it is being told', async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const first = look(ENDS, {
      tell: async (notice) => {
        await held;
        told.push(notice);
      },
    });
    await clock.flush();
    expect(await look()).toMatchObject({ told: 0 });
    release();
    expect(await first).toMatchObject({ told: 1 });
    await look();
    expect(told).toHaveLength(1);
  });

  test('at the second try, where the first could not tell it; others are told all the same', async () => {
    const both = () =>
      pinsOf(configOf({ one: [target('a', 'm-1', ENDS)], two: [target('b', 'm-9', ENDS)] }), clock.now());
    const failing = async (notice: PinNotice) => {
      if (notice.detail.pin === 'a/m-1') throw new Error('EventBridge is away');
      told.push(notice);
    };
    await expect(watchPins(both(), { ...ports, tell: failing })).rejects.toThrow('1 pins could not be told of');
    expect(told.map(({ detail }) => detail.pin)).toEqual(['b/m-9']);
    // Without any wait: what was claimed has been given back.
    expect(await watchPins(both(), ports)).toMatchObject({ told: 1 });
    expect(told.map(({ detail }) => detail.pin)).toEqual(['b/m-9', 'a/m-1']);
  });

  test('after its teller has died over it, once its claim has ended', async () => {
    let writes = 0;
    const dying = {
      ...stores.pins,
      // The claim comes through; whoever made it is never heard of again.
      write: async (next: Parameters<typeof stores.pins.write>[0]) => {
        writes += 1;
        if (writes > 1) throw new Error('dead');
        return stores.pins.write(next);
      },
    };
    const tell = async () => {
      throw new Error('killed');
    };
    await expect(look(ENDS, { pins: dying, tell })).rejects.toThrow(AggregateError);
    await clock.advance(NOTICE_LEASE_MS - 1);
    expect(await look()).toMatchObject({ told: 0 });
    await clock.advance(1);
    expect(await look()).toMatchObject({ told: 1 });
    expect(await look()).toMatchObject({ told: 0 });
  });
});

describe('the calendar', () => {
  test('that gives a version more time is told, remembered, and begins the notices anew', async () => {
    await clock.advance(at('2026-11-20') - clock.now());
    await look();
    const later = { ...ENDS, retires: '2027-02-01' };
    await clock.advance(DAY);
    expect(await look(later)).toEqual({ pins: 1, told: 2, changed: 1 });
    for (let day = 0; day < 80; day++) {
      await look(later);
      await clock.advance(DAY);
    }
    expect(summary()).toEqual([
      ['ends', 30, 21],
      ['calendar-changed', null, 72],
      ['ends', 90, 72],
      ['ends', 30, 30],
      ['ends', 7, 7],
      ['ended', 0, 0],
    ]);
    expect(told[1]?.message).toContain('Retires: 2026-12-11 → 2027-02-01.');
    const [record] = await stores.pins.list();
    expect(record?.changes).toEqual([
      {
        at: at('2026-11-21'),
        from: { deprecatedOn: null, retiresOn: '2026-12-11', successor: 'm-2' },
        to: { deprecatedOn: null, retiresOn: '2027-02-01', successor: 'm-2' },
      },
    ]);
  });

  test('as it is first seen is no change; an announcement is one, and a word taken back', async () => {
    const silent = () => pinsOf(configOf({ one: [target('a', 'm-1')] }), clock.now());
    await watchPins(silent(), ports);
    expect(told).toEqual([]);
    expect(await look(ENDS)).toMatchObject({ told: 1, changed: 1 });
    expect(told[0]?.message).toContain('Retires: unknown → 2026-12-11.');
    expect(await watchPins(silent(), ports)).toMatchObject({ told: 1, changed: 1 });
    expect(told[1]?.message).toContain('Retires: 2026-12-11 → unknown.');
    expect(await watchPins(silent(), ports)).toMatchObject({ told: 0 });
  });
});
