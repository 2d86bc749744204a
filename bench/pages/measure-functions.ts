import { BatchWriteItemCommand } from '@aws-sdk/client-dynamodb';
import { closeDueAt, EPOCH_MS, epochOf, LANES } from '../../lambdas/contract/timing.ts';
import type { RunningLambda } from '../../test/real/support/run-lambda.ts';
import { project, readSettled } from './count-units.ts';
import { ask, type ReferenceDeployment } from './reference-deployment.ts';

/** Processor time of one piece of work, in milliseconds of one whole processor. */
export interface Spread {
  least: number;
  median: number;
  most: number;
}

export interface Measured {
  memoryMb: number;
  /** From the process's beginning until it asks for its first event. */
  startCpuMs: Spread;
  /** A piece of work of an environment that has done it before. */
  workCpuMs: Spread;
  /** The most memory that was resident, MB. */
  peakMb: number;
}

/** What each function's work is here. */
export interface MeasuredFunctions {
  gateway: (Measured & { firstCpuMs: number; peakWithLargestMb: number })[];
  /** A batch of one. */
  projector: (Measured & { batchOf100CpuMs: number })[];
  /** A run in which one epoch is due in which nothing was asked. */
  closer: (Measured & { busyCpuMs: number; peakBusyMb: number })[];
}

export interface MeasureOptions {
  sizesMb: readonly number[];
  onProgress(text: string): void;
}

const STARTS = 5;
const ROUNDS = 5;
const REQUESTS_A_ROUND = 40;
const RUNS_A_ROUND = 20;
const WARM_UP = 20;
const LARGEST = 3;
const BATCH = 100;
/** Of the busy epoch that the closer is given: 17 requests a second, for five minutes. */
export const BUSY_ENTRIES = 5_000;
/** On a machine with other work DynamoDB Local may take longer than the two seconds that the functions wait. */
const TRIES = 12;
const PAUSE_MS = 10_000;

const spreadOf = (values: readonly number[]): Spread => {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (i: number): number => sorted[i] ?? Number.NaN;
  return { least: at(0), median: at(Math.floor(sorted.length / 2)), most: at(sorted.length - 1) };
};

/** @throws {Error} where /proc is absent: this is measured on Linux only */
const usageOf = (lambda: RunningLambda): { cpuMs: number; peakMb: number } => {
  const usage = lambda.usage();
  if (usage === undefined) throw new Error('processor time and memory are read from /proc, which only Linux has');
  return usage;
};

const cpuOf = async (lambda: RunningLambda, work: () => Promise<unknown>): Promise<number> => {
  const before = usageOf(lambda).cpuMs;
  await work();
  return usageOf(lambda).cpuMs - before;
};

/** Starts the function several times and keeps the last. */
const startSeveral = async (
  deployment: ReferenceDeployment,
  functionId: string,
  memoryMb: number,
): Promise<{ lambda: RunningLambda; startCpuMs: Spread }> => {
  const startCpuMs: number[] = [];
  for (;;) {
    const lambda = await deployment.start(functionId, memoryMb);
    startCpuMs.push(usageOf(lambda).cpuMs);
    if (startCpuMs.length === STARTS) return { lambda, startCpuMs: spreadOf(startCpuMs) };
    await lambda.stop();
  }
};

const rounds = async (lambda: RunningLambda, times: number, work: () => Promise<unknown>): Promise<Spread> => {
  const each: number[] = [];
  for (let round = 0; round < ROUNDS; round++)
    each.push(
      (await cpuOf(lambda, async () => {
        for (let i = 0; i < times; i++) await work();
      })) / times,
    );
  return spreadOf(each);
};

const measureGateway = async (
  deployment: ReferenceDeployment,
  memoryMb: number,
): Promise<MeasuredFunctions['gateway'][number]> => {
  const { lambda, startCpuMs } = await startSeveral(deployment, 'GatewayFunction', memoryMb);
  const request = () => ask(lambda, deployment.event());
  const firstCpuMs = await cpuOf(lambda, request);
  for (let i = 0; i < WARM_UP; i++) await request();
  const workCpuMs = await rounds(lambda, REQUESTS_A_ROUND, request);
  const { peakMb } = usageOf(lambda);
  for (let i = 0; i < LARGEST; i++) await ask(lambda, deployment.largestEvent());
  const { peakMb: peakWithLargestMb } = usageOf(lambda);
  await lambda.stop();
  return { memoryMb, startCpuMs, firstCpuMs, workCpuMs, peakMb, peakWithLargestMb };
};

