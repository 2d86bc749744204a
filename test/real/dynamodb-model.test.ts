import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { epochOf, LONGEST_CALL_MS } from '../../lambdas/contract/timing.ts';
import { makeRequestId } from '../../lambdas/core/admit/request-id.ts';
import { StoreUnavailable } from '../../lambdas/core/ports.ts';
import { seededRandom } from '../adapters/embedded/embedded-worlds.ts';
import { runLedgerModel } from '../port-suites/ledger-model.ts';
import { account, entryOf, settlementOf } from '../port-suites/ledger-requests.ts';
import { makeWorldClock, type StoreWorld } from '../port-suites/store-world.ts';
import { type DynamoWorld, withDynamoDb } from './support/dynamo-world.ts';
import type { Fault, TableProxy } from './support/table-proxy.ts';

/** More seeds: `LEDGER_SEEDS=50 npm run test:real -- dynamodb-model`. */
const SEEDS = Number(process.env['LEDGER_SEEDS'] ?? 2);
const STEPS = 300;
const FAULTS: Fault[] = ['lose-request', 'lose-answer', 'arrive-late'];

const makeWorld = withDynamoDb({ beforeAll, afterAll });

/** Breaks so many of all requests, each in one of three ways. */
const breakSome = (proxy: TableProxy, share: number, random: () => number): void => {
  proxy.faults = () => (random() < share ? (FAULTS[Math.floor(random() * FAULTS.length)] ?? 'none') : 'none');
};

describe('the ledger on DynamoDB under random traffic', () => {
  test.each([
    ['every answer arrives', 0, 1],
    ['one request in twenty is lost, unheard or late, and batches come again', 0.05, 1_001],
  ])(
    'keeps its promise: %s',
    async (_name, share, firstSeed) => {
      const total = { admitted: 0, refused: 0, lost: 0, corrected: 0, raised: 0, leaked: 0 };
      let broken = 0;
      for (let seed = firstSeed; seed < firstSeed + SEEDS; seed++) {
        let world: DynamoWorld | undefined;
        const makeStores = async (clock: Parameters<typeof makeWorld>[0]): Promise<StoreWorld> => {
          world = await makeWorld(clock);
          breakSome(world.proxy, share, seededRandom(seed + 7).fraction);
          if (share > 0) world.disturbStream(seededRandom(seed + 8).fraction);
          return world;
        };
        const report = await runLedgerModel({
          seed,
          steps: STEPS,
          makeStores,
          random: seededRandom(seed).fraction,
          isRemote: true,
        });
        for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += report[name];
        broken += world?.proxy.operations.filter(({ fault }) => fault !== 'none').length ?? 0;
      }
      process.stdout.write(`model, ${_name}: ${JSON.stringify({ ...total, broken })}\n`);
      for (const count of [total.admitted, total.raised, total.lost]) expect(count).toBeGreaterThanOrEqual(SEEDS);
      if (share > 0) expect(broken).toBeGreaterThan(20 * SEEDS);
    },
    900_000,
  );

  test('sixty clients at once over a broken network leave accounts that are the sum of their entries', async () => {
    const clock = makeWorldClock();
    const world = await makeWorld(clock);
    const random = seededRandom(5).fraction;
    breakSome(world.proxy, 0.05, random);
    const ledgers = [world.openRaw().ledger, world.openRaw().ledger, world.openRaw().ledger];
    const cap = 9_000n;
    const refs = [account('org#acme#2026-11', cap), account('team#search#2026-11', 4_000n)];
    const outcomes = { settled: 0, refused: 0, unheard: 0 };
    const spent = { value: 0n };

    const client = async (i: number): Promise<void> => {
      const ledger = ledgers[i % 3];
      if (ledger === undefined) return;
      const request = {
        accounts: refs.slice(0, 1 + (i % 2)),
        capVersion: 1,
        epoch: epochOf(clock.now()),
        amount: 200n,
      };
      const id = makeRequestId({ epoch: request.epoch, lane: i % 16, random: `client${String(i).padStart(14, '0')}` });
      try {
        if ((await ledger.hold(request)).kind !== 'held') {
          outcomes.refused += 1;
          return;
        }
        if (!(await ledger.open(entryOf(id, request)))) throw new StoreUnavailable('not opened');
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        outcomes.unheard += 1;
        return;
      }
      const cost = BigInt(i % 7) * 30n;
      spent.value += cost;
      for (;;) {
        try {
          await ledger.settle(settlementOf(id, cost));
          outcomes.settled += 1;
          return;
        } catch (error) {
          if (!(error instanceof StoreUnavailable)) throw error;
        }
      }
    };
    await Promise.all(Array.from({ length: 60 }, (_, i) => client(i)));
    world.proxy.faults = () => 'none';
    const [reader] = ledgers;
    await world.catchUp();
    for (const { committed, spent, held, cap } of (await reader?.figures(refs.map(({ key }) => key))) ?? []) {
      expect(committed).toBe(spent + held);
      expect(cap === null || committed <= cap).toBe(true);
    }
    await clock.advance(LONGEST_CALL_MS + 20 * 60_000);
    await reader?.closeDueEpochs();
    await world.catchUp();
    const entries = (await reader?.tail({ limit: 1_000 })) ?? [];
    for (const { key, committed, spent, held } of (await reader?.figures(refs.map(({ key }) => key))) ?? []) {
      const sum = entries.reduce((total, entry) => total + (entry.accounts.includes(key) ? entry.cost : 0n), 0n);
      expect({ key, committed, spent, held }).toEqual({ key, committed: sum, spent: sum, held: 0n });
    }
    expect(outcomes.settled).toBeGreaterThan(20);
    expect(outcomes.refused).toBeGreaterThan(5);
    await world.end();
  }, 300_000);
});
