/** The scenarios at full size, each told as a promise and what was measured of it. */
import { CIRCUIT } from '../../lambdas/core/call/call-policy.ts';
import type { Stage } from '../../test/chaos/chaos-gateway.ts';
import type { Seen } from '../../test/chaos/clients.ts';
import { openFragileEmbedded, type StoreFault } from '../../test/chaos/fragile-embedded.ts';
import { runAllOpen } from '../../test/chaos/scenarios/all-open.ts';
import { runHangUps } from '../../test/chaos/scenarios/hang-ups.ts';
import { runRegions } from '../../test/chaos/scenarios/regions.ts';
import { runRetryAfter } from '../../test/chaos/scenarios/retry-after.ts';
import { runSharedCircuit } from '../../test/chaos/scenarios/shared-circuit.ts';
import { runStoreOutage } from '../../test/chaos/scenarios/store-outage.ts';
import { percentile } from '../statistics.ts';
import { ms, p50And99 } from './fail-over-table.ts';
import type { Proof } from './proof.ts';

const failedIn = (seen: readonly Seen[]): number => seen.filter(({ verdict }) => verdict !== 'answered').length;

export const proveRetryAfter = async (stage: Stage, atOnce: number): Promise<Proof> => {
  const runs = [];
  for (const header of ['retry-after', 'retry-after-ms'] as const)
    for (const isStream of [false, true])
      runs.push(await runRetryAfter({ waitMs: 5_000, header, atOnce, isStream }, stage));
  const clients = runs.reduce((sum, { seen }) => sum + seen.length, 0);
  const failed = runs.reduce((sum, { seen }) => sum + failedIn(seen), 0);
  const early = runs.reduce((sum, run) => sum + run.early, 0);
  return {
    promise: '429 storm with `retry-after` (s, ms): the target is left alone until then, and asked again after it',
    measured: `${early} calls too early of ${clients} clients, ${failed} of whom failed; ${runs
      .map(({ unknowing }) => unknowing)
      .join(', ')} calls were under way when the first 429 came, ${atOnce} clients at once`,
    isMet: failed === 0 && early === 0 && runs.every(({ unknowing, after }) => unknowing <= atOnce && after > 0),
  };
};

export const proveRegions = async (stage: Stage, lostMs: number): Promise<Proof> => {
  const agesMs = [500, ...CIRCUIT.slowStart.map(({ untilMs }) => untilMs + 500)];
  const run = await runRegions({ conversations: 300, atOnce: 16, lostMs, agesMs, isRealTime: true }, stage);
  const failed = failedIn(run.seen);
  const steps = run.sweeps.map(({ atHome, homeless }) => `${Math.round((100 * atHome) / homeless)} %`);
  const counts = run.sweeps.map(({ atHome }) => atHome);
  const grows = counts.every((count, i) => i === 0 || count >= (counts[i - 1] ?? 0));
  return {
    promise:
      'two of three regions lost and back: no failed client, load grows in steps, conversations come home and stay',
    measured: `${failed} of ${run.seen.length} clients failed, ${run.mostExtraCalls} extra calls at most (two regions); circuits closed ${(
      run.closedAfterMs / 1_000
    ).toFixed(0)} s after the return; then ${steps.join(', ')} of their conversations after ${agesMs
      .map((age) => (age / 1_000).toFixed(0))
      .join(
        ', ',
      )} s; ${run.restored} of ${run.conversations} at home in the end; ${run.restless} moved while all was well, ${run.sweeps.map(({ leftAgain }) => leftAgain).join(', ')} left again during the return`,
    isMet:
      failed === 0 &&
      grows &&
      run.restless === 0 &&
      run.mostExtraCalls <= 2 &&
      run.restored === run.conversations &&
      run.sweeps.every(({ leftAgain }) => leftAgain === 0),
  };
};

/** Beyond it, a call goes on for nobody. */
const STOPPED_WITHIN_MS = 1_000;
/** What thousands of streams may add to the process that serves them. */
const MEMORY_MB = 512;

