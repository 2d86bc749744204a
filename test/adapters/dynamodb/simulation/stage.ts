import { amountOf, countOf, type Item } from '../../../../lambdas/adapters/dynamodb/attributes.ts';
import { makeDynamoAudit } from '../../../../lambdas/adapters/dynamodb/audit.ts';
import type { StreamRecord } from '../../../../lambdas/adapters/dynamodb/ended-entry.ts';
import { makeDynamoLedger } from '../../../../lambdas/adapters/dynamodb/ledger.ts';
import { projectBatch } from '../../../../lambdas/adapters/dynamodb/project-batch.ts';
import { PROJECTED_EVENTS, PROJECTED_STATES } from '../../../../lambdas/contract/tables.ts';
import { closeDueAt, epochOf } from '../../../../lambdas/contract/timing.ts';
import { makeRequestId } from '../../../../lambdas/core/admit/request-id.ts';
import type { RebuildReport } from '../../../../lambdas/core/audit/ledger-audit.ts';
import { verifyLedger } from '../../../../lambdas/core/audit/verify-ledger.ts';
import type { AccountRef, HoldRequest, Ledger } from '../../../../lambdas/core/ledger.ts';
import { account, entryOf } from '../../../port-suites/ledger-requests.ts';
import { type Fate, openSimProcess, SIM_TABLES, type SimProcess } from './sim-dynamo.ts';
import { type Change, makeTables, type Tables } from './tables.ts';
import { makeTruth, type Truth, Violation } from './truth.ts';
import { makeWorld, type SimWorld } from './world.ts';

export { Violation };

/** A request as a script knows it again. */
export interface Asked {
  Key?: Item;
  Item?: Item;
  UpdateExpression?: string;
  ExpressionAttributeValues?: Item;
  TransactItems?: unknown[];
  scan?: string;
}

/** What becomes of the first request, or the first so many, that are meant. */
export interface Cue extends Fate {
  of: (asked: Asked) => boolean;
  times?: number;
}

export interface Actor extends SimProcess {
  ledger: Ledger;
  rebuild(): Promise<RebuildReport>;
}

/** A world without chance, in which the processes of the ledger meet as a script says. What must always hold is looked at all the while. */
export interface Stage {
  world: SimWorld;
  tables: Tables;
  truth: Truth;
  open(options?: { cues?: Cue[]; skewMs?: number }): Actor;
  /** Runs a piece of work, on the world's time, to its end. */
  run<T>(work: Promise<T>): Promise<T>;
  waitUntil(timeMs: number): Promise<void>;
  holdOf(amount: bigint, accounts?: AccountRef[]): HoldRequest;
  /** Holds and opens; from here on the provider may bill the amount. */
  admit(
    by: Actor,
    amount: bigint,
    accounts?: AccountRef[],
    capVersion?: number,
  ): Promise<{ id: string; hold: HoldRequest }>;
  nextId(epoch: number): string;
  /** Waits until this epoch is due, and closes all that are. */
  closeThrough(epoch: number, closer?: Actor): Promise<void>;
  /** Takes in what the stream has and nobody has seen yet. @returns it */
  project(by?: Actor): Promise<StreamRecord[]>;
  deliver(records: StreamRecord[], by?: Actor): Promise<void>;
  /** As `project`, within somebody else's work. */
  take(by: Actor): Promise<unknown>;
  /** All that is under way comes to its end; then accounts, entries, seals and the audit must agree. @throws {Violation} */
  rest(): Promise<void>;
}

const START_MS = Date.UTC(2026, 10, 22, 12);
const MOST_SECONDS = 12 * 60 * 60;
export const TEAM = account('team#search#2026-11', 10_000n);
export const USER = account('user#ada#2026-11', 10_000n);

