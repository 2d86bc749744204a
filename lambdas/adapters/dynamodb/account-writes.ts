import type { PutItemCommandInput, UpdateItemCommandInput } from '@aws-sdk/client-dynamodb';
import type { AccountRef } from '../../core/ledger.ts';
import { accountExpiresAt } from '../../core/retention.ts';
import {
  type EPOCH_ATTRIBUTES,
  epochNamesUpTo,
  floorOf,
  heldEpochs,
  heldName,
  markName,
  NO_USE,
  oldMarks,
  padSequence,
  type Use,
} from './account-item.ts';
import { amountOf, countOf, type Item, toAttribute, toItem } from './attributes.ts';
import { expiresAt } from './retention.ts';
import { stampThresholds } from './threshold-stamp.ts';

/** Every write of docs/ledger to an account, as DynamoDB takes it. `room` and versions are worked out here because conditions can't add. */

const FLOOR_ALLOWS = '(attribute_not_exists(#floor) OR #floor <= :epoch)';

const key = (account: string): Item => ({ pk: { S: account } });

/** Adds: sent once. Its condition fails on an account with no room, a newer policy, or a floor above the epoch. */
export const holdWrite = (
  table: string,
  ref: AccountRef,
  {
    cap,
    capVersion,
    epoch,
    amount,
    nowMs,
  }: { cap: bigint | null; capVersion: number; epoch: number; amount: bigint; nowMs: number },
): UpdateItemCommandInput => {
  const isCapped = cap !== null;
  return {
    TableName: table,
    Key: key(ref.key),
    UpdateExpression: `SET capVersion = :version, expires = :expires${isCapped ? ', #cap = :cap, thresholds = :thresholds' : ' REMOVE #cap'} ADD committed :amount, #held :amount`,
    ConditionExpression: `(attribute_not_exists(pk) OR (capVersion <= :version${isCapped ? ' AND committed <= :room' : ''})) AND ${FLOOR_ALLOWS}`,
    ExpressionAttributeNames: { '#cap': 'cap', '#held': heldName(epoch), '#floor': 'floor' },
    ExpressionAttributeValues: {
      ':version': toAttribute(capVersion),
      ':expires': expiresAt(accountExpiresAt(ref.key, nowMs)),
      ':amount': toAttribute(amount),
      ':epoch': toAttribute(epoch),
      ...(isCapped && {
        ':cap': toAttribute(cap),
        ':room': toAttribute(cap - amount),
        ':thresholds': toAttribute(stampThresholds(ref)),
      }),
    },
    ReturnValues: 'ALL_NEW',
  };
};

/** Adds: sent once. Never more than is held, never past the floor. */
export const giveBackWrite = (
  table: string,
  account: string,
  { epoch, amount }: { epoch: number; amount: bigint },
): UpdateItemCommandInput => ({
  TableName: table,
  Key: key(account),
  UpdateExpression: 'ADD committed :back, #held :back',
  ConditionExpression: `attribute_exists(#held) AND #held >= :amount AND ${FLOOR_ALLOWS}`,
  ExpressionAttributeNames: { '#held': heldName(epoch), '#floor': 'floor' },
  ExpressionAttributeValues: {
    ':back': toAttribute(-amount),
    ':amount': toAttribute(amount),
    ':epoch': toAttribute(epoch),
  },
});

/** Stamps an account with a policy's cap, unless it is under a newer one. Repeating it changes nothing. */
export const setCapWrite = (
  table: string,
  account: string,
  { cap, capVersion }: { cap: bigint | null; capVersion: number },
): UpdateItemCommandInput => ({
  TableName: table,
  Key: key(account),
  UpdateExpression: `SET capVersion = :version${cap === null ? ' REMOVE #cap' : ', #cap = :cap'}`,
  ConditionExpression: 'attribute_exists(pk) AND capVersion <= :version',
  ExpressionAttributeNames: { '#cap': 'cap' },
  ExpressionAttributeValues: { ':version': toAttribute(capVersion), ...(cap !== null && { ':cap': toAttribute(cap) }) },
  ReturnValues: 'ALL_NEW',
});

/** What a batch of one shard's records comes to on one account. */
export interface Applied {
  shard: string;
  /** Sequence numbers of the first and the last record. */
  first: string;
  last: string;
  /** Epoch of the projector, not of the records: marks are pruned by it. */
  epochNow: number;
  byEpoch: ReadonlyMap<number, { hold: bigint; use: Use; witness: bigint }>;
}