export const proveHangUps = async (stage: Stage, clients: number): Promise<Proof> => {
  const run = await runHangUps({ clients, atOnce: 200, share: 0.1, seed: 20_261_123 }, stage);
  const left = run.seen.filter(({ verdict }) => verdict === 'left').length;
  const failed = failedIn(run.seen) - left;
  const stopped = run.stopMs.toSorted((a, b) => a - b);
  const slowest = stopped.at(-1) ?? 0;
  const { memoryMb } = run;
  const grownMb = memoryMb === undefined ? 0 : memoryMb.most - memoryMb.before;
  return {
    promise: `${clients} streams, 10 % hang up at random: every upstream call stopped within 1 s, every one settled at what the upstream counted`,
    measured: `${left} left, ${failed} of the others failed; ${stopped.length} calls were under way then and stopped after ${p50And99(
      run.stopMs,
    )} ms (p50 / p99), ${ms(slowest)} ms at most; ${run.entries.length} entries, ${run.unsettled.length} not settled, ${
      run.counted
    } cost what was counted, ${run.estimated} estimated within their holds, ${run.wrong.length + run.wrongAccounts.length} wrong${
      memoryMb === undefined ? '' : `; memory ${memoryMb.before} MB before, ${memoryMb.most} MB at most`
    }`,
    isMet:
      failed === 0 &&
      run.stillOpen + run.wentOn === 0 &&
      percentile(stopped, 0.99) <= STOPPED_WITHIN_MS &&
      run.unsettled.length + run.wrong.length + run.wrongAccounts.length === 0 &&
      grownMb <= MEMORY_MB,
  };
};

const STORE_TITLES: Record<StoreFault, string> = { gone: 'fails at once', locked: 'does not answer' };

export const proveStore = async (stage: Stage, fault: StoreFault, outageMs: number): Promise<Proof> => {
  const run = await runStoreOutage({ outageMs, atOnce: 32 }, stage.clients, openFragileEmbedded(stage, fault));
  const all = [...run.carriedOver, ...run.during, ...(run.stranger ? [run.stranger] : []), ...run.after];
  const by = (status: number, seen: readonly Seen[]): number => seen.filter((one) => one.status === status).length;
  const refused = [...run.during, ...run.carriedOver].filter(({ verdict }) => verdict !== 'answered');
  const byPolicy = refused.every(({ status, code }) => status === 503 && code === 'store_unavailable');
  return {
    promise: `store down for ${outageMs / 1_000} s under load (${STORE_TITLES[fault]}): refused by policy, no 401, no lost entry, back within a second`,
    measured: `${refused.length} of ${run.during.length + run.carriedOver.length} refused${
      byPolicy ? ', all with 503 `store_unavailable`' : ' not by policy'
    }; ${by(401, all)} with 401; ${run.lost.length} lost, ${run.unsettled.length} not settled; first answer ${ms(run.backMs)} ms after the return`,
    isMet:
      run.before.length > 0 &&
      failedIn(run.before) === 0 &&
      byPolicy &&
      by(401, all) === 0 &&
      run.lost.length + run.unsettled.length + run.wrongAccounts.length === 0 &&
      run.backMs <= 1_000,
  };
};

export const proveSharedCircuit = async (stage: Stage, clients: number): Promise<Proof> => {
  const atOnce = 8;
  const run = await runSharedCircuit({ clients, atOnce }, stage);
  const failed = failedIn(run.seen);
  return {
    promise: 'two gateway processes on one store: one circuit, one prober',
    measured: `${failed} of ${run.seen.length} clients failed; the process that found the target broken asked it ${run.byFirst} times, the other ${run.bySecond}; when its time was over both together asked ${run.probes} time until it answered`,
    isMet: failed === 0 && run.byFirst <= CIRCUIT.failuresToOpen + atOnce && run.bySecond === 0 && run.probes === 1,
  };
};

export const proveAllOpen = async (stage: Stage, clients: number): Promise<Proof> => {
  const run = await runAllOpen({ clients, atOnce: 16 }, stage);
  const most = Math.max(...run.callsOfFailing);
  const failed = failedIn(run.recovered);
  const told = run.failing.filter(({ verdict }) => verdict === 'told').length;
  return {
    promise: 'all circuits open: the open targets are tried, each once a request at most, and the receipt says so',
    measured: `${told} of ${run.failing.length} were told, for ${most} calls at most of two targets; once a target was well again ${failed} of ${run.recovered.length} failed`,
    isMet: told === run.failing.length && most >= 1 && most <= 2 && failed === 0 && run.leastBad.length > 0,
  };
};
