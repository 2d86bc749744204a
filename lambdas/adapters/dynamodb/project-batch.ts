import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { PROJECTED_EVENTS, PROJECTED_STATES } from '../../contract/tables.ts';
import { epochOf } from '../../contract/timing.ts';
import { addUse, floorOf, NO_USE, padSequence, readMark, type Use } from './account-item.ts';
import { applyWrite } from './account-writes.ts';
import { amountOf, type Item } from './attributes.ts';
import type { Dynamo } from './dynamo.ts';
import { accountsOf, useOf } from './entry-item.ts';
import { inParallel } from './in-parallel.ts';

/** A record of the ledger's stream, as Lambda and the Streams API give it. */
export interface StreamRecord {
  eventName?: string | undefined;
  dynamodb?:
    | {
        SequenceNumber?: string | undefined;
        NewImage?: Record<string, unknown> | undefined;
        OldImage?: Record<string, unknown> | undefined;
      }
    | undefined;
}

/** Records of one shard, in its order. */
export interface StreamBatch {
  /** Lambda names it only to an event source with a tumbling window. */
  shard: string;
  records: readonly StreamRecord[];
}

/** An entry that has just ended. */
interface Ended {
  sequence: string;
  epoch: number;
  hold: bigint;
  use: Use;
  accounts: string[];
}

const WRITES_AT_ONCE = 8;
const TRIES = 40;

/**
 * Moves what a batch's entries have held to what they cost: one conditional write an account. Every write knows its repeat
 * by the shard's mark, so a batch may come whole, halved, again, or late; what the close has counted already is dropped.
 *
 * @returns the sequence number of the first record that was not taken in, undefined when all were: from there on the batch
 * must come again
 */
export const projectBatch = async (dynamo: Dynamo, { shard, records }: StreamBatch): Promise<string | undefined> => {
  const ended: Ended[] = [];
  let failed: string | undefined;
  for (const record of records) {
    const sequence = record.dynamodb?.SequenceNumber;
    try {
      const one = readEnded(record);
      if (one !== undefined) ended.push(one);
    } catch (error) {
      // What comes before it is taken in; this one comes again alone, and at last goes to the failure queue.
      dynamo.log.error('stream record unreadable', { sequence, error });
      failed = sequence ?? '';
      break;
    }
  }
  const byAccount = new Map<string, Ended[]>();
  for (const one of ended)
    for (const account of one.accounts) byAccount.set(account, [...(byAccount.get(account) ?? []), one]);
  try {
    await inParallel([...byAccount], WRITES_AT_ONCE, ([account, some]) => applyToAccount(dynamo, shard, account, some));
    return failed;
  } catch (error) {
    // Accounts that took it in know so by their marks.
    dynamo.log.error('stream batch not taken in', { shard, records: records.length, error });
    return records[0]?.dynamodb?.SequenceNumber ?? '';
  }
};

/** The transition that a record tells of; undefined when it is none: an opening, a raise, a refusal, an edit of an entry that had ended. */
const readEnded = ({ eventName, dynamodb }: StreamRecord): Ended | undefined => {
  const image = dynamodb?.NewImage as Item | undefined;
  if (image === undefined || !isOneOf(PROJECTED_EVENTS, eventName)) return undefined;
  const state = image['state']?.S;
  if (!isOneOf(PROJECTED_STATES, state)) return undefined;
  const before = (dynamodb?.OldImage as Item | undefined)?.['state']?.S;
  if (before !== undefined && before !== 'open') return undefined;
  const sequence = dynamodb?.SequenceNumber;
  const epoch = Number(numberOf(image['epoch']));
  if (sequence === undefined) throw new TypeError('a record without a sequence number');
  numberOf(image['cost']);
  numberOf(image['hold']);
  return { sequence, epoch, hold: amountOf(image, 'hold'), use: useOf(image), accounts: accountsOf(image) };
};

const isOneOf = (names: readonly string[], name: string | undefined): boolean =>
  name !== undefined && names.includes(name);

const numberOf = (value: AttributeValue | undefined): string => {
  if (value?.N === undefined) throw new TypeError('an ended entry without its epoch, hold or cost');
  return value.N;
};

const applyToAccount = async (dynamo: Dynamo, shard: string, account: string, records: Ended[]): Promise<void> => {
  let left = records;
  for (let i = 0; i < TRIES; i++) {
    const [first] = left;
    const last = left.at(-1);
    if (first === undefined || last === undefined) return;
    const byEpoch = new Map<number, { hold: bigint; use: Use }>();
    for (const { epoch, hold, use } of left) {
      const sum = byEpoch.get(epoch) ?? { hold: 0n, use: NO_USE };
      byEpoch.set(epoch, { hold: sum.hold + hold, use: addUse(sum.use, use) });
    }
    const written = await dynamo.update(
      applyWrite(dynamo.names.accounts, account, {
        shard,
        first: first.sequence,
        last: last.sequence,
        epochNow: epochOf(dynamo.time.now()),
        byEpoch,
      }),
    );
    if (written.kind === 'done') return;
    if (written.item === undefined) {
      dynamo.log.warn('entry names an account that is gone', { account });
      return;
    }
    const mark = readMark(written.item, shard);
    const floor = floorOf(written.item);
    left = left.filter(({ sequence, epoch }) => padSequence(sequence) > mark && epoch >= floor);
  }
  throw new Error(`${account} is written to too often for a batch of ${records.length} to be taken in`);
};
