import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { ENTRY_STATE, PROJECTED_EVENTS, PROJECTED_STATES } from '../../lambdas/contract/tables.ts';
import { closeDueAt, EPOCH_MS, epochOf } from '../../lambdas/contract/timing.ts';
import type { RunningLambda } from '../../test/real/support/run-lambda.ts';
import type { Operation } from '../../test/real/support/table-proxy.ts';
import { ask, type ReferenceDeployment } from './reference-deployment.ts';

/** Request units of DynamoDB, on demand. */
export interface Units {
  reads: number;
  writes: number;
}

/** What the reference request and the functions behind it were seen to use. Exact: two counts of one tree are equal. */
export interface Counted {
  gateway: {
    /** An environment's start, before any request. */
    start: Units;
    /** The first request of an environment, which knows no key yet. */
    first: Units;
    /** The next ones. */
    warm: Units;
    secretReadsAnEnvironment: number;
  };
  projector: {
    /** A batch of one settled request: quiet hours. */
    batchOf1: Units;
    /** A batch of as many settled requests as the event source hands out, all of one key. */
    batchOf100: Units;
  };
  closer: {
    /** A run with an epoch in which nothing was asked. */
    idle: Units;
    /** A run with an epoch in which one request was made. */
    withOne: Units;
  };
  /** Accounts that the reference request is held on. */
  accounts: number;
  /** Metrics of our own in CloudWatch, each with its dimensions: they are paid for the hours in which they are written. */
  metrics: {
    /** Of a month in which nobody asks. */
    idle: number;
    /** Of one team that asks one alias of one model. */
    oneTeam: number;
  };
}

/** Sizes, in bytes: they vary by a few with the digits of numbers. */
export interface Sizes {
  /** A settled entry, as DynamoDB counts storage. */
  entry: number;
  /** What the gateway logs for a request. */
  gatewayLog: number;
  /** What the projector logs of a batch, metrics among it. */
  projectorLogOf1: number;
  projectorLogOf100: number;
  /** What a run of the closer logs in which there was nothing to close. */
  closerIdleLog: number;
  /** The answer's body to the client. */
  answer: number;
  /** The request's body to the provider. */
  toProvider: number;
}

const WARM_REQUESTS = 12;
const ENVIRONMENTS = 3;
const BATCH = 100;
const READS = new Set(['GetItem', 'BatchGetItem', 'Query', 'Scan']);
/** What storage costs an item beside its attributes (docs.aws.amazon.com/amazondynamodb, "DynamoDB item sizes"). */
const ITEM_OVERHEAD_BYTES = 100;

/** A read of what is not there is charged as the smallest read. DynamoDB Local leaves it out. */
const leastReads = ({ name, body }: Operation): number => {
  const unit = (consistent: unknown) => (consistent === true ? 1 : 0.5);
  if (name !== 'BatchGetItem') return unit(body['ConsistentRead']);
  const tables = Object.values(body['RequestItems'] ?? {}) as { Keys: unknown[]; ConsistentRead?: boolean }[];
  return tables.reduce((sum, { Keys, ConsistentRead }) => sum + Keys.length * unit(ConsistentRead), 0);
};

const unitsOf = (operations: readonly Operation[]): Units => ({
  reads: operations
    .filter(({ name }) => READS.has(name))
    .reduce((sum, one) => sum + Math.max(one.units, leastReads(one)), 0),
  writes: operations.filter(({ name }) => !READS.has(name)).reduce((sum, { units }) => sum + units, 0),
});

const smallest = (all: readonly Units[]): Units => ({
  reads: Math.min(...all.map(({ reads }) => reads)),
  writes: Math.min(...all.map(({ writes }) => writes)),
});

type StreamRecords = Awaited<ReturnType<ReferenceDeployment['world']['stream']['read']>>[number]['records'];

const stateOf = (image: object | undefined): string =>
  (image as Record<string, AttributeValue> | undefined)?.[ENTRY_STATE]?.S ?? '';

