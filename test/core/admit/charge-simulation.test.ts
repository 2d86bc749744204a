import { describe, expect, test } from '@jest/globals';
import { type ChargeRule, RULES, type Simulated, simulate, type Workload } from './charge-simulation.ts';

/** The same numbers every time (mulberry32). */
const makeRandom = (seed: number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
};

const run = (make: (random: () => number) => Workload, rule: ChargeRule): Simulated => {
  const random = makeRandom(42);
  return simulate(make(makeRandom(7)), rule, random);
};
const about = (random: () => number, mean: number) => -Math.log(1 - random()) * mean;

const burst = (): Workload => ({
  clients: 64,
  thinkMs: 1_000,
  input: () => 300,
  output: () => 4_000,
  tokensPerMinute: 40_000,
});
const reasoning = (random: () => number): Workload => ({
  clients: 16,
  thinkMs: 2_000,
  input: () => 1_000,
  output: () => 8_000 + random() * 8_000,
  named: 32_000,
  tokensPerMinute: 40_000,
});
const agents = (random: () => number): Workload => ({
  clients: 5,
  thinkMs: 500,
  input: () => 6_000 + about(random, 6_000),
  output: () => Math.min(32_000, about(random, 400)),
  named: 32_000,
  tokensPerMinute: 200_000,
});
const chat = (random: () => number): Workload => ({
  clients: 20,
  thinkMs: 8_000,
  input: () => 600,
  output: () => Math.min(4_096, about(random, 300)),
  tokensPerMinute: 40_000,
});

describe('what a tokens limit is charged at the door (docs/decisions/003)', () => {
  test('a burst of long answers: the input alone lets several limits through in a minute, the usual answer beside it does not', () => {
    expect(run(burst, RULES.inputOnly).worstMinute).toBeGreaterThan(5);
    const chosen = run(burst, RULES.chosen).worstMinute;
    expect(chosen).toBeLessThan(1.6);
    expect(chosen).toBeLessThan(run(burst, RULES.truth).worstMinute * 1.1);
  });

  test('large output limits that are not used: held whole they leave much of the limit unused, held at the usual answer nothing', () => {
    expect(run(reasoning, RULES.wholeLimit).throughput).toBeLessThan(0.7);
    expect(run(reasoning, RULES.chosen).throughput).toBeGreaterThan(1);
    expect(run(agents, RULES.chosen).throughput).toBeGreaterThan(run(agents, RULES.truth).throughput * 0.95);
  });

  test.each([
    ['a burst', burst],
    ['reasoning', reasoning],
    ['agents', agents],
    ['chat', chat],
  ] as const)('%s: no minute passes two limits, and no more than a twentieth of the limit is lost', (_, make) => {
    const chosen = run(make, RULES.chosen);
    expect(chosen.worstMinute).toBeLessThanOrEqual(2);
    expect(chosen.throughput).toBeGreaterThan(Math.min(1, run(make, RULES.truth).throughput) * 0.95);
  });
});
