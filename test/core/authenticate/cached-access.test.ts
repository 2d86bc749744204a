import { describe, expect, test } from '@jest/globals';
import type { AccessStore, KeyRecord } from '../../../lambdas/core/authenticate/access-store.ts';
import { cacheAccess } from '../../../lambdas/core/authenticate/cached-access.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';

const record = (id: string): KeyRecord => ({
  id,
  name: id,
  hash: '00',
  team: 't',
  user: 'u',
  tags: {},
  aliases: null,
  rights: [],
  createdAt: 0,
  expiresAt: null,
  revokedAt: null,
});

const countingStore = () => {
  const keys = new Map([['a', record('a')]]);
  const state = { reads: 0, down: false };
  const store: AccessStore = {
    findKey: async (id) => {
      state.reads++;
      if (state.down) throw new StoreUnavailable('down');
      return keys.get(id);
    },
    createKey: async () => true,
    revokeKey: async (id, at) => {
      keys.set(id, { ...record(id), revokedAt: at });
      return true;
    },
    listKeys: async () => [...keys.values()],
  };
  return { store, state, keys };
};

const clockAt = (time: { now: number }) => ({ now: () => time.now, sleep: async () => {}, after: () => () => {} });

describe('the key cache', () => {
  test('reads a key once in ten seconds, and again after', async () => {
    const time = { now: 1_000_000 };
    const { store, state } = countingStore();
    const cached = cacheAccess(store, clockAt(time));
    await cached.findKey('a');
    time.now += 9_999;
    await cached.findKey('a');
    expect(state.reads).toBe(1);
    time.now += 1;
    await cached.findKey('a');
    expect(state.reads).toBe(2);
  });

  test('a revocation made by another process is seen within ten seconds', async () => {
    const time = { now: 0 };
    const { store, keys } = countingStore();
    const cached = cacheAccess(store, clockAt(time));
    expect((await cached.findKey('a'))?.revokedAt).toBeNull();
    keys.set('a', { ...record('a'), revokedAt: 1 });
    time.now += 10_000;
    expect((await cached.findKey('a'))?.revokedAt).toBe(1);
  });

  test('unknown ids are remembered as well, so that a flood of one wrong key asks the store once', async () => {
    const { store, state } = countingStore();
    const cached = cacheAccess(store, clockAt({ now: 0 }));
    for (let i = 0; i < 50; i++) expect(await cached.findKey('zzz')).toBeUndefined();
    expect(state.reads).toBe(1);
  });

  test('a failed read is not remembered: the store is asked again as soon as it is back', async () => {
    const { store, state } = countingStore();
    const cached = cacheAccess(store, clockAt({ now: 0 }));
    state.down = true;
    await expect(cached.findKey('a')).rejects.toThrow(StoreUnavailable);
    state.down = false;
    expect((await cached.findKey('a'))?.id).toBe('a');
  });

  test.each(['createKey', 'revokeKey'] as const)(
    'what is read while %s is under way is not believed afterwards',
    async (change) => {
      const { store, keys } = countingStore();
      const held = Promise.withResolvers<boolean>();
      const slow: AccessStore = { ...store, createKey: () => held.promise, revokeKey: () => held.promise };
      const cached = cacheAccess(slow, clockAt({ now: 0 }));
      const id = change === 'createKey' ? 'new' : 'a';
      const changed = change === 'createKey' ? cached.createKey(record(id)) : cached.revokeKey(id, 7);
      // Read in the meantime: still as it was.
      await cached.findKey(id);
      keys.set(id, { ...record(id), revokedAt: 7 });
      held.resolve(true);
      await changed;
      expect((await cached.findKey(id))?.revokedAt).toBe(7);
    },
  );

  test('a clock that jumps back does not keep an old record alive', async () => {
    const time = { now: 1_000_000 };
    const { store, state } = countingStore();
    const cached = cacheAccess(store, clockAt(time));
    await cached.findKey('a');
    time.now = 0;
    await cached.findKey('a');
    expect(state.reads).toBe(2);
  });
});

describe('while the store is down', () => {
  const setUp = async () => {
    const clock = makeFakeClock();
    const { store, state, keys } = countingStore();
    let hangs = false;
    const moody: AccessStore = { ...store, findKey: (id) => (hangs ? new Promise(() => {}) : store.findKey(id)) };
    const cached = cacheAccess(moody, clock);
    await cached.findKey('a');
    return {
      clock,
      state,
      keys,
      find: (id: string) => clock.settle(cached.findKey(id)),
      fall: (how: 'down' | 'hangs') => {
        state.down = how === 'down';
        hangs = how === 'hangs';
      },
      rise: () => {
        state.down = false;
        hangs = false;
      },
    };
  };

  test.each(['down', 'hangs'] as const)(
    '(%s) a key that was confirmed goes on for a minute, then nobody knows it',
    async (how) => {
      const { clock, find, fall } = await setUp();
      fall(how);
      for (const ms of [10_000, 20_000, 28_000]) {
        await clock.advance(ms);
        const askedAt = clock.now();
        expect((await find('a'))?.id).toBe('a');
        expect(clock.now() - askedAt).toBeLessThanOrEqual(500);
      }
      await clock.advance(2_000);
      await expect(find('a')).rejects.toThrow(StoreUnavailable);
    },
  );

  test.each(['down', 'hangs'] as const)('(%s) an unknown key is not called a wrong one', async (how) => {
    const { find, fall, clock } = await setUp();
    fall(how);
    const askedAt = clock.now();
    await expect(find('zzz')).rejects.toThrow(StoreUnavailable);
    expect(clock.now() - askedAt).toBeLessThanOrEqual(5_000);
  });

  test('a key that was said not to exist is not taken for one that does', async () => {
    const { find, fall, clock } = await setUp();
    expect(await find('zzz')).toBeUndefined();
    fall('down');
    await clock.advance(10_000);
    await expect(find('zzz')).rejects.toThrow(StoreUnavailable);
  });

  test('it is asked again every half second, and not by every request', async () => {
    const { find, fall, clock, state } = await setUp();
    fall('down');
    await clock.advance(10_000);
    const before = state.reads;
    for (let i = 0; i < 50; i++) await find('a');
    expect(state.reads).toBe(before + 1);
    await clock.advance(500);
    await find('a');
    expect(state.reads).toBe(before + 2);
  });

  test('and back, its word holds at once: a key revoked meanwhile is revoked', async () => {
    const { find, fall, rise, clock, keys } = await setUp();
    fall('down');
    await clock.advance(10_000);
    expect((await find('a'))?.revokedAt).toBeNull();
    keys.set('a', { ...record('a'), revokedAt: 7 });
    rise();
    await clock.advance(500);
    expect((await find('a'))?.revokedAt).toBe(7);
  });

  test('an answer that comes late is believed by the next request', async () => {
    const clock = makeFakeClock();
    const { store, keys } = countingStore();
    let delayMs = 0;
    const slow: AccessStore = { ...store, findKey: (id) => clock.sleep(delayMs).then(() => store.findKey(id)) };
    const cached = cacheAccess(slow, clock);
    await clock.settle(cached.findKey('a'));
    keys.set('a', { ...record('a'), revokedAt: 7 });
    delayMs = 1_000;
    await clock.advance(10_000);
    expect((await clock.settle(cached.findKey('a')))?.revokedAt).toBeNull();
    await clock.advance(500);
    expect((await clock.settle(cached.findKey('a')))?.revokedAt).toBe(7);
  });
});
