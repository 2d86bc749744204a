import { epochOf } from '../../contract/timing.ts';
import type { BudgetAccount } from '../../core/budget/budget-store.ts';
import { addUse, floorOf, NO_USE, padSequence, readMark, type Use } from './account-item.ts';
import { applyWrite } from './account-writes.ts';
import type { Item } from './attributes.ts';
import { toBudgetAccount } from './budget-store.ts';
import type { Dynamo } from './dynamo.ts';
import { type EndedEntry, readEnded, type StreamRecord } from './ended-entry.ts';
import { inParallel } from './in-parallel.ts';

/** Records of one shard, in its order. */
export interface StreamBatch {
  /** Lambda names it only to an event source with a tumbling window. */
  shard: string;
  records: readonly StreamRecord[];
}

/** What a batch came to. */
export interface Projected {
  /** Sequence number of the first record that was not taken in; undefined when all were. From there on the batch must come again. */
  failed: string | undefined;
  /**
   * The accounts that this very call has changed, as they stood right after; an account once. What a repeat finds done
   * already is not in it, so it is a signal to look (a threshold may have been crossed), not a count of anything.
   */
  applied: BudgetAccount[];
  /** The entries of the batch that have ended, up to the one that failed. A batch may come again: see `isRepeat`. */
  ended: EndedEntry[];
}

const WRITES_AT_ONCE = 8;
const TRIES = 40;

/**
 * Moves what a batch's entries have held to what they cost: one conditional write an account. Every write knows its repeat
 * by the shard's mark, so a batch may come whole, halved, again, or late; what the close has counted already is dropped.
 */
export const projectBatch = async (dynamo: Dynamo, { shard, records }: StreamBatch): Promise<Projected> => {
  const ended: EndedEntry[] = [];
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
  const byAccount = new Map<string, EndedEntry[]>();
  for (const one of ended) {
    for (const account of one.accounts) {
      const some = byAccount.get(account);
      if (some === undefined) byAccount.set(account, [one]);
      else some.push(one);
    }
  }
  const applied: BudgetAccount[] = [];
  try {
    await inParallel([...byAccount], WRITES_AT_ONCE, async ([account, some]) => {
      const item = await applyToAccount(dynamo, shard, account, some);
      if (item !== undefined) applied.push(toBudgetAccount(item));
    });
  } catch (error) {
    // Accounts that took it in know so by their marks.
    dynamo.log.error('stream batch not taken in', { shard, records: records.length, error });
    failed = records[0]?.dynamodb?.SequenceNumber ?? '';
  }
  return { failed, applied, ended };
};

/** @returns the account as this call has left it, undefined where nothing was left to take in */
const applyToAccount = async (
  dynamo: Dynamo,
  shard: string,
  account: string,
  records: EndedEntry[],
): Promise<Item | undefined> => {
  let left = records;
  for (let i = 0; i < TRIES; i++) {
    const [first] = left;
    const last = left.at(-1);
    if (first === undefined || last === undefined) return undefined;
    const byEpoch = new Map<number, { hold: bigint; use: Use; witness: bigint }>();
    for (const { epoch, hold, use, witness } of left) {
      const sum = byEpoch.get(epoch) ?? { hold: 0n, use: NO_USE, witness: 0n };
      byEpoch.set(epoch, { hold: sum.hold + hold, use: addUse(sum.use, use), witness: sum.witness + witness });
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
    if (written.kind === 'done') return written.item;
    if (written.item === undefined) {
      dynamo.log.warn('entry names an account that is gone', { account });
      return undefined;
    }
    const mark = readMark(written.item, shard);
    const floor = floorOf(written.item);
    for (const one of left) if (account === one.accounts[0] && padSequence(one.sequence) <= mark) one.isRepeat = true;
    left = left.filter(({ sequence, epoch }) => padSequence(sequence) > mark && epoch >= floor);
  }
  throw new Error(`${account} is written to too often for a batch of ${records.length} to be taken in`);
};
