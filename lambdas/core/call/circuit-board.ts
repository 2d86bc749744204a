import type { AttemptFailure } from '../failures.ts';
import type { Clock, Log, Random } from '../ports.ts';
import type { TargetStatistics } from '../route/target-statistics.ts';
import { CIRCUIT, UNTOLD_RETRY_MS } from './call-policy.ts';
import {
  isAhead,
  isOverridden,
  leaseProbe,
  openCircuit,
  slowStartShare,
  standingOf,
  untouchedCircuit,
} from './circuit.ts';
import { failsTooOften, failuresInARow } from './circuit-evidence.ts';
import type { CircuitRecord, CircuitStore } from './circuit-store.ts';
import { type OverdueWatch, watchOverdue } from './overdue.ts';
import { afterProbe, type CallReport, isProber, LEAST_BAD, OVERDUE, reasonOf, toldBySilence } from './probe-verdict.ts';
import { withPatience } from './with-patience.ts';

/** Whether a call may go to a target now. `probe` marks the single call that tries a broken target again, or one that goes there for want of a better target. */
export type Entry =
  | { kind: 'go'; probe?: string }
  | {
      kind: 'wait';
      until: number;
      because: 'circuit' | 'by-hand' | 'retry-after';
      /** A retry-after that came with a failure other than a rate limit. */
      isDown?: true;
      /** Nobody said until when: it is passed over for the sake of others, and only for them. */
      isUntold?: true;
    };

/** `again`: the call has been round already. `least-bad`: nobody else could be asked, so that not even an open circuit keeps it out. */
export type Entering = 'usual' | 'again' | 'least-bad';

/** The circuits as one gateway process knows them. */
export interface CircuitBoard extends OverdueWatch {
  /**
   * Asks to call a target now. Whoever gets `probe` must report with it, whatever happens. Waits for the store only for
   * the first word of a target, where what is known is too old to act on, and for a probe's lease, and never longer than
   * `CIRCUIT.storePatienceMs`.
   */
  tryEnter(target: string, entering?: Entering): Promise<Entry>;
  /** What `tryEnter` would say by what this process knows, taking nothing. */
  peek(target: string): Entry;
  /** The share of the requests that a target gets whose circuit has closed of late, for the planner; 1 elsewhere. */
  shareOf(target: string): number;
  /**
   * Of these targets the one whose open circuit has the best prospects: `least-bad` lets a call in. Those that were not
   * tried so for the longest come first. Undefined where all are shut for other reasons.
   *
   * @param isQuick leaves out those that may keep a call waiting
   */
  leastBad(targets: readonly string[], isQuick?: boolean): string | undefined;
  /** @param probe the entry's own, where it had one */
  report(target: string, report: CallReport, probe?: string): void;
  /** Reads all known circuits anew; at start it spares the first request the wait. */
  refresh(): Promise<void>;
  /**
   * Reads anew what is no longer fresh. Resolves at once, unless all that is known is too old to act on: a process that nobody
   * asked anything has heard of nothing. For those who will need it soon, beside what else they wait for. Never rejects.
   */
  catchUp(): Promise<void>;
  /** Resolves when nothing is being read or written: for a process that is about to stop. */
  settled(): Promise<void>;
}

interface Known {
  /** `version` is the store's; the rest may be ahead of the store while a write is under way or the store is down. */
  record: CircuitRecord;
  isRead: boolean;
  /** Moves under way or queued. */
  moves: Promise<void> | undefined;
  /** Failures in a row while closed, weighted: counted in memory, so that no call costs a write. */
  failures: number;
  /** A vendor's retry-after, for this process. */
  passOverUntil: number;
  passedOverFor: { isDown?: true; isUntold?: true };
  /** When it was last tried as the least bad, in turns of this process; 0 = never. */
  leastBadTurn: number;
}

const MOVE_TRIES = 3;

/**
 * Keeps the circuits of one process: a memory of the shared store that is a second old at most while calls come, what speaks
 * against each target, and the vendors' retry-afters. A store that is down never fails a call: circuits then work from memory.
 *
 * @param targets ids to read at the first refresh already; others join as they are asked for
 * @param statisticsOf what all processes together have seen of a target, as far as it is known here; asked when a call fails
 */
