import { randomBytes } from 'node:crypto';
import {
  type AttributeValue,
  DeleteItemCommand,
  DynamoDBClient,
  PutItemCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb';
import type { DynamoOptions } from '../../../lambdas/adapters/dynamodb/dynamo.ts';
import type { StreamRecord } from '../../../lambdas/adapters/dynamodb/ended-entry.ts';
import { type AuditedDynamoStores, openAuditedStores } from '../../../lambdas/adapters/dynamodb/open-audited-stores.ts';
import type { TableName, TableNames } from '../../../lambdas/contract/tables.ts';
import type { Clock, Log, Random } from '../../../lambdas/core/ports.ts';
import type { StoreWorld } from '../../port-suites/store-world.ts';
import { type LocalServer, startDynamoDb } from './dynamodb-local.ts';
import { type LedgerStream, openLedgerStream } from './ledger-stream.ts';
import { makeTables } from './make-tables.ts';
import { nameRequests } from './named-requests.ts';
import { startTableProxy, type TableProxy } from './table-proxy.ts';

export const CLIENT = {
  region: 'eu-central-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
};

export interface DynamoWorld extends StoreWorld {
  proxy: TableProxy;
  tables: TableNames;
  stream: LedgerStream;
  /** Everything that the stream has had since the last read, once all of it has come. */
  readStream(): Promise<{ shard: string; records: StreamRecord[] }[]>;
  /** Talks to the server past the proxy. */
  direct: DynamoDBClient;
  /** Makes the stream as bad as it may be: batches come halved, again, and long after. */
  disturbStream(random: () => number): void;
  /** Everything in a table, past the proxy. */
  itemsOf(table: TableName): Promise<Record<string, AttributeValue>[]>;
  /** Another process's stores, under real request ids. */
  openRaw(
    options?: Partial<Pick<DynamoOptions, 'clock' | 'log' | 'answerTimeoutMs' | 'connectTimeoutMs'>>,
  ): AuditedDynamoStores;
}

export const systemRandom: Random = { bytes: (count) => randomBytes(count), fraction: Math.random };

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** Says what time it is in the world; but who sleeps, sleeps for real, since answers come over a real network. */
export const realSleep = (clock: Clock): Clock => ({
  now: () => clock.now(),
  after: (ms, callback) => clock.after(ms, callback),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
});

let worlds = 0;
let marks = 0;

/** Tables of their own on the server, behind a proxy whose time is the clock's. */
export const makeDynamoWorld = async (server: LocalServer, clock: Clock): Promise<DynamoWorld> => {
  worlds += 1;
  const direct = new DynamoDBClient({ ...CLIENT, endpoint: server.endpoint });
  const { tables, streamArn, drop } = await makeTables(direct, `world${worlds}`);
  const proxy = await startTableProxy(server.endpoint, () => clock.now());
  const stream = openLedgerStream(server.endpoint, streamArn);
  const named = nameRequests();
  const opened: AuditedDynamoStores[] = [];
  const openRaw: DynamoWorld['openRaw'] = (options = {}) => {
    const stores = openAuditedStores({
      client: { ...CLIENT, endpoint: proxy.endpoint },
      tables,
      clock: realSleep(clock),
      random: systemRandom,
      log: silent,
      // A machine that is busy connects late; what is tried here is what becomes of answers.
      connectTimeoutMs: 20_000,
      ...options,
    });
    opened.push(stores);
    return stores;
  };
  const projector = openRaw();
  const delivered: { shard: string; records: StreamRecord[] }[] = [];
  let disturb = (): number => 1;

  const deliver = async (batch: { shard: string; records: StreamRecord[] }): Promise<void> => {
    for (let tries = 0; ; tries++) {
      const projected = await projector.projectBatch(batch);
      await projector.noteStatistics(projected);
      if (projected.failed === undefined) return;
      if (tries === 20) throw new Error('the projector does not get on');
    }
  };

  /** The stream comes a little after the writes: what was written last tells that all before it has come. */
  const readAll = async (): Promise<{ shard: string; records: StreamRecord[] }[]> => {
    marks += 1;
    const Key = { pk: { S: 'mark' }, sk: { S: String(marks) } };
    await direct.send(new PutItemCommand({ TableName: tables.ledger, Item: Key }));
    await direct.send(new DeleteItemCommand({ TableName: tables.ledger, Key }));
    const batches: { shard: string; records: StreamRecord[] }[] = [];
    for (let tries = 0; tries < 400; tries++) {
      const read = await stream.read();
      batches.push(...read);
      const isMarked = read.some(({ records }) =>
        records.some(({ eventName, dynamodb }) => eventName === 'REMOVE' && isMark(dynamodb?.OldImage, Key.sk.S)),
      );
      if (isMarked) return batches;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error('the stream does not come');
  };

  return {
    proxy,
    tables,
    stream,
    async readStream() {
      const batches = (await readAll()).map(({ shard, records }) => ({
        shard,
        records: records.filter(({ dynamodb }) => !isMark(dynamodb?.NewImage ?? dynamodb?.OldImage)),
      }));
      return batches.filter(({ records }) => records.length > 0);
    },
    direct,
    disturbStream(random) {
      disturb = random;
    },
    itemsOf: async (table) => (await direct.send(new ScanCommand({ TableName: tables[table] }))).Items ?? [],
    openRaw,
    open: async () => {
      const stores = openRaw({ answerTimeoutMs: 10_000 });
      return { ...stores, ledger: named(stores.ledger) };
    },
    async catchUp() {
      await proxy.whenIdle();
      for (const batch of await readAll()) {
        const { shard, records } = batch;
        if (disturb() < 0.2) await deliver({ shard, records: records.slice(0, Math.ceil(records.length / 2)) });
        await deliver(batch);
        delivered.push(batch);
        const zombie = delivered[Math.floor(disturb() * delivered.length)];
        if (zombie !== undefined && disturb() < 0.2) await deliver(zombie);
      }
    },
    async end() {
      await proxy.whenIdle();
      for (const stores of opened) stores.close();
      await proxy.stop();
      await drop();
      direct.destroy();
    },
  };
};

/** Whether it is that mark, or any. */
const isMark = (image: Record<string, unknown> | undefined, sk?: string): boolean =>
  JSON.stringify(image?.['pk']) === '{"S":"mark"}' &&
  (sk === undefined || JSON.stringify(image?.['sk']) === JSON.stringify({ S: sk }));

/** The server of one suite. */
export const withDynamoDb = (hooks: {
  beforeAll: (work: () => Promise<void>, ms: number) => void;
  afterAll: (work: () => Promise<void>, ms: number) => void;
}): ((clock: Clock) => Promise<DynamoWorld>) => {
  let server: LocalServer | undefined;
  hooks.beforeAll(async () => {
    server = await startDynamoDb();
  }, 600_000);
  hooks.afterAll(async () => {
    await server?.stop();
  }, 30_000);
  return (clock) => {
    if (server === undefined) throw new Error('the server has not been started');
    return makeDynamoWorld(server, clock);
  };
};
