import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { openEmbeddedStores } from '../../../lambdas/adapters/embedded/open-embedded-stores.ts';
import { attemptFailure } from '../../../lambdas/core/call/attempt-failure.ts';
import { CIRCUIT } from '../../../lambdas/core/call/call-policy.ts';
import { untouchedCircuit } from '../../../lambdas/core/call/circuit.ts';
import { type CircuitBoard, type Entry, makeCircuitBoard } from '../../../lambdas/core/call/circuit-board.ts';
import type { CircuitRecord, CircuitStore } from '../../../lambdas/core/call/circuit-store.ts';
import { overrideCircuit } from '../../../lambdas/core/call/override-circuit.ts';
import type { AttemptReason } from '../../../lambdas/core/failures.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import {
  type CallKind,
  NO_STATISTICS,
  noteCall,
  type TargetStatistics,
} from '../../../lambdas/core/route/target-statistics.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { makeFixedRandom, makeMemoryCircuitStore, makeMemoryLog } from './call-fixture.ts';

const SERVER_ERROR = attemptFailure('server_error', { message: '500', status: 500 });
const limited = (retryAfterMs: number) => attemptFailure('rate_limited', { message: '429', status: 429, retryAfterMs });

const setUp = (store: CircuitStore = makeMemoryCircuitStore()) => {
  const clock = makeFakeClock();
  const log = makeMemoryLog();
  const random = makeFixedRandom(0);
  /** Another process on the same store. */
  const makeBoard = () => makeCircuitBoard({ store, clock, random, log });
  const enter = (board: CircuitBoard, target = 'a') => clock.settle(board.tryEnter(target));
  const fail = async (board: CircuitBoard, times: number, target = 'a') => {
    for (let i = 0; i < times; i++) {
      await enter(board, target);
      board.report(target, SERVER_ERROR);
    }
    await clock.flush();
  };
  return { clock, log, store, makeBoard, enter, fail, board: makeBoard() };
};
const probeOf = (entry: Entry): string => {
  if (entry.kind !== 'go' || entry.probe === undefined)
    throw new Error(`expected a probe, got ${JSON.stringify(entry)}`);
  return entry.probe;
};

/** A store that can be taken down, or made to hang. */
const makeFragileStore = () => {
  const inner = makeMemoryCircuitStore();
  const fragile = { state: 'up' as 'up' | 'down' | 'hangs', inner };
  const through = <T>(work: () => Promise<T>): Promise<T> => {
    if (fragile.state === 'hangs') return new Promise(() => {});
    return fragile.state === 'down' ? Promise.reject(new StoreUnavailable('down')) : work();
  };
  const store: CircuitStore = {
    read: (targets) => through(() => inner.read(targets)),
    write: (next) => through(() => inner.write(next)),
    list: () => through(() => inner.list()),
  };
  return Object.assign(fragile, { store });
};

describe('opening', () => {
  test('takes five failures in a row', async () => {
    const { board, enter, fail, clock } = setUp();
    await fail(board, 4);
    expect(await enter(board)).toEqual({ kind: 'go' });
    await fail(board, 1);
    expect(await enter(board)).toEqual({ kind: 'wait', until: clock.now() + 30_000, because: 'circuit' });
  });

  test('is put off by a success between', async () => {
    const { board, enter, fail } = setUp();
    await fail(board, 4);
    board.report('a', 'ok');
    await fail(board, 4);
    expect(await enter(board)).toEqual({ kind: 'go' });
  });

  test.each<[AttemptReason]>([['bad_request'], ['context_length'], ['cancelled'], ['deadline']])(
    'is not brought about by %s',
    async (reason) => {
      const { board, enter } = setUp();
      for (let i = 0; i < 20; i++) board.report('a', attemptFailure(reason, { message: '' }));
      expect(await enter(board)).toEqual({ kind: 'go' });
    },
  );

  test('is not brought about by rate limits, which are waited for a moment', async () => {
    const { board, enter, clock } = setUp();
    for (let i = 0; i < 20; i++) board.report('a', attemptFailure('rate_limited', { message: '' }));
    expect(await enter(board)).toEqual({
      kind: 'wait',
      until: clock.now() + 1_000,
      because: 'retry-after',
      isUntold: true,
    });
    await clock.advance(1_000);
    expect(await enter(board)).toEqual({ kind: 'go' });
  });

  test('takes fewer timeouts than errors: each has cost somebody seconds', async () => {
    const { board, enter } = setUp();
    const timeout = attemptFailure('first_token_timeout', { message: '' });
    for (let i = 0; i < 3; i++) board.report('a', timeout);
    expect(await enter(board)).toEqual({ kind: 'go' });
    board.report('a', timeout);
    expect((await enter(board)).kind).toBe('wait');
  });

  test('concerns one target alone', async () => {
    const { board, enter, fail } = setUp();
    await fail(board, 5);
    expect(await enter(board, 'b')).toEqual({ kind: 'go' });
  });

  test('holds in this process at once, before the store has answered', async () => {
    const { board, enter } = setUp();
    await enter(board);
    for (let i = 0; i < 5; i++) board.report('a', SERVER_ERROR);
    expect(board.peek('a').kind).toBe('wait');
  });

  test('costs one write, and calls that go well cost none', async () => {
    const store = makeMemoryCircuitStore();
    const { board, enter, fail } = setUp(store);
    for (let i = 0; i < 50; i++) {
      await enter(board);
      board.report('a', 'ok');
    }
    expect(store.writes).toBe(0);
    await fail(board, 12);
    expect(store.writes).toBe(1);
  });
});

