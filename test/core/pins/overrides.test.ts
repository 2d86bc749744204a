import { describe, expect, test } from '@jest/globals';
import { openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';
import type { Asked } from '../../../lambdas/core/decode/decode.ts';
import { makeLiveCanaries } from '../../../lambdas/core/pins/live-canaries.ts';
import { MOST_OVERRIDES, overridePin, releasePins } from '../../../lambdas/core/pins/override-pins.ts';
import { NO_OVERRIDES, type PinOverride, type PinOverrides } from '../../../lambdas/core/pins/pin-store.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { makeMemoryLog } from '../call/call-fixture.ts';
import { configOf, gatewayOf, target } from './pin-fixture.ts';

const CHAT = { alias: 'chat', target: 'a/m', canary: 'a/n', by: 'ada', until: null };

describe('a share set by hand', () => {
  const ports = () => {
    const clock = makeFakeClock(1_000);
    return { clock, pins: openEmbeddedStores({ file: ':memory:', clock, random: systemRandom }).pins };
  };

  test('takes the place of the one before it, and the history keeps both, with who and when', async () => {
    const { pins, clock } = ports();
    await overridePin({ ...CHAT, share: 0.5 }, { pins, clock });
    await clock.advance(5);
    await overridePin({ ...CHAT, canary: 'a/o', share: 1, by: 'bob' }, { pins, clock });
    const { set, history } = await pins.readOverrides();
    expect(set).toEqual([{ ...CHAT, canary: 'a/o', share: 1, by: 'bob', at: 1_005 }]);
    expect(history.map(({ canary, share, by, at }) => [canary, share, by, at])).toEqual([
      ['a/o', 1, 'bob', 1_005],
      ['a/n', 0.5, 'ada', 1_000],
    ]);
  });

  test('is released for one target, or for all of the alias, and what has ended goes', async () => {
    const { pins, clock } = ports();
    for (const one of ['a/m', 'b/m']) await overridePin({ ...CHAT, target: one, share: 1 }, { pins, clock });
    await overridePin({ ...CHAT, alias: 'draft', share: 1, until: 1_500 }, { pins, clock });
    expect(await releasePins({ alias: 'chat', target: 'b/m', by: 'bob' }, { pins, clock })).toMatchObject([
      { target: 'b/m', share: null, by: 'bob' },
    ]);
    expect((await pins.readOverrides()).set.map((one) => one.alias)).toEqual(['chat', 'draft']);
    await clock.advance(500);
    expect(await releasePins({ alias: 'chat', target: undefined, by: 'bob' }, { pins, clock })).toHaveLength(1);
    expect((await pins.readOverrides()).set).toEqual([]);
    const { version } = await pins.readOverrides();
    expect(await releasePins({ alias: 'chat', target: undefined, by: 'bob' }, { pins, clock })).toEqual([]);
    expect((await pins.readOverrides()).version).toBe(version);
  });

  test('of many at once none is lost', async () => {
    const { pins, clock } = ports();
    await Promise.all(
      Array.from({ length: 8 }, (_, i) => overridePin({ ...CHAT, alias: `alias ${i}`, share: 1 }, { pins, clock })),
    );
    expect((await pins.readOverrides()).set).toHaveLength(8);
  });

  test('is not set where gateways would have too much to read', async () => {
    const { pins, clock } = ports();
    const set = Array.from(
      { length: MOST_OVERRIDES },
      (_, i): PinOverride => ({ ...CHAT, alias: `${i}`, share: 1, at: 0 }),
    );
    await pins.writeOverrides({ version: 1, set, history: [] });
    expect(await overridePin({ ...CHAT, share: 0 }, { pins, clock })).toBeUndefined();
    expect(await overridePin({ ...CHAT, alias: '7', share: 0 }, { pins, clock })).toMatchObject({ version: 2 });
  });
});

describe('a running gateway', () => {
  const alias = gatewayOf(
    configOf({
      chat: [
        {
          ...target('a', 'm'),
          canary: { model: 'n', share: 0.5, price: target('a', 'm').price ?? never(), contextTokens: 1_000 },
        },
      ],
    }),
  ).aliases.get('chat');
  const live = (readOverrides: () => Promise<PinOverrides>) => {
    const clock = makeFakeClock(1_000);
    const log = makeMemoryLog();
    const { canaries, refresh } = makeLiveCanaries({ pins: { readOverrides }, clock, log });
    const drawNow = () => {
      const asked = {
        alias,
        caller: { team: 't' },
        labels: { tags: {}, session: 's' },
        conversation: { model: 'chat', turns: [], tools: [] },
      } as unknown as Asked;
      return canaries.draw(alias?.targets ?? [], asked, { now: clock.now(), shareOf: () => 1 });
    };
    const word = () => {
      const draw = drawNow();
      return draw.confirm(draw.open.find(({ canaryOf }) => canaryOf !== undefined) ?? never());
    };
    return { clock, log, refresh, note: () => drawNow().notes[0], word };
  };
  const set = (more: Partial<PinOverride> = {}): PinOverrides => ({
    ...NO_OVERRIDES,
    set: [{ ...CHAT, share: 0, at: 1, ...more }],
  });

  test('sees within seconds what was set, and reads it beside its requests and not in them', async () => {
    let stored = NO_OVERRIDES;
    let reads = 0;
    const { clock, refresh, note } = live(async () => {
      reads += 1;
      return stored;
    });
    await refresh();
    stored = set();
    expect(note()).toMatchObject({ share: 0.5 });
    await clock.advance(2_999);
    expect(note()).toMatchObject({ share: 0.5 });
    expect(reads).toBe(1);
    await clock.advance(1);
    expect(note()).toMatchObject({ share: 0.5 });
    await clock.advance(0);
    expect(note()).toMatchObject({ share: 0, byHand: true });
    expect(reads).toBe(2);
  });

  test.each([
    ['another canary', { canary: 'a/o' }],
    ['another target', { target: 'a/k' }],
    ['another alias', { alias: 'draft' }],
    ['a time that is over', { until: 1_000 }],
  ])('does not follow one that is about %s', async (_, more) => {
    const { refresh, note } = live(async () => set(more));
    await refresh();
    expect(note()).toEqual({ target: 'a/n', of: 'a/m', place: expect.any(Number), share: 0.5 });
  });

  describe('that has rested reads what was set before it asks a canary', () => {
    const rested = async (read: () => Promise<PinOverrides>) => {
      let current: () => Promise<PinOverrides> = async () => NO_OVERRIDES;
      let reads = 0;
      const scene = live(() => {
        reads += 1;
        return current();
      });
      await scene.refresh();
      current = read;
      await scene.clock.advance(60_000);
      return { ...scene, reads: () => reads };
    };
    const PLACE = 0.5;

    test('and does not ask one that was taken back', async () => {
      const { word, reads, note } = await rested(async () => set());
      expect(note()?.place).toBeLessThan(PLACE);
      expect(await word()).toBe('back');
      expect(reads()).toBe(2);
    });

    test('and asks one whose share is still above its place', async () => {
      expect(await (await rested(async () => NO_OVERRIDES)).word()).toBe('drawn');
      expect(await (await rested(async () => set({ share: 0.5 }))).word()).toBe('drawn');
      expect(await (await rested(async () => set({ share: 0.0001 }))).word()).toBe('back');
    });

    test('and does not know where the store is away, or says nothing for a second', async () => {
      const away = await rested(async () => {
        throw new StoreUnavailable('away');
      });
      expect(await away.word()).toBe('unknown');
      const silent = await rested(() => new Promise(() => undefined));
      const waiting = silent.word();
      await silent.clock.advance(1_000);
      expect(await waiting).toBe('unknown');
    });

    test('and what was read a moment ago is waited for by nobody', async () => {
      const { word, reads, clock } = await rested(() => new Promise(() => undefined));
      expect(reads()).toBe(1);
      const first = word();
      await clock.advance(1_000);
      await first;
      const { word: soon, refresh, clock: later } = live(async () => NO_OVERRIDES);
      await refresh();
      await later.advance(4_999);
      expect(await soon()).toBe('drawn');
    });
  });

  test('does not wait long for a store that does not answer', async () => {
    const { clock, refresh, note } = live(() => new Promise(() => undefined));
    const reading = refresh();
    await clock.advance(1_000);
    await reading;
    expect(note()).toMatchObject({ unread: true });
  });

  test('goes on with what it knows while the store is away, and asks no canary first before it knows anything', async () => {
    let isAway = true;
    const { clock, refresh, note, log } = live(async () => {
      if (isAway) throw new StoreUnavailable('away');
      return set();
    });
    await refresh();
    expect(note()).toMatchObject({ unread: true });
    isAway = false;
    await clock.advance(3_000);
    note();
    await clock.advance(0);
    expect(note()).toMatchObject({ share: 0, byHand: true });
    isAway = true;
    await clock.advance(3_000);
    note();
    await clock.advance(0);
    expect(note()).toMatchObject({ share: 0, byHand: true });
    expect(log.lines.map(({ level }) => level)).toEqual(['warn', 'warn']);
  });
});

function never(): never {
  throw new Error('the fixture has a price');
}
