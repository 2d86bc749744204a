/** From cells to tables: ratios within a round, then their median, least and most over the rounds. */
import { type Cell, describeScenario, findFault, type Scenario } from './measure.ts';
import { type Spread, spread } from './statistics.ts';
import type { TargetName } from './targets.ts';

export interface Line {
  scenario: Scenario;
  target: TargetName;
  requestsPerSecond: Spread;
  p50Ms: Spread;
  p95Ms: Spread;
  p99Ms: Spread;
  firstTokenP50Ms: Spread;
  /** Over `direct` in the same round. */
  addedP50Ms?: Spread;
  addedFirstTokenP50Ms?: Spread;
  cpuMsPerRequest?: Spread;
  /** CPU per request divided by that of another target in the same round. */
  cpuRatioTo: Partial<Record<TargetName, Spread>>;
  residentMb?: Spread;
}

export interface Table {
  title: string;
  header: string[];
  rows: string[][];
}

const cpuPerRequest = (cell: Cell): number | undefined =>
  cell.cpuMs === undefined ? undefined : cell.cpuMs / cell.load.answered;

const isScenario = (scenario: Scenario) => (cell: Cell) =>
  describeScenario(cell.scenario) === describeScenario(scenario);

/** Applies a comparison to the cells of the same round; a round that lacks one of the two is left out. */
function compareByRound(
  own: readonly Cell[],
  other: readonly Cell[],
  compare: (own: Cell, other: Cell) => number | undefined,
): Spread | undefined {
  const values = own.flatMap((cell) => {
    const partner = other.find((candidate) => candidate.round === cell.round);
    const value = partner && compare(cell, partner);
    return value === undefined || !Number.isFinite(value) ? [] : [value];
  });
  return values.length === 0 ? undefined : spread(values);
}

function summarizeTarget(
  cells: readonly Cell[],
  scenario: Scenario,
  target: TargetName,
  baselines: readonly TargetName[],
): Line {
  const of = (name: TargetName) => cells.filter(isScenario(scenario)).filter((cell) => cell.target === name);
  const own = of(target);
  const cpu = own.flatMap((cell) => cpuPerRequest(cell) ?? []);
  const resident = own.flatMap((cell) => (cell.residentBytes === undefined ? [] : cell.residentBytes / 1e6));
  const direct = target === 'direct' ? [] : of('direct');
  const added = compareByRound(own, direct, (a, b) => a.load.latencyMs.p50 - b.load.latencyMs.p50);
  const addedFirst = compareByRound(own, direct, (a, b) => a.load.firstTokenMs.p50 - b.load.firstTokenMs.p50);
  const ratios = baselines.flatMap((name) => {
    const ratio = compareByRound(own, of(name), (a, b) => {
      const [mine, theirs] = [cpuPerRequest(a), cpuPerRequest(b)];
      return mine === undefined || theirs === undefined ? undefined : mine / theirs;
    });
    return ratio === undefined ? [] : [[name, ratio]];
  });
  return {
    scenario,
    target,
    requestsPerSecond: spread(own.map((cell) => (cell.load.answered / cell.load.elapsedMs) * 1000)),
    p50Ms: spread(own.map((cell) => cell.load.latencyMs.p50)),
    p95Ms: spread(own.map((cell) => cell.load.latencyMs.p95)),
    p99Ms: spread(own.map((cell) => cell.load.latencyMs.p99)),
    firstTokenP50Ms: spread(own.map((cell) => cell.load.firstTokenMs.p50)),
    ...(added ? { addedP50Ms: added } : {}),
    ...(addedFirst ? { addedFirstTokenP50Ms: addedFirst } : {}),
    ...(cpu.length > 0 ? { cpuMsPerRequest: spread(cpu) } : {}),
    cpuRatioTo: Object.fromEntries(ratios),
    ...(resident.length > 0 ? { residentMb: spread(resident) } : {}),
  };
}

/** One line a scenario and target, in the order given. Cells with a fault do not count. */
export function summarizeCells(
  cells: readonly Cell[],
  scenarios: readonly Scenario[],
  targets: readonly TargetName[],
): Line[] {
  const sound = cells.filter((cell) => findFault(cell) === undefined);
  const baselines = targets.filter((name) => name === 'bare' || name === 'portkey' || name === 'litellm');
  return scenarios.flatMap((scenario) => targets.map((target) => summarizeTarget(sound, scenario, target, baselines)));
}

