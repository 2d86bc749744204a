import { isOverridden, standingOf } from '../core/call/circuit.ts';
import type { CircuitRecord, CircuitStore } from '../core/call/circuit-store.ts';
import { overrideCircuit } from '../core/call/override-circuit.ts';
import type { Clock } from '../core/ports.ts';
import { CommandFailed, isoTime, type Output, printable, shortTime, table } from './output.ts';

type CircuitPorts = { circuits: CircuitStore; clock: Clock };

export const listCircuits = async ({ circuits, clock }: CircuitPorts): Promise<Output> => {
  const records = await circuits.list();
  const now = clock.now();
  const rows = records.map((record) => {
    const { state, until, by_hand } = circuitData(record, now);
    const ends = until === null ? '' : ` until ${shortTime(Date.parse(until))}`;
    return [record.target, `${state}${ends}`, by_hand ? 'yes' : 'no', shortTime(record.changedAt), record.reason];
  });
  return {
    text:
      records.length === 0
        ? 'No circuit has ever opened.'
        : table([['TARGET', 'CIRCUIT', 'BY HAND', 'CHANGED', 'WHY'], ...rows]),
    data: records.map((record) => circuitData(record, now)),
  };
};

export const setCircuit = async (
  target: string,
  change: { state: 'open' | 'closed'; forMs: number; reason: string },
  ports: CircuitPorts,
): Promise<Output> => {
  const isNew = !(await ports.circuits.list()).some((record) => record.target === target);
  const written = await overrideCircuit(target, change, ports);
  if (written === undefined)
    throw new CommandFailed(`The circuit of ${target} changed each time it was to be written. Try again.`);
  const until = shortTime(written.override?.until ?? 0);
  const means = change.state === 'open' ? 'No request is sent there' : 'Requests are sent there whatever fails';
  const note = isNew
    ? `\nIt has had no circuit so far: check that it is spelt as in the answers' x-tollgate-model.`
    : '';
  return {
    text: `The circuit of ${printable(target)} is ${change.state} by hand until ${until}. ${means} until then.${note}`,
    data: { ...circuitData(written, ports.clock.now()), is_new: isNew },
  };
};

/** `half-open`: broken, and due to be tried, or being tried, by a single request. */
const circuitData = (record: CircuitRecord, now: number) => {
  const standing = standingOf(record, now);
  const byHand = isOverridden(record, now);
  const state =
    standing.kind === 'probe-due' || (!byHand && record.circuit.state === 'half-open') ? 'half-open' : standing.kind;
  const until = byHand ? record.override?.until : standing.kind === 'open' ? standing.until : undefined;
  return {
    target: record.target,
    state,
    until: until === undefined ? null : isoTime(until),
    by_hand: byHand,
    reason: record.reason,
    changed_at: isoTime(record.changedAt),
  };
};
