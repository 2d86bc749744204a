import { closeDueAt } from '../../contract/timing.ts';
import { addUse, NO_USE, type Use } from './account-item.ts';
import type { Item } from './attributes.ts';
import { closeAccount } from './close-account.ts';
import type { Closer } from './closer-item.ts';
import type { Dynamo } from './dynamo.ts';
import { loseEntry } from './entries.ts';
import { accountsOf, stateOf, useOf } from './entry-item.ts';
import { noteActiveEpoch, readEpochEntries } from './epoch-entries.ts';
import { inParallel } from './in-parallel.ts';

/** Epochs read at once: after an outage most are empty. */
const EPOCHS_AT_ONCE = 4;
const WRITES_AT_ONCE = 16;

/**
 * Closes every epoch that is due by the table's clock, oldest first: reads all its entries, which are final by now, loses
 * what is open, adds up, and replaces the accounts' figures for it by those sums. Every step may be repeated, so two
 * closers may overlap and one may die anywhere.
 *
 * @returns the epochs that had entries
 */
export const closeDueEpochs = async (dynamo: Dynamo, closer: Closer): Promise<number[]> => {
  const closed: number[] = [];
  for (;;) {
    const progress = await closer.read();
    if (progress === undefined) return closed;
    const from = progress.closedThrough;
    const due = Array.from({ length: EPOCHS_AT_ONCE }, (_, i) => from + 1 + i).filter(
      (epoch) => closeDueAt(epoch) <= progress.date,
    );
    if (due.length === 0) return closed;
    const read = await Promise.all(due.map((epoch) => readEpochEntries(dynamo, epoch)));
    for (const [i, epoch] of due.entries()) {
      const { items = [], date = Number.NaN } = read[i] ?? {};
      // Written so that an answer without a date is not due.
      if (!(date >= closeDueAt(epoch))) return closed;
      if (items.length === 0) continue;
      await closeEpoch(dynamo, epoch, items);
      closed.push(epoch);
    }
    await closer.advance(from, from + due.length);
  }
};

const closeEpoch = async (dynamo: Dynamo, epoch: number, items: Item[]): Promise<void> => {
  await noteActiveEpoch(dynamo, epoch);
  const ended = await inParallel(items, WRITES_AT_ONCE, async (item) =>
    stateOf(item) === 'open' ? loseEntry(dynamo, item) : item,
  );
  const byAccount = new Map<string, Use>();
  for (const item of ended) {
    const use = useOf(item);
    for (const account of accountsOf(item)) byAccount.set(account, addUse(byAccount.get(account) ?? NO_USE, use));
  }
  await inParallel([...byAccount], WRITES_AT_ONCE, ([account, exact]) =>
    closeAccount(dynamo, account, { epoch, exact }),
  );
};