const digits = (value: number): string => {
  const size = Math.abs(value);
  return Number.isNaN(value) ? '–' : value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
};

const show = (value: Spread | undefined): string => (value === undefined ? '–' : digits(value.median));

const showRange = (value: Spread | undefined): string =>
  value === undefined || Number.isNaN(value.median)
    ? '–'
    : `${digits(value.median)} (${digits(value.min)}–${digits(value.max)})`;

type Titles = Partial<Record<TargetName, string>>;

/** Two tables: what a request costs, and how long it takes. Medians of the rounds, least and most in brackets. */
export function makeTables(lines: readonly Line[], titles: Titles): Table[] {
  const baselines = (['bare', 'portkey', 'litellm'] as const).filter((name) => titles[name] !== undefined);
  const measured = lines.filter((line) => line.target !== 'direct');
  const cost: Table = {
    title: 'CPU per request, and as a ratio to the others in the same round',
    header: ['load', 'target', 'CPU ms', ...baselines.map((name) => `÷ ${titles[name]}`), 'requests/s', 'RSS MB'],
    rows: measured.map((line) => [
      describeScenario(line.scenario),
      titles[line.target] ?? line.target,
      showRange(line.cpuMsPerRequest),
      ...baselines.map((name) => (name === line.target ? '1' : showRange(line.cpuRatioTo[name]))),
      show(line.requestsPerSecond),
      show(line.residentMb),
    ]),
  };
  const time: Table = {
    title: 'Time of an answer and to its first content, ms; "added" is over the upstream asked directly',
    header: ['load', 'target', 'p50', 'p95', 'p99', 'added p50', 'first content p50', 'added first content'],
    rows: lines.map((line) => [
      describeScenario(line.scenario),
      titles[line.target] ?? line.target,
      show(line.p50Ms),
      show(line.p95Ms),
      show(line.p99Ms),
      showRange(line.addedP50Ms),
      line.scenario.stream ? show(line.firstTokenP50Ms) : '–',
      line.scenario.stream ? showRange(line.addedFirstTokenP50Ms) : '–',
    ]),
  };
  return [cost, time];
}

/** The table for a terminal: columns of even width, a gap between scenarios. */
export function renderText({ title, header, rows }: Table): string {
  const widths = header.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const render = (row: string[]) =>
    row
      .map((text, column) => (column < 2 ? text.padEnd(widths[column] ?? 0) : text.padStart(widths[column] ?? 0)))
      .join('  ');
  const body = rows.flatMap((row, index) =>
    index > 0 && rows[index - 1]?.[0] !== row[0] ? ['', render(row)] : [render(row)],
  );
  return [title, '', render(header), ...body].join('\n');
}

export function renderMarkdown({ title, header, rows }: Table): string {
  const render = (row: string[]) => `| ${row.join(' | ')} |`;
  const rule = header.map((_, column) => (column < 2 ? '---' : '---:'));
  return [`## ${title}`, '', render(header), render(rule), ...rows.map(render)].join('\n');
}

/** What Tollgate aims at: CPU per request as a share of a peer's, under every load. */
const goals = [
  { peer: 'portkey', most: 1 },
  { peer: 'litellm', most: 0.1 },
] as const;

/** One sentence a peer that was measured: in how many loads the aim was met, and where it was missed most. */
export function judgeGoals(lines: readonly Line[], titles: Titles): string[] {
  return goals.flatMap(({ peer, most }) => {
    const ratios = lines.flatMap(({ target, scenario, cpuRatioTo }) => {
      const ratio = target === 'tollgate' ? cpuRatioTo[peer]?.median : undefined;
      return ratio === undefined ? [] : [{ ratio, load: describeScenario(scenario) }];
    });
    const worst = ratios.toSorted((a, b) => b.ratio - a.ratio)[0];
    if (worst === undefined) return [];
    const met = ratios.filter(({ ratio }) => ratio <= most).length;
    return [
      `Aim: at most ${most} × the CPU of ${titles[peer]} per request. Met in ${met} of ${ratios.length} loads; the most was ${worst.ratio.toFixed(3)} × (${worst.load}).`,
    ];
  });
}
