import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { systemRandom } from '../../../lambdas/adapters/system/random.ts';
import type { WrongHitStore } from '../../../lambdas/core/cache/cache-stores.ts';
import type { SemanticPolicy } from '../../../lambdas/core/cache/eligibility.ts';
import { makeWrongHitBook, trustAgain, WRONG_HITS_REFRESH_MS } from '../../../lambdas/core/cache/wrong-hit-book.ts';
import { UNAUDITED } from '../../../lambdas/core/cache/wrong-hits.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { makeFolder } from '../../adapters/embedded/embedded-worlds.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { makeMemoryLog } from '../call/call-fixture.ts';

const POLICY: SemanticPolicy = { ttlMs: 1, threshold: 0.9, maxWrongShare: 0.01, auditShare: 1 };
const AUDIT = { alias: 'assistant', embedder: 'minilm@1', policy: POLICY, score: 1 };

let opened: { close(): void }[] = [];
let folder: ReturnType<typeof makeFolder>;

beforeEach(() => {
  opened = [];
  folder = makeFolder();
});

afterEach(() => {
  for (const stores of opened) stores.close();
  folder.remove();
});

/** A store, which can be made to fail or to hang, and books on it. */
const makeScene = (file = ':memory:') => {
  const clock = makeFakeClock();
  const log = makeMemoryLog();
  const open = () => {
    const stores = openEmbeddedStores({ file, clock, random: systemRandom });
    opened.push(stores);
    return stores.wrongHits;
  };
  const real = open();
  const mood: { list: 'well' | 'down' | 'hangs'; lists: number } = { list: 'well', lists: 0 };
  const store: WrongHitStore = {
    ...real,
    list: async () => {
      mood.lists += 1;
      if (mood.list === 'down') throw new StoreUnavailable('down');
      return mood.list === 'hangs' ? new Promise(() => {}) : real.list();
    },
  };
  return { clock, log, mood, store, open, book: makeWrongHitBook(store, clock, log) };
};

const thresholdOf = (book: ReturnType<typeof makeWrongHitBook>) => book.thresholdOf('assistant', POLICY, 'minilm@1');

const noteMany = async (book: ReturnType<typeof makeWrongHitBook>, count: number, isWrong: boolean) => {
  const noted = [];
  for (let i = 0; i < count; i++) noted.push(await book.note({ ...AUDIT, isWrong }));
  return noted;
};

