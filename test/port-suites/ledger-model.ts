import { EPOCH_MS, epochOf, LONGEST_CALL_MS } from '../../lambdas/contract/timing.ts';
import type {
  AccountFigures,
  AccountRef,
  HoldOutcome,
  HoldRequest,
  Ledger,
  LedgerEntry,
} from '../../lambdas/core/ledger.ts';
import { StoreUnavailable } from '../../lambdas/core/ports.ts';
import { account, entryOf, settlementOf } from './ledger-requests.ts';
import { type MakeStores, makeWorldClock, type WorldClock } from './store-world.ts';

/** A rule of docs/ledger.md did not hold. */
export class Violation extends Error {}

/** What really happened, which no ledger can see. */
interface Call {
  accounts: string[];
  /** The most that it may cost. */
  hold: bigint;
  /** undefined = still running, or nobody will ever know. */
  cost?: bigint;
  isSettled: boolean;
}

export interface ModelOptions {
  seed: number;
  steps: number;
  makeStores: MakeStores;
  random: () => number;
  /**
   * The store is over a network: writes go unanswered, and a client that hears nothing dies of it, except that it settles
   * until it is heard. Its time never goes back.
   */
  isRemote?: boolean;
  /** Caps are so many times smaller: fewer requests meet them. */
  tighter?: bigint;
  /** Breaks a rule on purpose, to see the model find it. */
  bend?: (ledger: Ledger, clock: WorldClock) => Ledger;
}

export interface ModelReport {
  admitted: number;
  refused: number;
  lost: number;
  corrected: number;
  raised: number;
  /** Holds whose client died before it opened an entry or gave them back. */
  leaked: number;
}

const HOUR_MS = 60 * 60_000;
/** Short, so that many end in one run. */
const PERIOD_MS = 2 * HOUR_MS;

/**
 * Many clients of two processes, one port call at a time in random order: they hold, pause, die, open, top up, cost, settle
 * (late, twice, never), while caps change, periods end, clients' clocks are wrong, the store's clock goes back, and closers
 * overlap. After every call: `committed = spent + held`, nothing negative, no admission over the cap in force, and what is
 * committed covers what calls have cost and may still cost. At rest: the accounts are the sum of the entries, and every
 * entry says what its call came to.
 *
 * @throws {Violation}
 */
export const runLedgerModel = async (options: ModelOptions): Promise<ModelReport> => {
  const { steps, random } = options;
  const model = await openLedgerModel(options);
  const int = (below: number): number => Math.floor(random() * below);
  const chance = (probability: number): boolean => random() < probability;
  try {
    for (let step = 0; step < steps; step++) {
      await model.moveTime();
      if (chance(0.03)) model.changeCaps();
      if (chance(0.05)) await model.close();
      if (model.underWay() < MOST_CLIENTS && chance(0.5)) model.begin(int(2));
      const index = int(model.underWay());
      if (model.underWay() === 0) continue;
      if (chance(0.02)) model.die(index);
      else await model.goOn(index);
      await model.check();
    }
    return await model.rest();
  } finally {
    await model.end();
  }
};

export const MOST_CLIENTS = 12;

/** The model step by step, for whoever decides what happens next. */
export interface LedgerModel {
  /** Requests that have begun and not ended. */
  underWay(): number;
  /** A request begins at one of the two processes. */
  begin(process: number): void;
  /** One of those under way goes on to its next port call. */
  goOn(index: number): Promise<void>;
  /** One of those under way is never heard of again. */
  die(index: number): void;
  /** @param ms by chance where absent, and now and then by hours, or back */
  moveTime(ms?: number): Promise<void>;
  changeCaps(): void;
  close(): Promise<void>;
  /** @throws {Violation} */
  check(): Promise<void>;
  /** Most of those under way end, all epochs close. @throws {Violation} */
  rest(): Promise<ModelReport>;
  end(): Promise<void>;
}