/** Turns holds into costs. The mark knows its repeat; the floor drops what the close has counted already. */
export const applyWrite = (table: string, account: string, applied: Applied): UpdateItemCommandInput => {
  const names: Record<string, string> = { '#mark': markName(applied.shard), '#floor': 'floor' };
  const values: Item = {
    ':mark': toAttribute(`${padSequence(applied.last)}@${applied.epochNow}`),
    ':first': toAttribute(padSequence(applied.first)),
    ':epoch': toAttribute(Math.min(...applied.byEpoch.keys())),
    ':one': toAttribute(1),
  };
  const sums = new Map<string, bigint | number>();
  const add = (name: string, by: bigint | number): void => {
    const sum = sums.get(name) ?? 0n;
    sums.set(name, BigInt(sum) + BigInt(by));
  };
  for (const [epoch, { hold, use, witness }] of applied.byEpoch) {
    add('committed', use.cost - hold);
    add('spent', use.cost);
    add('requests', use.requests);
    add('inputTokens', use.inputTokens);
    add('outputTokens', use.outputTokens);
    add(`h${epoch}`, -hold);
    add(`s${epoch}`, use.cost);
    add(`r${epoch}`, use.requests);
    add(`i${epoch}`, use.inputTokens);
    add(`o${epoch}`, use.outputTokens);
    add(`d${epoch}`, witness);
  }
  const adds = ['applied :one'];
  for (const [name, by] of sums) {
    if (by === 0n) continue;
    const placeholder = `${adds.length}`;
    names[`#a${placeholder}`] = name;
    values[`:a${placeholder}`] = toAttribute(by);
    adds.push(`#a${placeholder} :a${placeholder}`);
  }
  return {
    TableName: table,
    Key: key(account),
    UpdateExpression: `SET #mark = :mark ADD ${adds.join(', ')}`,
    ConditionExpression: `attribute_exists(pk) AND (attribute_not_exists(#mark) OR #mark < :first) AND ${FLOOR_ALLOWS}`,
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
    ReturnValues: 'ALL_NEW',
  };
};

/**
 * Replaces what an account has of every epoch up to this one by `exact`, as read from `seen`. Besides the removed values it
 * compares `applied`, which the projector counts up: a batch in between could otherwise add an attribute of a closing epoch
 * that was not there to be compared.
 *
 * @param disputed epochs of which the account has seen other entries than there are: noted in the write that removes what
 * shows it
 */
export const closeWrite = (
  table: string,
  account: string,
  { seen, epoch, exact, disputed }: { seen: Item; epoch: number; exact: Use; disputed: readonly number[] },
): UpdateItemCommandInput => {
  const names: Record<string, string> = { '#floor': 'floor', '#held': heldName(epoch) };
  const values: Item = { ':epoch': toAttribute(epoch), ':floor': toAttribute(epoch + 1) };
  const conditions = [FLOOR_ALLOWS];
  const removed: string[] = [];
  const has = { h: 0n, s: 0n, r: 0n, i: 0n, o: 0n, d: 0n };
  for (const [index, name] of epochNamesUpTo(seen, epoch).entries()) {
    names[`#r${index}`] = name;
    values[`:r${index}`] = seen[name] as Item[string];
    removed.push(`#r${index}`);
    conditions.push(`#r${index} = :r${index}`);
    has[name.charAt(0) as (typeof EPOCH_ATTRIBUTES)[number]] += amountOf(seen, name);
  }
  if (seen[heldName(epoch)] === undefined) conditions.push('attribute_not_exists(#held)');
  else delete names['#held'];
  if (seen['applied'] === undefined) conditions.push('attribute_not_exists(applied)');
  else {
    conditions.push('applied = :applied');
    values[':applied'] = toAttribute(countOf(seen, 'applied'));
  }
  for (const [index, name] of oldMarks(seen, epoch).entries()) {
    names[`#m${index}`] = name;
    removed.push(`#m${index}`);
  }
  const changes: [string, bigint][] = [
    ['committed', exact.cost - has.h - has.s],
    ['spent', exact.cost - has.s],
    ['requests', BigInt(exact.requests) - has.r],
    ['inputTokens', BigInt(exact.inputTokens) - has.i],
    ['outputTokens', BigInt(exact.outputTokens) - has.o],
  ];
  const adds = changes.flatMap(([name, by], index) => {
    if (by === 0n) return [];
    values[`:a${index}`] = toAttribute(by);
    return [`${name} :a${index}`];
  });
  if (disputed.length > 0) {
    values[':disputed'] = { NS: disputed.map(String) };
    adds.push('disputed :disputed');
  }
  return {
    TableName: table,
    Key: key(account),
    UpdateExpression: `SET #floor = :floor${adds.length > 0 ? ` ADD ${adds.join(', ')}` : ''}${removed.length > 0 ? ` REMOVE ${removed.join(', ')}` : ''}`,
    ConditionExpression: conditions.join(' AND '),
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
    ReturnValues: 'ALL_NEW',
  };
};