describe('what a score has to reach', () => {
  test('nothing is answered until the state has been read once; what was never audited has the set threshold', async () => {
    const { book, clock, mood } = makeScene();
    expect(thresholdOf(book)).toBeUndefined();
    await clock.flush();
    expect(thresholdOf(book)).toBe(0.9);
    expect(mood.lists).toBe(1);
  });

  test('it is read anew every ten seconds, and only while it is used', async () => {
    const { book, clock, mood } = makeScene();
    await book.refresh();
    for (let i = 0; i < 100; i++) thresholdOf(book);
    await clock.advance(WRONG_HITS_REFRESH_MS - 1);
    thresholdOf(book);
    expect(mood.lists).toBe(1);
    await clock.advance(3_600_000);
    expect(mood.lists).toBe(1);
    for (let i = 0; i < 100; i++) thresholdOf(book);
    await clock.flush();
    expect(mood.lists).toBe(2);
  });

  test('a clock that was set back does not keep it from being read', async () => {
    const { book, mood, clock, store, log } = makeScene();
    await book.refresh();
    const early = makeWrongHitBook(store, { ...clock, now: () => clock.now() - 3_600_000 * mood.lists }, log);
    await early.refresh();
    const before = mood.lists;
    thresholdOf(early);
    expect(mood.lists).toBe(before + 1);
  });

  test('what another process has found holds here ten seconds later', async () => {
    const { book, clock, log, store } = makeScene();
    const other = makeWrongHitBook(store, clock, log);
    await Promise.all([book.refresh(), other.refresh()]);
    await noteMany(other, 3, true);
    expect(thresholdOf(other)).toBeCloseTo(0.95);
    expect(thresholdOf(book)).toBe(0.9);
    await clock.advance(WRONG_HITS_REFRESH_MS);
    thresholdOf(book);
    await clock.flush();
    expect(thresholdOf(book)).toBeCloseTo(0.95);
    await noteMany(other, 6, true);
    await clock.advance(WRONG_HITS_REFRESH_MS);
    thresholdOf(book);
    await clock.flush();
    expect(thresholdOf(book)).toBeUndefined();
  });

  test('one alias, and one embedder, that is off leaves the others as they are', async () => {
    const { book } = makeScene();
    await book.refresh();
    await noteMany(book, 9, true);
    expect(thresholdOf(book)).toBeUndefined();
    expect(book.thresholdOf('other', POLICY, 'minilm@1')).toBe(0.9);
    expect(book.thresholdOf('assistant', POLICY, 'minilm@2')).toBe(0.9);
  });

  test('a store that goes down, or hangs, leaves what was known in force, and is said once', async () => {
    const { book, clock, log, mood } = makeScene();
    await book.refresh();
    await noteMany(book, 3, true);
    for (const list of ['down', 'hangs', 'down'] as const) {
      mood.list = list;
      await clock.advance(WRONG_HITS_REFRESH_MS);
      expect(thresholdOf(book)).toBeCloseTo(0.95);
      await clock.settle(book.settled());
    }
    expect(thresholdOf(book)).toBeCloseTo(0.95);
    expect(log.lines.filter(({ message }) => message.includes('unreachable'))).toHaveLength(1);
  });

  test('a store that is down from the beginning lets nothing be answered, and is asked again each second', async () => {
    const { book, clock, mood } = makeScene();
    mood.list = 'down';
    for (let second = 0; second < 5; second++) {
      expect(thresholdOf(book)).toBeUndefined();
      await clock.advance(1_000);
    }
    expect(mood.lists).toBe(5);
    mood.list = 'well';
    thresholdOf(book);
    await clock.flush();
    expect(thresholdOf(book)).toBe(0.9);
  });

  test('a read that a write has overtaken does not bring the older state back', async () => {
    const { clock, log, store } = makeScene();
    let answer: (records: Awaited<ReturnType<WrongHitStore['list']>>) => void = () => {};
    const late = makeWrongHitBook({ ...store, list: () => new Promise((resolve) => (answer = resolve)) }, clock, log);
    const reading = late.refresh();
    await clock.flush();
    await noteMany(late, 3, true);
    answer([{ alias: 'assistant', embedder: 'minilm@1', version: 2, state: UNAUDITED, changedAt: 0 }]);
    await reading;
    expect(thresholdOf(late)).toBeCloseTo(0.95);
  });
});

describe('noting audits', () => {
  test('tells the share with its interval, this audit counted; what tightened tells the share that did', async () => {
    const { book } = makeScene();
    expect(await book.note({ ...AUDIT, isWrong: false })).toMatchObject({ share: 0, low: 0, change: 'none' });
    await noteMany(book, 2, true);
    const noted = await book.note({ ...AUDIT, isWrong: true });
    expect(noted).toMatchObject({ share: 0.75, change: 'tightened' });
    expect(noted?.low).toBeGreaterThan(0.01);
    expect(noted?.high).toBeLessThan(1);
    expect(await book.note({ ...AUDIT, isWrong: false })).toMatchObject({ share: 0, change: 'none' });
  });

  test('each change is said to people, with what undoes it; the cache that is off counts nothing any more', async () => {
    const { book, log, store } = makeScene();
    await noteMany(book, 9, true);
    expect(log.lines.map(({ message }) => message)).toEqual([
      'the semantic cache gave too many wrong answers: its threshold is raised',
      'the semantic cache gave too many wrong answers: its threshold is raised',
      'the semantic cache gave too many wrong answers, and has turned itself off',
    ]);
    for (const { level, fields } of log.lines) {
      expect(level).toBe('warn');
      expect(fields).toMatchObject({
        alias: 'assistant',
        share: 1,
        allowed: 0.01,
        undo: 'tollgate cache trust assistant',
      });
    }
    const { version } = await store.read('assistant', 'minilm@1');
    expect(await book.note({ ...AUDIT, isWrong: true })).toBeUndefined();
    expect((await store.read('assistant', 'minilm@1')).version).toBe(version);
  });

  test('a hit of before the threshold was raised says nothing of hits under the new one', async () => {
    const { book, store } = makeScene();
    await noteMany(book, 3, true);
    expect(await book.note({ ...AUDIT, score: 0.94, isWrong: true })).toBeUndefined();
    expect((await store.read('assistant', 'minilm@1')).state).toMatchObject({ audited: 0, wrong: 0, tightened: 1 });
    expect(await book.note({ ...AUDIT, score: 0.95, isWrong: true })).toMatchObject({ share: 1 });
  });

  test('a store that does not take it says so', async () => {
    const { clock, log, store } = makeScene();
    const book = makeWrongHitBook({ ...store, write: () => Promise.reject(new StoreUnavailable('down')) }, clock, log);
    await expect(book.note({ ...AUDIT, isWrong: true })).rejects.toThrow(StoreUnavailable);
  });

  test('who is beaten every time gives up, and says so', async () => {
    const { clock, log, store } = makeScene();
    const book = makeWrongHitBook({ ...store, write: async () => false }, clock, log);
    expect(await book.note({ ...AUDIT, isWrong: true })).toBeUndefined();
    expect(log.lines).toHaveLength(1);
  });

  test('of eight gateways on one file those audits are counted that were told so, each once', async () => {
    const { clock, log, open, store } = makeScene(join(folder.path, 'tollgate.db'));
    const books = Array.from({ length: 8 }, () => makeWrongHitBook(open(), clock, log));
    const noted = (await Promise.all(books.map((book) => noteMany(book, 20, false)))).flat();
    const audited = noted.filter((one) => one !== undefined).length;
    expect(audited).toBeGreaterThan(80);
    expect(await store.read('assistant', 'minilm@1')).toMatchObject({ version: audited, state: { audited, wrong: 0 } });
    // All of them see the third wrong one at the same time: the threshold is raised once.
    await Promise.all(books.slice(0, 5).map((book) => book.note({ ...AUDIT, isWrong: true })));
    expect(log.lines.filter(({ message }) => message.includes('raised'))).toHaveLength(1);
  });

  test('two processes on one file lose no audit between them', async () => {
    const file = join(folder.path, 'tollgate.db');
    const { store } = makeScene(file);
    const script = fileURLToPath(new URL('./note-audits-process.ts', import.meta.url));
    const exits = [1, 2].map(async () => {
      const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, file, '50'], {
        stdio: ['ignore', 'inherit', 'inherit'],
      });
      const [code] = await once(child, 'exit');
      return code;
    });
    expect(await Promise.all(exits)).toEqual([0, 0]);
    expect(await store.read('assistant', 'minilm@1')).toMatchObject({
      version: 100,
      state: { audited: 100, wrong: 0 },
    });
  }, 60_000);
});

