import type { UpdateItemCommandInput } from '@aws-sdk/client-dynamodb';
import { escapeId, runKey } from '../../core/admit/account-keys.ts';
import { refusalOf } from '../../core/admit/run-refusals.ts';
import type { RunEntry, RunLimits, RunOutcome, RunRecord, RunStore } from '../../core/admit/run-store.ts';
import { StoreUnavailable } from '../../core/ports.ts';
import { ACCOUNT_LIFE_MS } from '../../core/retention.ts';
import { countOf, type Item, textOf, toItem } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';
import { toStoreUnavailable } from './faults.ts';
import { expiresAt } from './retention.ts';

/** What came of entering one run. */
type Entered =
  | { kind: 'entered'; item: Item }
  /** As it stands. */
  | { kind: 'stopped'; item: Item }
  /** Perhaps counted. */
  | { kind: 'unanswered'; error: unknown };

const PREFIX = 'run#';
/** A parent of nobody: the attribute says that the run has begun. */
const NOBODY = '';

/**
 * One item a run, one conditional write a run and call, in parallel. What can't be told from no answer is left counted: a
 * run may come to make a call less than it might, never one more.
 */
export const makeDynamoRunStore = (dynamo: Dynamo): RunStore => {
  const table = dynamo.names.limits;

  /** Sent once, and once more after no answer: the first may then be counted for nothing. */
  const enterRun = async (write: UpdateItemCommandInput): Promise<Entered> => {
    const first = await dynamo.updateOnce(write);
    const written = first.kind === 'unanswered' ? await dynamo.updateOnce(write) : first;
    if (written.kind === 'unanswered') return written;
    if (written.kind === 'done') return { kind: 'entered', item: written.item ?? {} };
    return { kind: 'stopped', item: written.item ?? {} };
  };

  const leave = async (team: string, runs: readonly RunLimits[]): Promise<void> => {
    await Promise.all(
      runs.map(async ({ id }) => {
        const left = await dynamo.updateOnce(leaveWrite(table, team, id));
        if (left.kind === 'unanswered') throw toStoreUnavailable(left.error);
      }),
    );
  };

  const enter = async ({ team, runs }: RunEntry): Promise<RunOutcome> => {
    const nowMs = dynamo.time.now();
    const settled = await Promise.allSettled(
      runs.map((run, i) => enterRun(enterWrite(table, team, run, runs[i + 1]?.id ?? NOBODY, nowMs))),
    );
    const outcomes = settled.map(
      (one): Entered => (one.status === 'fulfilled' ? one.value : { kind: 'unanswered', error: one.reason }),
    );
    if (outcomes.every((one) => one.kind === 'entered')) return { kind: 'entered', ...endOf(runs, outcomes) };

    const entered = runs.filter((_, i) => outcomes[i]?.kind === 'entered');
    try {
      await leave(team, entered);
    } catch (error) {
      dynamo.log.warn('a call that was refused stays counted', { team, runs: entered.map(({ id }) => id), error });
    }
    const unanswered = outcomes.find((one) => one.kind === 'unanswered');
    if (unanswered !== undefined) throw toStoreUnavailable(unanswered.error);
    return refusalAmong(team, runs, outcomes, nowMs);
  };

  return {
    enter,
    leave: ({ team, runs }) => leave(team, runs),
    read: async (team, ids) => {
      const items = await dynamo.getMany(
        table,
        ids.map((id) => keyOf(team, id)),
      );
      const byKey = new Map(items.map((item) => [textOf(item, 'pk'), item]));
      return ids.flatMap((id) => {
        const item = byKey.get(keyOf(team, id)['pk']?.S);
        return item === undefined ? [] : [toRecord(team, id, item)];
      });
    },
    kill: async (team, id, reason) => {
      const nowMs = dynamo.time.now();
      const written = await dynamo.update({
        TableName: table,
        Key: keyOf(team, id),
        UpdateExpression: 'SET killedAt = :now, killedBecause = :reason, expires = :expires',
        ConditionExpression: 'attribute_not_exists(killedAt)',
        ExpressionAttributeValues: {
          ...toItem({ ':now': nowMs, ':reason': reason }),
          ':expires': expiresAt(nowMs + ACCOUNT_LIFE_MS),
        },
        ReturnValues: 'ALL_NEW',
      });
      return toRecord(team, id, written.item ?? {});
    },
  };
};

