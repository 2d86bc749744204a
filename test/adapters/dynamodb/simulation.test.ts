import { describe, expect, test } from '@jest/globals';
import { SCENARIOS } from './simulation/scenarios.ts';
import { type SimulationReport, simulateLedger } from './simulation/simulate-ledger.ts';
import { WORLDS, type WorldName } from './simulation/trouble.ts';

/** More seeds: `LEDGER_SEEDS=400 npm test -- dynamodb/simulation`; others: `LEDGER_FIRST_SEED=1000`. */
const SEEDS = Number(process.env['LEDGER_SEEDS'] ?? 4);
const FIRST = Number(process.env['LEDGER_FIRST_SEED'] ?? 1);
const EPOCHS = 48;

describe('the deployed ledger, many processes on a time of their own', () => {
  test.each(Object.entries(SCENARIOS))('keeps it through %s', async (_name, play) => {
    await expect(play()).resolves.toBeUndefined();
  });

  test.each(Object.keys(WORLDS) as WorldName[])(
    'keeps its promise where %s',
    async (inWorld) => {
      for (let seed = FIRST; seed < FIRST + Math.ceil(SEEDS / 4); seed++)
        expect(await simulateLedger({ seed, epochs: EPOCHS, inWorld }).catch((error) => [seed, error])).toHaveProperty(
          'events',
        );
    },
    7_200_000,
  );

  test('keeps its promise after every write, and the run meets every kind of trouble', async () => {
    const total: Partial<SimulationReport> = {};
    const broken: string[] = [];
    for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
      try {
        const report = await simulateLedger({ seed, epochs: EPOCHS });
        for (const name of Object.keys(report) as (keyof SimulationReport)[])
          total[name] = (total[name] ?? 0) + report[name];
      } catch (error) {
        broken.push(`seed ${seed}: ${error instanceof Error ? error.message : error}`);
      }
    }
    expect(broken).toEqual([]);
    for (const [name, count] of Object.entries(total)) expect([name, count >= SEEDS]).toEqual([name, true]);
  }, 7_200_000);
});