/** The records that the event source's filter lets through, by shard. */
export const readSettled = async ({
  world,
}: ReferenceDeployment): Promise<{ shard: string; records: StreamRecords }[]> => {
  const events: readonly string[] = PROJECTED_EVENTS;
  const states: readonly string[] = PROJECTED_STATES;
  const batches = await world.stream.read();
  return batches
    .map(({ shard, records }) => ({
      shard,
      records: records.filter(
        ({ eventName, dynamodb }) => events.includes(eventName ?? '') && states.includes(stateOf(dynamodb?.NewImage)),
      ),
    }))
    .filter(({ records }) => records.length > 0);
};

/** Hands the projector what is settled, in batches as its event source does. @returns the number of records */
export const project = async (deployment: ReferenceDeployment, projector: RunningLambda): Promise<number> => {
  let count = 0;
  for (const { shard, records } of await readSettled(deployment))
    for (let from = 0; from < records.length; from += BATCH) {
      const Records = records.slice(from, from + BATCH);
      const answer = await projector.invoke({ Records, shardId: shard }).plain;
      const { batchItemFailures = [] } = answer as { batchItemFailures?: unknown[] };
      if (batchItemFailures.length > 0) throw new Error(`the projector failed: ${JSON.stringify(answer)}`);
      count += Records.length;
    }
  return count;
};

/** Does everything once, in a new deployment. */
export const countUnits = async (deployment: ReferenceDeployment): Promise<{ counted: Counted; sizes: Sizes }> => {
  const { world } = deployment;
  const during = async <T>(work: () => Promise<T>): Promise<{ units: Units; result: T }> => {
    world.proxy.forget();
    const result = await work();
    await world.proxy.whenIdle();
    return { units: unitsOf(world.proxy.operations), result };
  };
  // All requests of the count in one epoch, with time to spare.
  const left = EPOCH_MS - (Date.now() % EPOCH_MS);
  if (left < 60_000) deployment.pass(left + 1_000);

  // Another environment has been there before: what happens once a deployment is not a start's.
  const earlier = await deployment.start('GatewayFunction');
  await ask(earlier, deployment.event());
  // What is read anew every few seconds (circuits, caps set by hand) may fall into any one of them.
  const starts: Units[] = [];
  const firsts: Units[] = [];
  const secretsBefore = deployment.secretReads();
  let gateway = earlier;
  let answer = 0;
  for (let i = 0; i < ENVIRONMENTS; i++) {
    const started = await during(() => deployment.start('GatewayFunction'));
    gateway = started.result;
    const first = await during(() => ask(gateway, deployment.event()));
    starts.push(started.units);
    firsts.push(first.units);
    answer = first.result.bytes;
  }
  const secretReadsAnEnvironment = (deployment.secretReads() - secretsBefore) / ENVIRONMENTS;
  const warm: Units[] = [];
  const logged = gateway.logged().length;
  const sent = deployment.providerBytes();
  for (let i = 0; i < WARM_REQUESTS; i++) warm.push((await during(() => ask(gateway, deployment.event()))).units);
  const gatewayLog = (gateway.logged().length - logged) / WARM_REQUESTS;
  const toProvider = (deployment.providerBytes() - sent) / WARM_REQUESTS;

  const projector = await deployment.start('GatewayPipelineProjector');
  await project(deployment, projector);
  await ask(gateway, deployment.event());
  let projectorLogged = projector.logged().length;
  const batchOf1 = await during(() => project(deployment, projector));
  const projectorLogOf1 = projector.logged().length - projectorLogged;
  for (let i = 0; i < BATCH; i++) await ask(gateway, deployment.event());
  projectorLogged = projector.logged().length;
  const batchOf100 = await during(() => project(deployment, projector));
  const projectorLogOf100 = projector.logged().length - projectorLogged;
  if (batchOf1.result !== 1 || batchOf100.result !== BATCH)
    throw new Error(`expected batches of 1 and ${BATCH}: ${batchOf1.result} and ${batchOf100.result}`);

  const entries = await world.itemsOf('ledger');
  const settled = entries.filter((entry) => entry[ENTRY_STATE]?.S === 'settled');
  const accounts = settled[0]?.['accounts']?.L?.length ?? settled[0]?.['accounts']?.SS?.length ?? 0;

  const closer = await deployment.start('GatewayPipelineCloser');
  /** Closes whatever is due; the next run finds one epoch. */
  const passEpoch = () => deployment.pass(EPOCH_MS);
  const now = closeDueAt(epochOf(Date.now()));
  deployment.pass(now - Date.now());
  await closer.invoke({}).plain;
  passEpoch();
  const closerLogged = closer.logged().length;
  const idle = await during(() => closer.invoke({}).plain);
  const idleText = closer.logged().slice(closerLogged);
  await ask(gateway, deployment.event());
  await project(deployment, projector);
  // The request's epoch is due when the ones before it have been closed.
  let withOne = idle;
  for (let i = 0; ; i++) {
    passEpoch();
    withOne = await during(() => closer.invoke({}).plain);
    if ((withOne.result as { closed: number[] }).closed.length > 0) break;
    if (i > 20) throw new Error('the closer does not come to the epoch of the request');
  }
  return {
    counted: {
      gateway: { start: smallest(starts), first: smallest(firsts), warm: smallest(warm), secretReadsAnEnvironment },
      projector: { batchOf1: batchOf1.units, batchOf100: batchOf100.units },
      closer: { idle: idle.units, withOne: withOne.units },
      accounts,
      metrics: {
        idle: metricsIn(idleText).size,
        oneTeam: metricsIn(gateway.logged() + projector.logged() + closer.logged()).size,
      },
    },
    sizes: {
      entry: Math.max(...settled.map(itemBytes)),
      gatewayLog,
      projectorLogOf1,
      projectorLogOf100,
      closerIdleLog: idleText.length,
      answer,
      toProvider,
    },
  };
};

