import { describe, expect, test } from '@jest/globals';
import type { AttemptReason } from '../../lambdas/core/failures.ts';
import type { Attempt, Receipt } from '../../lambdas/core/receipt.ts';
import { weightOf } from '../../lambdas/core/route/decayed-digest.ts';
import { failureRateOf, type TargetStatistics } from '../../lambdas/core/route/target-statistics.ts';
import { account, ledgerAt, receipt, settlementOf } from './ledger-requests.ts';
import { inWorld, type MakeStores, type Stores, type StoreWorld, type WorldClock } from './store-world.ts';

const ORG = account('org#acme#2026-11', null);
const USAGE = {
  inputTokens: 10,
  cachedInputTokens: 0,
  cacheWrite5mTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 100,
  reasoningTokens: 0,
};

const attempt = (target: string, startedAt: number, failure?: AttemptReason): Attempt => ({
  target,
  startedAt,
  durationMs: 1_000,
  cost: '0',
  ...(failure === undefined ? { firstTokenMs: 400, usage: USAGE } : { failure }),
});

/** A request is admitted and settled with these attempts. */
const settle = async (stores: Stores, clock: WorldClock, id: string, attempts: Attempt[]): Promise<Receipt> => {
  const { admit } = ledgerAt(stores.ledger, clock);
  await admit(id, 100n, [ORG]);
  const settled = { ...receipt('settled'), attempts };
  await stores.ledger.settle(settlementOf(id, 10n, { receipt: settled }));
  return settled;
};

const read = async (world: StoreWorld, ...targets: string[]): Promise<(TargetStatistics | undefined)[]> =>
  (await world.open()).statistics.read(targets);

export const describeStatisticsSuite = (name: string, makeStores: MakeStores): void => {
  describe(`statistics: ${name}`, () => {
    test(
      'every settled call counts at its target, by how it ended, and any process reads it',
      inWorld(makeStores, async ({ world, clock, stores }) => {
        const at = clock.now() - 1_000;
        await settle(stores, clock, 'r1', [attempt('a/m', at, 'server_error'), attempt('b/m@eu', at)]);
        await settle(stores, clock, 'r2', [attempt('b/m@eu', at)]);
        await settle(stores, clock, 'r3', [attempt('a/m', at, 'bad_request')]);
        await world.catchUp();
        const [b, unknown, a] = await read(world, 'b/m@eu', 'x/m', 'a/m');
        expect(unknown).toBeUndefined();
        expect(failureRateOf(a, clock.now())).toEqual({ calls: 1, failed: 1, rate: 1 });
        expect(failureRateOf(b, clock.now())).toEqual({ calls: 2, failed: 0, rate: 0 });
        // The newer one leaves nine tenths of the other.
        expect(weightOf(b?.firstTokenMs ?? new Map())).toBeCloseTo(1.9);
        expect(weightOf(b?.tokenUs ?? new Map())).toBeCloseTo(1.9);
        expect(clock.now() - (b?.streamAt ?? 0)).toBeLessThan(60_000);
        expect(b?.wholeAt).toBe(0);
      }),
    );

    test(
      'a settlement that is repeated counts once',
      inWorld(makeStores, async ({ world, clock, stores }) => {
        const settled = await settle(stores, clock, 'r1', [attempt('a/m', clock.now() - 1_000)]);
        await world.catchUp();
        await stores.ledger.settle(settlementOf('r1', 10n, { receipt: settled }));
        await world.catchUp();
        const [a] = await read(world, 'a/m');
        expect(failureRateOf(a, clock.now()).calls).toBe(1);
      }),
    );

    test(
      'calls of several batches add up, and those that are over are gone',
      inWorld(makeStores, async ({ world, clock, stores }) => {
        for (let i = 0; i < 3; i++) {
          await settle(stores, clock, `r${i}`, [attempt('a/m', clock.now() - 1_000, 'overloaded')]);
          await world.catchUp();
          clock.jump(30_000);
        }
        const [soon] = await read(world, 'a/m');
        expect(failureRateOf(soon, clock.now()).calls).toBe(3);
        clock.jump(120_000);
        await settle(stores, clock, 'r9', [attempt('a/m', clock.now() - 1_000)]);
        await world.catchUp();
        const [later] = await read(world, 'a/m');
        expect(failureRateOf(later, clock.now())).toMatchObject({ calls: 2, failed: 1 });
      }),
    );

    test(
      'a request that died says nothing of anybody',
      inWorld(makeStores, async ({ world, clock, stores }) => {
        await ledgerAt(stores.ledger, clock).admit('r1', 100n, [ORG]);
        clock.jump(3_600_000);
        await stores.ledger.closeDueEpochs();
        await world.catchUp();
        expect(await read(world, 'settled', 'opened')).toEqual([undefined, undefined]);
      }),
    );
  });
};
