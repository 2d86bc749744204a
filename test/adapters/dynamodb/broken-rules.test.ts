import { describe, expect, test } from '@jest/globals';
import { loadChanged } from '../../support/load-changed.ts';
import { BROKEN_CLOSING_RULES } from './broken-closing-rules.ts';
import { BROKEN_REQUEST_RULES } from './broken-request-rules.ts';
import type { BrokenRule } from './broken-rule.ts';
import type { ScenarioName } from './simulation/scenarios.ts';

type Scenarios = typeof import('./simulation/scenarios.ts');

const BROKEN_RULES = [...BROKEN_REQUEST_RULES, ...BROKEN_CLOSING_RULES];

/**
 * Every rule of docs/ledger.md, broken once in the code's own sources, turns a scenario of the simulation red; the code as
 * it is keeps all of them green (simulation.test.ts).
 *
 * @returns what each scenario found, by its name
 */
const playBroken = async (
  { changes = [], order }: BrokenRule,
  only?: ScenarioName,
): Promise<Partial<Record<ScenarioName, string>>> => {
  const { SCENARIOS, Violation } = await loadChanged<Scenarios>(
    'test/adapters/dynamodb/simulation/scenarios.ts',
    changes,
  );
  const found: Partial<Record<ScenarioName, string>> = {};
  for (const name of Object.keys(SCENARIOS) as ScenarioName[]) {
    if (only !== undefined && name !== only) continue;
    try {
      await SCENARIOS[name](order);
    } catch (error) {
      // Anything else is a fault of the change or the scenario, and proves nothing.
      if (!(error instanceof Violation)) throw error;
      found[name] = error.message;
    }
  }
  return found;
};

const isFound = (rule: BrokenRule): boolean => rule.foundBy !== undefined;

describe('each rule of the ledger, broken once', () => {
  test('no rule is there twice', () => {
    expect(new Set(BROKEN_RULES.map(({ name }) => name)).size).toBe(BROKEN_RULES.length);
  });

  test.each(BROKEN_RULES.filter(isFound))('$name: found by $foundBy', async (rule) => {
    const found = await playBroken(rule, rule.foundBy);
    if (Object.keys(found).length === 0)
      throw new Error(`The rule is broken (${rule.name}) and the scenario "${rule.foundBy}" does not find it.`);
  });

  // Should a scenario find one after all, the reason is wrong.
  test.each(BROKEN_RULES.filter((rule) => !isFound(rule)))('$name: no harm, for $harmless', async (rule) => {
    expect(await playBroken(rule)).toEqual({});
  });
});
