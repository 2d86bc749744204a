import { closeDueAt } from '../../contract/timing.ts';
import { StoreUnavailable } from '../../core/ports.ts';
import { floorOf, heldEpochs, NO_USE, type Use, witnessesIn } from './account-item.ts';
import { closeWrite, dropWrite, isClosedThrough } from './account-writes.ts';
import type { Item } from './attributes.ts';
import type { Closer } from './closer-item.ts';
import type { Dynamo } from './dynamo.ts';
import { isDisputed } from './entry-digest.ts';
import { moveDisputes } from './seal-item.ts';

const TRIES = 20;

/**
 * Replaces what the account has of every epoch up to this one by the exact sum of the epoch's entries: leaked holds end
 * here. Once an account and epoch, however many try.
 *
 * @param witness what those entries witness, to compare with what the projector saw
 * @param known the account as somebody has just seen it; read when absent
 * @returns the account afterwards
 */
export const closeAccount = async (
  dynamo: Dynamo,
  account: string,
  { epoch, exact, witness = 0n, known }: { epoch: number; exact: Use; witness?: bigint; known?: Item },
): Promise<Item | undefined> => {
  const table = dynamo.names.accounts;
  let seen = known ?? (await dynamo.get(table, { pk: { S: account } })).item;
  for (let i = 0; i < TRIES; i++) {
    if (seen === undefined || isClosedThrough(seen, epoch)) return seen;
    // Of an epoch before this one that has stayed open, the close found no entry that names the account.
    const disputed = witnessesIn(seen)
      .filter((one) => one.epoch <= epoch && isDisputed(one.seen, one.epoch === epoch ? witness : 0n))
      .map((one) => one.epoch);
    const written = await dynamo.update(closeWrite(table, account, { seen, epoch, exact, disputed }));
    if (written.kind === 'done') {
      if (written.item !== undefined) await moveDisputes(dynamo, account, written.item);
      return written.item;
    }
    seen = written.item;
  }
  throw new StoreUnavailable(`${account} is written to too often for its epoch ${epoch} to be closed`);
};

/** Heals leaked holds of accounts that somebody comes across. */
export interface Healer {
  /** Whether the account shows a hold of an epoch that must be closed by now. */
  isSuspect(item: Item): boolean;
  /**
   * Closes the account's leaked epochs: the closer has been there, so no entry of them names this account; and drops what
   * came in under the floor. Never rejects: where it can't be healed now, whoever comes next tries again.
   *
   * @returns the account afterwards; as it was when it could not be healed
   */
  heal(item: Item): Promise<Item>;
}

/** How often the closer's progress is read anew for the sake of a suspect. */
const REREAD_MS = 30_000;

export const makeHealer = (dynamo: Dynamo, closer: Closer): Healer => {
  const { time } = dynamo;
  let readAt = Number.NEGATIVE_INFINITY;

  const isUnderFloor = (item: Item): boolean => heldEpochs(item).some((epoch) => epoch < floorOf(item));

  const dropUnderFloor = async (account: string, item: Item): Promise<Item> => {
    const written = await dynamo.update(dropWrite(dynamo.names.accounts, account, item));
    return written.item ?? item;
  };

  const leaked = (item: Item, through: number): boolean => {
    const floor = floorOf(item);
    return heldEpochs(item).some((epoch) => epoch >= floor && epoch <= through);
  };

  return {
    isSuspect: (item) => {
      const now = time.now();
      return heldEpochs(item).some(
        (epoch) => epoch < floorOf(item) || epoch <= closer.closedThrough() || closeDueAt(epoch) <= now,
      );
    },
    heal: async (seen) => {
      const account = seen['pk']?.S ?? '';
      let item = seen;
      try {
        if (isUnderFloor(item)) item = await dropUnderFloor(account, item);
        if (!leaked(item, closer.closedThrough()) && time.now() >= readAt + REREAD_MS) {
          readAt = time.now();
          await closer.read();
        }
        const through = closer.closedThrough();
        if (!leaked(item, through)) return item;
        return (await closeAccount(dynamo, account, { epoch: through, exact: NO_USE, known: item })) ?? item;
      } catch (error) {
        dynamo.log.warn('leaked hold not healed yet', { account, error });
        return item;
      }
    },
  };
};
