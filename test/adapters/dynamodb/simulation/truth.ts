import { heldEpochs, openUse, sumHolds } from '../../../../lambdas/adapters/dynamodb/account-item.ts';
import { amountOf, countOf, type Item, textOf } from '../../../../lambdas/adapters/dynamodb/attributes.ts';
import { EPOCH_MS } from '../../../../lambdas/contract/timing.ts';
import type { Change } from './tables.ts';

/** A rule of docs/ledger.md did not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

interface Call {
  accounts: readonly string[];
  /** The most that it may cost. */
  hold: bigint;
  /** What the provider bills; known once it has. */
  cost: bigint | undefined;
  isSettled: boolean;
}

/** What really happens, which no ledger can see; and what must hold of the accounts after every single write. */
export interface Truth {
  /** From here on the provider may bill. */
  call(id: string, accounts: readonly string[], hold: bigint): void;
  /** From here on it may bill so much more. */
  raise(id: string, by: bigint): void;
  /** It has billed; once. @returns what */
  bill(id: string, cost: bigint): bigint;
  settled(id: string): void;
  /** After a write to an account. @throws {Violation} */
  check(change: Change): void;
  /** When nothing is under way any more. @throws {Violation} */
  checkAtRest(accounts: readonly Item[], entries: readonly Item[]): void;
  calls: ReadonlyMap<string, Call>;
  accounts(): string[];
}

/** A leaked hold that somebody met is gone after so long; the healer may have died, or heard nothing, so often. */
const HEALED_WITHIN_MS = 2 * EPOCH_MS;
/** What comes together meets it once: a frozen process does all its work at once. */
const MEETING_MS = 5_000;

