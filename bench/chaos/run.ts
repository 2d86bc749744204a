/**
 * Failover, proved (docs/reliability.md): a fault-injecting upstream, `npm start`'s server in processes of its own and
 * thousands of clients. Exits 0 only where every promise was kept.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ChaosGateway, type Stage, startChaosGateway, startProcess } from '../../test/chaos/chaos-gateway.ts';
import { startChaosUpstream } from '../../test/chaos/chaos-upstream.ts';
import { openClients } from '../../test/chaos/clients.ts';
import { FAULT_ROWS } from '../../test/chaos/fault-rows.ts';
import { type Addresses, failOverConfig, planRows, runFailOver } from '../../test/chaos/scenarios/fail-over.ts';
import { findFreePort } from '../child.ts';
import { describeMachine, readMachineLoad } from '../machine.ts';
import { replacePart, toTable } from '../pages/marked-part.ts';
import { comparePeers } from './compare-peers.ts';
import { FAIL_OVER_HEAD, failOverLine, proveFailOver, type RowResult } from './fail-over-table.ts';
import { CHAOS_HELP, type ChaosOptions, readChaosOptions } from './options.ts';
import type { Proof } from './proof.ts';
import { proveAllOpen, proveHangUps, proveRegions, proveRetryAfter, proveSharedCircuit, proveStore } from './prove.ts';

const PAGE = join(import.meta.dirname, '../../docs/reliability.md');
const say = (message: string): void => console.error(message);

const openAddresses = async (): Promise<Addresses> => ({
  upstream: await startChaosUpstream(),
  untrusted: await startChaosUpstream({ isUntrusted: true }),
  refused: `http://127.0.0.1:${await findFreePort()}`,
});

/** All faults, one after the other. A primary that answers 500 gets all the clients, the others a tenth each. */
const failOver = async ({ clients }: ChaosOptions, stage: Stage): Promise<RowResult[]> => {
  const addresses = await openAddresses();
  const results: RowResult[] = [];
  let gateway: ChaosGateway | undefined;
  try {
    gateway = await startChaosGateway(failOverConfig(FAULT_ROWS, addresses), stage);
    const [subject] = gateway.subjects;
    if (subject === undefined) throw new Error('no gateway');
    planRows(FAULT_ROWS, addresses.upstream);
    for (const row of FAULT_ROWS) {
      const share = row.name === 'status-500' ? 1 : 0.1;
      const crowd = { clients: Math.ceil((clients * share) / 2), atOnce: 16 };
      const plain = await runFailOver({ row, mode: 'plain', subject }, addresses, stage.clients, crowd);
      const stream = await runFailOver({ row, mode: 'stream', subject }, addresses, stage.clients, crowd);
      addresses.upstream.forget();
      const result = { title: row.title, name: row.name, plain, stream };
      results.push(result);
      say(failOverLine(result).join(' | '));
    }
  } finally {
    await gateway?.stop();
    await Promise.all([addresses.upstream.stop(), addresses.untrusted.stop()]);
  }
  return results;
};

interface Outcome {
  proofs: Proof[];
  rows: RowResult[];
}

const runAll = async (options: ChaosOptions, stage: Stage): Promise<Outcome> => {
  const { clients, steps } = options;
  const isQuick = clients < 10_000;
  const proofs: Proof[] = [];
  let rows: RowResult[] = [];
  const prove = async (proof: Promise<Proof>): Promise<void> => {
    const done = await proof;
    proofs.push(done);
    say(`${done.isMet ? 'met' : 'NOT MET'}: ${done.promise}: ${done.measured}`);
  };
  for (const step of steps) {
    switch (step) {
      case 'fail-over':
        rows = await failOver(options, stage);
        await prove(Promise.resolve(proveFailOver(rows)));
        break;
      case 'retry-after':
        await prove(proveRetryAfter(stage, 32));
        break;
      case 'regions':
        await prove(proveRegions(stage, isQuick ? 2_000 : 10_000));
        break;
      case 'hang-ups':
        await prove(proveHangUps(stage, clients));
        break;
      case 'store':
        await prove(proveStore(stage, 'gone', isQuick ? 3_000 : 30_000));
        await prove(proveStore(stage, 'locked', isQuick ? 6_000 : 30_000));
        break;
      case 'shared-circuit':
        await prove(proveSharedCircuit(stage, Math.ceil(clients / 10)));
        break;
      case 'all-open':
        await prove(proveAllOpen(stage, Math.ceil(clients / 10)));
        break;
      default:
        step satisfies never;
    }
  }
  return { proofs, rows };
};

const describeRun = (before: number, after: number): string => {
  const { processor, cores, memoryGb, system, node } = describeMachine();
  const day = new Date().toISOString().slice(0, 10);
  return `${day}: ${processor}, ${cores} cores, ${memoryGb} GB, ${system}, Node ${node}; load average ${before} before, ${after} after. Clients, upstream and gateway share the machine, so milliseconds mean something only beside each other.\n`;
};

const writePart = (name: string, text: string): void =>
  writeFileSync(PAGE, replacePart(readFileSync(PAGE, 'utf8'), name, text));

const writeProofs = ({ proofs, rows }: Outcome, about: string): void => {
  const lines = proofs.map(({ promise, measured, isMet }) => [promise, measured, isMet ? 'yes' : '**no**']);
  writePart('promises', `${about}\n${toTable(['promise', 'measured', 'kept'], lines)}`);
  writePart('faults', toTable(FAIL_OVER_HEAD, rows.map(failOverLine)));
};

const main = async (): Promise<number> => {
  const options = readChaosOptions(process.argv.slice(2));
  if (options === undefined) {
    console.log(CHAOS_HELP);
    return 0;
  }
  const before = readMachineLoad().oneMinute;
  const stage: Stage = { clients: openClients(), startServer: startProcess };
  try {
    const outcome = await runAll(options, stage);
    const about = describeRun(before, readMachineLoad().oneMinute);
    console.log(
      [
        about,
        ...outcome.proofs.map(
          ({ promise, measured, isMet }) => `${isMet ? 'met    ' : 'NOT MET'} ${promise}\n        ${measured}`,
        ),
        ...(outcome.rows.length > 0 ? [toTable(FAIL_OVER_HEAD, outcome.rows.map(failOverLine))] : []),
      ].join('\n'),
    );
    if (options.write && outcome.proofs.length > 0) writeProofs(outcome, about);
    if (options.withPeers) {
      const tables = await comparePeers(stage, say);
      console.log(tables);
      if (options.write) writePart('peers', `${describeRun(before, readMachineLoad().oneMinute)}\n${tables}`);
    }
    return outcome.proofs.every(({ isMet }) => isMet) ? 0 : 1;
  } finally {
    await stage.clients.close();
  }
};

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

try {
  process.exitCode = await main();
} catch (error) {
  say(`chaos: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
