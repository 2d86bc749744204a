import { describe, expect, test } from '@jest/globals';
import type { Settlement } from '../../../lambdas/core/ledger.ts';
import { StoreUnavailable } from '../../../lambdas/core/ports.ts';
import { makeSettleQueue } from '../../../lambdas/core/settle/settle-queue.ts';
import { makeFakeClock } from '../../support/fake-clock.ts';
import { makeMemoryLog } from '../call/call-fixture.ts';

const settlement = (requestId: string) => ({ requestId }) as Settlement;

const makeScene = () => {
  const clock = makeFakeClock();
  const log = makeMemoryLog();
  const entered: string[] = [];
  const state = { isDown: false, asked: 0 };
  const settle = async ({ requestId }: Settlement) => {
    state.asked += 1;
    if (state.isDown) throw new StoreUnavailable('down');
    if (requestId.startsWith('bad')) throw new RangeError('this can never be entered');
    entered.push(requestId);
  };
  return { clock, log, entered, state, queue: makeSettleQueue({ ledger: { settle }, clock, log }) };
};

describe('settlements that the store did not take', () => {
  test('are entered once it is back, each once', async () => {
    const { clock, entered, state, queue } = makeScene();
    state.isDown = true;
    for (const id of ['a', 'b', 'c']) queue.add(settlement(id));
    await clock.advance(10_000);
    expect(entered).toEqual([]);
    state.isDown = false;
    await clock.advance(15_000);
    expect(entered).toEqual(['a', 'b', 'c']);
    expect(queue.size).toBe(0);
    expect(clock.timers()).toBe(0);
  });

  test('are tried ever more rarely, but at least every 15 seconds', async () => {
    const { clock, state, queue } = makeScene();
    state.isDown = true;
    queue.add(settlement('a'));
    await clock.advance(60_000);
    expect(state.asked).toBeLessThan(12);
    const before = state.asked;
    await clock.advance(15_000);
    expect(state.asked).toBe(before + 1);
  });

  test('that the ledger itself refuses are given up, logged, and hold up no other', async () => {
    const { clock, log, entered, queue } = makeScene();
    for (const id of ['bad1', 'a', 'bad2', 'b']) queue.add(settlement(id));
    await clock.advance(1_000);
    expect(entered).toEqual(['a', 'b']);
    expect(queue.size).toBe(0);
    expect(log.lines.map(({ fields }) => fields?.['request_id'])).toEqual(['bad1', 'bad2']);
  });

  test('are tried at once when the process ends, and leave no timer behind whatever comes of it', async () => {
    const { clock, entered, state, queue } = makeScene();
    state.isDown = true;
    queue.add(settlement('a'));
    expect(await queue.flush()).toBe(1);
    expect(clock.timers()).toBe(0);
    state.isDown = false;
    expect(await queue.flush()).toBe(0);
    expect(entered).toEqual(['a']);
  });

  test('a flush that meets a failing round tries once more itself', async () => {
    const { clock, entered, state, queue } = makeScene();
    state.isDown = true;
    queue.add(settlement('a'));
    const round = clock.advance(250);
    const flushed = (async () => {
      while (state.asked === 0) await new Promise<void>((resolve) => setImmediate(resolve));
      state.isDown = false;
      return queue.flush();
    })();
    await round;
    expect(await flushed).toBe(0);
    expect(entered).toEqual(['a']);
  });
});
