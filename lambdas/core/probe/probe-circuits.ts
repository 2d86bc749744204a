import { isOverridden, standingOf, untouchedCircuit } from '../call/circuit.ts';
import type { CircuitRecord } from '../ports.ts';
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
 * schedule once none is left. Rounds may overlap each other and users' requests: a lease lets one of them call.
 *
 * @param periodMs how long until the next round
 * @throws {AggregateError} with what went wrong, when all that could be done has been; the next round tries again
 * @throws {StoreUnavailable} when the circuits could not be read
 */
export const tickProbes = async (
  ports: ProbePorts,
  { schedule, periodMs, signal }: { schedule: ProbeSchedule; periodMs: number; signal: AbortSignal },
): Promise<ProbeTick> => {
  const targets = targetsOf(ports);
  const horizon = ports.clock.now() + periodMs;
  const broken = await brokenCircuits(targets, ports);
  const settled = await Promise.allSettled(
    broken.map(({ record, target }) => probeWhenDue(target, record, horizon, ports, signal)),
  );
  const probes = settled.flatMap((one, i) => {
    const target = broken[i]?.record.target;
    return one.status === 'fulfilled' && one.value !== undefined && target !== undefined
      ? [{ target, outcome: one.value }]
      : [];
  });
  const goesOn = signal.aborted || !(await stopIfWhole(targets, schedule, ports));
  const errors: unknown[] = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  if (errors.length > 0) throw new AggregateError(errors, `${errors.length} of ${broken.length} probes broke`);
  return { probes, goesOn };
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
