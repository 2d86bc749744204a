import { EPOCH_MS, epochOf, LONGEST_CALL_MS } from '../../../../lambdas/contract/timing.ts';
import { makeRequestId } from '../../../../lambdas/core/admit/request-id.ts';
import type { AccountRef, HoldRequest, Ledger } from '../../../../lambdas/core/ledger.ts';
import { StoreUnavailable } from '../../../../lambdas/core/ports.ts';
import { account, entryOf, settlementOf } from '../../../port-suites/ledger-requests.ts';
import type { SimProcess } from './sim-dynamo.ts';
import type { Trouble } from './trouble.ts';
import { type Truth, Violation } from './truth.ts';
import type { SimWorld } from './world.ts';

/** Rules of the order in which core uses the ledger, broken on purpose. */
export type BrokenOrder =
  | 'the entry beside the holds'
  | 'the call before the entry'
  | 'the give-back before the refusal';

/** A policy as a process knows it; it may be an old one. */
export interface SimPolicy {
  version: number;
  caps: ReadonlyMap<string, bigint>;
}

export interface Counts {
  admitted: number;
  refused: number;
  raised: number;
  settled: number;
  unheard: number;
}

interface Client {
  world: SimWorld;
  truth: Truth;
  trouble: Trouble;
  process: SimProcess;
  ledger: Ledger;
  policy: SimPolicy;
  counts: Counts;
  broken?: BrokenOrder | undefined;
  /** Numbers of requests. */
  nextNumber(): number;
}

/** Short, so that several end in a run. */
const PERIOD_MS = 90 * 60_000;
const TRIES = 3;

const NAMES = ['org#acme', 'team#a', 'team#b', 'user#1', 'user#2', 'user#3', 'user#4'];

export const FIRST_CAPS: ReadonlyMap<string, bigint> = new Map(
  NAMES.map((name) => [name, name.startsWith('org') ? 6_000n : name.startsWith('team') ? 3_200n : 1_800n]),
);

/** One request of one client, from its hold to its settlement, as core does it. Whatever it waits for may never come. */
export const runRequest = async (client: Client): Promise<void> => {
  const { world, process, ledger, policy, counts, broken } = client;
  const { random } = world;
  const user = 1 + random.int(4);
  const period = Math.floor(process.clock.now() / PERIOD_MS);
  const accounts = ['org#acme', user < 3 ? 'team#a' : 'team#b', `user#${user}`].map((name) =>
    account(`${name}#p${period}`, policy.caps.get(name) ?? 0n),
  );
  const amount = BigInt(20 + random.int(180));
  let epoch = epochOf(process.clock.now());
  for (let tries = 0; tries < TRIES; tries++) {
    const hold: HoldRequest = { accounts, capVersion: policy.version, epoch, amount };
    const id = nextId(client, epoch);
    const opening = broken === 'the entry beside the holds' ? heard(ledger.open(entryOf(id, hold))) : undefined;
    const outcome = await heard(ledger.hold(hold));
    if (outcome === undefined) {
      counts.unheard += 1;
      return;
    }
    if (opening !== undefined && outcome.kind !== 'held') await heard(ledger.refuse(id, epoch));
    if (outcome.kind === 'refused') {
      counts.refused += 1;
      return;
    }
    if (outcome.kind === 'wrong-epoch') {
      epoch = epochOf(outcome.storeNow);
      continue;
    }
    if (broken === 'the call before the entry') {
      beginCall(client, id, accounts, amount);
      void heard(ledger.open(entryOf(id, hold)));
      return runCall(client, id, hold);
    }
    if (await (opening ?? heard(ledger.open(entryOf(id, hold))))) {
      // A pause between the last answer and the call: a frozen process, a suspended host.
      if (random.chance(0.01)) await process.clock.sleep(random.int(6 * EPOCH_MS));
      beginCall(client, id, accounts, amount);
      return runCall(client, id, hold);
    }
    counts.unheard += 1;
    // Only when it is known to be dead may its holds go.
    const isDead = await ledger.refuse(id, epoch).then(
      () => true,
      () => false,
    );
    if (!isDead && broken !== 'the give-back before the refusal') return;
    await heard(ledger.giveBack(hold));
    epoch = epochOf(process.clock.now());
  }
};

const nextId = ({ world, nextNumber }: Client, epoch: number): string =>
  makeRequestId({ epoch, lane: world.random.int(16), random: `n${String(nextNumber()).padStart(17, '0')}` });

/** Settling is what shows that there is none, the next raise that the last was not made. */
const withoutEntry = (error: unknown): never => {
  const isMissing =
    error instanceof Error && / has no entry to (settle|top up)$| holds \d+, neither /.test(error.message);
  throw isMissing ? new Violation(error.message) : error;
};

/** undefined where nothing was heard. */
const heard = async <T>(work: Promise<T>): Promise<T | undefined> => {
  try {
    return await work;
  } catch (error) {
    if (error instanceof StoreUnavailable) return undefined;
    throw error;
  }
};

/** The provider bills at some time, whatever becomes of the one who called it. */
const beginCall = (
  { world, truth, trouble, counts }: Client,
  id: string,
  accounts: AccountRef[],
  hold: bigint,
): void => {
  const { random } = world;
  counts.admitted += 1;
  truth.call(
    id,
    accounts.map(({ key }) => key),
    hold,
  );
  const cost = BigInt(random.int(Number(hold) + 1));
  const lastsMs = random.chance(trouble.longCall) ? random.int(3 * LONGEST_CALL_MS) : random.int(4 * 60_000);
  world.at(world.now() + lastsMs, () => truth.bill(id, cost));
};

const runCall = async (client: Client, id: string, hold: HoldRequest): Promise<void> => {
  const { world, truth, trouble, process, ledger, counts } = client;
  const { random } = world;
  let held = hold.amount;
  while (random.chance(trouble.raise)) {
    // Also long after its epoch has ended, when the closer may be at it.
    await process.clock.sleep(random.int(random.chance(trouble.lateRaise) ? 7 * EPOCH_MS : 60_000));
    const more = { ...hold, amount: BigInt(10 + random.int(60)) };
    const raise = { from: held, to: held + more.amount };
    const outcome = await heard(ledger.topUp(id, more, raise).catch(withoutEntry));
    // Not acknowledged: the dearer call is not made, and nobody knows any more what the entry holds.
    if (outcome?.kind !== 'held') break;
    held = raise.to;
    counts.raised += 1;
    truth.raise(id, more.amount);
  }
  await process.clock.sleep(random.int(5 * 60_000));
  if (random.chance(trouble.lateSettle)) await process.clock.sleep(random.int(12 * EPOCH_MS));
  const call = truth.calls.get(id);
  if (call === undefined) throw new Violation(`${id} was never called`);
  const cost = truth.bill(id, BigInt(random.int(Number(call.hold) + 1)));
  // Settlements that are not taken wait in a queue and come again.
  for (;;) {
    const settled = await heard(ledger.settle(settlementOf(id, cost)).then(() => true, withoutEntry));
    if (settled === true) break;
    await process.clock.sleep(random.int(2 * EPOCH_MS));
  }
  counts.settled += 1;
  truth.settled(id);
  if (random.chance(0.05)) await heard(ledger.settle(settlementOf(id, cost)));
};