export const makeCircuitBoard = ({
  store,
  clock,
  random,
  log,
  targets = [],
  statisticsOf = () => undefined,
}: {
  store: CircuitStore;
  clock: Clock;
  random: Random;
  log: Log;
  targets?: readonly string[];
  statisticsOf?: (target: string) => TargetStatistics | undefined;
}): CircuitBoard => {
  const all = new Map<string, Known>();
  const pending = new Set<Promise<void>>();
  let readAt = Number.NEGATIVE_INFINITY;
  /** When the last read began that has ended, whatever came of it: who has waited for a store in vain does not wait again at once. */
  let heardAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  let isStoreDown = false;
  let leastBadTurns = 0;

  const knownOf = (target: string): Known => {
    const found = all.get(target);
    if (found !== undefined) return found;
    const record = untouchedCircuit(target);
    const known: Known = {
      record,
      isRead: false,
      moves: undefined,
      failures: 0,
      passOverUntil: 0,
      passedOverFor: {},
      leastBadTurn: 0,
    };
    all.set(target, known);
    return known;
  };
  for (const target of targets) knownOf(target);

  const track = (work: Promise<void>): Promise<void> => {
    const done = work.finally(() => pending.delete(done));
    pending.add(done);
    return done;
  };

  /** Runs one operation of the store; undefined when it can't be reached. Says so once an outage, not once a call. */
  const ask = async <T>(operation: () => Promise<T>): Promise<T | undefined> => {
    try {
      const answer = await withPatience(operation, CIRCUIT.storePatienceMs, clock);
      if (isStoreDown) log.info('circuit store is back');
      isStoreDown = false;
      return answer;
    } catch (error) {
      if (!isStoreDown) log.warn('circuit store unreachable: circuits work from memory', { error });
      isStoreDown = true;
      return undefined;
    }
  };

  const adopt = (known: Known, record: CircuitRecord): void => {
    // Closed, perhaps by another process's prober: what was counted here before is over.
    if (known.record.circuit.state !== 'closed' && record.circuit.state === 'closed') known.failures = 0;
    known.record = record;
  };

  const readAll = async (): Promise<void> => {
    const ids = [...all.keys()];
    const beganAt = clock.now();
    readAt = beganAt;
    const records = ids.length === 0 ? [] : await ask(() => store.read(ids));
    for (const record of records ?? []) {
      const known = all.get(record.target);
      // Not newer: a read that a write has overtaken, or what memory holds because the store missed it.
      if (known !== undefined && record.version > known.record.version) adopt(known, record);
    }
    for (const id of ids) knownOf(id).isRead = true;
    heardAt = beganAt;
  };

  const refresh = (): Promise<void> => {
    reading ??= track(
      readAll().finally(() => {
        reading = undefined;
      }),
    );
    return reading;
  };

  const isOlder = (since: number, ageMs: number): boolean => {
    const age = clock.now() - since;
    return age < 0 || age >= ageMs;
  };

  const catchUp = async (): Promise<void> => {
    if (isOlder(readAt, CIRCUIT.refreshMs)) void refresh();
    if (isOlder(heardAt, CIRCUIT.outdatedMs)) await reading;
  };

  /** Decides and writes until it is written, nothing is left to do, or the store is out of reach. Memory moves at once. */
  const move = async (known: Known, decide: (record: CircuitRecord) => CircuitRecord | undefined): Promise<void> => {
    for (let tries = 0; tries < MOVE_TRIES; tries++) {
      const next = decide(known.record);
      if (next === undefined) return;
      adopt(known, { ...next, version: known.record.version });
      const hasWon = await ask(() => store.write(next));
      if (hasWon === undefined) return;
      if (hasWon) {
        if (next.version > known.record.version) adopt(known, next);
        return;
      }
      const found = await ask(() => store.read([next.target]));
      if (found === undefined) return;
      adopt(known, found[0] ?? untouchedCircuit(next.target));
    }
    log.warn('circuit not written: others were faster each time', { target: known.record.target });
  };

  /** Moves of one target come one after another. */
  const startMove = (known: Known, decide: (record: CircuitRecord) => CircuitRecord | undefined): Promise<void> => {
    const work = known.moves === undefined ? move(known, decide) : known.moves.then(() => move(known, decide));
    const done = track(work).finally(() => {
      if (known.moves === done) known.moves = undefined;
    });
    known.moves = done;
    return done;
  };

  const soon = (): Entry => ({ kind: 'wait', until: clock.now() + CIRCUIT.refreshMs, because: 'circuit' });

  const peek = (target: string): Entry => {
    const known = knownOf(target);
    const now = clock.now();
    if (isAhead(known.passOverUntil, now, CIRCUIT.longestPassOverMs))
      return { kind: 'wait', until: known.passOverUntil, because: 'retry-after', ...known.passedOverFor };
    return peekCircuit(known, now);
  };

  const peekCircuit = (known: Known, now: number): Entry => {
    const standing = standingOf(known.record, now);
    if (standing.kind === 'open')
      return { kind: 'wait', until: standing.until, because: standing.byHand ? 'by-hand' : 'circuit' };
    if (standing.kind === 'probe-due') return known.moves !== undefined ? soon() : { kind: 'go' };
    return { kind: 'go' };
  };

  const tryEnter = async (target: string, entering: Entering = 'usual'): Promise<Entry> => {
    const known = knownOf(target);
    while (!known.isRead) await refresh();
    await catchUp();
    const first = peek(target);
    const isLetPass = first.kind === 'wait' && first.isUntold && entering !== 'usual';
    const entry = isLetPass ? peekCircuit(known, clock.now()) : first;
    if (entry.kind === 'wait') {
      if (entering !== 'least-bad' || entry.because !== 'circuit') return entry;
      leastBadTurns += 1;
      known.leastBadTurn = leastBadTurns;
      return { kind: 'go', probe: LEAST_BAD };
    }
    if (standingOf(known.record, clock.now()).kind === 'closed') return entry;

    const probe = Buffer.from(random.bytes(8)).toString('hex');
    await startMove(known, (record) =>
      standingOf(record, clock.now()).kind === 'probe-due' ? leaseProbe(record, clock.now(), probe) : undefined,
    );
    if (isProber(known.record, probe)) return { kind: 'go', probe };
    return standingOf(known.record, clock.now()).kind === 'probe-due' ? soon() : peek(target);
  };

  const passOver = (known: Known, { reason, retryAfterMs }: AttemptFailure): void => {
    const isLimit = reason === 'rate_limited';
    const now = clock.now();
    if (retryAfterMs !== undefined) {
      known.passOverUntil = now + Math.min(retryAfterMs, CIRCUIT.longestPassOverMs);
      known.passedOverFor = isLimit ? {} : { isDown: true };
    } else if (isLimit && known.passOverUntil <= now) {
      known.passOverUntil = now + UNTOLD_RETRY_MS;
      known.passedOverFor = { isUntold: true };
    }
  };

  const reportProbe = (known: Known, report: CallReport, probe: string): void =>
    void startMove(known, (record) => afterProbe(record, { report, probe }, clock.now(), random));

  const isClosed = (record: CircuitRecord): boolean =>
    record.circuit.state === 'closed' && !isOverridden(record, clock.now());

  const open = (known: Known, reason: string): void => {
    known.failures = 0;
    log.warn('circuit opens', { target: known.record.target, reason });
    void startMove(known, (record) =>
      isClosed(record) ? openCircuit(record, clock.now(), random.fraction(), reason) : undefined,
    );
  };

  const overdue = watchOverdue(clock, (target) => {
    const known = knownOf(target);
    if (isClosed(known.record)) open(known, OVERDUE);
  });

  const reportCall = (known: Known, report: CallReport): void => {
    known.failures = failuresInARow(known.failures, report);
    if (typeof report === 'string') return;
    const { failures, record } = known;
    if (!isClosed(record) || !isOfTarget(report)) return;
    const isOverShare = () => failsTooOften(statisticsOf(record.target), record, clock.now());
    if (failures < CIRCUIT.failuresToOpen && !isOverShare()) return;
    open(known, reasonOf(report));
  };

  const leastBad = (ids: readonly string[], isQuick = false): string | undefined => {
    const shut = ids.flatMap((id) => {
      const { record, leastBadTurn } = knownOf(id);
      const { circuit } = record;
      const entry = peek(id);
      if (entry.kind === 'go' || entry.because !== 'circuit') return [];
      if (isQuick && (circuit.state !== 'open' || toldBySilence(record.reason))) return [];
      const openings = circuit.state === 'closed' ? 0 : circuit.openings;
      return [{ id, leastBadTurn, openings, until: entry.until }];
    });
    // In turns: else the same one would be tried for ever, and nobody would find out that another is well again.
    const [best] = shut.toSorted(
      (a, b) => a.leastBadTurn - b.leastBadTurn || a.openings - b.openings || a.until - b.until,
    );
    return best?.id;
  };

  return {
    tryEnter,
    peek,
    shareOf: (target) => slowStartShare(knownOf(target).record, clock.now()),
    leastBad,
    ...overdue,
    refresh,
    catchUp,
    report(target, report, probe) {
      const known = knownOf(target);
      if (report === 'ok' || (report !== 'abandoned' && report.status !== undefined)) overdue.heard(target);
      if (typeof report !== 'string' && isOfTarget(report)) passOver(known, report);
      if (probe === undefined) reportCall(known, report);
      else reportProbe(known, report, probe);
    },
    async settled() {
      while (pending.size > 0) await Promise.all(pending);
    },
  };
};

/** Whether a failure is the target's: what one client did wrong must not keep the others out, whatever headers came with it. */
const isOfTarget = ({ isRetryable, countsAgainstCircuit }: AttemptFailure): boolean =>
  isRetryable || countsAgainstCircuit;