const keyOf = (team: string, id: string): Item => toItem({ pk: PREFIX + escapeId(runKey(team, id)) });

/** Adds: sent once. */
const enterWrite = (
  table: string,
  team: string,
  { id, calls, lastsMs }: RunLimits,
  parent: string,
  nowMs: number,
): UpdateItemCommandInput => ({
  TableName: table,
  Key: keyOf(team, id),
  UpdateExpression:
    'SET #parent = :parent, startedAt = if_not_exists(startedAt, :now), expires = :expires ADD #calls :one',
  ConditionExpression: [
    'attribute_not_exists(killedAt) AND (attribute_not_exists(#parent) OR #parent = :parent)',
    ...(calls === undefined ? [] : ['(attribute_not_exists(#calls) OR #calls < :most)']),
    ...(lastsMs === undefined ? [] : ['(attribute_not_exists(startedAt) OR startedAt > :ended)']),
  ].join(' AND '),
  ExpressionAttributeNames: { '#parent': 'parent', '#calls': 'calls' },
  ExpressionAttributeValues: {
    ...toItem({
      ':parent': parent,
      ':now': nowMs,
      ':one': 1,
      ':most': calls,
      ':ended': lastsMs === undefined ? undefined : nowMs - lastsMs,
    }),
    ':expires': expiresAt(nowMs + ACCOUNT_LIFE_MS),
  },
  ReturnValues: 'ALL_NEW',
});

/** Adds: sent once. */
const leaveWrite = (table: string, team: string, id: string): UpdateItemCommandInput => ({
  TableName: table,
  Key: keyOf(team, id),
  UpdateExpression: 'ADD #calls :back',
  ConditionExpression: '#calls >= :one',
  ExpressionAttributeNames: { '#calls': 'calls' },
  ExpressionAttributeValues: toItem({ ':back': -1, ':one': 1 }),
});

const endOf = (runs: readonly RunLimits[], outcomes: Entered[]): { endsAt: number | null; endsBy?: RunLimits } =>
  runs.reduce<{ endsAt: number | null; endsBy?: RunLimits }>(
    (first, endsBy, i) => {
      const one = outcomes[i];
      if (one?.kind !== 'entered' || endsBy.lastsMs === undefined) return first;
      const endsAt = countOf(one.item, 'startedAt') + endsBy.lastsMs;
      return first.endsAt === null || endsAt < first.endsAt ? { endsAt, endsBy } : first;
    },
    { endsAt: null },
  );

/** A refusal holds whatever the chain is; only without one is another parent the reason. */
const refusalAmong = (team: string, runs: readonly RunLimits[], outcomes: Entered[], nowMs: number): RunOutcome => {
  const stopped = runs.flatMap((by, i) => {
    const one = outcomes[i];
    return one?.kind === 'stopped'
      ? [{ by, record: toRecord(team, by.id, one.item), parent: runs[i + 1]?.id ?? null }]
      : [];
  });
  for (const { by, record } of stopped) {
    const because = refusalOf(record, by, nowMs);
    if (because !== undefined) return { kind: 'refused', by, because, record };
  }
  const other = stopped.find(({ record, parent }) => record.startedAt !== null && record.parent !== parent);
  if (other !== undefined) return { kind: 'other-parent', run: other.by.id, parent: other.record.parent };
  throw new StoreUnavailable(`the run ${stopped[0]?.by.id} has changed meanwhile`);
};

const toRecord = (team: string, id: string, item: Item): RunRecord => {
  const parent = textOf(item, 'parent') ?? NOBODY;
  return {
    team,
    id,
    parent: parent === NOBODY ? null : parent,
    startedAt: item['startedAt'] === undefined ? null : countOf(item, 'startedAt'),
    calls: countOf(item, 'calls'),
    killed:
      item['killedAt'] === undefined
        ? null
        : { at: countOf(item, 'killedAt'), reason: textOf(item, 'killedBecause') ?? '' },
  };
};
