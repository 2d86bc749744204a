import { expect, test } from '@jest/globals';
import { StoreUnavailable } from '../../lambdas/core/ports.ts';
import { forgetPurgedRegularly } from '../../lambdas/wiring/forget-purged-regularly.ts';
import { makeFakeClock } from '../support/fake-clock.ts';

test('each minute, also after one in which the store was away, until it is stopped', async () => {
  const clock = makeFakeClock(0);
  const warned: string[] = [];
  const log = { debug() {}, info() {}, warn: (message: string) => void warned.push(message), error() {} };
  let looked = 0;
  const forgetPurged = async (): Promise<void> => {
    looked += 1;
    if (looked === 2) throw new StoreUnavailable('away');
  };
  const stop = forgetPurgedRegularly({ vectors: { forgetPurged } }, { clock, log });
  for (let minute = 1; minute <= 3; minute++) {
    await clock.advance(60_000);
    expect(looked).toBe(minute);
  }
  expect(warned).toHaveLength(1);
  stop();
  await clock.advance(600_000);
  expect(looked).toBe(3);
  expect(clock.timers()).toBe(0);
});