export const openLedgerModel = async ({
  makeStores,
  random,
  bend,
  isRemote,
  tighter = 1n,
}: Omit<ModelOptions, 'seed' | 'steps'>): Promise<LedgerModel> => {
  const int = (below: number): number => Math.floor(random() * below);
  const chance = (probability: number): boolean => random() < probability;
  const clock = makeWorldClock();
  const world = await makeStores(clock);
  const raw = [(await world.open()).ledger, (await world.open()).ledger];
  const ledgers = raw.map((ledger) => bend?.(ledger, clock) ?? ledger);
  const reader = ledgers[0] as Ledger;

  const report: ModelReport = { admitted: 0, refused: 0, lost: 0, corrected: 0, raised: 0, leaked: 0 };
  const calls = new Map<string, Call>();
  const touched = new Set<string>();
  const caps = new Map<string, bigint>();
  /** The newest policy that each account has seen. */
  const stamps = new Map<string, { cap: bigint | null; version: number }>();
  let policy = 1;
  let requests = 0;

  const names = ['org#acme', 'team#a', 'team#b', 'user#1', 'user#2', 'user#3', 'user#4'];
  for (const name of names)
    caps.set(name, (name.startsWith('org') ? 6_000n : name.startsWith('team') ? 3_200n : 1_800n) / tighter);
  /** A client's policy may be an old one. */
  let policies = [{ version: policy, caps: new Map(caps) }];

  const accountsFor = (user: number, caps: Map<string, bigint>): AccountRef[] =>
    ['org#acme', user < 3 ? 'team#a' : 'team#b', `user#${user}`].map((name) =>
      account(`${name}#p${Math.floor(clock.now() / PERIOD_MS)}`, caps.get(name) ?? 0n),
    );

  // ── Checks ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  const owed = (key: string): bigint => {
    let sum = 0n;
    for (const call of calls.values()) if (call.accounts.includes(key)) sum += call.cost ?? call.hold;
    return sum;
  };

  const checkAccounts = async (): Promise<void> => {
    await world.catchUp();
    for (const figures of await untilHeard(() => reader.figures([...touched]))) {
      const { key, committed, spent, held } = figures;
      if (committed !== spent + held) throw new Violation(`${key}: committed ${committed} is not ${spent} + ${held}`);
      if (held < 0n || spent < 0n) throw new Violation(`${key}: negative, spent ${spent}, held ${held}`);
      if (committed < owed(key)) throw new Violation(`${key}: committed ${committed}, but calls come to ${owed(key)}`);
    }
  };

  const noteHold = (request: HoldRequest, outcome: HoldOutcome): void => {
    if (outcome.kind === 'wrong-epoch') return;
    for (const ref of request.accounts) touched.add(ref.key);
    if (outcome.kind === 'refused') {
      const { account: by, figures } = outcome;
      // Some adapters stamp the account with a newer policy even as they refuse.
      if (figures !== undefined && figures.capVersion >= (stamps.get(by.key)?.version ?? 0))
        stamps.set(by.key, { cap: figures.cap, version: figures.capVersion });
      const stamp = stamps.get(by.key);
      const cap = stamp !== undefined && stamp.version > request.capVersion ? stamp.cap : by.cap;
      if (cap === null || (figures?.committed ?? 0n) + request.amount <= cap)
        throw new Violation(`${by.key}: refused ${request.amount} though ${figures?.committed ?? 0n} is under ${cap}`);
      return;
    }
    request.accounts.forEach((ref, i) => {
      const known = stamps.get(ref.key);
      const stamp =
        known !== undefined && known.version > request.capVersion
          ? known
          : { cap: ref.cap, version: request.capVersion };
      stamps.set(ref.key, stamp);
      const committed = outcome.figures[i]?.committed ?? -1n;
      if (stamp.cap !== null && committed > stamp.cap)
        throw new Violation(`${ref.key}: admitted to ${committed}, over the cap in force ${stamp.cap}`);
    });
  };

  // ── Clients: every `yield` lets somebody else go on, and may be the last thing that the client does ──────────────────

  async function* request(ledger: Ledger): AsyncGenerator<void> {
    const { version, caps } = policies[int(policies.length)] as (typeof policies)[number];
    const accounts = accountsFor(1 + int(4), caps);
    let storeNow = clock.now() + (chance(0.1) ? (int(3) - 1) * 2 * EPOCH_MS : 0);
    for (let round = 0; round < 2; round++) {
      const hold: HoldRequest = { accounts, capVersion: version, epoch: epochOf(storeNow), amount: BigInt(int(300)) };
      for (const { key } of accounts) touched.add(key);
      const outcome = await ledger.hold(hold);
      noteHold(hold, outcome);
      if (outcome.kind === 'wrong-epoch') {
        storeNow = outcome.storeNow;
        continue;
      }
      report[outcome.kind === 'held' ? 'admitted' : 'refused'] += 1;
      if (outcome.kind === 'refused') return;
      report.leaked += 1;
      yield;
      const requestId = `req_${++requests}`;
      if (chance(0.1)) {
        if (chance(0.5)) await ledger.refuse(requestId, hold.epoch);
        yield;
        await ledger.giveBack(hold);
        report.leaked -= 1;
        return;
      }
      const entry = entryOf(requestId, hold);
      let isOpen = await ledger.open(entry);
      // The last answer counts: a remote store refuses what it could not confirm.
      if (isOpen && chance(0.1)) isOpen = await ledger.open(entry);
      if (!isOpen) {
        await ledger.refuse(requestId, hold.epoch);
        yield;
        await ledger.giveBack(hold);
        report.leaked -= 1;
        return;
      }
      report.leaked -= 1;
      yield;
      yield* call(ledger, requestId, hold);
      return;
    }
  }

  async function* call(ledger: Ledger, requestId: string, hold: HoldRequest): AsyncGenerator<void> {
    const truth: Call = { accounts: hold.accounts.map(({ key }) => key), hold: hold.amount, isSettled: false };
    calls.set(requestId, truth);
    yield;
    if (chance(0.25)) {
      const more = { ...hold, amount: BigInt(int(150)) };
      const raise = { from: truth.hold, to: truth.hold + more.amount };
      const outcome = await ledger.topUp(requestId, more, raise);
      noteHold(more, outcome);
      if (outcome.kind === 'held') {
        truth.hold = raise.to;
        report.raised += 1;
        if (chance(0.2)) await ledger.topUp(requestId, more, raise);
      }
      yield;
    }
    for (let pauses = int(6); pauses > 0; pauses--) yield;
    // What a vendor bills beyond the hold is outside the promise until it is settled; then it counts in full.
    const cost = BigInt(int(Number(truth.hold) + 1)) + (chance(0.03) ? 500n : 0n);
    truth.cost = cost < truth.hold ? cost : truth.hold;
    yield;
    const before = await untilHeard(() => ledger.read(requestId));
    const settlement = settlementOf(requestId, cost);
    await untilHeard(() => ledger.settle(settlement));
    truth.cost = cost;
    truth.isSettled = true;
    if (before?.state === 'lost') report.corrected += 1;
    if (chance(0.1)) {
      yield;
      await untilHeard(() => ledger.settle(settlement));
    }
  }

  /** What must be heard in the end is asked again and again, as the settlements' queue does. */
  const untilHeard = async <T>(ask: () => Promise<T>): Promise<T> => {
    for (let tries = 1; ; tries++) {
      try {
        return await ask();
      } catch (error) {
        if (!isRemote || !(error instanceof StoreUnavailable) || tries === 50) throw error;
      }
    }
  };

  /** @returns whether the client has come to its end: done, or dead because nothing was heard. */
  const goOn = async (client: AsyncGenerator<void>): Promise<boolean> => {
    try {
      return (await client.next()).done === true;
    } catch (error) {
      if (!isRemote || !(error instanceof StoreUnavailable)) throw error;
      return true;
    }
  };

  // ── The world around them ───────────────────────────────────────────────────────────────────────────────────────────

  const changeCaps = (): void => {
    policy += 1;
    const name = names[int(names.length)] as string;
    caps.set(name, ((caps.get(name) ?? 0n) * BigInt(60 + int(90))) / 100n + 50n);
    policies = [...policies.slice(-2), { version: policy, caps: new Map(caps) }];
  };

  const close = async (): Promise<void> => {
    const closers = ledgers.filter(() => chance(0.7));
    // One that hears nothing stops where it is; the next goes on from there.
    const closed = await Promise.allSettled(closers.map((ledger) => ledger.closeDueEpochs()));
    for (const one of closed) {
      if (one.status === 'rejected' && !(isRemote && one.reason instanceof StoreUnavailable)) throw one.reason;
    }
  };

  const moveTime = async (ms?: number): Promise<void> => {
    if (ms !== undefined) await clock.advance(ms);
    else if (chance(0.01)) clock.jump(isRemote ? int(HOUR_MS) : -int(HOUR_MS));
    else if (chance(0.02)) await clock.advance(int(HOUR_MS));
    else await clock.advance(int(20_000));
  };

  // ── At rest ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  const readAll = async (): Promise<LedgerEntry[]> => {
    const entries: LedgerEntry[] = [];
    for (;;) {
      const before = entries.at(-1)?.requestId;
      const page = await untilHeard(() => reader.tail({ limit: 100, ...(before === undefined ? {} : { before }) }));
      if (page.length === 0) return entries;
      entries.push(...page);
    }
  };

  const checkAtRest = async (): Promise<void> => {
    await clock.advance(LONGEST_CALL_MS + 4 * EPOCH_MS + 2 * HOUR_MS);
    for (const ledger of ledgers) await untilHeard(() => ledger.closeDueEpochs());
    await world.catchUp();
    const entries = await readAll();
    for (const entry of entries) checkEntry(entry, calls.get(entry.requestId));
    report.lost = entries.filter(({ state }) => state === 'lost').length;
    for (const id of calls.keys())
      if (!entries.some(({ requestId }) => requestId === id)) throw new Violation(`${id}: called without an entry`);
    for (const figures of await untilHeard(() => reader.figures([...touched]))) checkSum(figures, entries);
  };

  const active: AsyncGenerator<void>[] = [];

  return {
    underWay: () => active.length,
    begin: (process) => void active.push(request(ledgers[process] as Ledger)),
    goOn: async (index) => {
      const client = active[index];
      if (client !== undefined && (await goOn(client))) active.splice(index, 1);
    },
    die: (index) => void active.splice(index, 1),
    moveTime,
    changeCaps,
    close,
    check: checkAccounts,
    rest: async () => {
      for (const client of active) while (chance(0.9) && !(await goOn(client)));
      await checkAccounts();
      await checkAtRest();
      return report;
    },
    end: () => world.end(),
  };
};