describe('the share of calls that fail, by what all processes have seen', () => {
  /** `failed` of `calls` in the slot that ends now. */
  const withStatistics = (kind: CallKind, failed: number, calls: number) => {
    const scene = setUp();
    const { clock, log, store } = scene;
    const stats = (): TargetStatistics => {
      let all = NO_STATISTICS;
      for (let i = 0; i < calls; i++)
        all = noteCall(all, { endedAt: clock.now(), kind: i < failed ? kind : 'ok' }, clock.now());
      return all;
    };
    const once = stats();
    const board = makeCircuitBoard({ store, clock, log, random: makeFixedRandom(0), statisticsOf: () => once });
    return { ...scene, board };
  };

  test.each<[CallKind, number, number, 'go' | 'wait']>([
    ['broken', 10, 20, 'wait'],
    ['broken', 9, 20, 'go'],
    // Too few to say anything.
    ['broken', 19, 19, 'go'],
    ['timeout', 7, 20, 'wait'],
    ['timeout', 6, 20, 'go'],
    // A target that turns everybody away is busy, not broken.
    ['limited', 40, 40, 'go'],
  ])('%s: %i of %i', async (kind, failed, calls, expected) => {
    const { board, enter } = withStatistics(kind, failed, calls);
    await enter(board);
    board.report('a', SERVER_ERROR);
    expect((await enter(board)).kind).toBe(expected);
  });

  test('is not looked at while calls go well', async () => {
    const { board, enter } = withStatistics('broken', 20, 20);
    await enter(board);
    board.report('a', 'ok');
    board.report('a', attemptFailure('bad_request', { message: '400' }));
    expect(await enter(board)).toEqual({ kind: 'go' });
  });

  test('does not open a circuit again for what it was opened for before', async () => {
    const { board, enter, clock } = withStatistics('broken', 20, 20);
    await enter(board);
    board.report('a', SERVER_ERROR);
    await clock.advance(30_000);
    board.report('a', 'ok', probeOf(await enter(board)));
    await clock.flush();
    board.report('a', SERVER_ERROR);
    expect(await enter(board)).toEqual({ kind: 'go' });
  });
});

describe('a circuit that has just closed', () => {
  test('is given a share that grows in steps', async () => {
    const { board, enter, fail, clock } = setUp();
    expect(board.shareOf('a')).toBe(1);
    await fail(board, 5);
    await clock.advance(30_000);
    board.report('a', 'ok', probeOf(await enter(board)));
    await clock.flush();
    const shares: number[] = [];
    for (const ms of [0, 4_999, 1, 4_999, 1, 9_999, 1]) {
      await clock.advance(ms);
      shares.push(board.shareOf('a'));
    }
    expect(shares).toEqual([0.1, 0.1, 0.25, 0.25, 0.5, 0.5, 1]);
  });

  test('by hand is given all at once', async () => {
    const { board, enter, fail, clock, store } = setUp();
    await fail(board, 5);
    await overrideCircuit('a', { state: 'closed', forMs: 60_000, reason: 'checked' }, { circuits: store, clock });
    await clock.advance(1_000);
    await enter(board);
    await clock.flush();
    expect(board.shareOf('a')).toBe(1);
  });
});