export const makeTruth = (world: { now(): number; closedThrough(): number; mostMeetings: number }): Truth => {
  const calls = new Map<string, Call>();
  const owed = new Map<string, bigint>();
  /** By account, the newest policy that was put on it, and its cap. */
  const stamps = new Map<string, { version: number; cap: bigint | null }>();
  const stale = new Map<string, { sinceMs: number; lastMs: number; met: number }>();
  const known = new Map<string, Item>();

  const owe = (account: string, by: bigint): void => {
    owed.set(account, (owed.get(account) ?? 0n) + by);
  };

  const checkOwed = (key: string): void => {
    const item = known.get(key);
    const committed = item === undefined ? 0n : amountOf(item, 'committed');
    const due = owed.get(key) ?? 0n;
    if (committed < due) throw new Violation(`${key}: committed ${committed}, but calls come to ${due}`);
  };

  const checkCap = (key: string, before: Item | undefined, after: Item): void => {
    const version = countOf(after, 'capVersion');
    const cap = after['cap'] === undefined ? null : amountOf(after, 'cap');
    const stamp = stamps.get(key);
    if (stamp !== undefined && version < stamp.version)
      throw new Violation(`${key}: policy ${version} was put on it after ${stamp.version}`);
    if (stamp === undefined || version > stamp.version) stamps.set(key, { version, cap });
    const isHold = before === undefined || amountOf(after, 'committed') > amountOf(before, 'committed');
    const isMore = isHold && sumHolds(after) > (before === undefined ? 0n : sumHolds(before));
    if (isMore && cap !== null && amountOf(after, 'committed') > cap)
      throw new Violation(`${key}: admitted to ${amountOf(after, 'committed')}, over its cap of ${cap}`);
  };

  /** Whoever comes to an account with a hold of an epoch that is closed everywhere heals it. */
  const checkLeak = (key: string, item: Item): void => {
    const isStale = heldEpochs(item).some((epoch) => epoch <= world.closedThrough());
    if (!isStale) {
      stale.delete(key);
      return;
    }
    const since = stale.get(key);
    if (since === undefined) stale.set(key, { sinceMs: world.now(), lastMs: world.now(), met: 0 });
    else if (world.now() - since.lastMs >= MEETING_MS) {
      since.lastMs = world.now();
      since.met += 1;
      if (world.now() - since.sinceMs > HEALED_WITHIN_MS && since.met > world.mostMeetings)
        throw new Violation(`${key}: a leaked hold was met ${since.met} times and is still there`);
    }
  };

  return {
    calls,
    accounts: () => [...known.keys()],
    call(id, accounts, hold) {
      calls.set(id, { accounts, hold, cost: undefined, isSettled: false });
      for (const key of accounts) {
        owe(key, hold);
        checkOwed(key);
      }
    },
    raise(id, by) {
      const call = calls.get(id);
      if (call === undefined || call.cost !== undefined) return;
      call.hold += by;
      for (const key of call.accounts) {
        owe(key, by);
        checkOwed(key);
      }
    },
    bill(id, cost) {
      const call = calls.get(id);
      if (call === undefined) throw new Error(`${id} was never called`);
      if (call.cost !== undefined) return call.cost;
      call.cost = cost < call.hold ? cost : call.hold;
      for (const key of call.accounts) owe(key, call.cost - call.hold);
      return call.cost;
    },
    settled(id) {
      const call = calls.get(id);
      if (call !== undefined) call.isSettled = true;
    },
    check({ before, after }) {
      const key = textOf(after, 'pk') ?? '';
      known.set(key, after);
      const committed = amountOf(after, 'committed');
      const spent = amountOf(after, 'spent');
      for (const epoch of heldEpochs(after))
        if (amountOf(after, `h${epoch}`) < 0n)
          throw new Violation(`${key}: holds ${amountOf(after, `h${epoch}`)} in ${epoch}`);
      const floor = countOf(before ?? {}, 'floor');
      for (const epoch of heldEpochs(after))
        if (epoch < floor && amountOf(after, `h${epoch}`) > amountOf(before ?? {}, `h${epoch}`))
          throw new Violation(`${key}: a hold in ${epoch}, though it is closed up to ${floor}`);
      if (committed !== spent + sumHolds(after))
        throw new Violation(`${key}: committed ${committed} is not spent ${spent} and held ${sumHolds(after)}`);
      checkOwed(key);
      checkCap(key, before, after);
      checkLeak(key, after);
    },
    checkAtRest(accounts, entries) {
      for (const item of accounts) {
        const key = textOf(item, 'pk') ?? '';
        let sum = 0n;
        for (const entry of entries)
          if (entry['accounts']?.L?.some(({ S }) => S === key)) sum += amountOf(entry, 'cost');
        const figures = `committed ${amountOf(item, 'committed')}, spent ${amountOf(item, 'spent')}`;
        if (amountOf(item, 'committed') !== sum || amountOf(item, 'spent') !== sum || sumHolds(item) !== 0n)
          throw new Violation(`${key}: at rest ${figures}, held ${sumHolds(item)}, entries ${sum}`);
        if (openUse(item).cost !== 0n) throw new Violation(`${key}: at rest something is still of an open epoch`);
        if (sum < (owed.get(key) ?? 0n)) throw new Violation(`${key}: entries ${sum}, calls ${owed.get(key)}`);
      }
      for (const [id, call] of calls) checkEntry(id, call, entries);
    },
  };
};

/** A call's entry and its correction come to what it cost, or to its whole hold where nobody could say. */
const checkEntry = (id: string, call: Call, entries: readonly Item[]): void => {
  let charged = 0n;
  let count = 0;
  for (const entry of entries) {
    const name = textOf(entry, 'sk');
    if (name !== id && name !== `${id}!`) continue;
    if (textOf(entry, 'state') === 'open') throw new Violation(`${id}: still open`);
    charged += amountOf(entry, 'cost');
    count += 1;
  }
  if (count === 0) throw new Violation(`${id}: called without an entry`);
  if (call.isSettled && charged !== call.cost) throw new Violation(`${id}: cost ${call.cost}, charged ${charged}`);
  if (!call.isSettled && charged !== call.cost && charged < call.hold)
    throw new Violation(`${id}: not settled, holds ${call.hold}, charged ${charged}`);
};