export const makeStage = (): Stage => {
  const world = makeWorld(1, START_MS);
  const closedThrough = (): number => {
    const item = tables.get(SIM_TABLES.accounts, { pk: { S: '!closer' } });
    return item === undefined ? -1 : countOf(item, 'closedThrough');
  };
  const truth = makeTruth({ now: world.now, closedThrough, mostMeetings: 4 });
  const records: StreamRecord[] = [];
  let taken = 0;
  let ids = 0;
  const note = (change: Change): void => {
    if (change.table === SIM_TABLES.accounts) {
      if (change.after['committed'] !== undefined) truth.check(change);
      return;
    }
    const { before, after } = change;
    const eventName = before === undefined ? 'INSERT' : 'MODIFY';
    const isMeant = [...PROJECTED_EVENTS].includes(eventName) && isOneOf(PROJECTED_STATES, after['state']?.S);
    if (isMeant)
      records.push({
        eventName,
        dynamodb: {
          SequenceNumber: String(records.length + 1),
          NewImage: after,
          ...(before && { OldImage: before }),
        },
      });
  };
  const tables = makeTables(note);
  const added = new WeakSet<object>();

  const open: Stage['open'] = ({ cues = [], skewMs = 0 } = {}) => {
    const left = cues.map((cue) => ({ cue, times: cue.times ?? 1 }));
    const process = openSimProcess(world, tables, {
      weather: () => ({ fault: 0, throttle: 0, freeze: 0 }),
      skewMs,
      script: (input) => {
        const found = left.find(({ cue, times }) => times > 0 && cue.of(input as Asked));
        if (found === undefined) return undefined;
        found.times -= 1;
        return found.cue;
      },
      onAdded: (call, { UpdateExpression }) => {
        if (added.has(call)) throw new Violation(`a write that adds was made twice: ${UpdateExpression}`);
        added.add(call);
      },
    });
    const ledger = makeDynamoLedger(process.dynamo);
    return { ...process, ledger, rebuild: () => makeDynamoAudit(process.dynamo).rebuild() };
  };

  const run: Stage['run'] = async (work) => {
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    work.then(end, end);
    for (let i = 0; i < MOST_SECONDS && !isOver; i++) await world.runUntil(world.now() + 1_000);
    if (!isOver) throw new Violation('nothing comes to an end');
    return work;
  };

  const untaken = (): StreamRecord[] => {
    const batch = records.slice(taken);
    taken = records.length;
    return batch;
  };

  const deliver: Stage['deliver'] = async (batch, by = open()) => {
    const { failed } = await run(projectBatch(by.dynamo, { shard: 'shard', records: batch }));
    if (failed !== undefined) throw new Violation(`the projector stops at record ${failed}`);
  };

  const stage: Stage = {
    world,
    tables,
    truth,
    open,
    run,
    waitUntil: (timeMs) => world.runUntil(timeMs),
    holdOf: (amount, accounts = [TEAM]) => ({ accounts, capVersion: 1, epoch: epochOf(world.now()), amount }),
    nextId: (epoch) => makeRequestId({ epoch, lane: 3, random: `n${String(++ids).padStart(17, '0')}` }),
    admit: async (by, amount, accounts, capVersion = 1) => {
      const hold = { ...stage.holdOf(amount, accounts), capVersion };
      const id = stage.nextId(hold.epoch);
      const { kind } = await run(by.ledger.hold(hold));
      if (kind !== 'held' || !(await run(by.ledger.open(entryOf(id, hold))))) throw new Error(`${id} is not admitted`);
      truth.call(
        id,
        hold.accounts.map(({ key }) => key),
        amount,
      );
      return { id, hold };
    },
    closeThrough: async (epoch, closer = open()) => {
      await world.runUntil(closeDueAt(epoch) + 5_000);
      await run(closer.ledger.closeDueEpochs());
    },
    project: async (by) => {
      const batch = untaken();
      if (batch.length > 0) await deliver(batch, by);
      return batch;
    },
    deliver,
    take: ({ dynamo }) => projectBatch(dynamo, { shard: 'shard', records: untaken() }),
    rest: async () => {
      const last = tables.all(SIM_TABLES.ledger).map((entry) => countOf(entry, 'epoch'));
      await stage.project();
      await stage.closeThrough(Math.max(epochOf(world.now()), ...last) + 1);
      await stage.project();
      const reader = open();
      await run(reader.ledger.figures(truth.accounts()));
      const { problems } = await run(verifyLedger(makeDynamoAudit(reader.dynamo)));
      for (const { kind, epoch, detail } of problems) throw new Violation(`verify: ${kind} in ${epoch}: ${detail}`);
      const accounts = tables.all(SIM_TABLES.accounts).filter((item) => item['committed'] !== undefined);
      truth.checkAtRest(accounts, tables.all(SIM_TABLES.ledger));
      for (const item of accounts)
        if (item['cap'] !== undefined && amountOf(item, 'committed') > amountOf(item, 'cap'))
          throw new Violation(`${item['pk']?.S}: came to ${amountOf(item, 'committed')}, over its cap`);
      checkSame(await run(reader.rebuild()));
    },
  };
  return stage;
};

/** Nobody has touched the accounts past the ledger: a rebuild that finds a difference is wrong, or was before. */
export const checkSame = ({ differences }: RebuildReport): void => {
  for (const { account: key } of differences) throw new Violation(`rebuild: ${key} was not the sum of its entries`);
};

const isOneOf = (names: readonly string[], name: string | undefined): boolean =>
  name !== undefined && names.includes(name);

// ── Requests, as a script knows them ──────────────────────────────────────────────────────────────────────────────────

const setsTo = (name: string) => (asked: Asked) => asked.ExpressionAttributeValues?.[`:${name}`] !== undefined;
const isOf = (asked: Asked, pk: string): boolean => asked.Key?.['pk']?.S === pk;

export const HOLD = ({ UpdateExpression = '' }: Asked): boolean =>
  UpdateExpression.startsWith('SET capVersion') && UpdateExpression.includes('ADD');
export const holdOn = (pk: string) => (asked: Asked) => HOLD(asked) && isOf(asked, pk);
export const SET_CAP = ({ UpdateExpression = '' }: Asked): boolean =>
  UpdateExpression.startsWith('SET capVersion') && !UpdateExpression.includes('ADD');
export const PUT_ENTRY = ({ Item: item }: Asked): boolean => item?.['state'] !== undefined;
export const RAISE = ({ UpdateExpression }: Asked): boolean => UpdateExpression === 'SET #hold = :to';
export const LOSE = setsTo('lost');
export const CORRECT = ({ TransactItems }: Asked): boolean => TransactItems !== undefined;
export const CLOSE = ({ UpdateExpression = '' }: Asked): boolean => UpdateExpression.startsWith('SET #floor');
export const closeOf = (pk: string) => (asked: Asked) => CLOSE(asked) && isOf(asked, pk);
export const REBUILD = ({ UpdateExpression = '' }: Asked): boolean => UpdateExpression.startsWith('SET #rebuilds');
export const ADD_TO_SUM = ({ Key, UpdateExpression }: Asked): boolean =>
  UpdateExpression !== undefined && Key?.['pk']?.S?.startsWith('!sum#') === true;
export const READ_AUDIT = (asked: Asked): boolean => asked.UpdateExpression === undefined && isOf(asked, '!audit');
export const SAY_CLOSED = ({ UpdateExpression = '' }: Asked): boolean =>
  UpdateExpression.startsWith('SET closedThrough');