describe('the least bad of open targets', () => {
  const opened = (target: string, openings: number, until: number) => ({
    ...untouchedCircuit(target),
    version: 1,
    circuit: { state: 'open' as const, until, openings },
  });
  const setUpOpen = async (records: CircuitRecord[]) => {
    const store = makeMemoryCircuitStore();
    for (const record of records) store.records.set(record.target, record);
    const scene = setUp(store);
    for (const { target } of records) await scene.enter(scene.board, target);
    return scene;
  };

  test('has failed fewer probes, then is rested soonest', async () => {
    const now = makeFakeClock().now();
    const { board } = await setUpOpen([
      opened('a', 2, now + 1_000),
      opened('b', 1, now + 9_000),
      opened('c', 1, now + 5_000),
    ]);
    expect(board.leastBad(['a', 'b', 'c'])).toBe('c');
    expect(board.leastBad(['a', 'b'])).toBe('b');
  });

  test('is none that was shut by hand, that asked to be left alone, or that is well', async () => {
    const now = makeFakeClock().now();
    const { board, enter } = await setUpOpen([
      { ...opened('a', 1, now + 9_000), override: { state: 'open', until: now + 9_000 } },
      opened('b', 1, now + 9_000),
    ]);
    board.report('b', limited(5_000));
    await enter(board, 'c');
    expect(board.leastBad(['a', 'b', 'c'])).toBeUndefined();
  });

  test('lets calls in by that name alone, and is closed by an answer but not opened for longer by a failure', async () => {
    const now = makeFakeClock().now();
    const { board, clock, store, enter } = await setUpOpen([opened('a', 1, now + 9_000)]);
    const entry = await clock.settle(board.tryEnter('a', 'least-bad'));
    board.report('a', SERVER_ERROR, probeOf(entry));
    await clock.flush();
    expect(await enter(board)).toEqual({ kind: 'wait', until: now + 9_000, because: 'circuit' });
    board.report('a', 'ok', probeOf(entry));
    await clock.flush();
    expect((await store.read(['a']))[0]?.circuit).toEqual({ state: 'closed' });
    expect(await enter(board)).toEqual({ kind: 'go' });
  });
});

describe('two processes on one store', () => {
  test('agree within the refresh time', async () => {
    const { board, enter, fail, makeBoard, clock } = setUp();
    const other = makeBoard();
    expect(await enter(other)).toEqual({ kind: 'go' });
    await fail(board, 5);
    await clock.advance(1_000);
    await enter(other);
    await clock.flush();
    expect((await enter(other)).kind).toBe('wait');
  });

  test('agree at once where one of them has rested: nobody goes by what it knew long ago', async () => {
    const { board, enter, fail, makeBoard, clock } = setUp();
    const other = makeBoard();
    expect(await enter(other)).toEqual({ kind: 'go' });
    await fail(board, 5);
    await clock.advance(CIRCUIT.outdatedMs);
    const entries = await clock.settle(Promise.all([other.tryEnter('a'), other.tryEnter('a')]));
    expect(entries.map(({ kind }) => kind)).toEqual(['wait', 'wait']);
  });

  test('that trip at once make one opening of it', async () => {
    const store = makeMemoryCircuitStore();
    const { board, enter, fail, makeBoard, clock } = setUp(store);
    const other = makeBoard();
    await fail(board, 4);
    await fail(other, 4);
    board.report('a', SERVER_ERROR);
    other.report('a', SERVER_ERROR);
    await clock.flush();
    expect(store.records.get('a')).toMatchObject({ version: 1, circuit: { openings: 1 } });
    expect(await enter(board)).toEqual(await enter(other));
  });

  test('send exactly one prober among many callers', async () => {
    const { board, fail, makeBoard, clock } = setUp();
    const boards = [board, makeBoard(), makeBoard()];
    await fail(board, 5);
    for (const each of boards) await clock.settle(each.tryEnter('a'));
    await clock.advance(30_000);
    const entries = await clock.settle(
      Promise.all(boards.flatMap((each) => Array.from({ length: 20 }, () => each.tryEnter('a')))),
    );
    expect(entries.filter(({ kind }) => kind === 'go')).toHaveLength(1);
    expect(entries.filter((entry) => entry.kind === 'go' && entry.probe !== undefined)).toHaveLength(1);
  });

  test('both let calls in again within the refresh time after the prober was answered', async () => {
    const { board, enter, fail, makeBoard, clock } = setUp();
    const other = makeBoard();
    await fail(board, 5);
    await enter(other);
    await clock.advance(30_000);
    board.report('a', 'ok', probeOf(await enter(board)));
    await clock.advance(1_000);
    await enter(other);
    await clock.flush();
    expect([await enter(board), await enter(other)]).toEqual([{ kind: 'go' }, { kind: 'go' }]);
  });

  test('a failure counted before a prober’s success elsewhere counts no more', async () => {
    const { board, enter, fail, makeBoard, clock } = setUp();
    const other = makeBoard();
    await fail(other, 4);
    await fail(board, 5);
    await clock.advance(1_000);
    await enter(other);
    await clock.advance(29_000);
    board.report('a', 'ok', probeOf(await enter(board)));
    await clock.advance(1_000);
    await enter(other);
    await clock.flush();
    await fail(other, 4);
    expect(await enter(other)).toEqual({ kind: 'go' });
  });
});