/** What an entry must say when all epochs are closed, given what really happened. */
const checkEntry = (entry: LedgerEntry, call: Call | undefined): void => {
  const { requestId, state, cost, hold } = entry;
  if (state === 'open') throw new Violation(`${requestId}: still open`);
  if (state === 'refused' ? cost !== 0n : call?.isSettled ? cost !== call.cost : cost !== hold)
    throw new Violation(`${requestId}: ${state} at ${cost}, held ${hold}, came to ${call?.cost}`);
};

const checkSum = (
  { key, committed, spent, held, requests, inputTokens }: AccountFigures,
  entries: LedgerEntry[],
): void => {
  const own = entries.filter(({ accounts, state }) => accounts.includes(key) && state !== 'refused');
  const sum = own.reduce((total, { cost }) => total + cost, 0n);
  const tokens = own.reduce((total, entry) => total + entry.inputTokens, 0);
  if (spent !== sum || committed !== sum || held !== 0n)
    throw new Violation(`${key}: at rest spent ${spent}, committed ${committed}, held ${held}, entries ${sum}`);
  if (requests !== own.length || inputTokens !== tokens)
    throw new Violation(
      `${key}: at rest ${requests} requests, ${inputTokens} tokens, entries ${own.length}, ${tokens}`,
    );
};
