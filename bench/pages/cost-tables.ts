import {
  type CostInput,
  costOfDomain,
  costOfIdleMonth,
  costOfMillion,
  costOfOneTask,
  dollarsOf,
  gatewayMs,
  gbSeconds,
  type Item,
  type Memory,
  ROUND_TRIP_MS,
  type Standing,
  stretchedMs,
  sumOf,
  type WorkCpu,
} from './cost-model.ts';
import type { Counted, Sizes, Units } from './count-units.ts';
import { toTable } from './marked-part.ts';
import { BUSY_ENTRIES, type MeasuredFunctions, type Spread } from './measure-functions.ts';
import { PRICES, PRICES_READ_ON, type Price } from './prices.ts';

/** What `npm run docs:cost` keeps beside the page: what was counted, and what was measured when and where. */
export interface CostResults {
  counted: Counted;
  sizes: Sizes;
  measured: MeasuredFunctions;
  /** Processor and Node of the measurement, and its day. */
  measuredOn: string;
}

const usd = (dollars: number): string => (dollars >= 0.005 || dollars === 0 ? `$${dollars.toFixed(2)}` : '< $0.01');
const unitsText = ({ reads, writes }: Units): string[] => [String(writes), String(reads)];
const ms = (value: number): string => (value < 10 ? value.toFixed(1) : String(Math.round(value)));
const mb = (value: number): string => String(Math.round(value));
const spread = ({ least, median, most }: Spread): string => `${ms(median)} (${ms(least)} to ${ms(most)})`;

/** Exact: equal in every count of one tree. */
export const countedTable = ({ gateway, projector, closer }: Counted): string =>
  toTable(
    ['what happens', 'write units', 'read units'],
    [
      ['an environment of the gateway starts', ...unitsText(gateway.start)],
      ['its first request', ...unitsText(gateway.first)],
      ['a request of a warm environment', ...unitsText(gateway.warm)],
      ['the projector gets 1 settled request', ...unitsText(projector.batchOf1)],
      ['the projector gets 100, of one key', ...unitsText(projector.batchOf100)],
      ['the closer closes an epoch in which nothing was asked', ...unitsText(closer.idle)],
      ['the closer closes an epoch with one request', ...unitsText(closer.withOne)],
    ],
  );

const round = (bytes: number): string => String(Math.round(bytes / 10) * 10);

export const sizesTable = (sizes: Sizes, accessLogBytes: number): string =>
  toTable(
    ['what', 'bytes'],
    [
      ['a settled entry in the ledger', round(sizes.entry)],
      ["the gateway's log line of a request", round(sizes.gatewayLog)],
      ["the front door's log line of a request", round(accessLogBytes)],
      ["the projector's log lines of a batch of 1, metrics among them", round(sizes.projectorLogOf1)],
      ['of a batch of 100', round(sizes.projectorLogOf100)],
      ['the streamed answer to the client', round(sizes.answer)],
      ["the request's body to the provider", round(sizes.toProvider)],
    ],
  );

/** @throws {Error} when a function was not measured at its size */
const measuredAt = <T extends { memoryMb: number }>(rows: readonly T[], memoryMb: number, name: string): T => {
  const row = rows.find((one) => one.memoryMb === memoryMb);
  if (row === undefined)
    throw new Error(`the ${name} was not measured at ${memoryMb} MB: npm run docs:cost -- --measure`);
  return row;
};

export const cpuAt = ({ gateway, projector, closer }: MeasuredFunctions, memory: Memory): WorkCpu => ({
  gatewayMs: measuredAt(gateway, memory.gatewayMb, 'gateway').workCpuMs.median,
  projectorOneMs: measuredAt(projector, memory.projectorMb, 'projector').workCpuMs.median,
  projectorHundredMs: measuredAt(projector, memory.projectorMb, 'projector').batchOf100CpuMs,
  closerIdleMs: measuredAt(closer, memory.closerMb, 'closer').workCpuMs.median,
});

const itemRows = (items: readonly Item[]): string[][] =>
  items.map((item) => [item.what, PRICES[item.price].per, usd(dollarsOf(item))]);

export const millionTable = (input: CostInput): string => {
  const quiet = costOfMillion(input, 'quiet');
  const busy = costOfMillion(input, 'busy');
  return toTable(
    ['part', 'quiet', 'busy', 'paid by'],
    [
      ...quiet.map((item, i) => {
        const other = busy[i];
        if (other?.what !== item.what) throw new Error(`the two columns differ at ${item.what}`);
        return [item.what, usd(dollarsOf(item)), usd(dollarsOf(other)), PRICES[item.price].per];
      }),
      ['**together**', `**${usd(sumOf(quiet))}**`, `**${usd(sumOf(busy))}**`, ''],
    ],
  );
};

export const idleTable = (input: CostInput, stack: Standing): string => {
  const items = costOfIdleMonth(input, stack);
  return toTable(
    ['what', 'paid by', 'a month'],
    [...itemRows(items), ['**together**', '', `**${usd(sumOf(items))}**`]],
  );
};

export const taskLine = (): string =>
  `${costOfOneTask()
    .map((item) => `${item.what} ${usd(dollarsOf(item))}`)
    .join(', ')}: ${usd(sumOf(costOfOneTask()))} a month before the first request, its database and its log.\n`;

