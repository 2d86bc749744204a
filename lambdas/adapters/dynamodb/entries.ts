import {
  TransactionCanceledException,
  TransactWriteItemsCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb';
import type { NanoUsd } from '../../contract/money.ts';
import { epochOf } from '../../contract/timing.ts';
import type { OpenEntry, Settlement } from '../../core/ledger.ts';
import { StoreUnavailable } from '../../core/ports.ts';
import { ENTRY_LIFE_MS } from '../../core/retention.ts';
import { amountOf, type Item, textOf, toAttribute, toItem } from './attributes.ts';
import { notShutCheck } from './closer-item.ts';
import type { Dynamo } from './dynamo.ts';
import { entryKeyOf, stateOf, toCorrectionItem, toOpenItem } from './entry-item.ts';
import { toStoreUnavailable } from './faults.ts';
import { expiresAt } from './retention.ts';

/** The writes of docs/ledger to an entry. Each knows its own repeat, so each is sent until it is answered. */

/** `state` and others are DynamoDB's own words in expressions. */
const STATE = { '#state': 'state' };

/** @returns what is there under this id: our own entry, or what kept it from being opened */
export const putEntry = async (dynamo: Dynamo, entry: OpenEntry, openedAtUs: number): Promise<Item> => {
  const item = toOpenItem(entry, openedAtUs);
  const written = await dynamo.put({
    TableName: dynamo.names.ledger,
    Item: item,
    ConditionExpression: 'attribute_not_exists(pk)',
  });
  return written.kind === 'done' ? item : (written.item ?? item);
};

/** @returns the entry where it could not be raised: ended, or with another hold */
export const raiseEntry = async (
  dynamo: Dynamo,
  requestId: string,
  { from, to }: { from: NanoUsd; to: NanoUsd },
): Promise<{ kind: 'raised' } | { kind: 'failed'; item: Item | undefined }> => {
  const written = await dynamo.update({
    TableName: dynamo.names.ledger,
    Key: entryKeyOf(requestId),
    UpdateExpression: 'SET #hold = :to',
    ConditionExpression: '#state = :open AND #hold = :from',
    ExpressionAttributeNames: { ...STATE, '#hold': 'hold' },
    ExpressionAttributeValues: toItem({ ':open': 'open', ':from': from, ':to': to }),
  });
  if (written.kind === 'done') return { kind: 'raised' };
  const { item } = written;
  const isDone = item !== undefined && stateOf(item) === 'open' && amountOf(item, 'hold') === to;
  return isDone ? { kind: 'raised' } : { kind: 'failed', item };
};

/**
 * Makes sure that an entry which may exist is dead. Where there is none it leaves a tombstone: a late `put` must not open it.
 *
 * @throws {Error} when it has been settled or lost
 */
export const refuseEntry = async (dynamo: Dynamo, requestId: string, epoch: number): Promise<void> => {
  const nowMs = dynamo.time.now();
  const written = await dynamo.update({
    TableName: dynamo.names.ledger,
    Key: entryKeyOf(requestId),
    UpdateExpression: 'SET #state = :refused, cost = :zero, epoch = :epoch, settledAt = :now, expires = :expires',
    ConditionExpression: 'attribute_not_exists(pk) OR #state = :open',
    ExpressionAttributeNames: STATE,
    ExpressionAttributeValues: {
      ...toItem({ ':refused': 'refused', ':open': 'open', ':zero': 0, ':epoch': epoch, ':now': nowMs }),
      ':expires': expiresAt(nowMs + ENTRY_LIFE_MS),
    },
  });
  if (written.kind === 'done' || (written.item !== undefined && stateOf(written.item) === 'refused')) return;
  throw new Error(
    `${requestId} is ${written.item && stateOf(written.item)} and can't be refused any more: its hold is not to be given back`,
  );
};

/**
 * Settles an entry, or puts right one that was lost.
 *
 * @throws {Error} when there is none, it was refused, or somebody else has settled it
 */
export const settleEntry = async (dynamo: Dynamo, settlement: Settlement): Promise<void> => {
  const { requestId, nonce } = settlement;
  const written = await dynamo.update({
    TableName: dynamo.names.ledger,
    Key: entryKeyOf(requestId),
    UpdateExpression:
      'SET #state = :settled, cost = :cost, settleNonce = :nonce, inputTokens = :input, outputTokens = :output, receipt = :receipt, settledAt = :now',
    ConditionExpression: '#state = :open',
    ExpressionAttributeNames: STATE,
    ExpressionAttributeValues: toItem({
      ':open': 'open',
      ':settled': 'settled',
      ':cost': settlement.cost,
      ':nonce': nonce,
      ':input': settlement.inputTokens,
      ':output': settlement.outputTokens,
      ':receipt': JSON.stringify(settlement.receipt),
      ':now': dynamo.time.now(),
    }),
  });
  if (written.kind === 'done') return;
  const { item } = written;
  if (item === undefined) throw new Error(`${requestId} has no entry to settle`);
  switch (stateOf(item)) {
    case 'settled':
      if (textOf(item, 'settleNonce') === nonce) return;
      throw new Error(`${requestId} has been settled by somebody else`);
    case 'lost':
      return correctEntry(dynamo, item, settlement);
    default:
      throw new Error(`${requestId} was ${stateOf(item)}: there can be nothing to settle`);
  }
};

/** A conflict means that another writer was at the same entry in the same instant. */
const CONFLICT_TRIES = 8;
const CONFLICT_WAIT_MS = 20;

/**
 * Puts a lost entry's cost right by a correction in the epoch that is open now. The lost entry is marked in the same
 * transaction: the correction's key names the epoch that it happens to be made in, so by its key alone it could be made
 * twice. And the closer must not have begun with that epoch: a process that slept between two sends would put it into one
 * that is closed, where nobody would count it.
 */
const correctEntry = async (dynamo: Dynamo, lost: Item, settlement: Settlement): Promise<void> => {
  const { requestId, nonce } = settlement;
  const table = dynamo.names.ledger;
  for (let attempt = 1; ; attempt++) {
    const nowMs = dynamo.time.now();
    const marking: UpdateItemCommandInput & { UpdateExpression: string } = {
      TableName: table,
      Key: entryKeyOf(requestId),
      UpdateExpression:
        'SET correctNonce = :nonce, correctEpoch = :epoch, trueCost = :cost, inputTokens = :input, outputTokens = :output, receipt = :receipt, settledAt = :now',
      ConditionExpression: '#state = :lost AND attribute_not_exists(correctNonce)',
      ExpressionAttributeNames: STATE,
      ExpressionAttributeValues: toItem({
        ':lost': 'lost',
        ':nonce': nonce,
        ':epoch': epochOf(nowMs),
        ':cost': settlement.cost,
        ':input': settlement.inputTokens,
        ':output': settlement.outputTokens,
        ':receipt': JSON.stringify(settlement.receipt),
        ':now': nowMs,
      }),
    };
    try {
      await dynamo.send(
        new TransactWriteItemsCommand({
          TransactItems: [
            { Update: { ...marking, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } },
            {
              Put: {
                TableName: table,
                Item: toCorrectionItem(lost, settlement, nowMs),
                ConditionExpression: 'attribute_not_exists(pk)',
              },
            },
            { ConditionCheck: notShutCheck(dynamo.names.accounts, epochOf(nowMs)) },
          ],
        }),
      );
      return;
    } catch (error) {
      const reasons = error instanceof TransactionCanceledException ? (error.CancellationReasons ?? []) : [];
      const marked = reasons[0]?.Code === 'ConditionalCheckFailed' ? reasons[0].Item : undefined;
      if (marked !== undefined) {
        if (textOf(marked, 'correctNonce') === nonce) return;
        throw new Error(`${requestId} has been put right by somebody else`);
      }
      const isConflict = reasons.some(({ Code }) => Code === 'TransactionConflict');
      // It slept, and its epoch has been closed meanwhile: the answer has said what time it is.
      const isShut = reasons[2]?.Code === 'ConditionalCheckFailed';
      if ((!isConflict && !isShut) || attempt === CONFLICT_TRIES) throw toStoreUnavailable(error);
      await dynamo.clock.sleep(CONFLICT_WAIT_MS * attempt * (0.5 + dynamo.random.fraction()));
    }
  }
};

/**
 * Ends an open entry whose epoch closes: its call may have been billed, so it is charged its whole hold, as it is at that
 * instant.
 *
 * @returns the entry as it ended, whoever ended it
 */
export const loseEntry = async (dynamo: Dynamo, open: Item): Promise<Item> => {
  const { pk, sk } = open;
  if (pk === undefined || sk === undefined) throw new TypeError('an entry without a key');
  const written = await dynamo.update({
    TableName: dynamo.names.ledger,
    Key: { pk, sk },
    UpdateExpression: 'SET #state = :lost, cost = #hold, settleNonce = :lost, settledAt = :now',
    ConditionExpression: '#state = :open',
    ExpressionAttributeNames: { ...STATE, '#hold': 'hold' },
    ExpressionAttributeValues: {
      ...toItem({ ':lost': 'lost', ':open': 'open' }),
      ':now': toAttribute(dynamo.time.now()),
    },
    ReturnValues: 'ALL_NEW',
  });
  if (written.item === undefined) throw new StoreUnavailable(`${sk.S} vanished while its epoch was closed`);
  return written.item;
};