describe('the prober', () => {
  const atProbe = async () => {
    const scene = setUp();
    await scene.fail(scene.board, 5);
    await scene.clock.advance(30_000);
    return { ...scene, probe: probeOf(await scene.enter(scene.board)) };
  };

  test('that fails opens the circuit again, for twice as long', async () => {
    const { board, enter, clock, probe } = await atProbe();
    board.report('a', SERVER_ERROR, probe);
    await clock.flush();
    expect(await enter(board)).toEqual({ kind: 'wait', until: clock.now() + 60_000, because: 'circuit' });
  });

  test('that is turned down for its request’s sake has been answered', async () => {
    const { board, enter, clock, probe } = await atProbe();
    board.report('a', attemptFailure('bad_request', { message: '' }), probe);
    await clock.flush();
    expect(await enter(board)).toEqual({ kind: 'go' });
  });

  test('that left without an answer hands over to the next caller at once', async () => {
    const { board, enter, clock, probe } = await atProbe();
    board.report('a', attemptFailure('cancelled', { message: '' }), probe);
    await clock.flush();
    expect(probeOf(await enter(board))).not.toBe(probe);
  });

  test('that is never heard of is followed by another when its lease runs out', async () => {
    const { board, enter, clock, probe } = await atProbe();
    await clock.advance(29_999);
    expect((await enter(board)).kind).toBe('wait');
    await clock.advance(1);
    expect(probeOf(await enter(board))).not.toBe(probe);
  });

  test('that outlived its lease still closes the circuit with a good word', async () => {
    const { board, enter, clock, probe } = await atProbe();
    await clock.advance(30_000);
    probeOf(await enter(board));
    board.report('a', 'ok', probe);
    await clock.flush();
    expect(await enter(board)).toEqual({ kind: 'go' });
  });

  test('that outlived its lease can’t fail the next prober', async () => {
    const { board, enter, clock, probe } = await atProbe();
    await clock.advance(30_000);
    const next = probeOf(await enter(board));
    board.report('a', SERVER_ERROR, probe);
    await clock.flush();
    board.report('a', 'ok', next);
    await clock.flush();
    expect(await enter(board)).toEqual({ kind: 'go' });
  });

  test('is not stood in for by a call that entered before the circuit opened', async () => {
    const { board, clock, enter } = await atProbe();
    board.report('a', 'ok');
    for (let i = 0; i < 10; i++) board.report('a', SERVER_ERROR);
    await clock.flush();
    expect(await enter(board)).toEqual({ kind: 'wait', until: clock.now() + 30_000, because: 'circuit' });
  });
});

