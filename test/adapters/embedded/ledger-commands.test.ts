import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ledgerCommandsProperty } from '../../port-suites/ledger-commands.ts';
import type { ModelOptions, ModelReport } from '../../port-suites/ledger-model.ts';
import { makeMemoryStores, seededRandom } from './embedded-worlds.ts';

/** More runs, and others: `LEDGER_RUNS=2000 LEDGER_FIRST_SEED=7 npm test -- ledger-commands`; a failure prints its seed and path. */
const RUNS = Number(process.env['LEDGER_RUNS'] ?? 80);
const SEED = Number(process.env['LEDGER_FIRST_SEED'] ?? 1);

const random = (seed: number) => seededRandom(seed).fraction;

describe('the embedded ledger under any interleaving', () => {
  test('keeps its promise after every command, and the commands bring every kind of trouble', async () => {
    const total: Record<string, number> = {};
    const note = (report: ModelReport): void => {
      for (const [name, count] of Object.entries(report)) total[name] = (total[name] ?? 0) + count;
    };
    await fc.assert(ledgerCommandsProperty({ makeStores: makeMemoryStores }, random, note), {
      numRuns: RUNS,
      seed: SEED,
    });
    for (const name of ['admitted', 'refused', 'lost', 'corrected', 'raised', 'leaked'] satisfies (keyof ModelReport)[])
      expect([name, (total[name] ?? 0) > 0]).toEqual([name, true]);
  }, 600_000);

  test('a broken rule is told by the few commands that show it', async () => {
    const bend: ModelOptions['bend'] = (ledger) => ({ ...ledger, open: async () => true });
    const broken = ledgerCommandsProperty({ makeStores: makeMemoryStores, bend }, random);
    const { failed, counterexample } = await fc.check(broken, { numRuns: 200, seed: 1 });
    expect(failed).toBe(true);
    const [shrunk] = counterexample ?? [];
    const told = [...(shrunk as Iterable<object>)].map(String);
    expect([told.length <= 6, told]).toEqual([true, told]);
  }, 600_000);
});
