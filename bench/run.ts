/**
 * The benchmark (docs/benchmark.md): a mock upstream, a bare proxy, Tollgate with all controls on and, with `--peers`,
 * other gateways, measured in turn on one machine in one run. Exits 0 unless something failed to run.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkMeter } from './check-meter.ts';
import { startChild } from './child.ts';
import { describeMachine, readMachineLoad } from './machine.ts';
import { type Cell, findFault, measure, type Scenario, startLoadGenerator } from './measure.ts';
import { help, type Options, readOptions } from './options.ts';
import { readSystemUnits } from './process-tree.ts';
import { judgeGoals, makeTables, renderMarkdown, renderText, summarizeCells, type Table } from './report.ts';
import { startTarget, type Target } from './targets.ts';

/** The last is a stream at a model's pace, in which every event comes alone: what a live answer costs. */
const scenarios: Scenario[] = [
  { stream: false, concurrency: 1, eventGapMs: 0 },
  { stream: false, concurrency: 16, eventGapMs: 0 },
  { stream: false, concurrency: 64, eventGapMs: 0 },
  { stream: true, concurrency: 1, eventGapMs: 0 },
  { stream: true, concurrency: 16, eventGapMs: 0 },
  { stream: true, concurrency: 64, eventGapMs: 0 },
  { stream: true, concurrency: 64, eventGapMs: 10 },
];

const say = (message: string): void => console.error(message);

interface Outcome {
  cells: Cell[];
  /** In the order of the tables. */
  targets: Target[];
  faults: string[];
  notes: string[];
}

async function startTargets(
  options: Options,
  upstreamUrl: string,
  workFolder: string,
  faults: string[],
): Promise<Target[]> {
  const targets: Target[] = [];
  for (const name of options.targets) {
    try {
      const { profileFolder } = options;
      targets.push(await startTarget(name, { upstreamUrl, workFolder, ...(profileFolder ? { profileFolder } : {}) }));
      say(`${name} is up`);
    } catch (error) {
      faults.push(error instanceof Error ? error.message : String(error));
    }
  }
  return targets;
}

/** Requests that a target was sent and answered: those measured, and those of the warm-up. */
const checkTollgate = async (targets: readonly Target[], sent: ReadonlyMap<string, number>, outcome: Outcome) => {
  const tollgate = targets.find((target) => target.name === 'tollgate');
  if (tollgate === undefined || outcome.faults.length > 0) return;
  const { fault, note } = await checkMeter(tollgate, sent.get('tollgate') ?? 0);
  if (fault !== undefined) outcome.faults.push(`Tollgate's meter is wrong: ${fault}`);
  else outcome.notes.push(`Tollgate's controls were on: ${note}.`);
};

async function runAll(options: Options, workFolder: string): Promise<Outcome> {
  const outcome: Outcome = { cells: [], targets: [], faults: [], notes: [] };
  const stops: (() => unknown)[] = [];
  try {
    const upstream = await startChild({
      name: 'the mock upstream',
      command: process.execPath,
      args: [join(import.meta.dirname, 'upstream.ts')],
      readyWithinMs: 15_000,
    });
    stops.push(upstream.stop);
    const upstreamUrl = String(upstream.ready.url);
    outcome.targets = await startTargets(options, upstreamUrl, workFolder, outcome.faults);
    stops.push(...outcome.targets.map((target) => target.stop));
    const load = startLoadGenerator();
    stops.push(load.stop);
    const sent = new Map<string, number>();
    const units = readSystemUnits();
    const { rounds, cellMs, warmUpMs } = options;
    const { targets } = outcome;
    const onSent = (name: string, count: number) => sent.set(name, (sent.get(name) ?? 0) + count);
    const plan = { targets, scenarios, rounds, cellMs, warmUpMs, upstreamUrl, units, load, onProgress: say, onSent };
    outcome.cells = await measure(plan);
    outcome.faults.push(...outcome.cells.flatMap((cell) => findFault(cell) ?? []));
    await checkTollgate(targets, sent, outcome);
  } finally {
    for (const stop of stops.reverse()) await stop();
  }
  return outcome;
}

const describeRun = (options: Options, notes: string[], loads: { before: object; after: object }): string[] => {
  const machine = describeMachine();
  const { before, after } = loads as Record<'before' | 'after', ReturnType<typeof readMachineLoad>>;
  return [
    `${machine.processor}, ${machine.cores} cores, ${machine.memoryGb} GB, ${machine.system}, Node ${machine.node}.`,
    `Load average ${before.oneMinute} before and ${after.oneMinute} after; ${before.freeGb} GB free before.`,
    `${options.rounds} rounds of ${options.cellMs / 1000} s a cell. Medians of the rounds, least and most in brackets.`,
    ...notes,
  ];
};

function renderPage(about: string[], tables: Table[]): string {
  const day = new Date().toISOString().slice(0, 10);
  const head = `# Benchmark results\n\nWritten by \`npm run bench -- --write\` on ${day}; [benchmark.md](benchmark.md) says how to read it.\n`;
  return [head, ...about.map((line) => `- ${line}`), '', tables.map(renderMarkdown).join('\n\n'), ''].join('\n');
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) {
    console.log(help);
    return 0;
  }
  const workFolder = await mkdtemp(join(tmpdir(), 'tollgate-bench-'));
  const before = readMachineLoad();
  try {
    const { cells, targets, faults, notes } = await runAll(options, workFolder);
    const loads = { before, after: readMachineLoad() };
    const titles = Object.fromEntries(targets.map((target) => [target.name, target.title]));
    const lines = summarizeCells(
      cells,
      scenarios,
      targets.map((target) => target.name),
    );
    const tables = makeTables(lines, titles);
    const about = describeRun(options, [...notes, ...judgeGoals(lines, titles)], loads);
    const text = `\n${about.join('\n')}\n\n${tables.map(renderText).join('\n\n')}\n`;
    if (options.json) {
      say(text);
      console.log(JSON.stringify({ machine: describeMachine(), loads, options, lines, cells, faults, notes }));
    } else {
      console.log(text);
    }
    for (const fault of faults) say(`FAILED: ${fault}`);
    if (faults.length > 0) return 1;
    if (options.write)
      await writeFile(join(import.meta.dirname, '../docs/benchmark-results.md'), renderPage(about, tables));
    return 0;
  } finally {
    await rm(workFolder, { recursive: true, force: true });
  }
}

// Ended from outside, it takes its targets along (child.ts).
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

try {
  process.exitCode = await main();
} catch (error) {
  say(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