describe('a retry-after', () => {
  test('keeps callers of this process out until then, and touches no store', async () => {
    const store = makeMemoryCircuitStore();
    const { board, enter, clock, makeBoard } = setUp(store);
    board.report('a', limited(5_000));
    expect(await enter(board)).toEqual({ kind: 'wait', until: clock.now() + 5_000, because: 'retry-after' });
    expect(await enter(makeBoard())).toEqual({ kind: 'go' });
    await clock.advance(5_000);
    expect(await enter(board)).toEqual({ kind: 'go' });
    expect(store.writes).toBe(0);
  });

  test('beside a client’s own mistake keeps nobody out', async () => {
    const { board, enter } = setUp();
    board.report('a', attemptFailure('bad_request', { message: '400', status: 400, retryAfterMs: 5_000 }));
    expect(await enter(board)).toEqual({ kind: 'go' });
  });

  test('of a day is not believed for longer than five minutes', async () => {
    const { board, enter, clock } = setUp();
    board.report('a', limited(86_400_000));
    await clock.advance(5 * 60_000 - 1);
    expect((await enter(board)).kind).toBe('wait');
    await clock.advance(1);
    expect(await enter(board)).toEqual({ kind: 'go' });
  });
});

describe('an override', () => {
  test('set by hand is seen within the refresh time and wins over failures', async () => {
    const store = makeMemoryCircuitStore();
    const { board, enter, fail, clock } = setUp(store);
    await fail(board, 5);
    const record = store.records.get('a');
    if (record === undefined) throw new Error('not opened');
    await store.write({
      ...record,
      version: record.version + 1,
      override: { state: 'closed', until: clock.now() + 10_000 },
    });
    await clock.advance(1_000);
    await enter(board);
    await clock.flush();
    expect(await enter(board)).toEqual({ kind: 'go' });
    await fail(board, 10);
    expect(await enter(board)).toEqual({ kind: 'go' });
  });

  test('written between two processes’ moves is not lost', async () => {
    const store = makeMemoryCircuitStore();
    const { board, enter, fail, clock } = setUp(store);
    await enter(board);
    const override = { state: 'open', until: clock.now() + 60_000 } as const;
    await store.write({
      target: 'a',
      version: 1,
      circuit: { state: 'closed' },
      override,
      reason: 'by hand',
      changedAt: 0,
    });
    await fail(board, 5);
    expect(store.records.get('a')).toMatchObject({ version: 1, override });
    expect(await enter(board)).toEqual({ kind: 'wait', until: override.until, because: 'by-hand' });
  });
});

describe('a store that is down', () => {
  test.each(['down', 'hangs'] as const)(
    '(%s) never fails or holds up a call: circuits work from memory',
    async (state) => {
      const fragile = makeFragileStore();
      const { board, enter, fail, clock } = setUp(fragile.store);
      fragile.state = state;
      expect(await enter(board)).toEqual({ kind: 'go' });
      await fail(board, 5);
      expect((await enter(board)).kind).toBe('wait');
      await clock.advance(30_000);
      const probe = probeOf(await enter(board));
      expect((await enter(board)).kind).toBe('wait');
      board.report('a', 'ok', probe);
      await clock.flush();
      expect(await enter(board)).toEqual({ kind: 'go' });
    },
  );

  test('is said once an outage, and its return too', async () => {
    const fragile = makeFragileStore();
    const { board, enter, clock, log } = setUp(fragile.store);
    fragile.state = 'down';
    for (let i = 0; i < 5; i++) {
      await enter(board);
      await clock.advance(1_000);
    }
    fragile.state = 'up';
    await enter(board);
    await clock.flush();
    expect(log.lines.map(({ level, message }) => [level, message])).toEqual([
      ['warn', expect.stringContaining('unreachable')],
      ['info', expect.stringContaining('back')],
    ]);
  });

  test('after it refused a write leaves memory as it was', async () => {
    const inner = makeMemoryCircuitStore();
    const store: CircuitStore = {
      ...inner,
      read: (targets) => (inner.writes === 0 ? inner.read(targets) : Promise.reject(new StoreUnavailable('down'))),
      write: async () => {
        inner.writes += 1;
        return false;
      },
    };
    const { board, enter, fail } = setUp(store);
    await fail(board, 5);
    expect((await enter(board)).kind).toBe('wait');
  });

  test('that comes back learns what memory held with the next move', async () => {
    const fragile = makeFragileStore();
    const { board, enter, fail, clock } = setUp(fragile.store);
    await enter(board);
    fragile.state = 'down';
    await fail(board, 5);
    fragile.state = 'up';
    await clock.advance(30_000);
    probeOf(await enter(board));
    expect(fragile.inner.records.get('a')).toMatchObject({ version: 1, circuit: { state: 'half-open', openings: 1 } });
  });
});