const measureProjector = async (
  deployment: ReferenceDeployment,
  gateway: RunningLambda,
  memoryMb: number,
): Promise<MeasuredFunctions['projector'][number]> => {
  const { lambda, startCpuMs } = await startSeveral(deployment, 'GatewayPipelineProjector', memoryMb);
  const ends = async (count: number) => {
    for (let i = 0; i < count; i++) await ask(gateway, deployment.event());
    return readSettled(deployment);
  };
  const hand = async (batches: Awaited<ReturnType<typeof readSettled>>) => {
    for (const { shard, records } of batches) await lambda.invoke({ Records: records, shardId: shard }).plain;
  };
  await project(deployment, lambda);
  const one: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const singles = (await ends(RUNS_A_ROUND)).flatMap(({ shard, records }) =>
      records.map((record) => [{ shard, records: [record] }]),
    );
    one.push(
      (await cpuOf(lambda, async () => {
        for (const batch of singles) await hand(batch);
      })) / singles.length,
    );
  }
  const full = await ends(BATCH);
  const batchOf100CpuMs = await cpuOf(lambda, () => hand(full));
  const { peakMb } = usageOf(lambda);
  await lambda.stop();
  return { memoryMb, startCpuMs, workCpuMs: spreadOf(one), batchOf100CpuMs, peakMb };
};

/** Makes an epoch a busy one: copies of an entry that is there, in every lane. */
const fillEpoch = async ({ world }: ReferenceDeployment, count: number): Promise<void> => {
  const [entry] = (await world.itemsOf('ledger')).filter(({ state }) => state?.S === 'settled');
  const partition = entry?.['pk']?.S;
  if (partition === undefined) throw new Error('there is no settled entry to copy');
  const copies = Array.from({ length: count }, (_, i) => ({
    PutRequest: {
      Item: {
        ...entry,
        pk: { S: partition.replace(/#\d+$/, `#${i % LANES}`) },
        sk: { S: `req_copy_${String(i).padStart(20, '0')}` },
      },
    },
  }));
  const ITEMS = 25;
  for (let from = 0; from < count; from += ITEMS)
    await world.direct.send(
      new BatchWriteItemCommand({ RequestItems: { [world.tables.ledger]: copies.slice(from, from + ITEMS) } }),
    );
};

const measureCloser = async (
  deployment: ReferenceDeployment,
  memoryMb: number,
): Promise<MeasuredFunctions['closer'][number]> => {
  await fillEpoch(deployment, BUSY_ENTRIES);
  const busy = await deployment.start('GatewayPipelineCloser', memoryMb);
  const busyCpuMs = await cpuOf(busy, () => busy.invoke({}).plain);
  const { peakMb: peakBusyMb } = usageOf(busy);
  await busy.stop();
  const { lambda, startCpuMs } = await startSeveral(deployment, 'GatewayPipelineCloser', memoryMb);
  const workCpuMs = await rounds(lambda, RUNS_A_ROUND, async () => {
    deployment.pass(EPOCH_MS);
    await lambda.invoke({}).plain;
  });
  const { peakMb } = usageOf(lambda);
  await lambda.stop();
  return { memoryMb, startCpuMs, workCpuMs, peakMb, busyCpuMs, peakBusyMb };
};

type Name = keyof MeasuredFunctions;

const MEASURE: {
  [name in Name]: (deployment: ReferenceDeployment, memoryMb: number) => Promise<MeasuredFunctions[name][number]>;
} = {
  gateway: measureGateway,
  projector: async (deployment, memoryMb) =>
    measureProjector(deployment, await deployment.start('GatewayFunction'), memoryMb),
  closer: async (deployment, memoryMb) => {
    const gateway = await deployment.start('GatewayFunction');
    await ask(gateway, deployment.event());
    deployment.pass(closeDueAt(epochOf(Date.now())) + EPOCH_MS - Date.now());
    return measureCloser(deployment, memoryMb);
  },
};

/** One function at one size, in a new deployment: DynamoDB Local slows with what it holds, and the closer reads everything. */
export const measureOne = async <N extends Name>(
  open: () => Promise<ReferenceDeployment>,
  name: N,
  memoryMb: number,
): Promise<MeasuredFunctions[N][number]> => {
  const deployment = await open();
  try {
    return await MEASURE[name](deployment, memoryMb);
  } finally {
    await deployment.stop();
  }
};

/**
 * Runs every function's bundle with the heap that Lambda would give Node for each size of memory, and reads processor time
 * and resident memory from the system. How fast Lambda runs it at that size is not measured: that is worked out (cost-model).
 */
export const measureFunctions = async (
  open: () => Promise<ReferenceDeployment>,
  { sizesMb, onProgress }: MeasureOptions,
): Promise<MeasuredFunctions> => {
  const measure = async <N extends Name>(name: N): Promise<MeasuredFunctions[N][number][]> => {
    const rows: MeasuredFunctions[N][number][] = [];
    for (const memoryMb of sizesMb)
      rows.push(await insist(() => measureOne(open, name, memoryMb), `${name}, ${memoryMb} MB`));
    return rows;
  };
  const insist = async <T>(work: () => Promise<T>, what: string): Promise<T> => {
    for (let i = 1; ; i++) {
      onProgress(what);
      try {
        return await work();
      } catch (error) {
        if (i === TRIES) throw error;
        onProgress(`once more: ${error instanceof Error ? error.message : error}`);
        await new Promise((wake) => setTimeout(wake, PAUSE_MS));
      }
    }
  };
  return { gateway: await measure('gateway'), projector: await measure('projector'), closer: await measure('closer') };
};
