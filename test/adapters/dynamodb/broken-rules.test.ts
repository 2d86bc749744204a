import { describe, expect, test } from '@jest/globals';
import { loadChanged } from '../../support/load-changed.ts';
import { BROKEN_RULES, type BrokenRule } from './broken-rules.ts';

/** Another seed: `LEDGER_SEARCH=800 npm test -- broken-rules` looks for the first that shows each rule. */
const SEARCH = Number(process.env['LEDGER_SEARCH'] ?? 0);
const ONLY = process.env['LEDGER_RULE'] ?? '';
const EPOCHS = 48;

type Simulation = typeof import('./simulation/simulate-ledger.ts');

const load = (rule: BrokenRule): Promise<Simulation> =>
  loadChanged<Simulation>('test/adapters/dynamodb/simulation/simulate-ledger.ts', rule.changes ?? []);

const violationOf = async (rule: BrokenRule, seed: number): Promise<string | undefined> => {
  const { simulateLedger, Violation } = await load(rule);
  try {
    await simulateLedger({ seed, epochs: EPOCHS, ...(rule.order !== undefined && { broken: rule.order }) });
    return undefined;
  } catch (error) {
    if (error instanceof Violation) return error.message;
    throw error;
  }
};

describe('each rule of the ledger, broken once', () => {
  test.each(BROKEN_RULES.filter(({ name }) => name.includes(ONLY)))(
    '$name: the simulation finds it',
    async (rule) => {
      if (SEARCH > 0) {
        const t = performance.now();
        for (let seed = 1; seed <= SEARCH; seed++) {
          let message: string | undefined;
          try {
            message = await violationOf(rule, seed);
          } catch (error) {
            message = 'ERROR ' + (error as Error).stack?.split('\n').slice(0, 3).join(' ');
          }
          if (message === undefined) continue;
          process.stdout.write(`${seed}\t${rule.name}\t${Math.round(performance.now() - t)}ms\t${message}\n`);
          return;
        }
        process.stdout.write(`NONE\t${rule.name}\t${Math.round(performance.now() - t)}ms\n`);
        return;
      }
      expect(await violationOf(rule, rule.seed)).toBeDefined();
    },
    3_600_000,
  );
});
