import type { NanoUsd } from '../../contract/money.ts';
import type { AccountFigures, AccountRef, HoldOutcome, HoldRequest } from '../../core/ledger.ts';
import { StoreUnavailable } from '../../core/ports.ts';
import { floorOf, toFigures } from './account-item.ts';
import { giveBackWrite, holdWrite, setCapWrite } from './account-writes.ts';
import { checkAmount } from './amounts.ts';
import { countOf, type Item, toItem } from './attributes.ts';
import type { Healer } from './close-account.ts';
import type { Dynamo } from './dynamo.ts';
import { toStoreUnavailable } from './faults.ts';

/** What came of holding on one account. */
type Held =
  | { kind: 'held'; item: Item }
  | { kind: 'refused'; item: Item | undefined }
  /** The account's epoch is closed. */
  | { kind: 'closed'; floor: number }
  /** Perhaps held: neither counted as ours nor given back. */
  | { kind: 'unanswered'; error: unknown };

/** A cap may have been changed again since the last refusal. */
const CAP_CHANGES = 4;
/** Wait before a second try near the cap, at most. */
const NEAR_CAP_WAIT_MS = 30;

/**
 * Holds on every account, in parallel, or on none. Whether the epoch is open by the table's time is for the caller to see
 * afterwards: the answers tell it.
 *
 * @throws {StoreUnavailable} when an account did not answer twice; what is surely held has been given back
 */
export const holdOnAccounts = async (dynamo: Dynamo, healer: Healer, request: HoldRequest): Promise<HoldOutcome> => {
  checkRequest(request);
  const first = await holdAll(dynamo, healer, request);
  if (first.kind !== 'refused' || !isNearCap(first, request.amount)) return first;
  // Near the cap two callers may refuse each other by holds that both then give back.
  await dynamo.clock.sleep(NEAR_CAP_WAIT_MS * dynamo.random.fraction());
  return holdAll(dynamo, healer, request);
};

/** Gives back what is surely held. No answer leaves it to the close. */
export const giveBackHolds = async (
  dynamo: Dynamo,
  request: HoldRequest,
  accounts = request.accounts,
): Promise<void> => {
  checkRequest(request);
  if (request.amount === 0n) return;
  const table = dynamo.names.accounts;
  await Promise.all(
    accounts.map(async ({ key }) => {
      const leave = (error: unknown) =>
        dynamo.log.warn('hold not given back: the close of its epoch does', {
          account: key,
          epoch: request.epoch,
          error,
        });
      try {
        const written = await dynamo.updateOnce(giveBackWrite(table, key, request));
        if (written.kind === 'unanswered') leave(written.error);
      } catch (error) {
        leave(error);
      }
    }),
  );
};

const checkRequest = ({ accounts, amount }: HoldRequest): void => {
  checkAmount('amount', amount);
  for (const { key, cap } of accounts) if (cap !== null) checkAmount(`cap of ${key}`, cap);
  if (new Set(accounts.map(({ key }) => key)).size !== accounts.length)
    throw new TypeError(`an account is named twice: ${accounts.map(({ key }) => key).join(', ')}`);
};

/** What is missing is less than what others hold, so that room may come back at once. */
const isNearCap = ({ figures }: { figures: AccountFigures | undefined }, amount: NanoUsd): boolean =>
  figures !== undefined && figures.cap !== null && figures.committed + amount - figures.cap <= figures.held;