describe('trusting a cache again', () => {
  test('what is off answers again from the threshold that was set, in every process, with every embedder', async () => {
    const { book, clock, log, store } = makeScene();
    const other = makeWrongHitBook(store, clock, log);
    await noteMany(book, 9, true);
    for (let i = 0; i < 3; i++) await book.note({ ...AUDIT, embedder: 'minilm@2', isWrong: true });
    await book.note({ ...AUDIT, alias: 'other', isWrong: true });
    await Promise.all([book.refresh(), other.refresh()]);
    const forgotten = await trustAgain('assistant', store, clock);
    expect(forgotten.map(({ embedder, state }) => [embedder, state.isOff, state.tightened])).toEqual([
      ['minilm@1', true, 2],
      ['minilm@2', false, 1],
    ]);
    expect((await store.read('other', 'minilm@1')).state.wrong).toBe(1);
    await clock.advance(WRONG_HITS_REFRESH_MS);
    for (const one of [book, other]) {
      thresholdOf(one);
      await one.settled();
      expect(thresholdOf(one)).toBe(0.9);
    }
    // Counting begins anew.
    expect(await book.note({ ...AUDIT, isWrong: true })).toMatchObject({ share: 1, change: 'none' });
  });

  test('a second time there is nothing to forget, nor of an alias that was never audited', async () => {
    const { book, clock, store } = makeScene();
    await noteMany(book, 1, false);
    expect(await trustAgain('assistant', store, clock)).toHaveLength(1);
    expect(await trustAgain('assistant', store, clock)).toEqual([]);
    expect(await trustAgain('nobody', store, clock)).toEqual([]);
  });

  test('an audit that comes in between is forgotten too', async () => {
    const { book, clock, store } = makeScene();
    await noteMany(book, 9, true);
    let hasRaced = false;
    const raced: WrongHitStore = {
      ...store,
      write: async (next) => {
        if (!hasRaced) {
          hasRaced = true;
          const known = await store.read(next.alias, next.embedder);
          await store.write({ ...known, version: known.version + 1, state: { ...known.state, audited: 77 } });
        }
        return store.write(next);
      },
    };
    expect(await trustAgain('assistant', raced, clock)).toMatchObject([{ state: { audited: 77, isOff: true } }]);
    expect((await store.read('assistant', 'minilm@1')).state).toEqual(UNAUDITED);
  });
});
