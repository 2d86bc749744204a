import {
  type PutItemCommandInput,
  TransactionCanceledException,
  type TransactWriteItemsCommandInput,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import type { Dynamo, Written } from '../../../../lambdas/adapters/dynamodb/dynamo.ts';
import { makeTableTime } from '../../../../lambdas/adapters/dynamodb/table-time.ts';
import type { TableNames } from '../../../../lambdas/contract/tables.ts';
import { type Clock, type Log, StoreUnavailable } from '../../../../lambdas/core/ports.ts';
import type { Made, Tables } from './tables.ts';
import type { SimWorld } from './world.ts';

export const SIM_TABLES: TableNames = {
  access: 'access',
  limits: 'limits',
  targets: 'targets',
  ledger: 'ledger',
  accounts: 'accounts',
  responses: 'responses',
};

/** How bad the network is; shares of all requests. */
export interface Weather {
  /** Lost on the way there, or the answer on the way back, or hours late: each. */
  fault: number;
  /** Refused unread. */
  throttle: number;
  /** The process stands still right then: the answer waits for it. */
  freeze: number;
}

/** What a script makes of one request. */
export interface Fate {
  /** Happens right before it arrives; it waits for a promise. */
  before?: () => unknown;
  /** It never arrives. */
  isLost?: boolean;
  /** It is done, and the answer is lost. */
  isUnheard?: boolean;
}

/** @returns undefined where a request, or its repeat, goes its way */
export type Script = (input: object) => Fate | undefined;

/** One process: its clock, its tables, and its end. */
export interface SimProcess {
  dynamo: Dynamo;
  clock: Clock;
  isAlive(): boolean;
  /** Whatever it waits for never comes; what it has sent arrives all the same. */
  kill(): void;
  /** It stands still for so long, and then goes on as if nothing had been. */
  freeze(ms: number): void;
  /** For so long it hears nothing, though half of what it sends arrives. */
  cutOff(ms: number): void;
}

const ANSWER_TIMEOUT_MS = 2_000;
/** A request is refused when its signature is older. */
const SIGNATURE_MS = 5 * 60_000;
const FROZEN_MS = 45 * 60_000;
const ATTEMPTS = 5;
const THROTTLED_ATTEMPTS = 4;
const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** @param onAdded is told of every call whose write adds, each time that it is made */
export const openSimProcess = (
  world: SimWorld,
  tables: Tables,
  options: {
    weather: () => Weather;
    skewMs: number;
    log?: Log;
    /** Of single requests, before chance has its say. */
    script?: Script;
    onAdded: (call: object, input: UpdateItemCommandInput) => void;
  },
): SimProcess => {
  const { random } = world;
  let isAlive = true;
  let frozenUntil = 0;
  let cutOffUntil = 0;

  /** Goes on at that time, unless the process is dead by then, or later, when it has thawed. */
  const resume = (timeMs: number, callback: () => void): void => {
    world.at(timeMs, () => {
      if (!isAlive) return;
      if (world.now() < frozenUntil) resume(frozenUntil, callback);
      else callback();
    });
  };
  const clock: Clock = {
    now: () => world.now() + options.skewMs,
    sleep: (ms) => new Promise((resolve) => resume(world.now() + ms, resolve)),
    after: (ms, callback) => {
      let isSet = true;
      resume(world.now() + ms, () => isSet && callback());
      return () => {
        isSet = false;
      };
    },
  };
  const time = makeTableTime(clock);

  /** One request and its answer. `late`: it may have been done, or may yet be. */
  const ask = <T>(
    input: object,
    work: () => T,
  ): Promise<{ kind: 'answer'; value: T; date: number } | { kind: 'late' } | { kind: 'throttled' }> =>
    new Promise((resolve) => {
      const { fault, throttle, freeze } = options.weather();
      const isCutOff = world.now() < cutOffUntil;
      if (random.chance(freeze)) frozenUntil = world.now() + random.int(FROZEN_MS);
      const sentAt = clock.now();
      const deadline = world.now() + ANSWER_TIMEOUT_MS;
      const delayMs = random.chance(fault) ? random.int(SIGNATURE_MS + 60_000) : 1 + random.int(12);
      const fate = options.script?.(input);
      const isLost = fate?.isLost === true || random.chance(isCutOff ? 0.5 : fault);
      const isUnheard = fate?.isUnheard === true || isCutOff || random.chance(fault);
      const answerAt = world.now() + delayMs + 1 + random.int(8);
      if (random.chance(throttle)) {
        resume(answerAt, () => {
          time.note(new Date(world.now()).toUTCString(), sentAt);
          resolve({ kind: 'throttled' });
        });
        return;
      }
      const isHeard = !isLost && !isUnheard && answerAt <= deadline;
      const arrive = (): void => {
        const date = new Date(world.now()).toUTCString();
        let value: T;
        try {
          value = work();
        } catch (error) {
          world.fail(error as Error);
          return;
        }
        if (!isHeard) return;
        resume(answerAt, () => {
          time.note(date, sentAt);
          resolve({ kind: 'answer', value, date: Date.parse(date) });
        });
      };
      if (fate?.before !== undefined)
        world.at(world.now() + delayMs, () => {
          Promise.resolve(fate.before?.()).then(isLost ? undefined : arrive, (error: Error) => world.fail(error));
        });
      else if (!isLost && delayMs <= SIGNATURE_MS) world.at(world.now() + delayMs, arrive);
      if (!isHeard) resume(deadline, () => resolve({ kind: 'late' }));
    });

  /** As the SDK's client that sends again. */
  const askAgain = async <T>(input: object, work: () => T): Promise<{ value: T; date: number }> => {
    for (let attempt = 1; ; attempt++) {
      const outcome = await ask(input, work);
      if (outcome.kind === 'answer') return outcome;
      if (attempt === ATTEMPTS) throw new StoreUnavailable(`${outcome.kind} ${ATTEMPTS} times`);
      await clock.sleep(20 * 2 ** attempt * random.fraction());
    }
  };

  const toWritten = (made: Made): Written => ({ kind: made.isDone ? 'done' : 'failed', item: made.item });

  const makeUpdate = (input: UpdateItemCommandInput) => {
    const call = {};
    return (): Made => {
      const made = tables.update(input);
      if (made.isDone && addsNumbers(input)) options.onAdded(call, input);
      return made;
    };
  };

  const transact = async (input: TransactWriteItemsCommandInput): Promise<void> => {
    // The SDK gives each call a token by which DynamoDB knows its repeats.
    let isDone = false;
    const { value } = await askAgain(input, () => {
      if (isDone) return undefined;
      const failed = tables.transact(input);
      isDone = failed === undefined;
      return failed;
    });
    if (value === undefined) return;
    throw new TransactionCanceledException({
      message: 'a condition failed',
      $metadata: {},
      CancellationReasons: value.map(({ failed, item }) => ({
        Code: failed ? 'ConditionalCheckFailed' : 'None',
        ...(failed && item !== undefined && { Item: item }),
      })),
    });
  };

  const dynamo: Dynamo = {
    names: SIM_TABLES,
    time,
    clock,
    random: { fraction: random.fraction, bytes: () => new Uint8Array() },
    log: options.log ?? SILENT,
    updateOnce: async (input) => {
      const work = makeUpdate(input);
      for (let attempt = 1; ; attempt++) {
        const outcome = await ask(input, work);
        if (outcome.kind === 'answer') return toWritten(outcome.value);
        if (outcome.kind === 'late') return { kind: 'unanswered', error: new Error('no answer') };
        if (attempt === THROTTLED_ATTEMPTS) throw new StoreUnavailable('throttled');
        await clock.sleep(25 * 2 ** attempt * random.fraction());
      }
    },
    update: async (input) => toWritten((await askAgain(input, makeUpdate(input))).value),
    put: async (input: PutItemCommandInput) => toWritten((await askAgain(input, () => tables.put(input))).value),
    get: async (table, key) => {
      const { value, date } = await askAgain({ TableName: table, Key: key }, () => tables.get(table, key));
      return { item: value, date };
    },
    getMany: async (table, keys) => {
      const { value } = await askAgain({ TableName: table, keys }, () => keys.map((key) => tables.get(table, key)));
      return value.filter((item) => item !== undefined);
    },
    query: async (input) => {
      const { value, date } = await askAgain(input, () => tables.query(input));
      return { items: value, date };
    },
    async *queryPages(input) {
      yield (await askAgain(input, () => tables.query(input))).value;
    },
    scan: async ({ TableName = '' }) => (await askAgain({ scan: TableName }, () => tables.all(TableName))).value,
    async *scanPages({ TableName = '' }) {
      // Page by page, each as the table is by then.
      for (let from = 0; ; from += PAGE_ITEMS) {
        const { value } = await askAgain({ scan: TableName }, () =>
          tables.all(TableName).slice(from, from + PAGE_ITEMS),
        );
        yield value;
        if (value.length < PAGE_ITEMS) return;
      }
    },
    send: ((command: { input: TransactWriteItemsCommandInput }) =>
      transact(command.input)) as unknown as Dynamo['send'],
    close() {},
  };

  return {
    dynamo,
    clock,
    isAlive: () => isAlive,
    kill() {
      isAlive = false;
    },
    freeze(ms) {
      frozenUntil = world.now() + ms;
    },
    cutOff(ms) {
      cutOffUntil = world.now() + ms;
    },
  };
};

/** Sets may be added to twice. */
const addsNumbers = ({ UpdateExpression = '', ExpressionAttributeValues = {} }: UpdateItemCommandInput): boolean =>
  /(^| )ADD /.test(UpdateExpression) &&
  !Object.values(ExpressionAttributeValues).some(({ NS, SS }) => NS !== undefined || SS !== undefined);

const PAGE_ITEMS = 25;