const holdAll = async (dynamo: Dynamo, healer: Healer, request: HoldRequest): Promise<HoldOutcome> => {
  const settled = await Promise.allSettled(
    request.accounts.map((account) => holdOnAccount(dynamo, healer, account, request)),
  );
  const outcomes = settled.map(
    (one): Held => (one.status === 'fulfilled' ? one.value : { kind: 'unanswered', error: one.reason }),
  );
  const isHeld = (_: unknown, i: number) => outcomes[i]?.kind === 'held';
  if (outcomes.every(({ kind }) => kind === 'held'))
    return { kind: 'held', figures: outcomes.flatMap((one) => (one.kind === 'held' ? [toFigures(one.item)] : [])) };

  await giveBackHolds(dynamo, request, request.accounts.filter(isHeld));
  const closed = outcomes.find((one) => one.kind === 'closed');
  if (closed !== undefined) {
    dynamo.time.raiseFence(closed.floor - 1);
    return { kind: 'wrong-epoch', storeNow: dynamo.time.now() };
  }
  for (const [i, one] of outcomes.entries()) {
    const account = request.accounts[i];
    if (one.kind === 'refused' && account !== undefined)
      return {
        kind: 'refused',
        account,
        figures: one.item && toFigures(one.item),
        standing: outcomes.flatMap((outcome) => standingOf(outcome, request.amount)),
      };
  }
  const unanswered = outcomes.find((one) => one.kind === 'unanswered');
  throw unanswered === undefined ? new StoreUnavailable('no account answered') : toStoreUnavailable(unanswered.error);
};

/** An account as it is without this request's hold. */
const standingOf = (outcome: Held, amount: NanoUsd): AccountFigures[] => {
  if (outcome.kind === 'refused') return outcome.item === undefined ? [] : [toFigures(outcome.item)];
  if (outcome.kind !== 'held') return [];
  const figures = toFigures(outcome.item);
  return [{ ...figures, committed: figures.committed - amount, held: figures.held - amount }];
};

/** Sent once, and once more after no answer: the first is then a leak that the close heals. */
const holdOnAccount = async (
  dynamo: Dynamo,
  healer: Healer,
  account: AccountRef,
  request: HoldRequest,
): Promise<Held> => {
  const { amount, epoch } = request;
  const table = dynamo.names.accounts;
  let { cap } = account;
  let { capVersion } = request;
  let isLeaked = false;
  for (let changes = 0; changes < CAP_CHANGES; ) {
    const hasRoom = cap === null || amount <= cap;
    const written = hasRoom
      ? await dynamo.updateOnce(holdWrite(table, account, { cap, capVersion, epoch, amount, nowMs: dynamo.time.now() }))
      : // The amount alone is over the cap: nothing to write, but the account may be under a newer cap.
        ({ kind: 'failed', item: (await dynamo.get(table, { pk: { S: account.key } })).item } as const);
    if (written.kind === 'unanswered') {
      if (isLeaked) return { kind: 'unanswered', error: written.error };
      isLeaked = true;
      dynamo.log.warn('hold unanswered: tried once more, the first heals at the close', {
        account: account.key,
        epoch,
        error: written.error,
      });
      continue;
    }
    if (written.kind === 'done') {
      const item = written.item as Item;
      // Beside the request: nothing waits for it.
      if (healer.isSuspect(item)) void healer.heal(item);
      return { kind: 'held', item };
    }
    const { item } = written;
    if (item === undefined) return { kind: 'refused', item };
    if (floorOf(item) > epoch) return { kind: 'closed', floor: floorOf(item) };
    const stamped = countOf(item, 'capVersion');
    if (stamped > capVersion) {
      ({ cap } = toFigures(item));
      capVersion = stamped;
      changes += 1;
      continue;
    }
    return { kind: 'refused', item: await settleRefusal(dynamo, healer, account, { cap, capVersion, stamped, item }) };
  }
  throw new StoreUnavailable(`the cap of ${account.key} changes too often`);
};

/** From a refusal on older writers are held to the newer policy, and a leak that took the room is healed for the next. */
const settleRefusal = async (
  dynamo: Dynamo,
  healer: Healer,
  { key }: AccountRef,
  { cap, capVersion, stamped, item }: { cap: bigint | null; capVersion: number; stamped: number; item: Item },
): Promise<Item> => {
  if (healer.isSuspect(item)) await healer.heal(item);
  // Under the same number there is another cap where one that was set by hand has ended.
  if (stamped === capVersion && toFigures(item).cap === cap) return item;
  await dynamo.update(setCapWrite(dynamo.names.accounts, key, { cap, capVersion }));
  const { cap: _, ...rest } = item;
  return { ...rest, ...toItem({ capVersion, cap: cap ?? undefined }) };
};
