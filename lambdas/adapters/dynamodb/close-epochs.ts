import { closeDueAt } from '../../contract/timing.ts';
import { type EpochSeal, makeLaneSums, type SealHead, sealEpoch } from '../../core/audit/epoch-seal.ts';
import { addUse, NO_USE, type Use } from './account-item.ts';
import type { Item } from './attributes.ts';
import { closeAccount } from './close-account.ts';
import type { Closer } from './closer-item.ts';
import type { Dynamo } from './dynamo.ts';
import { loseEntry } from './entries.ts';
import { addToLanes, sumWitnesses } from './entry-digest.ts';
import { accountsOf, stateOf, useOf } from './entry-item.ts';
import { noteActiveEpoch, readEpochEntries } from './epoch-entries.ts';
import { inParallel } from './in-parallel.ts';
import { readSeals, writeSeal } from './seal-item.ts';

/** Epochs read at once: after an outage most are empty. */
const EPOCHS_AT_ONCE = 4;
const WRITES_AT_ONCE = 16;

/**
 * Closes every epoch that is due by the table's clock, oldest first: reads all its entries, which are final by now, loses
 * what is open, adds up, replaces the accounts' figures for it by those sums, and seals it. Every step may be repeated, so
 * two closers may overlap and one may die anywhere.
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
    await closer.shut(from + due.length);
    const [seals, ...read] = await Promise.all([
      readSeals(dynamo, from + 1, from + due.length),
      ...due.map((epoch) => readEpochEntries(dynamo, epoch)),
    ]);
    let { head } = progress;
    const sealedFrom = progress.sealedFrom ?? from + 1;
    for (const [i, epoch] of due.entries()) {
      const { items = [], date = Number.NaN } = read[i] ?? {};
      // Written so that an answer without a date is not due.
      if (!(date >= closeDueAt(epoch))) return closed;
      if (items.length === 0) continue;
      // A closer that died right after has done all of it already; what came later is not of this epoch any more.
      const seal =
        seals.find((one) => one.epoch === epoch) ?? (await closeEpoch(dynamo, epoch, items, { head, sealedFrom }));
      if (seal !== undefined) head = { epoch, digest: seal.digest };
      closed.push(epoch);
    }
    await closer.advance(from, from + due.length, { head, sealedFrom });
  }
};

/** @returns its seal, undefined where nothing in it has ended */
const closeEpoch = async (
  dynamo: Dynamo,
  epoch: number,
  items: Item[],
  { head, sealedFrom }: { head: SealHead | null; sealedFrom: number },
): Promise<EpochSeal | undefined> => {
  await noteActiveEpoch(dynamo, epoch);
  const ended = await inParallel(items, WRITES_AT_ONCE, async (item) =>
    stateOf(item) === 'open' ? loseEntry(dynamo, item) : item,
  );
  const byAccount = new Map<string, Use>();
  for (const item of ended) {
    const use = useOf(item);
    for (const account of accountsOf(item)) byAccount.set(account, addUse(byAccount.get(account) ?? NO_USE, use));
  }
  const witnesses = sumWitnesses(ended);
  await inParallel([...byAccount], WRITES_AT_ONCE, ([account, exact]) =>
    closeAccount(dynamo, account, { epoch, exact, witness: witnesses.get(account) ?? 0n }),
  );
  const sums = makeLaneSums();
  for (const item of ended) addToLanes(sums, item);
  const lanes = sums.end();
  return lanes.size === 0 ? undefined : writeSeal(dynamo, sealEpoch(epoch, lanes, head, sealedFrom));
};