interface EmbeddedMetrics {
  _aws?: { CloudWatchMetrics: { Namespace: string; Dimensions: string[][]; Metrics: { Name: string }[] }[] };
  [dimension: string]: unknown;
}

/** The metrics that CloudWatch takes out of log lines, each with the values of its dimensions. */
const metricsIn = (log: string): Set<string> => {
  const found = new Set<string>();
  for (const line of log.split('\n').filter((text) => text.includes('"CloudWatchMetrics"'))) {
    const written = JSON.parse(line) as EmbeddedMetrics;
    for (const { Namespace, Dimensions, Metrics } of written._aws?.CloudWatchMetrics ?? [])
      for (const dimensions of Dimensions.length === 0 ? [[]] : Dimensions)
        for (const { Name } of Metrics)
          found.add([Namespace, Name, ...dimensions.map((name) => `${name}=${String(written[name])}`)].join(' '));
  }
  return found;
};

/** An item's size as DynamoDB counts it for storage: names, values, and what each item has beside them. */
const itemBytes = (item: Record<string, AttributeValue>): number =>
  ITEM_OVERHEAD_BYTES +
  Object.entries(item).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + valueBytes(value), 0);

const valueBytes = (value: AttributeValue): number => {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  // About a byte for two digits, and one.
  if (value.N !== undefined) return Math.ceil(value.N.length / 2) + 1;
  if (value.L !== undefined) return 3 + value.L.reduce((sum, one) => sum + 1 + valueBytes(one), 0);
  if (value.M !== undefined)
    return (
      3 + Object.entries(value.M).reduce((sum, [name, one]) => sum + 1 + Buffer.byteLength(name) + valueBytes(one), 0)
    );
  if (value.B !== undefined) return value.B.length;
  if (value.SS !== undefined) return value.SS.reduce((sum, one) => sum + Buffer.byteLength(one), 0);
  return 1;
};
