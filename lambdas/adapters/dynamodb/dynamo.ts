import {
  BatchGetItemCommand,
  DynamoDBClient,
  type DynamoDBClientConfig,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
  QueryCommand,
  type QueryCommandInput,
  ScanCommand,
  type ScanCommandInput,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { TableNames } from '../../contract/tables.ts';
import { type Clock, type Log, type Random, StoreUnavailable } from '../../core/ports.ts';
import type { Item } from './attributes.ts';
import { conditionFailure, isSureNo, isThrottled, toStoreUnavailable } from './faults.ts';
import { makeTableTime, type TableTime } from './table-time.ts';

/** What a conditional write came to. */
export type Written =
  /** `item` as the write's ReturnValues ask. */
  | { kind: 'done'; item: Item | undefined }
  /** The condition failed; `item` as it stands, undefined where there is none. */
  | { kind: 'failed'; item: Item | undefined };

/** A write that adds, and was sent once: no answer means that it may have been made. */
export type WrittenOnce = Written | { kind: 'unanswered'; error: unknown };

/** DynamoDB as the stores use it. Every method rejects with StoreUnavailable and nothing else. */
export interface Dynamo {
  names: TableNames;
  time: TableTime;
  clock: Clock;
  random: Random;
  log: Log;
  /** A write that adds: never sent again once it may have arrived (docs/ledger). Only a throttled one is. */
  updateOnce(input: UpdateItemCommandInput): Promise<WrittenOnce>;
  /** A write that knows its own repeat; sent again until it is answered. */
  update(input: UpdateItemCommandInput): Promise<Written>;
  put(input: PutItemCommandInput): Promise<Written>;
  get(
    table: string,
    key: Item,
    options?: { isConsistent?: boolean },
  ): Promise<{ item: Item | undefined; date: number }>;
  /** In no order; keys without an item are left out. Any number of keys. */
  getMany(table: string, keys: Item[], options?: { isConsistent?: boolean }): Promise<Item[]>;
  /** Every page. `date`: the earliest of the answers, by the table's clock. */
  query(input: QueryCommandInput): Promise<{ items: Item[]; date: number }>;
  /** Page by page, as they are taken. */
  queryPages(input: QueryCommandInput): AsyncGenerator<Item[]>;
  scan(input: ScanCommandInput): Promise<Item[]>;
  /** Page by page, as they are taken. */
  scanPages(input: ScanCommandInput): AsyncGenerator<Item[]>;
  /** For the few calls that have no method here: the client that sends again. */
  send: DynamoDBClient['send'];
  close(): void;
}

export interface DynamoOptions {
  /** Of the SDK's client: region, endpoint, credentials. Retries and connections are set here. */
  client: Pick<DynamoDBClientConfig, 'region' | 'endpoint' | 'credentials' | 'logger'>;
  tables: TableNames;
  clock: Clock;
  random: Random;
  log: Log;
  /** Longest wait for one answer. DynamoDB answers within tens of milliseconds or, almost always, not at all. */
  answerTimeoutMs?: number;
  /** Longest wait for a connection. */
  connectTimeoutMs?: number;
}

const ANSWER_TIMEOUT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 1_000;
const CONNECTIONS = 128;
/** Sends of a write that knows its own repeat. */
const ATTEMPTS = 5;
/** Sends of an adding write that was throttled, and the wait before the second; it doubles. */
const THROTTLED_ATTEMPTS = 4;
const THROTTLED_WAIT_MS = 25;
/** Keys in one BatchGetItem. */
const BATCH_KEYS = 100;
/** Answers of BatchGetItem that left keys out, before it counts as throttled. */
const BATCH_TRIES = 12;

/** Opens two clients that share their connections: one never sends twice, the other does. */
export const openDynamo = (options: DynamoOptions): Dynamo => {
  const { clock, random, log, tables } = options;
  const time = makeTableTime(clock);
  const requestHandler = new NodeHttpHandler({
    connectionTimeout: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    requestTimeout: options.answerTimeoutMs ?? ANSWER_TIMEOUT_MS,
    throwOnRequestTimeout: true,
    httpAgent: { keepAlive: true, maxSockets: CONNECTIONS },
    httpsAgent: { keepAlive: true, maxSockets: CONNECTIONS },
  });
  const makeClient = (maxAttempts: number): DynamoDBClient => {
    const client = new DynamoDBClient({ ...options.client, requestHandler, retryMode: 'standard', maxAttempts });
    readDates(client, time, clock);
    return client;
  };
  const once = makeClient(1);
  const again = makeClient(ATTEMPTS);

  const asked = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work;
    } catch (error) {
      throw toStoreUnavailable(error);
    }
  };
  const written = async (work: Promise<{ Attributes?: Item | undefined }>): Promise<Written> => {
    try {
      return { kind: 'done', item: (await work).Attributes };
    } catch (error) {
      const failed = conditionFailure(error);
      if (failed !== undefined) return { kind: 'failed', ...failed };
      throw toStoreUnavailable(error);
    }
  };

  return {
    names: tables,
    time,
    clock,
    random,
    log,
    updateOnce: async (input) => {
      for (let attempt = 1; ; attempt++) {
        try {
          const { Attributes } = await once.send(new UpdateItemCommand({ ...input, ...RETURN_OLD }));
          return { kind: 'done', item: Attributes };
        } catch (error) {
          const failed = conditionFailure(error);
          if (failed !== undefined) return { kind: 'failed', ...failed };
          if (!isSureNo(error)) return { kind: 'unanswered', error };
          if (!isThrottled(error) || attempt === THROTTLED_ATTEMPTS) throw toStoreUnavailable(error);
          await clock.sleep(THROTTLED_WAIT_MS * 2 ** (attempt - 1) * (0.5 + random.fraction()));
        }
      }
    },
    update: (input) => written(again.send(new UpdateItemCommand({ ...input, ...RETURN_OLD }))),
    put: (input) => written(again.send(new PutItemCommand({ ...input, ...RETURN_OLD }))),
    get: (table, key, { isConsistent = true } = {}) =>
      asked(
        again
          .send(new GetItemCommand({ TableName: table, Key: key, ConsistentRead: isConsistent }))
          .then((answer) => ({ item: answer.Item, date: dateOf(answer) })),
      ),
    getMany: async (table, keys, { isConsistent = true } = {}) => {
      const items: Item[] = [];
      let left = keys;
      for (let unanswered = 0; left.length > 0; ) {
        const Keys = left.slice(0, BATCH_KEYS);
        const { Responses, UnprocessedKeys } = await asked(
          again.send(new BatchGetItemCommand({ RequestItems: { [table]: { Keys, ConsistentRead: isConsistent } } })),
        );
        items.push(...(Responses?.[table] ?? []));
        const unprocessed = UnprocessedKeys?.[table]?.Keys ?? [];
        if (unprocessed.length > 0) {
          unanswered += 1;
          if (unanswered > BATCH_TRIES) throw new StoreUnavailable(`${table} is throttled`);
          await clock.sleep(THROTTLED_WAIT_MS * unanswered * (0.5 + random.fraction()));
        }
        left = [...unprocessed, ...left.slice(BATCH_KEYS)];
      }
      return items;
    },
    query: async (input) => {
      const items: Item[] = [];
      let date = Number.POSITIVE_INFINITY;
      for (let start: Item | undefined; ; ) {
        const page = await asked(
          again.send(new QueryCommand({ ...input, ...(start && { ExclusiveStartKey: start }) })),
        );
        items.push(...(page.Items ?? []));
        date = Math.min(date, dateOf(page));
        start = page.LastEvaluatedKey;
        if (start === undefined) return { items, date };
      }
    },
    async *queryPages(input) {
      for (let start: Item | undefined; ; ) {
        const page = await asked(
          again.send(new QueryCommand({ ...input, ...(start && { ExclusiveStartKey: start }) })),
        );
        yield page.Items ?? [];
        start = page.LastEvaluatedKey;
        if (start === undefined) return;
      }
    },
    async *scanPages(input) {
      for (let start: Item | undefined; ; ) {
        const page = await asked(again.send(new ScanCommand({ ...input, ...(start && { ExclusiveStartKey: start }) })));
        yield page.Items ?? [];
        start = page.LastEvaluatedKey;
        if (start === undefined) return;
      }
    },
    scan: async (input) => {
      const items: Item[] = [];
      for (let start: Item | undefined; ; ) {
        const page = await asked(again.send(new ScanCommand({ ...input, ...(start && { ExclusiveStartKey: start }) })));
        items.push(...(page.Items ?? []));
        start = page.LastEvaluatedKey;
        if (start === undefined) return items;
      }
    },
    send: again.send.bind(again) as DynamoDBClient['send'],
    close() {
      once.destroy();
      again.destroy();
    },
  };
};

const RETURN_OLD = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;

/** The answer's `Date`, which `readDates` has put beside it: the beginning of the second in which it was written. */
const dateOf = (answer: object): number => dates.get(answer) ?? Number.NEGATIVE_INFINITY;
const dates = new WeakMap<object, number>();

/** Reads the `Date` of every answer, refusals included, before the SDK looks at it. */
const readDates = (client: DynamoDBClient, time: TableTime, clock: Clock): void => {
  client.middlewareStack.add(
    (next) => async (args) => {
      const sentAt = clock.now();
      const result = await next(args);
      const { headers } = result.response as { headers?: Record<string, string> };
      if (headers?.['date'] !== undefined) time.note(headers['date'], sentAt);
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'tollgateTableTime' },
  );
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers } = result.response as { headers?: Record<string, string> };
      if (result.output !== undefined) dates.set(result.output, Date.parse(headers?.['date'] ?? ''));
      return result;
    },
    { step: 'deserialize', priority: 'high', name: 'tollgateAnswerDate' },
  );
};
