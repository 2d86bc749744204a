import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { CIRCUIT } from '../../lambdas/core/call/call-policy.ts';
import { type Stage, startHere } from './chaos-gateway.ts';
import { openClients, type Seen } from './clients.ts';
import { openFragileEmbedded } from './fragile-embedded.ts';
import { runAllOpen } from './scenarios/all-open.ts';
import { runRegions } from './scenarios/regions.ts';
import { runRetryAfter } from './scenarios/retry-after.ts';
import { runSharedCircuit } from './scenarios/shared-circuit.ts';
import { runStoreOutage } from './scenarios/store-outage.ts';

// Real processes on a machine that may be busy.
jest.setTimeout(60_000);

let stage: Stage;
beforeAll(() => {
  stage = { clients: openClients(), startServer: startHere };
});
afterAll(() => stage.clients.close());

const verdicts = (seen: readonly Seen[]): string[] => [...new Set(seen.map(({ verdict }) => verdict))].toSorted();
/** Those who did not get their answer: status, code and verdict of each. */
const failures = (seen: readonly Seen[]) =>
  seen.filter(({ verdict }) => verdict !== 'answered').map(({ status, code, verdict }) => [status, code, verdict]);

test.each([
  ['retry-after', 1_000],
  ['retry-after-ms', 600],
] as const)(
  'a target that answers 429 with %s is left alone until then, and asked again after it; every client is answered meanwhile',
  async (header, waitMs) => {
    const run = await runRetryAfter({ waitMs, header, atOnce: 8, isStream: header === 'retry-after' }, stage);
    expect(failures(run.seen)).toEqual([]);
    expect(run.early).toBe(0);
    expect(run.unknowing).toBeLessThanOrEqual(8);
    expect(run.unknowing).toBeGreaterThan(0);
    expect(run.after).toBeGreaterThan(0);
  },
);

test('every circuit open: the least bad are tried, each once, and once one answers everybody is served', async () => {
  const run = await runAllOpen({ clients: 60, atOnce: 6 }, stage);
  expect(verdicts(run.failing)).toEqual(['told']);
  // Each of the two targets once at most.
  expect(Math.max(...run.callsOfFailing)).toBeLessThanOrEqual(2);
  expect(failures(run.recovered)).toEqual([]);
  expect(run.leastBad.length).toBeGreaterThanOrEqual(run.callsOfFailing.filter((calls) => calls > 0).length);
});

test('two processes on one store: what one found broken the other does not ask, and of both one probes', async () => {
  const run = await runSharedCircuit({ clients: 40, atOnce: 4 }, stage);
  expect(failures(run.seen)).toEqual([]);
  expect(run.byFirst).toBeLessThanOrEqual(5 + 4);
  expect(run.bySecond).toBe(0);
  expect(run.probes).toBe(1);
});

test('two of three regions lost and back: nobody fails, conversations come home in steps, and stay', async () => {
  // From the beginning of each step, as its requests take their time.
  const agesMs = [0, ...CIRCUIT.slowStart.map(({ untilMs }) => untilMs)];
  const run = await runRegions({ conversations: 48, atOnce: 8, lostMs: 1_000, agesMs, isRealTime: false }, stage);
  expect(failures(run.seen)).toEqual([]);
  expect(run.restless).toBe(0);
  // One for each region that is down.
  expect(run.mostExtraCalls).toBeLessThanOrEqual(2);
  expect(run.sweeps.map(({ leftAgain }) => leftAgain)).toEqual(agesMs.map(() => 0));
  const counts = run.sweeps.map(({ atHome }) => atHome);
  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  expect(counts[0]).toBeLessThan(run.sweeps[0]?.homeless ?? 0);
  expect(counts.at(-1)).toBe(run.sweeps[0]?.homeless);
  expect(run.restored).toBe(run.conversations);
});

test('a store that is gone for a while: refused by its policy, nothing is lost, and nobody is taken for a stranger', async () => {
  const run = await runStoreOutage({ outageMs: 1_200, atOnce: 8 }, stage.clients, openFragileEmbedded(stage, 'gone'));
  expect(failures(run.before)).toEqual([]);
  expect(run.before.length).toBeGreaterThan(0);
  const refused = new Set(failures(run.during).map((failure) => failure.join(' ')));
  expect([...refused]).toEqual(['503 store_unavailable told']);
  expect(run.carriedOver.filter(({ verdict }) => verdict === 'answered').length).toBeGreaterThan(0);
  expect(failures(run.carriedOver).every(([status]) => status === 503)).toBe(true);
  // A key that no process had seen, and one that there is not: who could tell them apart now?
  expect([run.stranger, run.nobody].map((seen) => [seen?.status, seen?.code])).toEqual([
    [503, 'store_unavailable'],
    [503, 'store_unavailable'],
  ]);
  expect(run.after.filter(({ verdict }) => verdict === 'answered').length).toBeGreaterThan(0);
  expect(run.lost).toEqual([]);
  expect(run.unsettled).toEqual([]);
  expect(run.wrongAccounts).toEqual([]);
});
