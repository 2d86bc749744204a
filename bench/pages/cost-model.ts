import type { Counted, Sizes, Units } from './count-units.ts';
import { PRICES, type PriceName } from './prices.ts';

/**
 * What AWS would bill, from counts and measurements. Estimates for a page, not the ledger's money: numbers will do.
 * All prices of us-east-1, without free tiers.
 */

/** So much of what a price is for. */
export interface Item {
  /** What it is for. */
  what: string;
  price: PriceName;
  quantity: number;
}

export const dollarsOf = ({ price, quantity }: Pick<Item, 'price' | 'quantity'>): number =>
  (quantity / PRICES[price].units) * PRICES[price].usd;

export const sumOf = (items: readonly Item[]): number => items.reduce((sum, item) => sum + dollarsOf(item), 0);

/** Memory at which a function has one whole processor (docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html). */
export const WHOLE_PROCESSOR_MB = 1_769;

/** Milliseconds that Lambda would take for so much processor time: a function has a share of one processor, by its memory. */
export const stretchedMs = (cpuMs: number, memoryMb: number): number =>
  cpuMs / Math.min(1, memoryMb / WHOLE_PROCESSOR_MB);

export const gbSeconds = (memoryMb: number, durationMs: number): number => (memoryMb / 1_024) * (durationMs / 1_000);

/** A round trip to DynamoDB from Lambda. Not measured here: AWS promises single-digit milliseconds. */
export const ROUND_TRIP_MS = 5;
/** The provider's time for the reference answer: 300 tokens at 100 a second. Said, not measured. */
export const PROVIDER_MS = 3_000;
/** Before the call, two; after it, the settlement. */
export const GATEWAY_TRIPS = 3;
/** What CloudWatch Logs adds to each line. */
const LOG_LINE_BYTES = 26;
const GB = 1_024 ** 3;
const MILLION = 1_000_000;
export const MONTH_DAYS = 30;
export const MONTH_HOURS = 730;
/** How long entries are kept (lambdas/adapters/dynamodb/retention.ts), in months. */
const ENTRY_MONTHS = 400 / (365 / 12);

/** Processor milliseconds of one piece of work. */
export interface WorkCpu {
  gatewayMs: number;
  projectorOneMs: number;
  projectorHundredMs: number;
  closerIdleMs: number;
}

export interface Memory {
  gatewayMb: number;
  projectorMb: number;
  closerMb: number;
}

export interface CostInput {
  counted: Counted;
  sizes: Sizes;
  cpu: WorkCpu;
  memory: Memory;
  /** Of one line of the front door's access log. */
  accessLogBytes: number;
}

export const gatewayMs = (cpuMs: number, memoryMb: number): number =>
  PROVIDER_MS + GATEWAY_TRIPS * ROUND_TRIP_MS + stretchedMs(cpuMs, memoryMb);

const dynamo = (what: string, { reads, writes }: Units, times: number): Item[] => [
  { what: `${what}: writes`, price: 'dynamoWrites', quantity: writes * times },
  { what: `${what}: reads`, price: 'dynamoReads', quantity: reads * times },
];

/**
 * A million reference requests.
 *
 * @param pace `quiet`: each comes alone, finds no key remembered and is projected by itself. `busy`: environments are
 *   warm, and a hundred are projected at once.
 */
