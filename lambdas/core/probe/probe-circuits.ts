import { CIRCUIT } from '../call/call-policy.ts';
import { isOverridden, standingOf, untouchedCircuit } from '../call/circuit.ts';
import type { CircuitRecord } from '../call/circuit-store.ts';
import type { Clock } from '../ports.ts';
import type { Target } from '../target.ts';
import { type ProbeOutcome, type ProbePorts, probeTarget } from './probe-target.ts';

/** What calls `tickProbes` again and again, and costs nothing while it does not. Both may be repeated. */
export interface ProbeSchedule {
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface ProbeTick {
  probes: { target: string; outcome: ProbeOutcome }[];
  /** Whether another tick is needed: some circuit is still open. */
  goesOn: boolean;
}

/**
 * One round of the background prober: probes every open circuit that falls due before the next round, and stops the
 * schedule once none is left. It looks for open circuits as often as one can open and fall due, so that one that opens while
 * the round is under way is not late. Rounds may overlap each other and users' requests: a lease lets one of them call.
 *
 * @param periodMs how long until the next round
 * @throws {AggregateError} with what went wrong, when all that could be done has been; the next round tries again
 * @throws {StoreUnavailable} when the circuits could not be read
 */
export const tickProbes = async (
  ports: ProbePorts,
  { schedule, periodMs, signal }: { schedule: ProbeSchedule; periodMs: number; signal: AbortSignal },
): Promise<ProbeTick> => {
  const { clock } = ports;
  const targets = targetsOf(ports);
  const beganAt = clock.now();
  const horizon = beganAt + periodMs;
  const round = startRound(targets, horizon, ports, signal);
  await round.look();
  let isWhole = false;
  for (let lookAt = beganAt + CIRCUIT.openMs; lookAt < horizon && !signal.aborted; lookAt += CIRCUIT.openMs) {
    const isDone = await hasEndedBy(lookAt, round.ended(), clock, signal);
    isWhole = isDone && (await stopIfWhole(targets, schedule, ports));
    if (isWhole) break;
    await clock.sleep(lookAt - clock.now(), signal);
    if (!signal.aborted) await round.lookAgain();
  }
  await round.ended();
  const goesOn = !isWhole && (signal.aborted || !(await stopIfWhole(targets, schedule, ports)));
  const { probes, begun, broken, unread } = round.result();
  if (broken.length + unread.length > 0) {
    const alsoUnread = unread.length > 0 ? '; what opened meanwhile could not be read' : '';
    throw new AggregateError([...broken, ...unread], `${broken.length} of ${begun} probes broke${alsoUnread}`);
  }
  return { probes, goesOn };
};

/** The probes of one round: of each circuit one at most. */
const startRound = (targets: ReadonlyMap<string, Target>, horizon: number, ports: ProbePorts, signal: AbortSignal) => {
  /** Circuits that are waited for, or were probed. */
  const busy = new Set<string>();
  const works: Promise<void>[] = [];
  /** In the order in which they were begun. */
  const probes: (ProbeTick['probes'][number] | undefined)[] = [];
  const broken: unknown[] = [];
  const unread: unknown[] = [];

  const probe = async (target: Target, record: CircuitRecord): Promise<void> => {
    busy.add(target.id);
    const place = probes.push(undefined) - 1;
    try {
      const outcome = await probeWhenDue(target, record, horizon, ports, signal);
      if (outcome === undefined) busy.delete(target.id);
      else probes[place] = { target: target.id, outcome };
    } catch (error) {
      broken.push(error);
    }
  };
  const look = async (): Promise<void> => {
    for (const { target, record } of await brokenCircuits(targets, ports))
      if (!busy.has(target.id)) works.push(probe(target, record));
  };

  return {
    look,
    /** What is under way goes on whatever comes of it. */
    lookAgain: async (): Promise<void> => {
      try {
        await look();
      } catch (error) {
        unread.push(error);
      }
    },
    ended: () => Promise.all(works),
    result: () => ({ probes: probes.filter((one) => one !== undefined), begun: works.length, broken, unread }),
  };
};

/** Whether the work, which never rejects, has ended before that time. Waits no longer than until then. */
const hasEndedBy = async (
  until: number,
  work: Promise<unknown>,
  clock: Clock,
  signal: AbortSignal,
): Promise<boolean> => {
  const over = new AbortController();
  let hasEnded = false;
  const end = work.then(() => {
    hasEnded = true;
  });
  await Promise.race([end, clock.sleep(until - clock.now(), AbortSignal.any([signal, over.signal]))]);
  over.abort();
  return hasEnded;
};

/** @returns whether every circuit is closed and the schedule has stopped */
const stopIfWhole = async (
  targets: ReadonlyMap<string, Target>,
  schedule: ProbeSchedule,
  ports: ProbePorts,
): Promise<boolean> => {
  const isWhole = async () => (await brokenCircuits(targets, ports)).length === 0;
  if (!(await isWhole())) return false;
  await schedule.stop();
  // One that opened in between may have started the schedule just before it was stopped.
  if (await isWhole()) return true;
  await schedule.start();
  return false;
};

/** The circuits that are not closed, of targets that the configuration still has. One under an override is among them: it may outlive that. */
const brokenCircuits = async (
  targets: ReadonlyMap<string, Target>,
  { circuits }: Pick<ProbePorts, 'circuits'>,
): Promise<{ record: CircuitRecord; target: Target }[]> =>
  (await circuits.list()).flatMap((record) => {
    const target = targets.get(record.target);
    return target === undefined || record.circuit.state === 'closed' ? [] : [{ record, target }];
  });

const targetsOf = ({ gateway }: Pick<ProbePorts, 'gateway'>): ReadonlyMap<string, Target> =>
  new Map([...gateway.aliases.values()].flatMap(({ targets }) => targets.map((target) => [target.id, target])));

/** Waits until the circuit is due and probes it, once. @returns undefined where that is for a later round, for nobody, or done by others */
const probeWhenDue = async (
  target: Target,
  found: CircuitRecord,
  horizon: number,
  ports: ProbePorts,
  signal: AbortSignal,
): Promise<ProbeOutcome | undefined> => {
  const { clock, circuits } = ports;
  let record = found;
  while (!signal.aborted) {
    const dueAt = dueAtOf(record, clock.now());
    if (dueAt === undefined || dueAt > horizon) return undefined;
    const waitMs = dueAt - clock.now();
    if (waitMs <= 0) return probeTarget(target, record, ports, signal);
    await clock.sleep(waitMs, signal);
    [record = untouchedCircuit(target.id)] = await circuits.read([target.id]);
  }
  return undefined;
};

/** When the circuit may be probed, which may be now; undefined = not at all: it is closed, or somebody's hand is on it. */
const dueAtOf = (record: CircuitRecord, now: number): number | undefined => {
  if (isOverridden(record, now)) return undefined;
  const standing = standingOf(record, now);
  switch (standing.kind) {
    case 'closed':
      return undefined;
    case 'open':
      return standing.until;
    case 'probe-due':
      return now;
  }
};