/** Makes an account's closed epochs what their entries come to. Rests on the floor and the count of rebuilds as read. */
export const rebuildWrite = (
  table: string,
  account: string,
  {
    seen,
    found = NO_USE,
    entries,
    unbalanced,
  }: { seen: Item; found?: Use | undefined; entries: Use; unbalanced: bigint },
): UpdateItemCommandInput => {
  const conditions = ['attribute_exists(pk)'];
  const values: Item = { ':next': toAttribute(countOf(seen, 'rebuilds') + 1) };
  for (const name of ['floor', 'rebuilds'] as const) {
    if (seen[name] === undefined) conditions.push(`attribute_not_exists(#${name})`);
    else {
      conditions.push(`#${name} = :${name}`);
      values[`:${name}`] = seen[name];
    }
  }
  const spent = entries.cost - found.cost;
  const adds: [string, bigint | number][] = [
    ['committed', spent + unbalanced],
    ['spent', spent],
    ['requests', entries.requests - found.requests],
    ['inputTokens', entries.inputTokens - found.inputTokens],
    ['outputTokens', entries.outputTokens - found.outputTokens],
  ];
  for (const [name, by] of adds) values[`:${name}`] = toAttribute(by);
  return {
    TableName: table,
    Key: key(account),
    UpdateExpression: `SET #rebuilds = :next ADD ${adds.map(([name]) => `${name} :${name}`).join(', ')}`,
    ConditionExpression: conditions.join(' AND '),
    ExpressionAttributeNames: { '#floor': 'floor', '#rebuilds': 'rebuilds' },
    ExpressionAttributeValues: values,
  };
};

/** An account that is gone, as its entries say. The next hold puts it under its cap. */
export const restoredItem = (
  table: string,
  account: string,
  { through, entries, nowMs }: { through: number; entries: Use; nowMs: number },
): PutItemCommandInput => ({
  TableName: table,
  Item: {
    ...key(account),
    ...toItem({
      committed: entries.cost,
      spent: entries.cost,
      requests: entries.requests,
      inputTokens: entries.inputTokens,
      outputTokens: entries.outputTokens,
      floor: through,
      capVersion: 0,
      rebuilds: 1,
    }),
    expires: expiresAt(accountExpiresAt(account, nowMs)),
  },
  ConditionExpression: 'attribute_not_exists(pk)',
});

/**
 * Drops what the account holds of epochs under its floor: a hold that came, very late, between the close's look at the
 * account and its writing. Whatever entries those epochs had, the close has counted.
 */
export const dropWrite = (table: string, account: string, seen: Item): UpdateItemCommandInput => {
  const floor = floorOf(seen);
  const names: Record<string, string> = { '#floor': 'floor' };
  const values: Item = { ':floor': toAttribute(floor) };
  const conditions = ['#floor >= :floor'];
  let dropped = 0n;
  for (const [index, epoch] of heldEpochs(seen)
    .filter((one) => one < floor)
    .entries()) {
    const name = heldName(epoch);
    names[`#r${index}`] = name;
    values[`:r${index}`] = seen[name] as Item[string];
    conditions.push(`#r${index} = :r${index}`);
    dropped += amountOf(seen, name);
  }
  values[':back'] = toAttribute(-dropped);
  return {
    TableName: table,
    Key: key(account),
    UpdateExpression: `ADD committed :back REMOVE ${Object.keys(names)
      .filter((name) => name !== '#floor')
      .join(', ')}`,
    ConditionExpression: conditions.join(' AND '),
    ExpressionAttributeNames: names,
    ExpressionAttributeValues: values,
    ReturnValues: 'ALL_NEW',
  };
};

/** Whether a failed close has nothing left to do. */
export const isClosedThrough = (item: Item | undefined, epoch: number): boolean =>
  item === undefined || floorOf(item) > epoch;
