import { expect, test } from '@jest/globals';
import type { LedgerEntry } from '../../lambdas/core/ledger.ts';
import type { MeteredCall } from './storm/metered-vendor.ts';
import { PRICE, runStorm } from './storm/run-storm.ts';

const CALLS = 20_000;
const SEED = 20_261_123;

const costOf = (calls: readonly MeteredCall[]): bigint =>
  calls.reduce(
    (sum, { inputTokens, outputTokens }) =>
      sum + BigInt(inputTokens) * PRICE.input + BigInt(outputTokens) * PRICE.output,
    0n,
  );

/** The prober's own calls are none of the storm's. */
const PROBE = -1;
const callOf = (entry: LedgerEntry): number => Number(entry.tags['call'] ?? PROBE);

test(`${CALLS} calls with failures, hang-ups and kills: the ledger is the vendor's own meter`, async () => {
  const storm = await runStorm({
    calls: CALLS,
    atOnce: 64,
    gateways: 2,
    hangUps: 0.1,
    kills: 0.05,
    seed: SEED,
  });
  const { accounts, seen, kills } = storm;
  // Nothing is under way, and every account is the sum of its entries.
  expect(storm.entries.filter(({ state }) => state === 'open')).toEqual([]);
  for (const { key, figures, sum } of accounts)
    expect([key, figures?.spent, figures?.held, figures?.committed]).toEqual([key, sum, 0n, sum]);

  const entries = storm.entries.filter((entry) => callOf(entry) !== PROBE);
  const meter = storm.meter.filter(({ call }) => call !== PROBE);
  const probes = storm.entries.length - entries.length;
  expect(probes).toBeGreaterThanOrEqual(storm.meter.length - meter.length);
  const metered = Map.groupBy(meter, ({ call }) => call);
  const meteredOf = (entry: LedgerEntry) => metered.get(callOf(entry)) ?? [];

  // One call has one entry, and no call reached the vendor without one.
  const known = new Set(entries.map(callOf));
  expect(known.size).toBe(entries.length);
  expect([...metered.keys()].filter((call) => !known.has(call))).toEqual([]);

  // What the vendor counted for us is what is in the ledger, to the nano-dollar; the rest is within its hold, and says so.
  const isEstimated = ({ state, receipt }: LedgerEntry): boolean => state === 'lost' || receipt.usageEstimated === true;
  const exact = entries.filter((entry) => entry.state === 'settled' && !isEstimated(entry));
  const estimated = entries.filter(isEstimated);
  expect(exact.length + estimated.length).toBe(entries.length);
  const wrong = exact.filter((entry) => entry.cost !== costOf(meteredOf(entry).filter(({ completed }) => completed)));
  expect(wrong.map((entry) => [entry.requestId, entry.cost, meteredOf(entry)])).toEqual([]);
  const beyond = estimated.filter(({ cost, hold }) => cost > hold || cost < 0n);
  expect(beyond.map(({ requestId, cost, hold }) => [requestId, cost, hold])).toEqual([]);

  // What was charged for the rest covers what the vendor delivered of it.
  const delivered = costOf(estimated.flatMap(meteredOf));
  const charged = estimated.reduce((sum, { cost }) => sum + cost, 0n);

  const byWhy = Object.groupBy(estimated, ({ state, receipt }) =>
    state === 'lost' ? 'killed' : (receipt.outcome ?? ''),
  );
  process.stdout.write(
    [
      `storm of ${CALLS} calls, seed ${SEED}: ${kills} kills, clients saw ${JSON.stringify(seen)}`,
      `${entries.length} entries, and ${probes} of the prober: ${exact.length} exact, ${estimated.length} estimated ${JSON.stringify(
        Object.fromEntries(Object.entries(byWhy).map(([why, list = []]) => [why, list.length])),
      )}`,
      `nano-USD: exact ${exact.reduce((sum, { cost }) => sum + cost, 0n)}; estimated: charged ${charged}, delivered ${delivered}`,
    ].join('\n'),
  );
  // The storm was one: each kind of harm has happened.
  expect(kills).toBeGreaterThan(20);
  expect(seen['left']).toBeGreaterThan(CALLS / 30);
  expect(estimated.length).toBeGreaterThan(CALLS / 50);
  expect(exact.length).toBeGreaterThan(CALLS / 2);
  expect(charged).toBeGreaterThanOrEqual(delivered);
}, 900_000);
