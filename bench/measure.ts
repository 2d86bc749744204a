import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasEnded } from './child.ts';
import type { LoadOrder, LoadResult } from './load.ts';
import { readTree, type SystemUnits } from './process-tree.ts';
import type { Target, TargetName } from './targets.ts';

export interface Scenario {
  stream: boolean;
  concurrency: number;
  /** Between two events of the upstream's stream; 0 = as fast as they go. */
  eventGapMs: number;
}

/** One target under one scenario in one round. */
export interface Cell {
  round: number;
  scenario: Scenario;
  target: TargetName;
  load: LoadResult;
  /** Of the target's whole process tree, for this cell; absent for `direct`. */
  cpuMs?: number;
  /** After the cell. */
  residentBytes?: number;
  /** Calls that the upstream counted meanwhile. */
  upstreamCalls: number;
}

type LoadReply = { result?: LoadResult; error?: string };

export interface LoadGenerator {
  run(order: LoadOrder): Promise<LoadResult>;
  stop(): void;
}

/** Starts bench/load-generator.ts as a process of its own. */
export function startLoadGenerator(): LoadGenerator {
  const child: ChildProcess = fork(join(import.meta.dirname, 'load-generator.ts'), {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    serialization: 'advanced',
  });
  let settle: ((reply: LoadReply) => void) | undefined;
  child.on('message', (reply: LoadReply) => settle?.(reply));
  child.on('exit', (code) => settle?.({ error: `the load generator ended with code ${code}` }));
  return {
    run: async (order) => {
      if (hasEnded(child)) throw new Error('the load generator has ended');
      const reply = await new Promise<LoadReply>((resolve) => {
        settle = resolve;
        child.send(order);
      });
      if (reply.result === undefined) throw new Error(reply.error);
      return reply.result;
    },
    stop: () => {
      if (!hasEnded(child)) child.disconnect();
    },
  };
}

export interface MeasureOptions {
  targets: readonly Target[];
  scenarios: readonly Scenario[];
  rounds: number;
  cellMs: number;
  warmUpMs: number;
  upstreamUrl: string;
  units: SystemUnits;
  load: LoadGenerator;
  onProgress(message: string): void;
  /** Told of all requests that a target answered, those of the warm-up too. */
  onSent(target: TargetName, count: number): void;
}

/** Work that a target puts off until after the answer counts too: the cell's CPU is read this much later. */
const settleMs = 250;

/** However fast a target is, a cell ends. */
const maxRequestsPerCell = 50_000;

async function readUpstreamCalls(upstreamUrl: string): Promise<number> {
  const response = await fetch(`${upstreamUrl}/stats`);
  const { calls } = (await response.json()) as { calls: number };
  return calls;
}

async function setPace(upstreamUrl: string, eventGapMs: number): Promise<void> {
  const response = await fetch(`${upstreamUrl}/pace`, {
    method: 'PUT',
    body: JSON.stringify({ delayMs: 0, eventGapMs }),
  });
  if (!response.ok) throw new Error(`the upstream refused its pace: ${response.status}`);
}

async function measureCell(options: MeasureOptions, target: Target, scenario: Scenario, round: number): Promise<Cell> {
  const { load, units, upstreamUrl } = options;
  const callsBefore = await readUpstreamCalls(upstreamUrl);
  const before = target.pid === undefined ? undefined : readTree(target.pid, units);
  const result = await load.run({
    baseUrl: target.baseUrl,
    headers: target.headers,
    stream: scenario.stream,
    concurrency: scenario.concurrency,
    durationMs: options.cellMs,
    maxRequests: maxRequestsPerCell,
  });
  options.onSent(target.name, result.answered);
  await sleep(settleMs);
  const after = target.pid === undefined ? undefined : readTree(target.pid, units);
  return {
    round,
    scenario,
    target: target.name,
    load: result,
    ...(before && after ? { cpuMs: after.cpuMs - before.cpuMs, residentBytes: after.residentBytes } : {}),
    upstreamCalls: (await readUpstreamCalls(upstreamUrl)) - callsBefore,
  };
}

/** Until compilers and pools are warm; each target the same time. */
async function warmUp(options: MeasureOptions): Promise<void> {
  await setPace(options.upstreamUrl, 0);
  for (const target of options.targets) {
    options.onProgress(`warming up ${target.title}`);
    for (const stream of [false, true]) {
      const { answered } = await options.load.run({
        baseUrl: target.baseUrl,
        headers: target.headers,
        stream,
        concurrency: 16,
        durationMs: options.warmUpMs,
        maxRequests: maxRequestsPerCell,
      });
      options.onSent(target.name, answered);
    }
  }
}

/**
 * Measures all targets under all scenarios, round by round. Within a round the targets follow one another under the same
 * scenario (A B C, next time B C A), so that what the machine does meanwhile hits all alike.
 */
export async function measure(options: MeasureOptions): Promise<Cell[]> {
  await warmUp(options);
  const cells: Cell[] = [];
  for (let round = 1; round <= options.rounds; round += 1) {
    for (const scenario of options.scenarios) {
      options.onProgress(`round ${round} of ${options.rounds}: ${describeScenario(scenario)}`);
      await setPace(options.upstreamUrl, scenario.eventGapMs);
      const first = round % options.targets.length;
      for (const target of [...options.targets.slice(first), ...options.targets.slice(0, first)]) {
        cells.push(await measureCell(options, target, scenario, round));
      }
    }
  }
  return cells;
}

export const describeScenario = ({ stream, concurrency, eventGapMs }: Scenario): string =>
  `${stream ? 'streamed' : 'plain'}, ${concurrency} at once${eventGapMs > 0 ? `, ${eventGapMs} ms an event` : ''}`;

/** @returns what makes a cell's numbers worthless: an error, a wrong answer, an answer made without the upstream or with two calls. */
export function findFault(cell: Cell): string | undefined {
  const { answered, failed, faults } = cell.load;
  const details = Object.entries(faults)
    .slice(0, 3)
    .map(([fault, count]) => `${count} × ${fault}`);
  const where = `${cell.target}, ${describeScenario(cell.scenario)}, round ${cell.round}`;
  if (failed > 0) return `${where}: ${failed} of ${answered + failed} failed: ${details.join('; ')}`;
  if (answered === 0) return `${where}: nothing was answered`;
  if (cell.upstreamCalls === answered) return undefined;
  return `${where}: ${answered} answers from ${cell.upstreamCalls} upstream calls; each should make exactly one`;
}