export const domainLine = (): string =>
  `${costOfDomain()
    .map((item) => `${item.what} ${usd(dollarsOf(item))}`)
    .join(', ')}: ${usd(sumOf(costOfDomain()))} a month, asked or not.\n`;

/** Metrics of our own, which are paid by the month in which they are written, not by the request. */
export const metricsLine = ({ metrics }: Counted): string =>
  `One team that asks one alias of one model writes ${metrics.oneTeam} metrics, ${usd(dollarsOf({ price: 'customMetrics', quantity: metrics.oneTeam }))} for a month in which they are written in every hour. Each further team, alias and model adds its own; users and keys add none.\n`;

/** The README's sentence. */
export const costSentence = (input: CostInput, stack: Standing): string => {
  const [quiet, busy] = (['quiet', 'busy'] as const).map((pace) => Math.round(sumOf(costOfMillion(input, pace))));
  const dashboards = stack.standing.filter(({ price }) => price === 'dashboards');
  const free =
    dashboards.length === 0
      ? ''
      : ` (${usd(sumOf(dashboards))} of it for dashboards, of which an account has three free)`;
  return `A million streamed answers of 3 seconds to keys under ${input.counted.accounts} budgets cost $${busy} to $${quiet} of AWS, half of it for waiting, and a month in which nobody asks ${usd(sumOf(costOfIdleMonth(input, stack)))}${free}: [docs/cost.md](docs/cost.md), part by part, from counts that a test repeats.\n`;
};

export const scheduledLine = ({ scheduled }: Standing): string =>
  `${scheduled.map(({ id, runsAMonth }) => `\`${id}\` runs ${runsAMonth.toLocaleString('en')} times in ${30} days`).join('; ')}.\n`;

const chosen = (memoryMb: number, chosenMb: number): string =>
  memoryMb === chosenMb ? `**${memoryMb}**` : String(memoryMb);

export const gatewayMemoryTable = ({ gateway }: MeasuredFunctions, { gatewayMb }: Memory): string =>
  toTable(
    [
      'MB',
      'CPU ms: start',
      'CPU ms: first request',
      'CPU ms: request, warm',
      'most MB resident',
      'after three bodies of 6 MB',
      'start, ms',
      "of the gateway's own, ms",
      'a million, duration',
    ],
    gateway.map((row) => [
      chosen(row.memoryMb, gatewayMb),
      spread(row.startCpuMs),
      ms(row.firstCpuMs),
      spread(row.workCpuMs),
      mb(row.peakMb),
      mb(row.peakWithLargestMb),
      ms(stretchedMs(row.startCpuMs.median, row.memoryMb)),
      ms(stretchedMs(row.workCpuMs.median, row.memoryMb)),
      usd(
        dollarsOf({
          price: 'lambdaGbSeconds',
          quantity: 1_000_000 * gbSeconds(row.memoryMb, gatewayMs(row.workCpuMs.median, row.memoryMb)),
        }),
      ),
    ]),
  );

export const projectorMemoryTable = ({ projector }: MeasuredFunctions, { projectorMb }: Memory): string =>
  toTable(
    [
      'MB',
      'CPU ms: start',
      'CPU ms: batch of 1',
      'CPU ms: batch of 100',
      'most MB resident',
      'batch of 1, ms',
      'a million batches of 1',
    ],
    projector.map((row) => {
      const durationMs = ROUND_TRIP_MS + stretchedMs(row.workCpuMs.median, row.memoryMb);
      return [
        chosen(row.memoryMb, projectorMb),
        spread(row.startCpuMs),
        spread(row.workCpuMs),
        ms(row.batchOf100CpuMs),
        mb(row.peakMb),
        ms(durationMs),
        usd(dollarsOf({ price: 'lambdaGbSeconds', quantity: 1_000_000 * gbSeconds(row.memoryMb, durationMs) })),
      ];
    }),
  );

export const closerMemoryTable = ({ closer }: MeasuredFunctions, { closerMb }: Memory): string =>
  toTable(
    [
      'MB',
      'CPU ms: start',
      'CPU ms: nothing to close',
      `CPU ms: ${BUSY_ENTRIES.toLocaleString('en')} entries`,
      'most MB resident, idle',
      'with those entries',
      'those entries, ms of processor at this size',
      'idle month, duration',
    ],
    closer.map((row) => [
      chosen(row.memoryMb, closerMb),
      spread(row.startCpuMs),
      spread(row.workCpuMs),
      ms(row.busyCpuMs),
      mb(row.peakMb),
      mb(row.peakBusyMb),
      ms(stretchedMs(row.busyCpuMs, row.memoryMb)),
      usd(
        dollarsOf({
          price: 'lambdaGbSeconds',
          quantity:
            8_640 * gbSeconds(row.memoryMb, 3 * ROUND_TRIP_MS + stretchedMs(row.workCpuMs.median, row.memoryMb)),
        }),
      ),
    ]),
  );

export const pricesTable = (): string => {
  const prices: Price[] = Object.values(PRICES);
  const rows = prices.map(({ usd: dollars, per, page, seen }) => [`$${dollars}`, per, `[AWS](${page})`, seen]);
  return `${toTable(['price', 'per', "AWS's page", 'where the figure was read'], rows)}\nLooked up on ${PRICES_READ_ON}.\n`;
};