describe('reading', () => {
  test('the first requests share one read, and later ones wait for none', async () => {
    const store = makeMemoryCircuitStore();
    const { board, clock } = setUp(store);
    await clock.settle(Promise.all(Array.from({ length: 30 }, () => board.tryEnter('a'))));
    expect(store.reads).toBe(1);
    await clock.advance(999);
    await clock.settle(board.tryEnter('a'));
    expect(store.reads).toBe(1);
    await clock.advance(1);
    await clock.settle(Promise.all(Array.from({ length: 30 }, () => board.tryEnter('a'))));
    await clock.flush();
    expect(store.reads).toBe(2);
  });

  test('targets named at the start are read by one refresh', async () => {
    const store = makeMemoryCircuitStore();
    const clock = makeFakeClock();
    const board = makeCircuitBoard({
      store,
      clock,
      random: makeFixedRandom(),
      log: makeMemoryLog(),
      targets: ['a', 'b'],
    });
    await clock.settle(board.refresh());
    await clock.settle(Promise.all([board.tryEnter('a'), board.tryEnter('b')]));
    expect(store.reads).toBe(1);
  });

  test('a read that a write has overtaken changes nothing', async () => {
    const inner = makeMemoryCircuitStore();
    let release = () => {};
    const store: CircuitStore = {
      ...inner,
      async read(targets) {
        const found = await inner.read(targets);
        if (inner.reads === 2) await new Promise<void>((resolve) => (release = resolve));
        return found.length === 0 ? targets.map(untouchedCircuit) : found;
      },
    };
    const { board, enter, fail, clock } = setUp(store);
    await fail(board, 4);
    await clock.advance(1_000);
    await enter(board);
    board.report('a', SERVER_ERROR);
    await clock.flush();
    release();
    await clock.flush();
    expect(inner.records.get('a')?.circuit.state).toBe('open');
    expect((await enter(board)).kind).toBe('wait');
  });

  test('a clock set back does not stop it', async () => {
    const store = makeMemoryCircuitStore();
    let now = 10_000_000;
    const clock = { ...makeFakeClock(), now: () => now };
    const board = makeCircuitBoard({ store, clock, random: makeFixedRandom(), log: makeMemoryLog() });
    await board.tryEnter('a');
    now -= 3_600_000;
    await board.tryEnter('a');
    expect(store.reads).toBe(2);
  });
});

test('two processes on one SQLite file send one prober, and agree on its answer', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-circuits-'));
  const clock = makeFakeClock();
  const random = makeFixedRandom(0);
  const open = () => openEmbeddedStores({ file: join(folder, 'store.db'), clock, random });
  const stores = [open(), open()];
  try {
    const boards = stores.map(({ circuits }) =>
      makeCircuitBoard({ store: circuits, clock, random, log: makeMemoryLog(), targets: ['a'] }),
    );
    const enterAll = () =>
      clock.settle(Promise.all(boards.flatMap((board) => [board.tryEnter('a'), board.tryEnter('a')])));
    await enterAll();
    for (let i = 0; i < 5; i++) boards[0]?.report('a', SERVER_ERROR);
    await clock.advance(1_000);
    await enterAll();
    await Promise.all(boards.map((board) => board.settled()));
    expect((await enterAll()).map(({ kind }) => kind)).toEqual(['wait', 'wait', 'wait', 'wait']);

    await clock.advance(30_000);
    const entries = await enterAll();
    const probe = entries.findIndex(({ kind }) => kind === 'go');
    expect(entries.filter(({ kind }) => kind === 'go')).toHaveLength(1);
    boards[Math.floor(probe / 2)]?.report('a', 'ok', probeOf(entries[probe] as Entry));
    await Promise.all(boards.map((board) => board.settled()));
    await clock.advance(1_000);
    await enterAll();
    await Promise.all(boards.map((board) => board.settled()));
    expect((await enterAll()).map(({ kind }) => kind)).toEqual(['go', 'go', 'go', 'go']);
  } finally {
    for (const store of stores) store.close();
    rmSync(folder, { recursive: true });
  }
});