export const costOfMillion = (input: CostInput, pace: 'quiet' | 'busy'): Item[] => {
  const { counted, sizes, cpu, memory, accessLogBytes } = input;
  const isBusy = pace === 'busy';
  const batches = isBusy ? MILLION / 100 : MILLION;
  const batch = isBusy ? counted.projector.batchOf100 : counted.projector.batchOf1;
  const projectorMs =
    ROUND_TRIP_MS + stretchedMs(isBusy ? cpu.projectorHundredMs : cpu.projectorOneMs, memory.projectorMb);
  const asMillion = (bytes: number): number => (bytes * MILLION) / GB;
  return [
    { what: 'API Gateway', price: 'apiRequests', quantity: MILLION },
    { what: 'gateway: calls', price: 'lambdaRequests', quantity: MILLION },
    {
      what: 'gateway: duration',
      price: 'lambdaGbSeconds',
      quantity: MILLION * gbSeconds(memory.gatewayMb, gatewayMs(cpu.gatewayMs, memory.gatewayMb)),
    },
    ...dynamo('gateway', isBusy ? counted.gateway.warm : counted.gateway.first, MILLION),
    { what: 'projector: calls', price: 'lambdaRequests', quantity: batches },
    {
      what: 'projector: duration',
      price: 'lambdaGbSeconds',
      quantity: batches * gbSeconds(memory.projectorMb, projectorMs),
    },
    ...dynamo('projector', batch, batches).slice(0, 1),
    // The close reads each entry once, in pieces of 4 KB, consistently.
    { what: 'closer: reads of entries', price: 'dynamoReads', quantity: (MILLION * sizes.entry) / 4_096 },
    {
      what: 'log lines of front door and gateway',
      price: 'logIngestion',
      quantity: asMillion(sizes.gatewayLog + accessLogBytes + 2 * LOG_LINE_BYTES),
    },
    {
      what: "the projector's log lines, metrics among them",
      price: 'logIngestion',
      quantity: (batches * (isBusy ? sizes.projectorLogOf100 : sizes.projectorLogOf1)) / GB,
    },
    { what: 'answers to clients', price: 'dataOut', quantity: asMillion(sizes.answer) },
    { what: 'requests to providers', price: 'dataOut', quantity: asMillion(sizes.toProvider) },
    { what: 'entries, kept for 400 days', price: 'dynamoStorage', quantity: asMillion(sizes.entry) * ENTRY_MONTHS },
    { what: 'their recovery', price: 'dynamoRecovery', quantity: asMillion(sizes.entry) * ENTRY_MONTHS },
  ];
};

/** A function that a schedule calls though nothing happens. Each run is reckoned as an idle one of the closer, which makes nearly all of them. */
export interface Scheduled {
  id: string;
  runsAMonth: number;
  memoryMb: number;
}

/** What stands in an idle stack and costs by the month. */
export interface Standing {
  scheduled: Scheduled[];
  /** By the price they have, how many there are. */
  standing: { what: string; price: PriceName; quantity: number }[];
  tables: number;
  /** Tables that a scheduled run touches: each asks its key once in five minutes. */
  tablesTouched: number;
}

/** A month in which nobody asks anything. */
export const costOfIdleMonth = ({ counted, sizes, cpu }: CostInput, stack: Standing): Item[] => {
  const runs = stack.scheduled.reduce((sum, { runsAMonth }) => sum + runsAMonth, 0);
  const duration = stack.scheduled.reduce(
    (sum, { memoryMb, runsAMonth }) =>
      sum + runsAMonth * gbSeconds(memoryMb, 3 * ROUND_TRIP_MS + stretchedMs(cpu.closerIdleMs, memoryMb)),
    0,
  );
  return [
    ...stack.standing,
    { what: 'scheduled runs: calls', price: 'lambdaRequests', quantity: runs },
    { what: 'scheduled runs: duration', price: 'lambdaGbSeconds', quantity: duration },
    ...dynamo('scheduled runs', counted.closer.idle, runs),
    { what: "scheduled runs: the tables' key", price: 'keyRequests', quantity: runs * stack.tablesTouched },
    { what: 'scheduled runs: log lines', price: 'logIngestion', quantity: (runs * sizes.closerIdleLog) / GB },
    {
      what: `scheduled runs: metrics (${counted.metrics.idle})`,
      price: 'customMetrics',
      quantity: counted.metrics.idle,
    },
  ];
};

/** The domain that `semanticCache: { index: { domain: {} } }` makes. */
export const costOfDomain = (): Item[] => [
  { what: 'a t3.small.search', price: 'searchHours', quantity: MONTH_HOURS },
  { what: 'its disk of 10 GiB', price: 'searchStorage', quantity: 10 },
];

/** A gateway that runs by the hour, as small as it may be: one task of half a processor and 1 GB behind a load balancer. */
export const costOfOneTask = (): Item[] => [
  { what: 'one Fargate task: half a vCPU', price: 'fargateCpuHours', quantity: 0.5 * MONTH_HOURS },
  { what: 'one Fargate task: 1 GB', price: 'fargateGbHours', quantity: MONTH_HOURS },
  { what: 'its load balancer', price: 'loadBalancerHours', quantity: MONTH_HOURS },
];
