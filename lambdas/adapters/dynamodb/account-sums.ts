import { LANES } from '../../contract/timing.ts';
import type { AccountSum } from '../../core/audit/ledger-audit.ts';
import { StoreUnavailable } from '../../core/ports.ts';
import { accountExpiresAt } from '../../core/retention.ts';
import { addUse, NO_USE, type Use } from './account-item.ts';
import { amountOf, countOf, type Item, toItem } from './attributes.ts';
import { lanePages } from './audit-entries.ts';
import type { Dynamo } from './dynamo.ts';
import { accountsOf, useOf } from './entry-item.ts';
import { readActiveEpochs } from './epoch-entries.ts';
import { inParallel } from './in-parallel.ts';
import { expiresAt } from './retention.ts';

/**
 * What accounts' entries come to, added up once and kept: each audit reads only the epochs that have been closed since the
 * last. `!audit` says up to which epoch every entry is in the sums; `!sum#<account>` is one account's. They are the audit's
 * own: neither a request nor the projector nor the closer touches them, so what spoils an account leaves its sum alone.
 * They also keep what an account that never ends owes to entries that have expired.
 */
const AUDIT_KEY: Item = { pk: { S: '!audit' } };
const SUM = '!sum#';

export const sumKey = (account: string): Item => ({ pk: { S: `${SUM}${account}` } });

/** undefined for an item that is no sum. */
export const summedAccount = (item: Item): string | undefined =>
  item['pk']?.S?.startsWith(SUM) ? item['pk'].S.slice(SUM.length) : undefined;

export const toSum = (item: Item | undefined): Use =>
  item === undefined
    ? NO_USE
    : {
        cost: amountOf(item, 'cost'),
        requests: countOf(item, 'requests'),
        inputTokens: countOf(item, 'inputTokens'),
        outputTokens: countOf(item, 'outputTokens'),
      };

/** Every entry of an epoch below it is in the sum; −1 where there is none. */
export const summedThrough = (sum: Item | undefined): number => (sum === undefined ? -1 : countOf(sum, 'through'));

/** The last epoch that had an entry of the account. */
export const lastEpochOf = (sum: Item): number => countOf(sum, 'lastEpoch');

/** Bounds of one step: accounts in memory, and epochs whose reading is lost when it is stopped. */
const MOST_ACCOUNTS = 20_000;
const MOST_EPOCHS = 288;
const WRITES_AT_ONCE = 16;
const TRIES = 10_000;

export interface SumProgress {
  /** Every entry of an epoch below it is in the sums. */
  through: number;
  epochsRead: number;
}

interface Gathered extends Use {
  lastEpoch: number;
}

/**
 * Takes every closed epoch into the sums, step by step. A step's end is fixed in `!audit` before its first sum is written,
 * so whoever comes after a death writes the same step again, and each sum knows what it has.
 */
export const advanceSums = async (dynamo: Dynamo, closedThrough: number): Promise<SumProgress> => {
  let epochsRead = 0;
  for (let tries = 0; tries < TRIES; tries++) {
    const { item } = await dynamo.get(dynamo.names.accounts, AUDIT_KEY);
    const through = item === undefined ? 0 : countOf(item, 'through');
    const fixed = item?.['target'] === undefined ? undefined : countOf(item, 'target');
    const end = fixed ?? closedThrough + 1;
    if (through >= end) return { through, epochsRead };
    const todo = await readActive(dynamo, through, end);

    const sums = new Map<string, Gathered>();
    let reached = end;
    for (const [i, epoch] of todo.entries()) {
      for (const [account, use] of await sumEpochByAccount(dynamo, epoch))
        sums.set(account, { ...addUse(sums.get(account) ?? NO_USE, use), lastEpoch: epoch });
      epochsRead += 1;
      const isFull = sums.size >= MOST_ACCOUNTS || i + 1 >= MOST_EPOCHS;
      if (fixed === undefined && isFull && i + 1 < todo.length) {
        reached = epoch + 1;
        break;
      }
    }
    if (fixed === undefined && !(await fixTarget(dynamo, item === undefined, through, reached))) continue;
    await inParallel([...sums], WRITES_AT_ONCE, ([account, sum]) =>
      addToSum(dynamo, account, { from: through, to: reached, sum }),
    );
    await dynamo.update({
      TableName: dynamo.names.accounts,
      Key: AUDIT_KEY,
      UpdateExpression: 'SET through = :to REMOVE target',
      ConditionExpression: 'through = :from AND target = :to',
      ExpressionAttributeValues: toItem({ ':from': through, ':to': reached }),
    });
  }
  throw new StoreUnavailable('the sums of the audit do not get on: others write them at the same time');
};

/**
 * Epochs that have entries, ascending. They are looked up for each step: another's step may end beyond what was closed when
 * this run began.
 */
const readActive = async (dynamo: Dynamo, from: number, end: number): Promise<number[]> => {
  const epochs: number[] = [];
  for await (const epoch of readActiveEpochs(dynamo, end - 1)) {
    if (epoch < from) break;
    epochs.push(epoch);
  }
  return epochs.reverse();
};

/** @returns whether this step is now ours to write; not, where somebody has fixed another */
const fixTarget = async (dynamo: Dynamo, isFirst: boolean, through: number, target: number): Promise<boolean> => {
  const written = await dynamo.update({
    TableName: dynamo.names.accounts,
    Key: AUDIT_KEY,
    UpdateExpression: 'SET through = :through, target = :target',
    ConditionExpression: isFirst
      ? 'attribute_not_exists(pk)'
      : 'through = :through AND (attribute_not_exists(target) OR target = :target)',
    ExpressionAttributeValues: toItem({ ':through': through, ':target': target }),
  });
  if (written.kind === 'done') return true;
  const { item } = written;
  return item !== undefined && countOf(item, 'through') === through && countOf(item, 'target') === target;
};

const addToSum = async (
  dynamo: Dynamo,
  account: string,
  { from, to, sum }: { from: number; to: number; sum: Gathered },
): Promise<void> => {
  await dynamo.update({
    TableName: dynamo.names.accounts,
    Key: sumKey(account),
    UpdateExpression:
      'SET through = :to, lastEpoch = :last, expires = :expires ADD cost :cost, requests :requests, inputTokens :input, outputTokens :output',
    ConditionExpression: 'attribute_not_exists(through) OR through <= :from',
    ExpressionAttributeValues: {
      ...toItem({
        ':from': from,
        ':to': to,
        ':last': sum.lastEpoch,
        ':cost': sum.cost,
        ':requests': sum.requests,
        ':input': sum.inputTokens,
        ':output': sum.outputTokens,
      }),
      ':expires': expiresAt(accountExpiresAt(account, dynamo.time.now())),
    },
  });
};

const LANE_NUMBERS = Array.from({ length: LANES }, (_, lane) => lane);

/** What a closed epoch's entries come to, by account. */
export const sumEpochByAccount = async (dynamo: Dynamo, epoch: number): Promise<Map<string, AccountSum>> => {
  const sums = new Map<string, Use>();
  await Promise.all(
    LANE_NUMBERS.map(async (lane) => {
      for await (const items of lanePages(dynamo, epoch, lane)) {
        for (const item of items) {
          const use = useOf(item);
          if (use === NO_USE) continue;
          for (const account of accountsOf(item)) sums.set(account, addUse(sums.get(account) ?? NO_USE, use));
        }
      }
    }),
  );
  return sums;
};
